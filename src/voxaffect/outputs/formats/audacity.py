"""Audacity's label track: start, end and label between tabs.

The label is the emotion (``sad (uncertain)``), and with speakers or words ``Ann: No. [sad 81%]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.labels import has_words, label_speech
from voxaffect.outputs.formats.ticks import MICROSECONDS, format_microseconds, round_times
from voxaffect.recognition.display import describe_doubt
from voxaffect.records.choices import LEVELS

if TYPE_CHECKING:
    from voxaffect.recognition import Segment, Timeline, Window


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    parts = [
        one
        for timeline in timelines
        for one in round_times(timeline, run.level, per_second=MICROSECONDS)
    ]
    label = label_speech if any(has_words(one.part) for one in parts) else _label
    return "".join(
        f"{format_microseconds(one.start)}\t{format_microseconds(one.end)}\t{label(one.part)}\n"
        for one in parts
    )


def _label(part: Segment | Window) -> str:
    name, doubt = escape_control(part.emotion), describe_doubt(part)
    return f"{name} ({doubt})" if doubt else name


TIMELINES = Format(_encode, ".labels.txt", "channel", LEVELS)
