"""Recognition: a model and a recording become a ``Prediction``, or a ``Timeline``."""

from __future__ import annotations

from voxaffect.recognizer.explanation import Explanation, explain
from voxaffect.recognizer.prediction import (
    Batch,
    Prediction,
    enroll_speaker,
    predict,
    predict_channels,
    predict_many,
)
from voxaffect.recognizer.recording import timeline
from voxaffect.recognizer.segments import Segment, Timeline, Window
from voxaffect.recognizer.smoothing import Smoothing
from voxaffect.recognizer.stream import Event, Stream, Update

__all__ = [
    "Batch",
    "Event",
    "Explanation",
    "Prediction",
    "Segment",
    "Smoothing",
    "Stream",
    "Timeline",
    "Update",
    "Window",
    "enroll_speaker",
    "explain",
    "predict",
    "predict_channels",
    "predict_many",
    "timeline",
]
