"""Recognition: a model and a recording become a ``Prediction``, or a ``Timeline``."""

from __future__ import annotations

from voxaffect.recognizer.explanation import Explanation, explain
from voxaffect.recognizer.prediction import (
    Batch,
    Prediction,
    enrol_speaker,
    predict,
    predict_many,
)
from voxaffect.recognizer.timeline import Segment, Timeline, Window

__all__ = [
    "Batch",
    "Explanation",
    "Prediction",
    "Segment",
    "Timeline",
    "Window",
    "enrol_speaker",
    "explain",
    "predict",
    "predict_many",
]
