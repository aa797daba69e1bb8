"""Times in whole ticks of a clock, so that rounding breaks no order."""

from __future__ import annotations

from dataclasses import dataclass

from voxaffect.outputs.formats.base import Level
from voxaffect.recognition import Segment, Timeline, Window

MILLISECONDS, MICROSECONDS = 1_000, 1_000_000
"""Ticks a second."""
_CHANNEL_NUMBERS = {"mix": 1, "left": 1, "right": 2}


@dataclass(frozen=True)
class TickedPart:
    """Segment or window with its times in ticks, ``start < end``."""

    start: int
    end: int
    part: Segment | Window


def round_times(timeline: Timeline, level: Level, *, per_second: int) -> list[TickedPart]:
    """Parts of a timeline in ticks: within the recording, none empty, segments apart.

    Parameters
    ----------
    timeline : Timeline
    level : {"segments", "windows"}
        Windows may overlap; segments do not, after rounding neither.
    per_second : int
        Ticks of the clock.
    """
    last, earliest = round(timeline.seconds * per_second), 0
    parts = []
    for part in getattr(timeline, level):
        start = min(max(round(part.start_seconds * per_second), earliest), last)
        end = min(round(part.end_seconds * per_second), last)
        if end > start:
            parts.append(TickedPart(start, end, part))
            earliest = end if level == "segments" else 0
    return parts


def format_microseconds(ticks: int) -> str:
    """Seconds with six decimals, from microseconds."""
    return f"{ticks // MICROSECONDS}.{ticks % MICROSECONDS:06}"


def number_channel(channel: str) -> int:
    """Return the number of a channel, from 1; the mix counts as the first."""
    return _CHANNEL_NUMBERS.get(channel) or int(channel)
