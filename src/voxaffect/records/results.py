"""Schemas of results: predictions, timelines, events of a stream, diagnoses and explanations.

A document is an envelope around ``results`` and ``failures``; it says which model gave the
results, and which version of voxaffect wrote it. A new field does not raise ``SCHEMA_VERSION``:
programs ignore fields that they do not know.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal

from msgspec import Struct, field

SCHEMA_VERSION = 1
"""Of every document. Raised when a program that reads the one before could misread it."""

Probabilities = dict[str, float]
"""By emotion, in the order of the model; they sum to 1."""
Outcome = Literal["emotion", "no speech"]


class AdaptationRecord(Struct, kw_only=True):
    """Adaptation to the group of recordings that a result belongs to."""

    group: str
    recordings: int
    weight: float
    is_applied: bool
    reason: str | None


class PredictionRecord(Struct, kw_only=True):
    """Emotion of one recording, or of one channel of it."""

    source: str
    emotion: str | None
    confidence: float | None
    uncertain: bool
    result: Outcome
    channel: str
    seconds: float | None
    windows: int | None
    channels_differ: bool
    probabilities: Probabilities
    adaptation: AdaptationRecord | None


class SegmentRecord(Struct, kw_only=True):
    """Emotion of a segment, or of a window, of a timeline."""

    start_seconds: float
    end_seconds: float
    emotion: str
    confidence: float
    uncertain: bool
    probabilities: Probabilities


class TimelineRecord(Struct, kw_only=True):
    """Emotion over the time of one channel of a recording."""

    source: str
    channel: str
    seconds: float
    result: Outcome
    emotions: list[str]
    segments: list[SegmentRecord]
    windows: list[SegmentRecord]
    adaptation: AdaptationRecord | None


class _PartEvent(Struct, kw_only=True, rename={"start_seconds": "start", "end_seconds": "end"}):
    start_seconds: float
    end_seconds: float
    emotion: str
    confidence: float
    uncertain: bool
    probabilities: Probabilities


class WindowEvent(_PartEvent, kw_only=True, tag_field="type", tag="emotion.window"):
    """Emotion of one window, as soon as it is classified."""


class SegmentEvent(_PartEvent, kw_only=True, tag_field="type", tag="emotion.segment"):
    """Emotion of a segment that has ended."""


class UpdateEvent(Struct, kw_only=True, tag_field="type", tag="emotion.update"):
    """Most probable emotion at a moment; null when speech has ended."""

    seconds: float
    emotion: str | None
    uncertain: bool
    probabilities: Probabilities


class FindingRecord(Struct, kw_only=True):
    """Finding about one property of a recording."""

    topic: str
    verdict: Literal["ok", "warning", "problem"]
    text: str
    value: float | None
    unit: str
    effect: str
    remedy: str
    trust: Literal["high", "limited", "low"]


class DiagnosisRecord(Struct, kw_only=True):
    """Findings about one recording, and how far its prediction can be trusted."""

    source: str
    trust: Literal["high", "limited", "low"]
    reasons: list[str]
    scores: dict[str, Any]
    prediction: PredictionRecord | None
    findings: list[FindingRecord]


class ExplanationRecord(Struct, kw_only=True):
    """Contribution of each feature group to one prediction, in centered log-probabilities."""

    prediction: PredictionRecord
    baseline: dict[str, float]
    contributions: dict[str, dict[str, float]]
    remainder: dict[str, float]


class FailureRecord(Struct, kw_only=True):
    """Recording that could not be used."""

    source: str
    error: str
    message: str


class ModelRecord(Struct, kw_only=True):
    """Model that gave the results."""

    name: str
    sha256: str
    format: int
    threshold: float | None
    licenses: dict[str, str]


class Document(Struct, kw_only=True):
    """Envelope of every JSON result."""

    schema_version: int = SCHEMA_VERSION
    voxaffect: str = field(default_factory=lambda: version("voxaffect"))
    model: ModelRecord | None = None


class PredictionDocument(Document, kw_only=True):
    """Predictions of one or more recordings."""

    results: list[PredictionRecord]
    failures: list[FailureRecord]


class TimelineDocument(Document, kw_only=True):
    """Timelines of one or more recordings, one for each channel."""

    results: list[TimelineRecord]
    failures: list[FailureRecord]


class DiagnosisDocument(Document, kw_only=True):
    """Diagnoses of one or more recordings."""

    results: list[DiagnosisRecord]
    failures: list[FailureRecord]


class ExplanationDocument(Document, kw_only=True):
    """Explanations of one or more predictions."""

    results: list[ExplanationRecord]
    failures: list[FailureRecord]
