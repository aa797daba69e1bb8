"""Rows as text and as Parquet, whatever they hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from voxaffect.errors import extra
from voxaffect.files import escape_surrogates

DECIMALS = 6
"""Of probabilities and of seconds, in every text that programs read."""


def probability_columns(emotions: Iterable[str]) -> list[str]:
    """Names of the columns of probabilities, one for every emotion.

    Their prefix keeps them apart from all other columns, whatever an emotion is called.
    """
    return [f"p_{emotion}" for emotion in emotions]


def csv_text(header: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Comma-separated values under a header."""
    return "".join(_csv_line(row) for row in (header, *rows))


def _csv_line(cells: Sequence[object]) -> str:
    """One line that ends as text files do, though a cell may hold any line break."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Pad cells to columns: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def check_parquet() -> None:
    """Refuse to begin where pyarrow is missing.

    Raises
    ------
    MissingExtraError
    """
    with extra("parquet"):
        import pyarrow  # noqa: F401


def parquet_bytes(kinds: Mapping[str, str], rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as a Parquet file.

    Parameters
    ----------
    kinds : mapping of str to str
        Name of each column, and what it holds: ``string``, ``float64``, ``int64`` or
        ``bool``.
    rows : iterable of sequences

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    check_parquet()
    import pyarrow
    from pyarrow import parquet

    columns: list[list[object]] = [[] for _ in kinds]
    for row in rows:
        for column, cell in zip(columns, row, strict=True):
            column.append(escape_surrogates(cell) if isinstance(cell, str) else cell)
    arrays = [
        pyarrow.array(column, type=kind)
        for column, kind in zip(columns, kinds.values(), strict=True)
    ]
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, names=list(kinds)), sink)
    return sink.getvalue()
