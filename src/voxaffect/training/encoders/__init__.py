"""Pretrained speech encoders for training: their catalog, their files, and the arrays in them."""

import lazy_loader

# The stub names the modules. Each is imported when used: nobody waits for the others.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
