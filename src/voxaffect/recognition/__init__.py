"""Recognition: from a model and a recording to a ``Prediction`` or a ``Timeline``."""

from __future__ import annotations

from voxaffect.recognition.adaptation import Adaptation, AdaptationDecision
from voxaffect.recognition.batch import Batch, predict_many, timeline_many
from voxaffect.recognition.explanation import Explanation, explain
from voxaffect.recognition.measurement import measure_adaptation
from voxaffect.recognition.prediction import Prediction, predict, predict_channels
from voxaffect.recognition.timelines.offline import timeline
from voxaffect.recognition.timelines.segments import Event, Segment, Timeline, Update, Window
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.stream import Stream

__all__ = [
    "Adaptation",
    "AdaptationDecision",
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
    "explain",
    "measure_adaptation",
    "predict",
    "predict_channels",
    "predict_many",
    "timeline",
    "timeline_many",
]
