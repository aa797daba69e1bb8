"""Rows of a table as people and their programs write it: any separator, any Unicode encoding."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxaffect.corpora.labels import normalize
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control, read_bounded

_LIMIT_BYTES = 1 << 28
_SEPARATORS = ",;\t|"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')


@dataclass(frozen=True)
class Rows:
    """A table as text.

    Parameters
    ----------
    header : tuple of str
        Names of the columns as `normalize_column` gives them.
    rows : tuple of (int, list of str)
        Number of its last line, and stripped cells of every row that is not empty.
    separator : str
    """

    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]
    separator: str


def normalize_column(name: str) -> str:
    """Name of a column without case, accents and spaces around it, joined by underscores.

    Examples
    --------
    >>> normalize_column(" File Name")
    'file_name'
    """
    return normalize(name).replace(" ", "_")


def read_rows(path: Path, *, what: str, columns: Collection[str] = ()) -> Rows:
    """Read a table.

    Parameters
    ----------
    path : Path
    what : str
        Kind of table that is expected, with its article.
    columns : collection of str
        Names by which the line of the header tells its separator.

    Returns
    -------
    Rows

    Raises
    ------
    CorpusError
        If it is missing, no text, or no table.
    """
    name = escape_control(str(path))
    text = _decode(read_bounded(path, limit=_LIMIT_BYTES, what=what, error=CorpusError), name)
    lines = text.splitlines(keepends=True)
    first = 0
    separator = None
    if lines and (stated := _SEPARATOR_LINE.fullmatch(lines[0])):  # as Excel writes it
        separator, first = stated[1], 1
    header = next((line for line in lines[first:] if line.strip()), "")
    separator = separator or _separator_of(header, columns)
    reader = csv.reader(lines[first:], delimiter=separator, strict=True, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num + first, [cell.strip() for cell in cells]))
    except csv.Error as error:
        raise CorpusError(
            f"{name}, line {reader.line_num + first}: not readable as CSV ({error}). Close every "
            "quote, and double a quote that is part of a cell."
        ) from error
    if not rows:
        raise CorpusError(f"{name}, line 1: empty. Expected {what}.")
    names = tuple(map(normalize_column, rows[0][1]))
    _check_unique(name, rows[0], names)
    return Rows(names, tuple(rows[1:]), separator)


def _check_unique(name: str, header: tuple[int, list[str]], names: Sequence[str]) -> None:
    line, titles = header
    for index, column in enumerate(names):
        if column and column in names[:index]:
            raise CorpusError(
                f"{name}, line {line}: the column {titles[index]!r} is there twice. Rename one."
            )


def _decode(content: bytes, name: str) -> str:
    """Text of a table: UTF-8 or, with its mark or without, UTF-16."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CorpusError(
            f"{name}: is a workbook (such as Excel's), expected a CSV. Save the sheet as "
            "'CSV UTF-8'."
        )
    mark, encoding = next(
        ((mark, code) for mark, code in _MARKS if content.startswith(mark)), (b"", "utf-8")
    )
    if not mark and content[1:2] == b"\0":
        encoding = "utf-16-le"
    elif not mark and content[:1] == b"\0":
        encoding = "utf-16-be"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{name}: not readable as CSV in UTF-8 or UTF-16 (byte {error.start:,}: "
            f"{error.reason}). Save it again as 'CSV UTF-8'."
        ) from error
    if text.lstrip("\ufeff \r\n").startswith(("{", "[{", "[\n")):
        raise CorpusError(f"{name}: is JSON, expected a CSV. Save it as a table.")
    if "\0" in text:
        raise CorpusError(f"{name}: holds NUL characters, expected a CSV, which is text.")
    return text.removeprefix("\ufeff")


def _separator_of(header: str, columns: Collection[str]) -> str:
    """Separator that finds most of the columns in a header, and then most of any columns."""

    def count(separator: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            return 0, 0
        return sum(normalize_column(cell) in columns for cell in cells), len(cells)

    return max(_SEPARATORS, key=count)
