"""Values of emotion over time: windows, segments, updates and timelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn

from voxaffect.errors import extra
from voxaffect.recognition.adaptation import AdaptationDecision
from voxaffect.records.results import (
    SegmentEvent,
    SegmentRecord,
    TimelineRecord,
    UpdateEvent,
    WindowEvent,
)
from voxaffect.records.tables import tabulate_segments
from voxaffect.records.values import Serializable, StreamEvent, to_frame

if TYPE_CHECKING:
    import pandas
    import pyannote.core


@dataclass(frozen=True)
class Window(StreamEvent):
    """Window of speech, as the model classified it.

    Parameters
    ----------
    start_seconds, end_seconds : float
        From the beginning of the recording.
    probabilities : mapping of str to float
        Of every emotion, in the model's order; they sum to 1.
    uncertain : bool
        Whether the highest probability lies under the threshold, as a ``Prediction``'s does.
    """

    start_seconds: float
    end_seconds: float
    probabilities: Mapping[str, float]
    uncertain: bool = False

    _schema: ClassVar = SegmentRecord
    _event: ClassVar = WindowEvent

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Probability of the most probable emotion."""
        return max(self.probabilities.values())


@dataclass(frozen=True)
class Segment(StreamEvent):
    """Stretch of speech in one emotion, after smoothing over time.

    Parameters
    ----------
    start_seconds, end_seconds : float
    emotion : str
    probabilities : mapping of str to float
        Mean of the smoothed probabilities over the segment, in the model's order.
    uncertain : bool
        Whether the confidence lies under the threshold, as of a ``Prediction``.
    """

    start_seconds: float
    end_seconds: float
    emotion: str
    probabilities: Mapping[str, float]
    uncertain: bool = False

    _schema: ClassVar = SegmentRecord
    _event: ClassVar = SegmentEvent

    @property
    def confidence(self) -> float:
        """Mean smoothed probability of the segment's emotion."""
        return self.probabilities[self.emotion]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            remedy = " Use confidence." if name in ("probability", "certainty", "score") else ""
            raise AttributeError(f"Segment has no attribute {name!r}.{remedy}")


@dataclass(frozen=True)
class Update(StreamEvent):
    """Most probable emotion at a moment, for a live view.

    Parameters
    ----------
    seconds : float
        The moment, from the beginning: the end of a window, or of an utterance.
    emotion : str or None
        The most probable emotion by all that has been heard so far; None when speech has ended.
    probabilities : mapping of str to float
        Of every emotion; empty when speech has ended.
    uncertain : bool
        Whether the highest of them lies under the threshold.
    """

    seconds: float
    emotion: str | None
    probabilities: Mapping[str, float]
    uncertain: bool = False

    _schema: ClassVar = UpdateEvent
    _event: ClassVar = UpdateEvent


Event = Window | Update | Segment


@dataclass(frozen=True)
class Timeline(Serializable):
    """Emotion over the time of one channel of a recording.

    What no segment covers is no speech.

    Parameters
    ----------
    source : str
        The recording's path, or ``<bytes>`` or ``<array>``.
    channel : str
        ``mix``, ``left``, ``right``, or the number of the channel, from 1.
    seconds : float
        Length of the recording.
    emotions : tuple of str
        In the model's order.
    windows : tuple of Window
        In order of their start.
    segments : tuple of Segment
        In order, without overlap.
    adaptation : AdaptationDecision or None
        About the group that the recording belongs to, if adaptation was asked for.
    """

    source: str
    channel: str
    seconds: float
    emotions: tuple[str, ...]
    windows: tuple[Window, ...]
    segments: tuple[Segment, ...]
    adaptation: AdaptationDecision | None = None

    _schema: ClassVar = TimelineRecord

    def to_frame(self, level: Literal["segments", "windows"] = "segments") -> pandas.DataFrame:
        """Data frame with a row for each segment, or window."""
        return to_frame(tabulate_segments([self], level))

    def to_annotation(self) -> pyannote.core.Annotation:
        """Segments as an annotation of pyannote.

        Raises
        ------
        MissingExtraError
            If pyannote.core is not installed.
        """
        with extra("pyannote"):
            from pyannote.core import Annotation, Segment

        annotation = Annotation(uri=self.source)
        for index, one in enumerate(self.segments):
            annotation[Segment(one.start_seconds, one.end_seconds), index] = one.emotion
        return annotation

    @property
    def has_speech(self) -> bool:
        """True if speech was found, and so an emotion."""
        return bool(self.segments)

    @property
    def result(self) -> Literal["emotion", "no speech"]:
        """Outcome: ``emotion``, or ``no speech`` if none was found."""
        return "emotion" if self.has_speech else "no speech"
