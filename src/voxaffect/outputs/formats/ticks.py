"""Times in whole ticks of a clock, so that rounding breaks no order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from voxaffect.records.choices import Level

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline

MILLISECONDS, MICROSECONDS = 1_000, 1_000_000
"""Ticks a second."""
_CHANNEL_NUMBERS = {"mix": 1, "left": 1, "right": 2}
PartT = TypeVar("PartT", bound=Any)


@dataclass(frozen=True)
class TickedPart(Generic[PartT]):
    """Segment, window, utterance or overlap with its times in ticks, ``start < end``."""

    start: int
    end: int
    part: PartT


def round_times(timeline: Timeline, level: Level, *, per_second: int) -> list[TickedPart[Any]]:
    """Parts of a timeline in ticks: within the recording, none empty, segments apart.

    Parameters
    ----------
    timeline : Timeline
    level : {"segments", "windows", "turns", "sentences"}
        Segments do not overlap, after rounding neither; the others may.
    per_second : int
        Ticks of the clock.
    """
    parts = getattr(timeline, level)
    return round_parts(parts, timeline, per_second=per_second, are_apart=level == "segments")


def round_parts(
    parts: Iterable[PartT], timeline: Timeline, *, per_second: int, are_apart: bool
) -> list[TickedPart[PartT]]:
    """Parts in ticks: within the recording, none empty.

    Parameters
    ----------
    parts : iterable of Segment, Window, Utterance or Overlap
        In order of their start.
    timeline : Timeline
    per_second : int
        Ticks of the clock.
    are_apart : bool
        Whether a part begins where the one before ends, if they overlap.
    """
    last, earliest = round(timeline.seconds * per_second), 0
    ticked = []
    for part in parts:
        start = min(max(round(part.start_seconds * per_second), earliest), last)
        end = min(round(part.end_seconds * per_second), last)
        if end > start:
            ticked.append(TickedPart(start, end, part))
            earliest = end if are_apart else 0
    return ticked


def format_microseconds(ticks: int) -> str:
    """Seconds with six decimals, from microseconds."""
    return f"{ticks // MICROSECONDS}.{ticks % MICROSECONDS:06}"


def number_channel(channel: str) -> int:
    """Return the number of a channel, from 1; the mix counts as the first."""
    return _CHANNEL_NUMBERS.get(channel) or int(channel)
