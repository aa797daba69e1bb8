"""An evaluation as a table: the prediction of every tested utterance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voxaffect.outputs.formats.csv import write_rows
from voxaffect.outputs.report.documents import Document
from voxaffect.records.choices import DIMENSIONS
from voxaffect.records.tables import Table, name_columns

_COLUMNS = {
    "utterance": "string",
    "start_seconds": "float64",
    "end_seconds": "float64",
    "corpus": "string",
    "speaker": "string",
    "system": "string",
    "protocol": "string",
    "fold": "string",
    "seed": "int64",
    "expected": "string",
    "predicted": "string",
    "confidence": "float64",
}


def to_csv(document: Document) -> str:
    """Comma-separated values: a row for every tested utterance of every system and fold.

    Parameters
    ----------
    document : mapping
        As `document` makes it. The reference protocol is left out.

    Returns
    -------
    str
        The columns ``utterance`` (its path), ``start_seconds`` and ``end_seconds`` (of a part of a
        recording), ``corpus``, ``speaker``, ``system``, ``protocol``, ``fold``, ``seed``,
        ``expected`` and ``predicted`` emotion, ``confidence`` (probability of the predicted
        one), and ``p_…`` of each emotion: probabilities in most systems, as ``score_kind`` says.
        The columns ``arousal``, ``valence`` and ``dominance`` are there if a system gives one.
    """
    table = tabulate_evaluation(document)
    return write_rows([*table.kinds], table.rows)


def tabulate_evaluation(document: Document) -> Table:
    """Table with a row for every tested utterance of every system and fold."""
    evaluations = {
        name: system["evaluations"][document["protocol"]]
        for name, system in document["systems"].items()
    }
    ranked = [one for one in evaluations.values() if one["score_kind"] != "dimensions"]
    emotions = list(dict.fromkeys(emotion for one in ranked for emotion in one["emotions"]))
    values = [row for one in evaluations.values() for row in one.get("dimension_values") or ()]
    dimensions = [
        name for k, name in enumerate(DIMENSIONS) if any(row[k] is not None for row in values)
    ]
    rows = [
        row
        for name, evaluation in evaluations.items()
        for row in _rows(document, name, evaluation, (emotions, dimensions))
    ]
    kinds = {**_COLUMNS, **name_columns(emotions), **dict.fromkeys(dimensions, "float64")}
    return Table(kinds, rows)


def _rows(
    document: Document, system: str, evaluation: Any, columns: tuple[list[str], list[str]]
) -> Iterator[list[Any]]:
    """Rows of one system, fold by fold, in the order in which its folds tested."""
    own, (emotions, dimensions) = evaluation["emotions"], columns
    tested = evaluation["tested"]
    probabilities = iter(evaluation["probabilities"] or [()] * len(tested))
    values = iter(evaluation.get("dimension_values") or [(None,) * len(DIMENSIONS)] * len(tested))
    remaining = iter(tested)
    for fold in evaluation["folds"]:
        for index in [next(remaining) for _ in fold["test"]]:
            utterance, row = document["utterances"][index], next(probabilities)
            known = dict(zip(own, row, strict=True)) if row else {}
            predicted = max(known, key=known.__getitem__, default=None)
            rated = dict(zip(DIMENSIONS, next(values), strict=True))
            yield [
                utterance["path"],
                utterance.get("start_seconds"),
                utterance.get("end_seconds"),
                utterance["corpus"],
                utterance["speaker"],
                system,
                evaluation["protocol"],
                fold["name"],
                fold["seed"],
                utterance["emotion"],
                predicted,
                None if predicted is None else known[predicted],
                *(known.get(emotion) for emotion in emotions),
                *(rated[name] for name in dimensions),
            ]
