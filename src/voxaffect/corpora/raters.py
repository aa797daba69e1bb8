"""Tables in which several people rated the same recordings.

Either each rating is a row, with a column ``rater``, or each rater is a column, such as
``rater_anna``. Both become a row for each recording: the emotion that most raters chose, the share
of each emotion as ``p_angry`` and so on, and the mean of each dimension.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from voxaffect.corpora.ratings import PREFIX
from voxaffect.corpora.tables import Table, refuse_header
from voxaffect.corpora.vocabulary import find_emotion, normalize_label
from voxaffect.errors import CorpusError
from voxaffect.files import escape_control
from voxaffect.records.choices import DIMENSIONS
from voxaffect.records.values import format_count

_RATER_COLUMN = re.compile(r"(?:rater|annotator|coder)_?(?!id$|name$)(?P<name>.+)")

_RATER = re.compile(r"(?:rater|annotator|coder)(?:_id|_name)?|labell?er")
_NANS = ("nan",)


@dataclass(frozen=True)
class RatedPart:
    """Recording, or part of one, with the answers of its raters.

    Parameters
    ----------
    speaker : str or None
    emotions : mapping of str to str
        Rater to emotion.
    dimensions : mapping of str to mapping
        Name of a dimension to the value of each rater.
    """

    speaker: str | None = None
    emotions: dict[str, str] = field(default_factory=dict)
    dimensions: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class MergedTable:
    """Table with one row for each recording, and what its raters answered.

    Parameters
    ----------
    table : Table
    parts : tuple of RatedPart
        Empty if there are no two raters.
    notes : tuple of str
    """

    table: Table
    parts: tuple[RatedPart, ...] = ()
    notes: tuple[str, ...] = ()


def stack_raters(table: Table) -> Table:
    """Table with a row for each rating, of one with a column for each rater; others stay.

    Raises
    ------
    CorpusError
        If there is a column ``emotion``, too.
    """
    columns = {
        index: match["name"]
        for index, title in enumerate(table.header)
        if (match := _RATER_COLUMN.fullmatch(title))
    }
    if not columns:
        return table
    if (rater := next(filter(_RATER.fullmatch, table.header), None)) is not None:
        first = table.header[next(iter(columns))]
        raise refuse_header(
            table,
            f"the columns '{rater}' and '{first}' are two layouts of raters, a row for each rating "
            "and a column for each rater. Delete or rename the columns of one of them",
        )
    if "emotion" in table.header:
        first = table.header[next(iter(columns))]
        raise refuse_header(
            table,
            f"the columns 'emotion' and '{first}' could each be the label. Delete the column "
            "emotion, which the raters decide, or rename the columns of the raters",
        )
    kept = [index for index in range(len(table.header)) if index not in columns]
    rows = []
    for line, cells in table.rows:
        cells = [*cells, *[""] * (len(table.header) - len(cells))]
        others = [cells[index] for index in kept]
        ratings = [(cells[index], name) for index, name in columns.items() if cells[index]]
        rows += [(line, [*others, *rating]) for rating in ratings or [("", "")]]
    header = (*(table.header[index] for index in kept), "emotion", "rater")
    return replace(table, header=header, rows=tuple(rows))


def merge_raters(
    table: Table, indices: Mapping[str, int], units: Sequence[object], nothing: Iterable[str]
) -> MergedTable:
    """Table with one row for each recording, of one with a row for each rating.

    Parameters
    ----------
    table : Table
    indices : mapping of str to int
        Of our columns in the table, ``rater`` among them.
    units : sequence
        What each row is about; rows with equal ones are ratings of one recording.
    nothing : iterable of str
        Cells that mean that a value is missing.

    Raises
    ------
    CorpusError
        If a rater rated one recording twice, or nobody is named as the rater of a row.
    """
    raters = {_get(cells, indices["rater"]) for _, cells in table.rows} - {""}
    if len(raters) >= 2 or (raters and len(set(units)) < len(units)):
        _check_raters(table, indices)
    if len(raters) < 2:
        return MergedTable(table)
    merger = _Merger(table, indices, frozenset(nothing))
    for row, unit in zip(table.rows, units, strict=True):
        merger.add(*row, unit)
    return merger.merge(len(raters))


def _check_raters(table: Table, indices: Mapping[str, int]) -> None:
    """Refuse a row with an answer of nobody."""
    answers = [indices[name] for name in ("emotion", *DIMENSIONS) if name in indices]
    for line, cells in table.rows:
        if not _get(cells, indices["rater"]) and any(_get(cells, index) for index in answers):
            raise CorpusError(
                f"{table.name}, line {line}: the rater is missing. Name who rated, or delete the "
                "row."
            )


def _get(cells: Sequence[str], index: int | None) -> str:
    return cells[index] if index is not None and index < len(cells) else ""


class _Merger:
    """Rows of a table, gathered by recording."""

    def __init__(self, table: Table, indices: Mapping[str, int], nothing: frozenset[str]) -> None:
        self._table, self._indices, self._nothing = table, indices, nothing
        self._parts: dict[object, RatedPart] = {}
        self._rows: dict[object, tuple[int, list[str]]] = {}
        self._lines: dict[tuple[object, str], int] = {}
        self._dimensions = {name: indices[name] for name in DIMENSIONS if name in indices}

    def add(self, line: int, cells: list[str], unit: object) -> None:
        """Take in one rating."""
        self._check_nan(line, cells)
        rater = _get(cells, self._indices["rater"])
        if (first := self._lines.setdefault((unit, rater), line)) != line:
            raise CorpusError(
                f"{self._table.name}, line {line}: {escape_control(rater)} has rated this on line "
                f"{first} already. Keep one of them, or name the raters apart."
            )
        self._rows.setdefault(unit, (line, cells))
        speaker = _get(cells, self._indices.get("speaker")) or None
        part = self._parts.setdefault(unit, RatedPart(speaker))
        word = _get(cells, self._indices.get("emotion"))
        if word.lower() not in self._nothing:
            part.emotions[rater] = find_emotion(word) or normalize_label(word)
        for name, index in self._dimensions.items():
            if (text := _get(cells, index)).lower() not in self._nothing:
                value = self._parse(text, name, line)
                part.dimensions.setdefault(name, {})[rater] = value

    def _check_nan(self, line: int, cells: list[str]) -> None:
        for name in ("rater", "emotion", *self._dimensions):
            if (text := _get(cells, self._indices.get(name))).lower() in _NANS:
                remedy = "Leave the cell empty where a person has not rated"
                remedy = "Name the rater" if name == "rater" else remedy
                raise CorpusError(f"{self._table.name}, line {line}: {name} is {text!r}. {remedy}.")

    def _parse(self, text: str, name: str, line: int) -> float:
        try:
            return float(text.replace(",", "."))
        except ValueError:
            raise CorpusError(
                f"{self._table.name}, line {line}: {name} is {escape_control(text)!r}, expected "
                "a number."
            ) from None

    def merge(self, raters: int) -> MergedTable:
        """Return the table with a row for each recording."""
        totals = Counter(word for part in self._parts.values() for word in part.emotions.values())
        emotions, ties, rows = sorted(totals), 0, []
        for unit, part in self._parts.items():
            line, cells = self._rows[unit]
            cells = [*cells, *[""] * (len(self._table.header) - len(cells))]
            votes = Counter(part.emotions.values())
            if "emotion" in self._indices:
                cells[self._indices["emotion"]] = choose_majority(votes, totals)
            ties += is_tied(votes)
            for name, index in self._dimensions.items():
                values = part.dimensions.get(name, {}).values()
                cells[index] = repr(sum(values) / len(values)) if values else ""
            shares = [repr(votes[emotion] / (votes.total() or 1)) for emotion in emotions]
            rows.append((line, [*cells, *(shares if votes else [""] * len(emotions))]))
        header = (
            *self._table.header,
            *(PREFIX + emotion.replace(" ", "_") for emotion in emotions),
        )
        noun = "part" if "start" in self._indices else "recording"
        count = format_count(len(rows), noun)
        merged = "the emotion is that of most raters" if emotions else "dimensions are their means"
        note = f"raters: {raters}, of {count}; {merged}"
        if ties:
            note += (
                f" ({format_count(ties, 'tie')}: the emotion that is more frequent in the table)"
            )
        table = replace(self._table, header=header, rows=tuple(rows))
        return MergedTable(table, tuple(self._parts.values()), (note,))


def choose_majority(votes: Mapping[str, int], totals: Mapping[str, int]) -> str:
    """Emotion with most votes; of several the more frequent in all, then the first by name.

    Examples
    --------
    >>> choose_majority({"sad": 1, "angry": 1, "calm": 0}, {"sad": 7, "angry": 5, "calm": 9})
    'sad'
    """
    return min(votes, key=lambda word: (-votes[word], -totals[word], word), default="")


def is_tied(votes: Mapping[str, int]) -> bool:
    """True if two emotions have most votes."""
    counts = sorted(votes.values())
    return len(counts) > 1 and counts[-1] == counts[-2]
