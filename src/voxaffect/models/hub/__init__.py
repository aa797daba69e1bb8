"""Models on the Hugging Face Hub: names such as ``hf:owner/name@revision``, loading and pushing.

A model is loaded from the cache of huggingface_hub, or fetched into it, and checked as any other
model file is. Only what the user asked for is requested: telemetry is off. See docs/hub.md.
"""

import lazy_loader

# The stub names the modules. Each is imported when used: a name needs no library of the hub.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
