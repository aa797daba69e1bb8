"""Raven's selection table: one selection a segment, in the band of speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.ticks import (
    MICROSECONDS,
    format_microseconds,
    number_channel,
    round_times,
)
from voxaffect.recognition import Timeline
from voxaffect.recognition.display import format_probability

_COLUMNS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Begin File",
    "Emotion",
    "Confidence",
    "Uncertain",
)
_HIGH_HZ = 4_000  # within the band of every rate that is supported


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    lines = ["\t".join(_COLUMNS)]
    for timeline in timelines:
        channel = number_channel(timeline.channel)
        name = escape_control(Path(timeline.source).name)
        for one in round_times(timeline, run.level, per_second=MICROSECONDS):
            cells = [
                len(lines),
                "Spectrogram 1",
                channel,
                format_microseconds(one.start),
                format_microseconds(one.end),
                0,
                _HIGH_HZ,
                name,
                escape_control(one.part.emotion),
                format_probability(one.part.confidence),
                str(one.part.uncertain).lower(),
            ]
            lines.append("\t".join(map(str, cells)))
    return "\n".join(lines) + "\n"


TIMELINES = Format(_encode, ".selections.txt", "recording")
