"""Values of emotion over time: windows, segments, updates and timelines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn

from voxaffect.errors import ArgumentError, extra
from voxaffect.recognition.adaptation import AdaptationDecision
from voxaffect.recognition.timelines.summary import Summary, summarize_segments
from voxaffect.records.arguments import is_known
from voxaffect.records.choices import LEVELS, Level
from voxaffect.records.results import (
    OverlapRecord,
    SegmentEvent,
    SegmentRecord,
    TimelineRecord,
    UpdateEvent,
    UtteranceRecord,
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
    speaker : str or None
        Who speaks, where turns were given.
    dimensions : mapping of str to float, optional
        Such as ``arousal``, from 0 to 1, where the model gives them.
    """

    start_seconds: float
    end_seconds: float
    probabilities: Mapping[str, float]
    uncertain: bool = False
    speaker: str | None = None
    dimensions: Mapping[str, float] | None = None

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


def average_dimensions(
    windows: Iterable[Window], start_seconds: float, end_seconds: float
) -> dict[str, float] | None:
    """Mean dimensions of windows, weighted by their time within a stretch; None without any."""
    total, sums = 0.0, dict[str, float]()
    for window in windows:
        end, start = min(window.end_seconds, end_seconds), max(window.start_seconds, start_seconds)
        if window.dimensions is None or end <= start:
            continue
        total += end - start
        for name, value in window.dimensions.items():
            sums[name] = sums.get(name, 0.0) + (end - start) * value
    return {name: value / total for name, value in sums.items()} if sums else None


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
    model_emotion : str or None
        Emotion of the model, where a person has corrected it. The probabilities are the model's.
    speaker : str or None
        Who speaks, where turns were given.
    text : str or None
        Words, where a transcript was given.
    dimensions : mapping of str to float, optional
        Where the model gives them: mean of the windows, weighted by their time in the segment.
    """

    start_seconds: float
    end_seconds: float
    emotion: str
    probabilities: Mapping[str, float]
    uncertain: bool = False
    model_emotion: str | None = None
    speaker: str | None = None
    text: str | None = None
    dimensions: Mapping[str, float] | None = None

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
class Utterance(Serializable):
    """Turn of a speaker, or sentence of a transcript, with its emotion.

    The emotion is that of the time in which its speaker speaks alone. Without such speech there is
    none: the emotion is None, the probabilities are empty, and it is uncertain.

    Parameters
    ----------
    start_seconds, end_seconds : float
    emotion : str or None
    probabilities : mapping of str to float
        In the model's order.
    uncertain : bool
        Whether the confidence lies under the threshold, as of a ``Prediction``.
    speaker : str or None
        Who speaks, where it is known.
    text : str or None
        Words, where a transcript was given.
    overlap_seconds : float
        Time of it in which another speaker speaks, too.
    dimensions : mapping of str to float, optional
        As of a segment, from the windows of its speaker.
    """

    start_seconds: float
    end_seconds: float
    emotion: str | None
    probabilities: Mapping[str, float]
    uncertain: bool = False
    speaker: str | None = None
    text: str | None = None
    overlap_seconds: float = 0.0
    dimensions: Mapping[str, float] | None = None

    _schema: ClassVar = UtteranceRecord

    @property
    def confidence(self) -> float | None:
        """Probability of the emotion, if there is one."""
        return None if self.emotion is None else self.probabilities[self.emotion]


@dataclass(frozen=True)
class Overlap(Serializable):
    """Stretch of time in which several speakers speak: no emotion is recognized in it.

    Parameters
    ----------
    start_seconds, end_seconds : float
    speakers : tuple of str
        In alphabetical order.
    """

    start_seconds: float
    end_seconds: float
    speakers: tuple[str, ...]

    _schema: ClassVar = OverlapRecord


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
    speaker_adaptations : tuple of AdaptationDecision
        About each speaker, in order of their first window, if that was asked for.
    turns : tuple of Utterance
        Of speakers, in order of their start, where turns were given.
    sentences : tuple of Utterance
        In order of their start, where a transcript was given.
    overlaps : tuple of Overlap
        In order, where turns were given.
    calibrated : bool
        False if the answers were limited to some of the model's emotions.
    has_threshold : bool
        False if no confidence makes a result uncertain: the model has no threshold, or it is 0.
    channel_name : str, optional
        Name that the caller gave to the channel.
    """

    source: str
    channel: str
    seconds: float
    emotions: tuple[str, ...]
    windows: tuple[Window, ...]
    segments: tuple[Segment, ...]
    adaptation: AdaptationDecision | None = None
    turns: tuple[Utterance, ...] = ()
    sentences: tuple[Utterance, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    calibrated: bool = True
    speaker_adaptations: tuple[AdaptationDecision, ...] = ()
    has_threshold: bool = True
    channel_name: str | None = None

    _schema: ClassVar = TimelineRecord

    def to_frame(self, level: Level = "segments") -> pandas.DataFrame:
        """Data frame with a row for each segment, or window, turn or sentence."""
        if not is_known(level, LEVELS):
            raise ArgumentError(
                f"level: expected one of {', '.join(LEVELS)}, found {shortened(level)}."
            )
        return to_frame(tabulate_segments([self], level))

    def to_annotation(self) -> pyannote.core.Annotation:
        """Segments as an annotation of pyannote: labels are emotions.

        The track of a segment is its speaker, if it is known, else its number.

        Raises
        ------
        MissingExtraError
            If pyannote.core is not installed.
        """
        with extra("pyannote"):
            from pyannote.core import Annotation, Segment

        annotation = Annotation(uri=self.source)
        for index, one in enumerate(self.segments):
            track = index if one.speaker is None else one.speaker
            annotation[Segment(one.start_seconds, one.end_seconds), track] = one.emotion
        return annotation

    @property
    def summary(self) -> Summary:
        """Time of each emotion: of all speech, of each speaker, and in each third."""
        names = {*(one.speaker for one in self.turns), *(one.speaker for one in self.segments)}
        speakers = [one for one in names if one is not None]
        whole = summarize_segments(self.segments, self.emotions, self.seconds, speakers)
        return whole if self.has_threshold else whole.drop_certainty()

    @property
    def has_speech(self) -> bool:
        """True if speech was found, and so an emotion."""
        return bool(self.segments)

    @property
    def result(self) -> Literal["emotion", "no speech"]:
        """Outcome: ``emotion``, or ``no speech`` if none was found."""
        return "emotion" if self.has_speech else "no speech"
