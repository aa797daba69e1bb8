"""Praat's TextGrid: tiers of intervals from 0 to the end of the recording; silence is empty."""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.ticks import (
    MICROSECONDS,
    TickedPart,
    format_microseconds,
    round_times,
)
from voxaffect.outputs.formats.tiers import TIERS, label_part, name_tier
from voxaffect.recognition import Timeline

Interval = tuple[int, int, str]


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    end = max(1, *(round(one.seconds * MICROSECONDS) for one in timelines))
    tiers = []
    for timeline in timelines:
        parts = round_times(timeline, run.level, per_second=MICROSECONDS)
        for tier in TIERS:
            tiers.append((name_tier(tier, timeline, timelines), _fill_gaps(parts, tier, end)))
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


def _fill_gaps(parts: Sequence[TickedPart], tier: str, end: int) -> list[Interval]:
    """Labels and the silences between them, without a gap."""
    intervals, reached = [], 0
    for one in parts:
        if one.start > reached:
            intervals.append((reached, one.start, ""))
        intervals.append((one.start, one.end, label_part(one.part, tier)))
        reached = one.end
    if reached < end or not intervals:
        intervals.append((reached, end, ""))
    return intervals


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


TIMELINES = Format(_encode, ".TextGrid", "recording", ("segments",))
