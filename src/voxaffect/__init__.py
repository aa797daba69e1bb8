"""Speech emotion recognition that people can trust.

>>> import voxaffect as va
>>> va.predict("call.wav").emotion  # doctest: +SKIP
'happy'
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from voxaffect.runtime.onnx import disable_telemetry

TYPE_CHECKING = False  # the module typing would be most of the time of this one
if TYPE_CHECKING:
    from typing import Any

    from voxaffect.audio import Signal, read
    from voxaffect.corpora import CORPORA, Corpus, Utterance
    from voxaffect.diagnosis import Diagnosis, Finding, diagnose
    from voxaffect.errors import VoxaffectError
    from voxaffect.evaluation import (
        Evaluation,
        Study,
        System,
        TrainingResult,
        evaluate,
        evaluate_estimator,
        evaluate_systems,
        read_split,
        train,
        write_split,
    )
    from voxaffect.extraction import FeatureCache, extract
    from voxaffect.features import FeatureSpec, describe, feature_spec
    from voxaffect.models import Model, load
    from voxaffect.outputs.report import document, write_report
    from voxaffect.recognition import (
        Batch,
        Explanation,
        Prediction,
        Segment,
        Smoothing,
        Stream,
        Timeline,
        Update,
        Window,
        enroll_speaker,
        explain,
        predict,
        predict_channels,
        predict_many,
        timeline,
    )
    from voxaffect.training import (
        Dataset,
        augment_dataset,
        export,
        fit,
        get_recipe,
        load_dataset,
        make_estimator,
    )
    from voxaffect.training.transformer import FeatureExtractor
    from voxaffect.tutorial import emotions, extract_feature, load_data, observed_emotions

__version__: str

disable_telemetry()  # before anything imports ONNX Runtime

# Names are imported when used: to predict, nobody waits for what only training needs.
_HOMES = {
    "Batch": "recognition",
    "CORPORA": "corpora",
    "Corpus": "corpora",
    "Dataset": "training",
    "Diagnosis": "diagnosis",
    "Evaluation": "evaluation",
    "Explanation": "recognition",
    "FeatureCache": "extraction",
    "FeatureExtractor": "training.transformer",
    "FeatureSpec": "features",
    "Finding": "diagnosis",
    "Model": "models",
    "Prediction": "recognition",
    "Segment": "recognition",
    "Signal": "audio",
    "Smoothing": "recognition",
    "Stream": "recognition",
    "Study": "evaluation",
    "System": "evaluation",
    "Timeline": "recognition",
    "Update": "recognition",
    "Utterance": "corpora",
    "VoxaffectError": "errors",
    "Window": "recognition",
    "describe": "features",
    "diagnose": "diagnosis",
    "document": "outputs.report",
    "emotions": "tutorial",
    "enroll_speaker": "recognition",
    "evaluate": "evaluation",
    "evaluate_estimator": "evaluation",
    "explain": "recognition",
    "extract": "extraction",
    "extract_feature": "tutorial",
    "feature_spec": "features",
    "fit": "training",
    "load_dataset": "training",
    "load": "models",
    "load_data": "tutorial",
    "observed_emotions": "tutorial",
    "predict": "recognition",
    "predict_channels": "recognition",
    "predict_many": "recognition",
    "read": "audio",
    "read_split": "evaluation",
    "make_estimator": "training",
    "get_recipe": "training",
    "evaluate_systems": "evaluation",
    "timeline": "recognition",
    "train": "evaluation",
    "export": "training",
    "TrainingResult": "evaluation",
    "augment_dataset": "training",
    "write_report": "outputs.report",
    "write_split": "evaluation",
}

__all__ = [
    "CORPORA",
    "Batch",
    "Corpus",
    "Dataset",
    "Diagnosis",
    "Evaluation",
    "Explanation",
    "FeatureCache",
    "FeatureExtractor",
    "FeatureSpec",
    "Finding",
    "Model",
    "Prediction",
    "Segment",
    "Signal",
    "Smoothing",
    "Stream",
    "Study",
    "System",
    "Timeline",
    "TrainingResult",
    "Update",
    "Utterance",
    "VoxaffectError",
    "Window",
    "augment_dataset",
    "describe",
    "diagnose",
    "document",
    "emotions",
    "enroll_speaker",
    "evaluate",
    "evaluate_estimator",
    "evaluate_systems",
    "explain",
    "export",
    "extract",
    "extract_feature",
    "feature_spec",
    "fit",
    "get_recipe",
    "load",
    "load_data",
    "load_dataset",
    "make_estimator",
    "observed_emotions",
    "predict",
    "predict_channels",
    "predict_many",
    "read",
    "read_split",
    "timeline",
    "train",
    "write_report",
    "write_split",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # read when used: it takes longer than the rest of this module
        from importlib.metadata import version

        return version("voxaffect")
    if name not in _HOMES:
        raise AttributeError(f"module 'voxaffect' has no attribute {name!r}")
    return getattr(import_module(f"voxaffect.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)


_CHANGEABLE = ("emotions", "observed_emotions")


class _Package(ModuleType):
    """The package: its two variables that users change live in ``tutorial`` alone."""

    def __setattr__(self, name: str, value: object) -> None:
        home = import_module("voxaffect.tutorial") if name in _CHANGEABLE else None
        if home is None:
            super().__setattr__(name, value)
        else:
            setattr(home, name, value)


sys.modules[__name__].__class__ = _Package
