"""The model file: one ONNX graph, from feature vector to probabilities, that describes itself.

The graph holds scaler, classifier and calibration; with features of a pretrained encoder, it
holds the encoder, too: from ``log_mel`` to ``vector``, next to ``features`` to
``probabilities``; with dimensions, ``features`` to ``dimensions``, too. Its metadata hold a
``ModelCard``: the
feature spec with version and ordered names, the emotions, what it was trained on and how it
scored, and a golden vector with its probabilities that is checked on every load. Its last
metadata entry is a checksum of all the rest. No pickle.

A model file has the power that the graph has: it gives any probabilities, and takes time. It
cannot read files, run code or take much memory. See docs/models.md.
"""

import lazy_loader

# The stub names the modules. Each is imported when used: nobody waits for the others.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
