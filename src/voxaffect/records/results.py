"""Schemas of results: predictions, timelines, events of a stream, diagnoses and explanations.

A document is an envelope around ``results`` and ``failures``; it says which model gave the
results, and which version of voxaffect wrote it. A new field does not raise ``SCHEMA_VERSION``:
programs ignore fields that they do not know.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any, Literal

from msgspec import Struct, field

SCHEMA_VERSION = 1
"""Of every document. Raised when a program that reads the one before could misread it."""

Probabilities = dict[str, float]
"""By emotion, in the order of the model; they sum to 1."""
Dimensions = dict[str, float]
"""Arousal, valence and dominance, from 0 to 1, where the model gives them."""
Outcome = Literal["emotion", "dimensions", "no speech"]
"""`dimensions` where the model gives these alone."""


class AdaptationRecord(Struct, kw_only=True):
    """Adaptation to the group of recordings that a result belongs to."""

    group: str
    recordings: int
    weight: float
    is_applied: bool
    reason: str | None


class PredictionRecord(Struct, kw_only=True, omit_defaults=True):
    """Emotion of one recording, or of one channel of it.

    `calibrated` is there, and false, only if the answer was limited to some emotions; `dimensions`
    are there only where the model gives them. If it gives these alone, there is no emotion.
    `channel_name` is there only where the caller named the channels.
    """

    source: str
    emotion: str | None
    confidence: float | None
    uncertain: bool
    result: Outcome
    channel: str
    channel_name: str | None = None
    seconds: float | None
    windows: int | None
    channels_differ: bool
    probabilities: Probabilities
    adaptation: AdaptationRecord | None
    calibrated: bool = True
    dimensions: Dimensions | None = None


class SegmentRecord(Struct, kw_only=True, omit_defaults=True):
    """Emotion of a segment, or of a window, of a timeline.

    `model_emotion` is there only where a person has corrected the emotion of the model: it is the
    model's. Confidence and probabilities remain those of the model. `speaker` and `text` are there
    only where turns or a transcript were given.
    """

    start_seconds: float
    end_seconds: float
    emotion: str
    confidence: float
    uncertain: bool
    probabilities: Probabilities
    model_emotion: str | None = None
    speaker: str | None = None
    text: str | None = None
    dimensions: Dimensions | None = None


class UtteranceRecord(Struct, kw_only=True, omit_defaults=True):
    """Emotion of a turn or of a sentence; null where its speaker never speaks alone."""

    start_seconds: float
    end_seconds: float
    emotion: str | None
    confidence: float | None
    uncertain: bool
    probabilities: Probabilities
    speaker: str | None
    text: str | None
    overlap_seconds: float
    dimensions: Dimensions | None = None


class OverlapRecord(Struct, kw_only=True):
    """Time in which several speakers speak, without an emotion."""

    start_seconds: float
    end_seconds: float
    speakers: list[str]


class SpeechSummaryRecord(Struct, kw_only=True):
    """Summary of the speech of one speaker, or of all where it is null, in a period."""

    start_seconds: float
    end_seconds: float
    speaker: str | None
    speech_seconds: float
    shares: dict[str, float]
    changes_per_minute: float | None
    certain_share: float | None
    confidence: float | None


class SummaryRecord(Struct, kw_only=True):
    """Summary of a timeline: of all speech, of each speaker, and of each third of the recording."""

    whole: SpeechSummaryRecord
    speakers: list[SpeechSummaryRecord]
    course: list[SpeechSummaryRecord]


class TimelineRecord(Struct, kw_only=True, omit_defaults=True):
    """Emotion over the time of one channel of a recording.

    `turns`, `sentences` and `overlaps` are there only where turns or a transcript were given;
    `calibrated` is there, and false, only if the answers were limited to some emotions;
    `speaker_adaptations` is there if each speaker was to be adapted to; `channel_name` where the
    caller named the channels.
    """

    source: str
    channel: str
    channel_name: str | None = None
    seconds: float
    result: Outcome
    emotions: list[str]
    segments: list[SegmentRecord]
    windows: list[SegmentRecord]
    adaptation: AdaptationRecord | None
    summary: SummaryRecord | None = None
    turns: list[UtteranceRecord] = []
    sentences: list[UtteranceRecord] = []
    overlaps: list[OverlapRecord] = []
    calibrated: bool = True
    speaker_adaptations: list[AdaptationRecord] = []


class _PartEvent(
    Struct,
    kw_only=True,
    omit_defaults=True,
    rename={"start_seconds": "start", "end_seconds": "end"},
):
    start_seconds: float
    end_seconds: float
    emotion: str
    confidence: float
    uncertain: bool
    probabilities: Probabilities
    dimensions: Dimensions | None = None


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


class TranscriptionSegment(Struct, kw_only=True, omit_defaults=True):
    """Sentence of a transcript in OpenAI's shape, with its emotion; null where there is none."""

    id: int | str
    start: float
    end: float
    text: str
    emotion: str | None
    confidence: float | None
    uncertain: bool
    probabilities: Probabilities
    type: str | None = None
    speaker: str | None = None


class TranscriptionDocument(Struct, kw_only=True, omit_defaults=True):
    """Transcript in OpenAI's shape; ``json`` has the text alone."""

    text: str
    task: str | None = None
    duration: float | None = None
    segments: list[TranscriptionSegment] | None = None


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


@cache
def get_version() -> str:
    """Version of voxaffect, which is read from the disk once."""
    return version("voxaffect")


class Document(Struct, kw_only=True):
    """Envelope of every JSON result."""

    schema_version: int = SCHEMA_VERSION
    voxaffect: str = field(default_factory=get_version)
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


class EmotionStyleRecord(Struct, kw_only=True):
    """Emotion with its color and its pattern, in Matplotlib's notation of hatches."""

    name: str
    color: str
    pattern: str


class LaneWindowRecord(Struct, kw_only=True):
    """Probabilities of a window of a lane."""

    start_seconds: float
    end_seconds: float
    probabilities: Probabilities


class LaneOverlapRecord(Struct, kw_only=True, omit_defaults=True):
    """Time of a lane in which several speakers speak, with words that nobody speaks alone."""

    start_seconds: float
    end_seconds: float
    speakers: list[str]
    text: str | None = None


class LaneRecord(Struct, kw_only=True, omit_defaults=True):
    """Channel of a recording: its envelope, from -127 to 127, its segments and its windows."""

    name: str
    low: list[int]
    high: list[int]
    segments: list[SegmentRecord]
    windows: list[LaneWindowRecord]
    overlaps: list[LaneOverlapRecord] = []


class RecordingRecord(Struct, kw_only=True):
    """Recording as ``<voxaffect-recording>`` draws it."""

    name: str
    seconds: float
    emotions: list[EmotionStyleRecord]
    lanes: list[LaneRecord]
