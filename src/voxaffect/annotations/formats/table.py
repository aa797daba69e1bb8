"""Tables with a header: start and end of each turn or sentence, its speaker and its text.

CSV and TSV of people and spreadsheets, of openai-whisper and whisper.cpp, of audformat (a segmented
table with a column of speakers), and of voxaffect. Times are seconds, ``hours:minutes:seconds`` or
pandas' ``0 days 00:00:01``; in columns that end in ``_ms``, milliseconds.
"""

from __future__ import annotations

import csv
import re
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from voxaffect.annotations.formats.base import Document, Entry, Format, parse_number
from voxaffect.annotations.formats.rttm import choose_id
from voxaffect.files import escape_control, list_names

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?')
_TITLES: Final = {
    "start": ("start", "start_seconds", "start_time", "start_s", "start_sec", "begin",
              "begin_time", "onset", "from", "tmin", "xmin"),
    "start_ms": ("start_ms", "begin_ms", "onset_ms", "start_milliseconds"),
    "end": ("end", "end_seconds", "end_time", "end_s", "end_sec", "stop", "stop_time", "offset",
            "to", "tmax", "xmax"),
    "end_ms": ("end_ms", "stop_ms", "offset_ms", "end_milliseconds"),
    "duration": ("duration", "duration_seconds", "dur", "length"),
    "speaker": ("speaker", "speaker_id", "speaker_label", "speaker_name", "spk", "participant",
                "tier"),
    "text": ("text", "transcript", "transcription", "sentence", "utterance", "words", "content"),
    "channel": ("channel",),
    "file": ("file", "source", "filename", "file_name", "recording", "uri", "path", "audio"),
}  # fmt: skip
_TITLE_OF: Final = {title: kind for kind, titles in _TITLES.items() for title in titles}
_CLOCK = re.compile(
    r"(?:(\d{1,3}) days? )?(?:\+?(\d{1,5}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?", re.ASCII
)
_HEAD_CHARACTERS = 10_000
_DAY = 24
_MILLISECONDS = 1000
_LEAST_LONG = 100
"""Whole numbers so far apart at the median are milliseconds: no sentence lasts 100 s."""


@dataclass(frozen=True)
class _Table:
    """Rows with the number of their line, and the index of each column that is known."""

    titles: frozenset[str]
    columns: dict[str, int]
    rows: Sequence[tuple[int, Sequence[str]]]

    def get(self, cells: Sequence[str], kind: str) -> str:
        """Cell of a kind; empty if there is none."""
        return cells[self.columns[kind]] if kind in self.columns else ""


def _list_entries(document: Document, wanted: str) -> Iterator[Entry]:
    table = _read_table(document)
    if wanted not in table.columns:
        raise document.refuse(
            "line 1",
            f"no column {wanted!r}, found {_list_titles(document.text)}. Add one, or rename it.",
        )
    rows = table.rows
    if "file" in table.columns:
        ids = dict.fromkeys(table.get(cells, "file") for _, cells in rows)
        own = choose_id(document, list(ids))
        rows = [row for row in rows if table.get(row[1], "file") == own]
    unit = _MILLISECONDS if _is_in_milliseconds(table) else 1
    for line, cells in rows:
        where = f"line {line}"
        start, end = _read_span(document, table, cells, where)
        yield Entry(
            where,
            start / unit,
            end / unit,
            table.get(cells, "speaker"),
            table.get(cells, "text"),
            channel=table.get(cells, "channel"),
        )


def _is_in_milliseconds(table: _Table) -> bool:
    """True of openai-whisper's TSV and whisper.cpp's CSV, which do not name their unit."""
    if not {"start", "end", "text"} <= table.titles <= {"start", "end", "speaker", "text"}:
        return False
    spans = [(table.get(cells, "start"), table.get(cells, "end")) for _, cells in table.rows]
    if not spans or not all(_is_whole(one) for span in spans for one in span):
        return False
    return statistics.median(int(end) - int(start) for start, end in spans) >= _LEAST_LONG


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 12


def _read_span(
    document: Document, table: _Table, cells: Sequence[str], where: str
) -> tuple[float, float]:
    start = _read_time(document, table, cells, where, "start")
    if "duration" in table.columns and not {"end", "end_ms"} & table.columns.keys():
        return start, start + _read_time(document, table, cells, where, "duration")
    return start, _read_time(document, table, cells, where, "end")


def _read_time(
    document: Document, table: _Table, cells: Sequence[str], where: str, title: str
) -> float:
    name = title if title in table.columns else f"{title}_ms"
    text = table.get(cells, name)
    if match := _CLOCK.fullmatch(text):
        days, hours, minutes, seconds = (int(match[index] or 0) for index in range(1, 5))
        whole = ((days * _DAY + hours) * 60 + minutes) * 60 + seconds
        return float(f"{whole}.{match[5] or 0}")
    if text.count(",") == 1 and "." not in text:  # a decimal comma, between other separators
        text = text.replace(",", ".")
    number = parse_number(text)
    if number is not None and name.endswith("_ms"):
        number /= _MILLISECONDS
    return document.parse_seconds(text if number is None else number, where, title)


def _read_table(document: Document) -> _Table:
    """Table of a text with a header of columns that are known.

    Raises
    ------
    AnnotationError
        If it cannot be read as CSV, or a row is longer or shorter than the header.
    """
    first, separator = _find_separator(document.text)
    reader = _open_reader(document.text.split("\n")[first:], separator)
    rows: list[tuple[int, Sequence[str]]] = []
    header: list[str] = []
    try:
        for cells in reader:
            cells = [_unquote(cell.strip()) for cell in cells]
            line = reader.line_num + first
            if not any(cells):
                continue
            if not header:
                header = [_normalize(cell) for cell in cells]
                continue
            if len(cells) != len(header):
                raise document.refuse(
                    f"line {line}",
                    f"expected {len(header)} cells as in the header, found {len(cells)}. Quote "
                    "text that holds a separator.",
                )
            rows.append((line, cells))
    except csv.Error as error:
        raise document.refuse(
            f"line {reader.line_num + first}",
            f"not readable as CSV ({error}). Close every quote, and double a quote in a text.",
        ) from error
    columns: dict[str, int] = {}
    for index, title in enumerate(header):
        if (kind := _TITLE_OF.get(title)) is not None:
            columns.setdefault(kind, index)
        if kind is not None and title in header[:index]:
            raise document.refuse(
                f"line {first + 1}", f"the column {title!r} is there twice. Rename one."
            )
    return _Table(frozenset(header), columns, rows)


def _open_reader(lines: Sequence[str], separator: str) -> Any:
    """Rows of cells; between tabs a quotation mark is one, as Whisper writes it."""
    return csv.reader(
        (f"{line}\n" for line in lines),
        delimiter=separator,
        strict=True,
        skipinitialspace=True,
        quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL,
    )


def _unquote(cell: str) -> str:
    is_quoted = len(cell) > 1 and cell[0] == cell[-1] == '"'
    return cell[1:-1].replace('""', '"') if is_quoted else cell


def _normalize(title: str) -> str:
    return re.sub(r"[\s-]+", "_", title.strip().lower())


def _find_separator(text: str) -> tuple[int, str]:
    """Number of lines before the header, and the separator that finds most of its columns."""
    lines = [line for line in text[:_HEAD_CHARACTERS].split("\n") if line.strip()][:2]
    if lines and (match := _SEPARATOR_LINE.fullmatch(lines[0].strip())):  # as Excel writes it
        return text[: text.index(lines[0])].count("\n") + 1, match[1]
    header = lines[0] if lines else ""
    return 0, max(_SEPARATORS, key=lambda one: _count_titles(header, one))


def _count_titles(header: str, separator: str) -> int:
    return len({_TITLE_OF.get(title) for title in _split(header, separator)} - {None})


def _split(header: str, separator: str) -> list[str]:
    try:
        cells: list[str] = next(_open_reader([header], separator), [])
    except csv.Error:
        return []
    return [_normalize(_unquote(cell.strip())) for cell in cells]


def _list_titles(text: str) -> str:
    first, separator = _find_separator(text)
    header = next((line for line in text.split("\n")[first:] if line.strip()), "")
    return list_names([escape_control(one[:40]) for one in _split(header, separator)])


def _matches(text: str) -> bool:
    """True of a text whose first line names a start, and an end or a duration."""
    first, separator = _find_separator(text)
    header = next((one for one in text[:_HEAD_CHARACTERS].split("\n")[first:] if one.strip()), "")
    kinds = {_TITLE_OF.get(title) for title in _split(header, separator)}
    return bool(kinds & {"start", "start_ms"}) and bool(kinds & {"end", "end_ms", "duration"})


def _list_turns(document: Document) -> Iterator[Entry]:
    return _list_entries(document, "speaker")


def _list_sentences(document: Document) -> Iterator[Entry]:
    return _list_entries(document, "text")


TABLE = Format("CSV or TSV", _matches, _list_turns, _list_sentences)
