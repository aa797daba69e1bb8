"""Praat's TextGrid: tiers of intervals from 0 to the end of the recording; silence is empty.

Each speaker has tiers of its own, so that overlapping speech stays apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run
from voxaffect.outputs.formats.ticks import (
    MICROSECONDS,
    TickedPart,
    format_microseconds,
)
from voxaffect.outputs.formats.tiers import Tier, list_tiers

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline

Interval = tuple[int, int, str]


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    end = max(1, *(round(one.seconds * MICROSECONDS) for one in timelines))
    tiers = [
        (tier.name, _fill_gaps(group.parts, tier, end))
        for group in list_tiers(timelines, run.level, per_second=MICROSECONDS)
        for tier in group.tiers
    ]
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {format_microseconds(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers, start=1):
        lines += [f"    item [{number}]:", *_write_tier(name, intervals, end)]
    return "\n".join(lines) + "\n"


def _write_tier(name: str, intervals: Sequence[Interval], end: int) -> list[str]:
    lines = [
        '        class = "IntervalTier"',
        f"        name = {_quote(name)}",
        "        xmin = 0",
        f"        xmax = {format_microseconds(end)}",
        f"        intervals: size = {len(intervals)}",
    ]
    for number, (begin, until, text) in enumerate(intervals, start=1):
        lines += [
            f"        intervals [{number}]:",
            f"            xmin = {format_microseconds(begin)}",
            f"            xmax = {format_microseconds(until)}",
            f"            text = {_quote(text)}",
        ]
    return lines


def _fill_gaps(parts: Sequence[TickedPart[Any]], tier: Tier, end: int) -> list[Interval]:
    """Labels and the silences between them, without a gap."""
    intervals, reached = [], 0
    for one in parts:
        if one.start > reached:
            intervals.append((reached, one.start, ""))
        intervals.append((one.start, one.end, tier.label(one.part)))
        reached = one.end
    if reached < end or not intervals:
        intervals.append((reached, end, ""))
    return intervals


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


TIMELINES = Format(_encode, ".TextGrid", "recording", SPEECH_LEVELS)
