"""Predictions of any systems, read from a table and joined to the utterances that folds test."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance, find_emotion, map_labels
from voxaffect.corpora.labels import KEEP, check_labels
from voxaffect.corpora.own_table import COLUMNS, NANS, NOTHING, advise_empty, parse_seconds
from voxaffect.corpora.tables import (
    Table,
    find_columns,
    list_header,
    normalize_column,
    refuse_header,
)
from voxaffect.corpora.vocabulary import SHORT_CODES
from voxaffect.errors import CorpusError, EvaluationError
from voxaffect.evaluation.prediction_folds import FoldTests
from voxaffect.evaluation.prediction_joining import UtteranceIndex
from voxaffect.evaluation.prediction_tables import (
    EMOTION_COLUMNS,
    load_predictions,
    refuse_rivals,
)
from voxaffect.files import escape_control, list_names
from voxaffect.records.choices import DIMENSIONS
from voxaffect.records.tables import PREFIX
from voxaffect.training import match_emotion

_NAMES = {
    "path": (*COLUMNS["path"], "source", "utterance"),
    "emotion": EMOTION_COLUMNS,
    "start": COLUMNS["start"],
    "end": COLUMNS["end"],
    "fold": ("fold",),
    "system": ("system",),
}
_OPTION = "prediction-columns"
_EMPTY = {*NOTHING} - NANS
_PREFIXES = (PREFIX, "prob_", "probability_")
_LEAST_BARE = 2
"""Columns that are called as emotions are: fewer may be anything else."""
SUM_TOLERANCE = 0.02
"""Of a row of probabilities, which others write with two decimals."""
_ROUNDING = 1e-5
"""Of a sum of probabilities in single precision or with six decimals: they stay as they are."""
_TIE = 1e-6
_SHOWN = 20
_log = logging.getLogger("voxaffect")
_Row = tuple[str | None, NDArray[np.float64] | None]
Key = tuple[str, Utterance]
"""Name of the fold that tests an utterance, and the utterance."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a system.

    Parameters
    ----------
    name : str
        Of the file, with that of the system if the file holds several.
    emotions : tuple of str
        Of the probabilities, in their order; empty where the system only answers.
    answers : mapping of (str, Utterance) to str
        By fold and utterance.
    probabilities : mapping of (str, Utterance) to ndarray, shape (emotions,)
        Empty where the system only answers.
    dimensions : mapping of (str, Utterance) to ndarray, shape (3,)
        A number for each of ``DIMENSIONS``, NaN where there is none; empty without any.
    names_folds : bool
        Whether each row names its fold.
    gives_emotions : bool
        False if it gives dimensions alone. The answers are then empty.
    source : str
        Columns of the table that the predictions were read from.
    """

    name: str
    emotions: tuple[str, ...]
    answers: Mapping[Key, str]
    probabilities: Mapping[Key, NDArray[np.float64]]
    dimensions: Mapping[Key, NDArray[np.float64]]
    names_folds: bool
    gives_emotions: bool
    source: str

    @cached_property
    def kind(self) -> Literal["probabilities", "answers", "dimensions"]:
        """Kind of the predictions; probabilities that are 1 for every answer are answers."""
        if not self.gives_emotions:
            return "dimensions"
        is_bare = all(row.max() >= 1 for row in self.probabilities.values())
        return "answers" if is_bare else "probabilities"

    def make_matrix(self, keys: Sequence[Key], emotions: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of tested utterances; of bare answers, 1 for the answer.

        A system of dimensions alone has equal ones, which nobody reads.
        """
        if not self.gives_emotions:
            return np.full((len(keys), len(emotions)), 1 / len(emotions))
        if self.emotions:
            return np.array([self.probabilities[key] for key in keys])
        columns = [emotions.index(self.answers[key]) for key in keys]
        return np.asarray(np.eye(len(emotions))[columns])

    def make_dimensions(self, keys: Sequence[Key]) -> NDArray[np.float64] | None:
        """Dimensions of tested utterances, a column each; None if the system gives none."""
        return np.array([self.dimensions[key] for key in keys]) if self.dimensions else None


def read_predictions(
    path: Path,
    index: UtteranceIndex,
    tests: FoldTests,
    *,
    labels: Mapping[str, str] | str | None = None,
    columns: Mapping[str, str] | None = None,
) -> tuple[Predictions, ...]:
    """Predictions of each system of a table. Rows that no fold tests are passed over.

    Parameters
    ----------
    path : Path
    index : UtteranceIndex
    tests : FoldTests
    labels : mapping of str to str, or "none", optional
        As for the corpora.
    columns : mapping of str to str, optional
        The table's name for ``path``, ``emotion``, ``start``, ``end``, ``fold`` or ``system``.

    Raises
    ------
    CorpusError, EvaluationError
        If it is no such table, no row names a recording of the data, or rows are at fault.
    """
    titles = {column: normalize_column(title) for column, title in (columns or {}).items()}
    if unknown := sorted(titles.keys() - _NAMES):
        raise CorpusError(
            f"{_OPTION}: no column {unknown[0]!r} to read; there are: {', '.join(_NAMES)}."
        )
    names = {name for names in _NAMES.values() for name in names} | set(titles.values())
    table = load_predictions(path, columns=names)
    indices = find_columns(table, _NAMES, titles, clear=_NAMES, option=_OPTION)
    if "emotion" in indices and "emotion" not in titles:
        refuse_rivals(
            table,
            indices["emotion"],
            lambda word: bool(find_emotion(word) or match_emotion(word, index.utterances)),
        )
    return tuple(
        _read_system(path.name + name, part, indices, index, tests, labels)
        for name, part in _split_systems(table, indices.get("system"))
    )


def _split_systems(table: Table, column: int | None) -> Iterator[tuple[str, Table]]:
    """Rows of each system that a table names, and what is added to the name of the file."""
    names = [
        cells[column] if column is not None and column < len(cells) else ""
        for _, cells in table.rows
    ]
    if len(set(names)) < 2:
        yield "", table
        return
    for name in dict.fromkeys(names):
        rows = tuple(row for row, own in zip(table.rows, names, strict=True) if own == name)
        yield f", {name}", replace(table, rows=rows)


def _read_system(
    name: str,
    table: Table,
    indices: Mapping[str, int],
    index: UtteranceIndex,
    tests: FoldTests,
    labels: Mapping[str, str] | str | None,
) -> Predictions:
    reader = _Reader(table, indices, index, tests, labels)
    _check_columns(table, indices, {**reader.columns, **reader.dimensions})
    answers, probabilities = reader.read()
    if reader.faults:
        raise _refuse_rows(table.name, reader.faults)
    if not answers and not reader.empty and not reader.untested:
        raise _refuse_names(table, indices["path"], index)
    if reader.unmatched:
        first = escape_control(reader.unmatched[0])
        _log.info(
            "%s: %s rows are of recordings that the data do not have, such as %s",
            table.name,
            f"{len(reader.unmatched):,}",
            first,
        )
    return Predictions(
        name,
        reader.emotions,
        answers,
        probabilities,
        reader.values,
        "fold" in indices,
        reader.gives_emotions,
        _name_columns(table, indices.get("emotion"), [*reader.columns, *reader.dimensions]),
    )


def _name_columns(table: Table, answers: int | None, others: Sequence[int]) -> str:
    """Columns that predictions are read from, and which of them holds the answers."""
    names = [escape_control(table.header[number]) for number in others]
    parts = [] if answers is None else [f"answers of the column {table.header[answers]!r}"]
    return " and ".join(parts + ([f"numbers of {list_names(names)}"] if names else []))


def _check_columns(table: Table, indices: Mapping[str, int], columns: Mapping[int, str]) -> None:
    missing = [column for column in ("path", "emotion") if column not in indices]
    if columns and missing == ["emotion"]:
        return  # the most probable one, or none
    if missing:
        remedy = ",".join(f"{column}=NAME" for column in missing)
        raise refuse_header(
            table,
            f"no column '{missing[0]}', found {list_header(table)}. Rename one, or say which it is "
            f"with --{_OPTION} {remedy} (in Python {_OPTION.replace('-', '_')}=)",
        )


def _refuse_rows(name: str, faults: Sequence[str]) -> EvaluationError:
    if len(faults) == 1:
        return EvaluationError(f"{name}, {faults[0]}.")
    more = f"; and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
    by_sentence: dict[str, list[str]] = {}
    for fault in faults[:_SHOWN]:
        row, mark, sentence = re.split(r"(, |\. )(?=expected |[A-Z])|$", fault, maxsplit=1)
        by_sentence.setdefault(sentence if mark else "", []).append(row)
    parts = [
        f"{sentence} ({'; '.join(rows)})" if sentence else "; ".join(rows)
        for sentence, rows in by_sentence.items()
    ]
    return EvaluationError(f"{name}: {len(faults):,} faults: {'; '.join(parts)}{more}.")


def _refuse_names(table: Table, column: int, index: UtteranceIndex) -> EvaluationError:
    if not table.rows:
        return EvaluationError(f"{table.name}: holds no prediction, only the names of the columns.")
    first = next((cells[column] for _, cells in table.rows if column < len(cells)), "")
    known = escape_control(str(index.utterances[0].path))
    return EvaluationError(
        f"{table.name}: none of its {len(table.rows):,} rows names a recording of the data: "
        f"expected paths or file names such as {known}, found {escape_control(first)!r}. Name the "
        f"column of the paths with --{_OPTION} path=NAME, or evaluate on the data that were "
        "predicted."
    )


class _Reader:
    """Reader of rows that collects their faults.

    ``columns`` are the columns of probabilities with their words, and ``emotions`` what these mean,
    each once. ``unmatched`` are names that the data do not have; ``empty`` counts the rows of the
    data without an answer, and ``untested`` those that no fold tests. ``dimensions`` are the
    columns of dimensions, and ``values`` what they hold.
    """

    def __init__(
        self,
        table: Table,
        indices: Mapping[str, int],
        index: UtteranceIndex,
        tests: FoldTests,
        labels: Mapping[str, str] | str | None,
    ) -> None:
        self._table, self._indices, self._index, self._labels = table, indices, index, labels
        self._tests = tests
        self.faults: list[str] = []
        self.unmatched: list[str] = []
        self.empty = self.untested = 0
        self._number = 0
        self.values: dict[Key, NDArray[np.float64]] = {}
        self.dimensions = {table.header.index(d): d for d in DIMENSIONS if d in table.header}
        self.columns = self._find_probabilities()
        words = {self._get(cells, "emotion") for _, cells in table.rows} - {None}
        self._targets = map_labels([*map(str, words), *self.columns.values()], labels)
        self._meanings = {word: self._find_meaning(word) for word in self._targets}
        for word in self.columns.values():
            if self._meanings[word] is None:  # an emotion that only the system knows
                check_labels([self._targets[word]], labels)
                self._meanings[word] = self._targets[word]
        self.gives_emotions = bool(self.columns or words or not self.dimensions)
        own = [str(self._meanings[word]) for word in self.columns.values()]
        self.emotions = tuple(dict.fromkeys(own))
        self._sums = np.array([[one == name for name in self.emotions] for one in own], dtype=float)

    def read(self) -> tuple[dict[Key, str], dict[Key, NDArray[np.float64]]]:
        """Answers, and probabilities if there are any, by fold and utterance; faults are kept."""
        answers: dict[Key, str] = {}
        probabilities: dict[Key, NDArray[np.float64]] = {}
        lines: dict[Key, int] = {}
        for number, cells in self._table.rows:
            self._number = number
            key = self._find_key(cells)
            if key is None:
                continue
            if (first := lines.setdefault(key, number)) != number:
                self._add_fault(self._describe_twin(key, first))
                continue
            answer, row = self._read_row(cells)
            values = self._read_dimensions(cells)
            if not self.gives_emotions and not np.isnan(values).all():
                answer = ""
            if answer is None:
                self.empty += 1
                continue
            if self.dimensions:
                self.values[key] = values
            answers[key] = answer
            if row is not None:
                probabilities[key] = row
        return answers, probabilities

    def _read_dimensions(self, cells: Sequence[str]) -> NDArray[np.float64]:
        """Number for each dimension; NaN where there is none, or it has a fault."""
        values = np.full(len(DIMENSIONS), np.nan)
        for number, name in self.dimensions.items():
            text = cells[number] if number < len(cells) else ""
            if text.lower() in _EMPTY:
                continue
            value = _parse_number(text)
            if value is None or not 0 <= value <= 1:
                self._add_fault(
                    f"{name} is {escape_control(text)!r}, expected a number from 0 to 1"
                    + (
                        advise_empty(text)
                        or ". Convert a scale from 1 to 7 yourself before, by (x - 1) / 6"
                    )
                )
                continue
            values[DIMENSIONS.index(name)] = value
        return values

    def _find_key(self, cells: Sequence[str]) -> Key | None:
        """Fold and utterance of a row; None if no fold tests it, or it has a fault."""
        utterance = self._find_utterance(cells)
        if utterance is None:
            return None
        fold, fault = self._tests.find(utterance, self._get(cells, "fold"))
        if fault:
            self._add_fault(fault)
        self.untested += fold is None
        return None if fold is None else (fold, utterance)

    def _describe_twin(self, key: Key, first: int) -> str:
        """Fault of a row whose recording has a prediction already."""
        name = escape_control(str(key[1].path))
        remedy = self._tests.explain_twins(has_folds="fold" in self._indices)
        return f"{name} has a prediction in {self._row_word} {first} already{remedy}"

    @property
    def _row_word(self) -> str:
        return "line" if self._table.separator else "entry"

    def _add_fault(self, fault: str) -> None:
        self.faults.append(f"{self._row_word} {self._number}: {fault}")

    def _get(self, cells: Sequence[str], column: str) -> str | None:
        """Cell of a column; None if it is empty."""
        index = self._indices.get(column, len(cells))
        text = cells[index] if index < len(cells) else ""
        return None if text.lower() in _EMPTY else text

    def _find_probabilities(self) -> dict[int, str]:
        """Words of the columns of probabilities."""
        filled = {
            number
            for _, cells in self._table.rows
            for number, cell in enumerate(cells)
            if cell.lower() not in _EMPTY
        }
        rest = [
            (number, title)
            for number, title in enumerate(self._table.header)
            if number not in {*self._indices.values(), *self.dimensions} and number in filled
        ]
        for prefix in _PREFIXES:
            if columns := {n: t.removeprefix(prefix) for n, t in rest if t.startswith(prefix)}:
                return {number: word.replace("_", " ") for number, word in columns.items()}
        bare = {number: title.replace("_", " ") for number, title in rest}
        bare = {number: word for number, word in bare.items() if self._is_emotion(word)}
        return bare if len(bare) >= _LEAST_BARE else {}

    def _is_emotion(self, word: str) -> bool:
        if word in SHORT_CODES:
            return False
        return bool(find_emotion(word) or match_emotion(word, self._index.utterances))

    def _find_meaning(self, word: str) -> str | None:
        """Emotion that a word of the table means; None if unknown."""
        target = self._targets[word]
        if (known := match_emotion(target, self._index.utterances)) is not None:
            return known
        return None if self._labels == KEEP else find_emotion(target)

    def _find_utterance(self, cells: Sequence[str]) -> Utterance | None:
        name = self._get(cells, "path")
        if name is None:
            self._add_fault("the path is empty")
            return None
        times: dict[str, float | None] = {}
        for column in ("start", "end"):
            text = self._get(cells, column)
            times[column] = None if text is None else parse_seconds(text)
            if text is not None and times[column] is None:
                self._add_fault(
                    f"{column} is '{text}', expected seconds or hh:mm:ss{advise_empty(text)}"
                )
                return None
        match = self._index.find(name, times["start"], times["end"])
        if isinstance(match, str):
            self._add_fault(match)
            return None
        if match is None:
            self.unmatched.append(name)
        return match

    def _read_row(self, cells: Sequence[str]) -> _Row:
        """Answer and probabilities of a row; no answer where it has none, or has a fault."""
        word = self._get(cells, "emotion")
        if not self.columns:
            return (None if word is None else self._read_answer(word)), None
        texts = [cells[number] if number < len(cells) else "" for number in self.columns]
        if word is None and all(text.lower() in _EMPTY for text in texts):
            return None, None  # such as a recording without speech
        row = self._parse_probabilities(texts)
        if row is None:
            return None, None
        best = np.flatnonzero(row >= row.max() - _TIE)
        means = [self._meanings[one] for one in self.columns.values()]
        merged = row @ self._sums
        if word is None:
            return self.emotions[int(merged.argmax())], merged
        answer = self._read_answer(word)
        if answer is None:
            return None, None
        if answer not in [means[number] for number in best]:
            self._add_fault(
                f"the emotion is '{answer}', and its most probable is '{means[int(best[0])]}'. "
                "Leave out the one that is wrong"
            )
            return None, None
        own = self.emotions.index(answer)
        if merged.argmax() != own and merged[own] >= merged.max() - _TIE:  # of equal ones
            merged[own] = np.nextafter(merged.max(), 2)
        return answer, merged

    def _read_answer(self, word: str) -> str | None:
        meaning = self._meanings[word]
        known = self.emotions or self._data_emotions
        if meaning is None or (self.emotions and meaning not in self.emotions):
            self._add_fault(
                f"the emotion is {escape_control(word)!r}, expected one of {', '.join(known)}"
                + (advise_empty(word) or ". Rename it in the table")
            )
            return None
        return meaning

    @cached_property
    def _data_emotions(self) -> Collection[str]:
        return sorted({utterance.emotion for utterance in self._index.utterances})

    def _parse_probabilities(self, texts: Iterable[str]) -> NDArray[np.float64] | None:
        """Probabilities with a sum of 1, or None and a fault."""
        values = []
        for text, number in zip(texts, self.columns, strict=True):
            value = _parse_number(text)
            if value is None or not 0 <= value <= 1:
                column = self._table.header[number]
                self._add_fault(
                    f"{column} is {escape_control(text)!r}, expected a probability from 0 to 1"
                )
                return None
            values.append(value)
        total = math.fsum(values)
        if abs(total - 1) > SUM_TOLERANCE:
            self._add_fault(
                f"the probabilities have the sum {total:.4g}, expected 1. Apply a softmax to "
                "scores, or delete these columns to evaluate the answers alone"
            )
            return None
        return np.array(values) / (total if abs(total - 1) > _ROUNDING else 1)


def _parse_number(text: str) -> float | None:
    """Finite number, with a decimal point or comma; None if it is none."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
