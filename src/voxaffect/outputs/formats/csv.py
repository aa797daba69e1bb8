"""Comma-separated values: a line a prediction or part of a timeline, a column for every emotion.

A cell is empty where nothing is known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.records.choices import LEVELS
from voxaffect.records.codec import DECIMALS
from voxaffect.records.tables import Table, tabulate_predictions, tabulate_segments

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Timeline


def write_rows(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Comma-separated values under a header."""
    return "".join(_write_line(row) for row in (header, *rows))


def _write_line(cells: Sequence[object]) -> str:
    """One line that ends as text files do, though a cell may hold any line break."""
    buffer = io.StringIO()
    words = [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells]
    csv.writer(buffer, lineterminator="\r\n").writerow(words)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def _write(table: Table) -> str:
    return write_rows([*table.kinds], table.rows)


def _encode_predictions(predictions: Sequence[Prediction], _: Run) -> str:
    return _write(tabulate_predictions(predictions, DECIMALS))


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> str:
    return _write(tabulate_segments(timelines, run.level, DECIMALS))


PREDICTIONS = Format(_encode_predictions, ".csv")
TIMELINES = Format(_encode_timelines, ".csv", levels=LEVELS)
