"""Two evaluations, compared on the same folds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import EvaluationError
from voxaffect.evaluation.intervals import compare_uar
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.files import escape_control
from voxaffect.outputs.report.documents import Document
from voxaffect.records.codec import round_numbers

_Answers = dict[str, tuple[str, str, str, str]]
"""True emotion, recognized emotion, speaker and fold, by fold and recording."""


def compare(one: Document, other: Document, names: tuple[str, str]) -> Document:
    """Compare a system of one evaluation with one of another, on the same folds.

    Parameters
    ----------
    one, other : dict
        As `document` makes them. Their protocols may have different names, such as where one
        read its folds from a file, if their folds hold the same.
    names : tuple of str
        The system of each.

    Returns
    -------
    dict
        ``protocol``, ``utterances``, ``speakers`` (None if one is unknown, and utterances are
        drawn instead), the UAR of each, ``a`` and ``b``, the mean over
        the folds, and ``difference``, ``interval`` and ``p``.

    Raises
    ------
    EvaluationError
        If there is no such system, the folds differ, or a document is damaged.
    """
    first, second = (
        _read_answers(document, name, where)
        for document, name, where in zip((one, other), names, ("first", "second"), strict=True)
    )
    if first.keys() != second.keys():
        raise EvaluationError(
            f"the folds differ ({one['protocol']} and {other['protocol']}, {len(first)} and "
            f"{len(second)} tested utterances): {_explain_difference(one, other)}. Systems are "
            "compared on the same folds: evaluate both with one protocol, one seed and the same "
            "data, or with one split file."
        )
    rows = [(*first[key], second[key][1]) for key in first]
    truth, first_answers, speakers, folds, second_answers = map(np.array, zip(*rows, strict=True))
    is_known = all(u.get("speaker") for u in one["utterances"])
    numbers = np.unique(folds, return_inverse=True)[1].ravel()
    difference = compare_uar(truth, first_answers, second_answers, speakers.tolist(), numbers)
    plain: Document = round_numbers(
        {
            "protocol": one["protocol"],
            "utterances": len(truth),
            "speakers": len(np.unique(speakers)) if is_known else None,
            "a": _average(truth, first_answers, numbers),
            "b": _average(truth, second_answers, numbers),
            **asdict(difference),
        }
    )
    return plain


def _average(truth: NDArray[Any], answers: NDArray[Any], folds: NDArray[np.intp]) -> float:
    """UAR, the mean over the folds."""
    masks = [folds == number for number in np.unique(folds)]
    return float(np.mean([compute_uar(truth[mask], answers[mask]) for mask in masks]))


def _explain_difference(one: Document, other: Document) -> str:
    """Name the most important difference between the data of two evaluations."""
    corpora = [sorted({str(u.get("corpus")) for u in side["utterances"]}) for side in (one, other)]
    if corpora[0] != corpora[1]:
        names = " and ".join("/".join(map(escape_control, names)) for names in corpora)
        files, others = ({_name_file(u) for u in side["utterances"]} for side in (one, other))
        if files == others:
            return f"their data are called {names}, give them one name with --name"
        return f"their corpora are {names}"
    first, second = (
        {_identify(u): u.get("speaker") for u in side["utterances"]} for side in (one, other)
    )
    for side, alone in (
        ("first", sorted(first.keys() - second)),
        ("second", sorted(second.keys() - first)),
    ):
        if alone:
            return (
                f"only the {side} has {escape_control(alone[0])} ({len(alone):,} such recordings)"
            )
    for recording, speaker in first.items():
        if speaker != second[recording]:
            speakers = " and ".join(
                "unknown" if name is None else repr(name) for name in (speaker, second[recording])
            )
            return f"the speaker of {escape_control(recording)} is {speakers}"
    if one.get("seed") != other.get("seed"):
        return f"their seeds are {one.get('seed')} and {other.get('seed')}"
    return "recordings and speakers are the same, their folds are not"


def _identify(utterance: Document) -> str:
    return f"{utterance.get('corpus')}/{_name_file(utterance)}"


def _name_file(utterance: Document) -> str:
    """Folder and name of a file, and the part of it, whatever the corpus is called."""
    part = [str(utterance[end]) for end in ("start_seconds", "end_seconds") if end in utterance]
    return "/".join((*Path(utterance["path"]).parts[-2:], *part))


def _read_answers(document: Document, name: str, where: str) -> _Answers:
    """Read the answers of a system, or refuse a damaged document."""
    if name not in document["systems"]:
        known = ", ".join(document["systems"])
        raise EvaluationError(f"no system named {name!r} in the evaluation; there are: {known}.")
    try:
        return _collect_answers(document, name)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = escape_control(f"no {error}" if isinstance(error, KeyError) else str(error))
        raise EvaluationError(
            f"the {where} evaluation is damaged at system {name!r} ({reason}). Evaluate again."
        ) from error


def _collect_answers(document: Document, name: str) -> _Answers:
    evaluation = document["systems"][name]["evaluations"][document["protocol"]]
    if evaluation.get("score_kind") == "dimensions":
        raise EvaluationError(
            f"{escape_control(name)}: gives dimensions and no emotions, and systems are compared "
            "by the UAR of emotions. Compare others."
        )
    if not evaluation["tested"] or not all(
        type(index) is int and index >= 0 for index in evaluation["tested"]
    ):
        raise ValueError("expected the indices of tested utterances")
    truth = [document["utterances"][index]["emotion"] for index in evaluation["tested"]]
    if not all(isinstance(emotion, str) for emotion in (*evaluation["emotions"], *truth)):
        raise ValueError("expected the names of emotions")
    probabilities = np.asarray(evaluation["probabilities"], dtype=np.float64)
    shape = (len(evaluation["tested"]), len(evaluation["emotions"]))
    if probabilities.shape != shape or not np.isfinite(probabilities).all():
        raise ValueError(f"expected {shape[0]} rows of {shape[1]} probabilities")
    folds = [fold["name"] for fold in evaluation["folds"] for _ in fold["test"]]
    best = np.array(evaluation["emotions"])[np.argmax(probabilities, axis=1)]
    answers = {}
    for fold, index, answer in zip(folds, evaluation["tested"], best, strict=True):
        utterance = document["utterances"][index]
        key = f"{fold}/{_identify(utterance)}"
        speaker = f"{utterance['corpus']}/{utterance['speaker'] or utterance['path']}"
        answers[key] = utterance["emotion"], str(answer), speaker, fold
    return answers
