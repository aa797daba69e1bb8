"""CSV under audformat's segmented index: file, start and end; then the columns of ``csv``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.csv import write_rows
from voxaffect.records.choices import LEVELS
from voxaffect.records.codec import DECIMALS
from voxaffect.records.tables import tabulate_segments

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    table = tabulate_segments(timelines, run.level, DECIMALS)
    _, channel, _, _, *others = table.kinds
    rows = [
        [source, _format_time(start), _format_time(end), channel, *cells]
        for source, channel, start, end, *cells in table.rows
    ]
    return write_rows(["file", "start", "end", channel, *others], rows)


def _format_time(seconds: float) -> str:
    """Time as pandas writes it, and audformat reads it."""
    minutes, ticks = divmod(round(seconds * 1_000_000), 60_000_000)
    days, rest = divmod(minutes, 24 * 60)
    whole, micro = divmod(ticks, 1_000_000)
    return f"{days} days {rest // 60:02}:{rest % 60:02}:{whole:02}.{micro:06}"


TIMELINES = Format(_encode, ".audformat.csv", levels=LEVELS)
