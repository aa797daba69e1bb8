"""Speech emotion recognition that people can trust.

>>> import voxaffect as va
>>> va.predict("call.wav").emotion
'neutral'
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

import lazy_loader

from voxaffect.runtime.onnx import disable_telemetry

TYPE_CHECKING = False  # the module typing would be most of the time of this one
if TYPE_CHECKING:
    from typing import Any

disable_telemetry()  # before anything imports ONNX Runtime

# Public names are imported when used: to predict, nobody waits for what only training needs.
# Type checkers read them in the stub; a test holds both lists equal, because parsing the stub here
# would triple the time of this import.
_import_name, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "audio": ["Signal", "read"],
        "corpora": ["Utterance"],
        "diagnosis": ["diagnose"],
        "errors": ["VoxaffectError"],
        "evaluation": [
            "Evaluation",
            "Study",
            "System",
            "TrainingResult",
            "evaluate",
            "evaluate_estimator",
            "evaluate_systems",
            "read_split",
            "train",
        ],
        "extraction": ["FeatureCache", "extract"],
        "features": ["FeatureSpec", "compute_features", "get_feature_spec"],
        "models": ["Model", "load"],
        "recognition": [
            "Prediction",
            "Segment",
            "Smoothing",
            "Stream",
            "Timeline",
            "Update",
            "Window",
            "explain",
            "measure_adaptation",
            "predict",
            "predict_channels",
            "predict_many",
            "timeline",
            "timeline_many",
        ],
        "training": [
            "Dataset",
            "augment_dataset",
            "export",
            "fit",
            "get_recipe",
            "join_datasets",
            "load_dataset",
            "make_estimator",
        ],
        "training.encoders": ["download_encoder", "open_encoder"],
        "training.transformer": ["FeatureExtractor"],
        "tutorial": ["emotions", "extract_feature", "load_data", "observed_emotions"],
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":  # read when used: it takes longer than the rest of this module
        from importlib.metadata import version

        return version("voxaffect")
    if name not in __all__:
        raise AttributeError(f"module 'voxaffect' has no attribute {name!r}")
    return _import_name(name)


def _share_variable(name: str) -> property:
    """Property that reads and sets a variable of ``tutorial``."""
    return property(
        lambda _: getattr(import_module("voxaffect.tutorial"), name),
        lambda _, value: setattr(import_module("voxaffect.tutorial"), name, value),
    )


class _Package(ModuleType):
    """Package whose two variables that users change are those of ``tutorial``."""

    emotions = _share_variable("emotions")
    observed_emotions = _share_variable("observed_emotions")


sys.modules[__name__].__class__ = _Package
