"""Two evaluations, compared on the same folds."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from voxaffect.errors import EvaluationError
from voxaffect.evaluation.intervals import compare_uar
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.files import escape_control
from voxaffect.outputs.report.documents import Document, rounded

_Answers = dict[str, tuple[str, str, str]]
"""Emotion, what was recognized, and speaker, by fold and recording."""


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
        drawn instead), the UAR over all tested utterances of each,
        ``a`` and ``b``, and ``difference``, ``interval`` and ``p``.

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
            f"{len(second)} tested utterances): {_difference(one, other)}. Systems are compared on "
            "the same folds: evaluate both with one protocol, one seed and the same data, or with "
            "one split file."
        )
    rows = [(*first[key], second[key][1]) for key in first]
    truth, told, speakers, also_told = (np.array(column) for column in zip(*rows, strict=True))
    is_known = all(u.get("speaker") for u in one["utterances"])
    apart = compare_uar(truth, told, also_told, speakers.tolist())
    plain: Document = rounded(
        {
            "protocol": one["protocol"],
            "utterances": len(truth),
            "speakers": len(np.unique(speakers)) if is_known else None,
            "a": compute_uar(truth, told),
            "b": compute_uar(truth, also_told),
            **asdict(apart),
        }
    )
    return plain


def _difference(one: Document, other: Document) -> str:
    """Name what differs in the data of two evaluations, the most important first."""
    corpora = [sorted({str(u.get("corpus")) for u in side["utterances"]}) for side in (one, other)]
    if corpora[0] != corpora[1]:
        names = " and ".join("/".join(map(escape_control, names)) for names in corpora)
        return f"their data are called {names}, give them one name with --name"
    first, second = (
        {_recording(u): u.get("speaker") for u in side["utterances"]} for side in (one, other)
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


def _recording(utterance: Document) -> str:
    part = [str(utterance[end]) for end in ("start_seconds", "end_seconds") if end in utterance]
    return "/".join((str(utterance.get("corpus")), *Path(utterance["path"]).parts[-2:], *part))


def _read_answers(found: Document, name: str, where: str) -> _Answers:
    """Read what `_answers` gives, or say that the document is not what evaluate wrote."""
    if name not in found["systems"]:
        known = ", ".join(found["systems"])
        raise EvaluationError(f"no system named {name!r} in the evaluation; there are: {known}.")
    try:
        return _answers(found, name)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = escape_control(f"no {error}" if isinstance(error, KeyError) else str(error))
        raise EvaluationError(
            f"the {where} evaluation is damaged at system {name!r} ({reason}). Evaluate again."
        ) from error


def _answers(found: Document, name: str) -> _Answers:
    one = found["systems"][name]["evaluations"][found["protocol"]]
    if not one["tested"] or not all(type(at) is int and at >= 0 for at in one["tested"]):
        raise ValueError("expected the places of tested utterances")
    told = [found["utterances"][place]["emotion"] for place in one["tested"]]
    if not all(isinstance(emotion, str) for emotion in (*one["emotions"], *told)):
        raise ValueError("expected the names of emotions")
    probabilities = np.asarray(one["probabilities"], dtype=np.float64)
    shape = (len(one["tested"]), len(one["emotions"]))
    if probabilities.shape != shape or not np.isfinite(probabilities).all():
        raise ValueError(f"expected {shape[0]} rows of {shape[1]} probabilities")
    folds = [fold["name"] for fold in one["folds"] for _ in fold["test"]]
    best = np.array(one["emotions"])[np.argmax(probabilities, axis=1)]
    answers = {}
    for fold, place, answer in zip(folds, one["tested"], best, strict=True):
        utterance = found["utterances"][place]
        key = f"{fold}/{_recording(utterance)}"
        speaker = f"{utterance['corpus']}/{utterance['speaker'] or utterance['path']}"
        answers[key] = utterance["emotion"], str(answer), speaker
    return answers
