"""Audacity's label track: start, end and emotion (``sad (uncertain)``) between tabs."""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.ticks import MICROSECONDS, format_microseconds, round_times
from voxaffect.recognition import Segment, Timeline, Window
from voxaffect.recognition.display import UNCERTAIN


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    return "".join(
        f"{format_microseconds(one.start)}\t{format_microseconds(one.end)}\t{_label(one.part)}\n"
        for timeline in timelines
        for one in round_times(timeline, run.level, per_second=MICROSECONDS)
    )


def _label(part: Segment | Window) -> str:
    name = escape_control(part.emotion)
    return f"{name} ({UNCERTAIN})" if part.uncertain else name


TIMELINES = Format(_encode, ".labels.txt", "channel")
