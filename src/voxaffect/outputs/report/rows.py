"""An evaluation as a table: the prediction of every tested utterance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from voxaffect.outputs.formats.csv import write_rows
from voxaffect.outputs.report.documents import Document
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
    """
    table = tabulate_evaluation(document)
    return write_rows([*table.kinds], table.rows)


def tabulate_evaluation(document: Document) -> Table:
    """Table with a row for every tested utterance of every system and fold."""
    evaluations = {
        name: system["evaluations"][document["protocol"]]
        for name, system in document["systems"].items()
    }
    emotions = list(
        dict.fromkeys(emotion for one in evaluations.values() for emotion in one["emotions"])
    )
    rows = [
        row
        for name, evaluation in evaluations.items()
        for row in _rows(document, name, evaluation, emotions)
    ]
    return Table({**_COLUMNS, **name_columns(emotions)}, rows)


def _rows(
    document: Document, system: str, evaluation: Any, emotions: list[str]
) -> Iterator[list[Any]]:
    """Rows of one system, fold by fold, in the order in which its folds tested."""
    own, probabilities = evaluation["emotions"], iter(evaluation["probabilities"])
    tested = iter(evaluation["tested"])
    for fold in evaluation["folds"]:
        for index, row in zip([next(tested) for _ in fold["test"]], probabilities, strict=False):
            utterance = document["utterances"][index]
            known = dict(zip(own, row, strict=True))
            predicted = max(known, key=known.__getitem__)
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
                known[predicted],
                *(known.get(emotion) for emotion in emotions),
            ]
