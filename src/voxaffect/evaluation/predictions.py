"""Predictions of any system, read from a table and joined to the utterances of corpora."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance, find_emotion, map_labels
from voxaffect.corpora.labels import KEEP, check_labels
from voxaffect.corpora.own_table import COLUMNS, NOTHING, parse_seconds
from voxaffect.corpora.tables import (
    Table,
    find_columns,
    list_header,
    normalize_column,
    refuse_header,
)
from voxaffect.corpora.vocabulary import SHORT_CODES
from voxaffect.errors import CorpusError, EvaluationError
from voxaffect.evaluation.prediction_joining import UtteranceIndex
from voxaffect.evaluation.prediction_tables import load_predictions
from voxaffect.files import escape_control
from voxaffect.records.tables import PREFIX
from voxaffect.training import match_emotion

_ANSWERS = ("emotion", "predicted", "prediction", "predicted_emotion", "pred", "answer")
_NAMES = {
    "path": (*COLUMNS["path"], "source", "utterance"),
    "emotion": (*_ANSWERS, "hypothesis", *COLUMNS["emotion"][1:]),
    "start": COLUMNS["start"],
    "end": COLUMNS["end"],
}
_OPTION = "prediction-columns"
_PREFIXES = (PREFIX, "prob_", "probability_")
_LEAST_BARE = 2
"""Columns that are called as emotions are: fewer may be anything else."""
SUM_TOLERANCE = 0.02
"""Of a row of probabilities, which others write with two decimals."""
_TIE = 1e-6
_SHOWN = 20
_log = logging.getLogger("voxaffect")
_Row = tuple[str | None, NDArray[np.float64] | None]


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of a system.

    Parameters
    ----------
    name : str
        Of the file.
    emotions : tuple of str
        Of the probabilities, in their order; empty where the system only answers.
    answers : mapping of Utterance to str
    probabilities : mapping of Utterance to ndarray, shape (emotions,)
        Empty where the system only answers.
    """

    name: str
    emotions: tuple[str, ...]
    answers: Mapping[Utterance, str]
    probabilities: Mapping[Utterance, NDArray[np.float64]]

    def make_matrix(
        self, utterances: Sequence[Utterance], emotions: Sequence[str]
    ) -> NDArray[np.float64]:
        """Probabilities of utterances; of bare answers, 1 for the answer."""
        if self.emotions:
            return np.array([self.probabilities[utterance] for utterance in utterances])
        columns = [emotions.index(self.answers[utterance]) for utterance in utterances]
        return np.asarray(np.eye(len(emotions))[columns])


def read_predictions(
    path: Path,
    index: UtteranceIndex,
    *,
    labels: Mapping[str, str] | str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Predictions:
    """Predictions of a table. Rows of recordings that are not among the data are passed over.

    Parameters
    ----------
    path : Path
    index : UtteranceIndex
    labels : mapping of str to str, or "none", optional
        As for the corpora.
    columns : mapping of str to str, optional
        The table's name for ``path``, ``emotion``, ``start`` or ``end``.

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
    reader = _Reader(table, indices, index, labels)
    _check_columns(table, indices, reader.columns)
    answers, probabilities = reader.read()
    if reader.faults:
        raise _refuse_rows(table.name, reader.faults)
    if not answers and not reader.empty:
        raise _refuse_names(table, indices["path"], index)
    if reader.unmatched:
        first = escape_control(reader.unmatched[0])
        _log.info(
            "%s: %s rows are of recordings that the data do not have, such as %s",
            table.name,
            f"{len(reader.unmatched):,}",
            first,
        )
    return Predictions(path.name, reader.emotions, answers, probabilities)


def _check_columns(table: Table, indices: Mapping[str, int], columns: Mapping[int, str]) -> None:
    missing = [column for column in ("path", "emotion") if column not in indices]
    if columns and missing == ["emotion"]:
        return  # the most probable one
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
    return EvaluationError(f"{name}: {len(faults):,} faults: {'; '.join(faults[:_SHOWN])}{more}.")


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
    data without an answer.
    """

    def __init__(
        self,
        table: Table,
        indices: Mapping[str, int],
        index: UtteranceIndex,
        labels: Mapping[str, str] | str | None,
    ) -> None:
        self._table, self._indices, self._index, self._labels = table, indices, index, labels
        self.faults: list[str] = []
        self.unmatched: list[str] = []
        self.empty = 0
        self._number = 0
        self.columns = self._find_probabilities()
        words = {self._get(cells, "emotion") for _, cells in table.rows} - {None}
        self._targets = map_labels([*map(str, words), *self.columns.values()], labels)
        self._meanings = {word: self._find_meaning(word) for word in self._targets}
        for word in self.columns.values():
            if self._meanings[word] is None:  # an emotion that only the system knows
                check_labels([self._targets[word]], labels)
                self._meanings[word] = self._targets[word]
        own = [str(self._meanings[word]) for word in self.columns.values()]
        self.emotions = tuple(dict.fromkeys(own))
        self._sums = np.array([[one == name for name in self.emotions] for one in own], dtype=float)

    def read(self) -> tuple[dict[Utterance, str], dict[Utterance, NDArray[np.float64]]]:
        """Answers, and probabilities if there are any, by utterance; faults are kept."""
        answers: dict[Utterance, str] = {}
        probabilities: dict[Utterance, NDArray[np.float64]] = {}
        lines: dict[Utterance, int] = {}
        for number, cells in self._table.rows:
            self._number = number
            utterance = self._find_utterance(cells)
            if utterance is None:
                continue
            if (first := lines.setdefault(utterance, self._number)) != self._number:
                name = escape_control(str(utterance.path))
                self._add_fault(f"{name} has a prediction in {self._row_word} {first} already")
                continue
            answer, row = self._read_row(cells)
            if answer is None:
                self.empty += 1
                continue
            answers[utterance] = answer
            if row is not None:
                probabilities[utterance] = row
        return answers, probabilities

    @property
    def _row_word(self) -> str:
        return "line" if self._table.separator else "entry"

    def _add_fault(self, fault: str) -> None:
        self.faults.append(f"{self._row_word} {self._number}: {fault}")

    def _get(self, cells: Sequence[str], column: str) -> str | None:
        """Cell of a column; None if it is empty."""
        index = self._indices.get(column, len(cells))
        text = cells[index] if index < len(cells) else ""
        return None if text.lower() in NOTHING else text

    def _find_probabilities(self) -> dict[int, str]:
        """Words of the columns of probabilities."""
        rest = [
            (number, title)
            for number, title in enumerate(self._table.header)
            if number not in self._indices.values()
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
                self._add_fault(f"{column} is '{text}', expected seconds or hh:mm:ss")
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
        if word is None and all(text.lower() in NOTHING for text in texts):
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
        if merged[own] >= merged.max() - _TIE:  # of equal ones, the answer is the first
            merged[own] = np.nextafter(merged.max(), 2)
        return answer, merged

    def _read_answer(self, word: str) -> str | None:
        meaning = self._meanings[word]
        known = self.emotions or self._data_emotions
        if meaning is None or (self.emotions and meaning not in self.emotions):
            self._add_fault(
                f"the emotion is {escape_control(word)!r}, expected one of {', '.join(known)}. "
                "Rename it in the table"
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
        return np.array(values) / total


def _parse_number(text: str) -> float | None:
    """Finite number, with a decimal point or comma; None if it is none."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
