"""Sound: from a path, bytes, a stream or an array to blocks, or to one mono ``Signal``.

Conventions: samples are float32 between −1 and 1. A ``Signal`` is mono and one-dimensional:
several channels are mixed down by their mean; blocks keep them apart. A sample rate is always
given, never assumed.
"""

import lazy_loader

# The stub names the modules. Each is imported when used: nobody waits for the others.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
