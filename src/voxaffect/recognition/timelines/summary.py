"""Summary of a timeline: the time of each emotion, by speaker and over the course.

It counts segments. A segment counts for a period by its time in it. An emotion changes where a
segment begins with another emotion than the segment before it of the same speaker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Final

from voxaffect.records.results import SpeechSummaryRecord, SummaryRecord
from voxaffect.records.values import Serializable

if TYPE_CHECKING:
    from voxaffect.recognition.timelines.segments import Segment

PERIODS: Final = 3
"""Thirds: beginning, middle and end."""


@dataclass(frozen=True)
class SpeechSummary(Serializable):
    """Summary of the speech of one speaker, or of all, in a period.

    Parameters
    ----------
    start_seconds, end_seconds : float
        The period.
    speaker : str or None
        None of all speakers, and where none is known.
    speech_seconds : float
    shares : mapping of str to float
        Share of the speech in each emotion, in the model's order; empty without speech.
    changes_per_minute : float or None
        Changes of the emotion of a speaker in a minute of speech; None without speech.
    certain_share : float or None
        Share of the speech that is not uncertain; None without speech, or without a threshold.
    confidence : float or None
        Mean confidence over the time of speech; None without speech.
    """

    start_seconds: float
    end_seconds: float
    speaker: str | None
    speech_seconds: float
    shares: Mapping[str, float]
    changes_per_minute: float | None
    certain_share: float | None
    confidence: float | None

    _schema: ClassVar = SpeechSummaryRecord


@dataclass(frozen=True)
class Summary(Serializable):
    """Summary of a timeline.

    Parameters
    ----------
    whole : SpeechSummary
        Of all speech.
    speakers : tuple of SpeechSummary
        Of each speaker, by name; empty where none is known.
    course : tuple of SpeechSummary
        Of each third of the recording: of all speech, then of each speaker.
    """

    whole: SpeechSummary
    speakers: tuple[SpeechSummary, ...]
    course: tuple[SpeechSummary, ...]

    _schema: ClassVar = SummaryRecord

    def drop_certainty(self) -> Summary:
        """Return the summary without what is certain, as without a threshold nothing is known."""
        speakers, course = (
            tuple(replace(part, certain_share=None) for part in parts)
            for parts in (self.speakers, self.course)
        )
        return Summary(replace(self.whole, certain_share=None), speakers, course)


def summarize_segments(
    segments: Sequence[Segment],
    emotions: Sequence[str],
    seconds: float,
    speakers: Sequence[str],
) -> Summary:
    """Summary of segments.

    Parameters
    ----------
    segments : sequence of Segment
        In order.
    emotions : sequence of str
        In the model's order.
    seconds : float
        Length of the recording.
    speakers : sequence of str
        All that are known, also those without a segment.
    """
    edges = [seconds * index / PERIODS for index in range(PERIODS + 1)]

    def summarize(start: float, end: float) -> Iterator[SpeechSummary]:
        for speaker in (None, *sorted(speakers)):
            own = [one for one in segments if speaker in (None, one.speaker)]
            yield _summarize_period(own, emotions, (start, end), speaker)

    whole, *each = summarize(0.0, seconds)
    course = [part for start, end in pairwise(edges) for part in summarize(start, end)]
    return Summary(whole, tuple(each), tuple(course))


def _summarize_period(
    segments: Sequence[Segment],
    emotions: Sequence[str],
    period: tuple[float, float],
    speaker: str | None,
) -> SpeechSummary:
    start, end = period
    lengths = [
        max(min(one.end_seconds, end) - max(one.start_seconds, start), 0.0) for one in segments
    ]
    total = sum(lengths)
    if not total > 0:
        return SpeechSummary(start, end, speaker, 0.0, {}, None, None, None)
    times = dict.fromkeys(emotions, 0.0)
    certain = confidence = 0.0
    for segment, length in zip(segments, lengths, strict=True):
        times[segment.emotion] = times.get(segment.emotion, 0.0) + length
        certain += 0.0 if segment.uncertain else length
        confidence += segment.confidence * length
    return SpeechSummary(
        start,
        end,
        speaker,
        total,
        {emotion: time / total for emotion, time in times.items()},
        60.0 * _count_changes(segments, period) / total,
        certain / total,
        confidence / total,
    )


def _count_changes(segments: Sequence[Segment], period: tuple[float, float]) -> int:
    """Changes of the emotion of a speaker that a period contains."""
    last: dict[str | None, str] = {}
    count = 0
    for segment in segments:
        before = last.get(segment.speaker, segment.emotion)
        is_inside = period[0] <= segment.start_seconds < period[1]
        count += is_inside and before != segment.emotion
        last[segment.speaker] = segment.emotion
    return count
