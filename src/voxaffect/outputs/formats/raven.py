"""Raven's selection table: one selection a segment, in the band of speech."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.labels import clean_words
from voxaffect.outputs.formats.ticks import (
    MICROSECONDS,
    format_microseconds,
    number_channel,
    round_times,
)
from voxaffect.recognition.display import format_probability
from voxaffect.records.choices import LEVELS, Level

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline

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
_EXTRA_COLUMNS = {"model_emotion": "Model Emotion", "speaker": "Speaker", "text": "Text"}
_HIGH_HZ = 4_000  # within the band of every rate that is supported


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    extra = _find_columns(timelines, run.level)
    lines = ["\t".join([*_COLUMNS, *extra.values()])]
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
                escape_control(one.part.emotion or ""),
                "" if one.part.emotion is None else format_probability(one.part.confidence),
                str(one.part.uncertain).lower(),
                *(_write_cell(getattr(one.part, name, None)) for name in extra),
            ]
            lines.append("\t".join(map(str, cells)))
    return "\n".join(lines) + "\n"


def _find_columns(timelines: Sequence[Timeline], level: Level) -> dict[str, str]:
    """Columns of what not all timelines have, by the attribute of a part."""
    parts = [part for one in timelines for part in getattr(one, level)]
    return {
        name: title
        for name, title in _EXTRA_COLUMNS.items()
        if any(getattr(part, name, None) is not None for part in parts)
    }


def _write_cell(text: str | None) -> str:
    """Text without quotation marks: readers of tables take a tab between them for text."""
    return clean_words(text or "").replace('"', "'")


TIMELINES = Format(_encode, ".selections.txt", "recording", LEVELS)
