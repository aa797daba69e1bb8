"""Tables as people and their programs write them: any separator, any Unicode encoding."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxaffect.corpora.labels import KEEP
from voxaffect.corpora.vocabulary import normalize_label
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control, read_bounded
from voxaffect.files.encoding import detect_encoding

_LIMIT_BYTES = 1 << 28
_HEAD_BYTES = 64  # in the first columns' names, any UTF-16 has zero bytes
_SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?')
"""First line of a table of Excel that names its separator."""
_MAP_COLUMNS = ("from", "to")


@dataclass(frozen=True)
class Table:
    """A table as text.

    Parameters
    ----------
    name : str
        Its path, for messages.
    header : tuple of str
        Names of the columns as `normalize_column` gives them.
    rows : tuple of (int, list of str)
        Number of its last line, and stripped cells of every row that is not empty.
    separator : str
        Empty if the table was no text.
    """

    name: str
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
    return normalize_label(name).replace(" ", "_")


def load_table(path: Path, *, kind: str, columns: Collection[str]) -> Table:
    """Table of a file; errors call it by its kind.

    The separator that finds most of `columns`, the names that a header may hold, is the table's.

    Raises
    ------
    CorpusError
        If it is missing, no text, or no table.
    """
    name = escape_control(str(path))
    text = _decode(read_bounded(path, limit=_LIMIT_BYTES, what=kind, error=CorpusError), name)
    lines = text.splitlines(keepends=True)
    first, separator = 0, None
    if lines and (match := SEPARATOR_LINE.fullmatch(lines[0])):  # as Excel writes it
        first, separator = 1, match[1]
    header = next((line for line in lines[first:] if line.strip()), "")
    separator = separator or find_separator(header, columns)
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
        raise CorpusError(f"{name}, line 1: empty. Expected {kind}.")
    line, titles = rows[0]
    names = tuple(map(normalize_column, titles))
    for index, column in enumerate(names):
        if column and column in names[:index]:
            raise CorpusError(
                f"{name}, line {line}: the column {titles[index]!r} is there twice. Rename one."
            )
    return Table(name, names, tuple(rows[1:]), separator)


def find_columns(
    table: Table,
    names: Mapping[str, Sequence[str]],
    titles: Mapping[str, str],
    *,
    clear: Collection[str],
    option: str = "columns",
) -> dict[str, int]:
    """Index of each column that a table has, by our name.

    Parameters
    ----------
    table : Table
    names : mapping of str to sequence of str
        Names that each column may have. Our own name, if it is the first, wins over the others.
    titles : mapping of str to str
        The user's own choice of names, as `normalize_column` gives them.
    clear : collection of str
        Columns that several of the table's must not be; the others are then left out.
    option : str
        By which the user can choose.

    Raises
    ------
    CorpusError
        If a chosen column is not there, or several could be the one that must be clear.
    """
    indices: dict[str, int] = {}
    taken = set(titles.values())
    for column, synonyms in names.items():
        wanted = titles.get(column)
        if wanted is not None and wanted not in table.header:
            raise refuse_header(table, f"no column '{wanted}', found {list_header(table)}")
        present = [title for title in synonyms if title in table.header and title not in taken]
        if wanted is None and present and present[0] != column and len(present) > 1:
            if column not in clear:
                continue
            raise refuse_header(
                table,
                f"{' and '.join(present)} could each be the {column}. Choose one, such as "
                f"--{option} {column}={present[0]} (in Python {option.replace('-', '_')}="
                f"{{{column!r}: {present[0]!r}}})",
            )
        if wanted or present:
            indices[column] = table.header.index(wanted or present[0])
    return indices


def list_header(table: Table) -> str:
    """Names of the columns, for messages."""
    return ", ".join(column or "(no name)" for column in table.header)


def refuse_header(table: Table, problem: str) -> CorpusError:
    """Error about the names of a table's columns."""
    line = ", line 1" if table.separator else ""
    return CorpusError(f"{table.name}{line}: {problem}.")


def _decode(content: bytes, name: str) -> str:
    """Text of a table, or an error that names what the file is instead."""
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CorpusError(
            f"{name}: is a workbook (such as Excel's), expected a CSV. Save the sheet as "
            "'CSV UTF-8'."
        )
    try:
        text = content.decode(detect_encoding(content[:_HEAD_BYTES]))
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


def find_separator(header: str, columns: Collection[str]) -> str:
    """Separator that finds most of the columns in a header, and then most of any columns."""

    def count(separator: str) -> tuple[int, int]:
        try:
            cells = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
        except csv.Error:
            return 0, 0
        return sum(normalize_column(cell) in columns for cell in cells), len(cells)

    return max(_SEPARATORS, key=count)


def read_labels(path: str | Path) -> dict[str, str] | str:
    """Map of labels that a user gives as ``--labels``.

    Parameters
    ----------
    path : str or Path
        A CSV with the columns ``from`` and ``to``, or ``none``, which keeps every word.

    Returns
    -------
    dict of str to str, or "none"

    Raises
    ------
    CorpusError
        If the file is no map, or says two things of one label.
    """
    if str(path) == KEEP:
        return KEEP
    kind = "a map of labels, a CSV with the columns from,to"
    table = load_table(Path(path), kind=kind, columns=_MAP_COLUMNS)
    name = table.name
    if table.header != _MAP_COLUMNS:
        raise CorpusError(
            f"{name}, line 1: expected the columns from,to, found {','.join(table.header)}."
        )
    labels: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, cells in table.rows:
        if len(cells) != len(_MAP_COLUMNS) or not all(cells):
            raise CorpusError(
                f"{name}, line {line}: expected a label and its emotion, found "
                f"{escape_control(','.join(cells))!r}."
            )
        word, emotion = cells
        if (first := lines.setdefault(normalize_label(word), line)) != line:
            raise CorpusError(f"{name}, line {line}: {word!r} is on line {first} already.")
        labels[word] = emotion
    if not labels:
        raise CorpusError(f"{name}: holds no label, only the names of the columns.")
    return labels
