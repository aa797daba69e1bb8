"""Many recordings become one matrix: workers, cache, progress, and a list of what failed."""

import lazy_loader

# The stub names the modules. Each is imported when used: nobody waits for the others.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
