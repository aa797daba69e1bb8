"""Metrics of decisions, by scikit-learn.

UAR (unweighted average recall) is the mean recall over the emotions that occur among the
truths; accuracy weighs every utterance alike; macro-F1 is the mean F1 over the emotions that
occur among the truths or the predictions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import extra


@dataclass(frozen=True)
class Scores:
    """Metrics of one fold, each from 0 to 1."""

    uar: float
    accuracy: float
    macro_f1: float


def compute_scores(truth: Sequence[str], predicted: Sequence[str]) -> Scores:
    """UAR, accuracy and macro-F1.

    Parameters
    ----------
    truth, predicted : sequence of str, length n >= 1

    Returns
    -------
    Scores
    """
    with extra("train"):
        from sklearn.metrics import accuracy_score, f1_score, recall_score
    present = sorted(set(truth))
    return Scores(
        uar=float(recall_score(truth, predicted, labels=present, average="macro")),
        accuracy=float(accuracy_score(truth, predicted)),
        macro_f1=float(f1_score(truth, predicted, average="macro", zero_division=0.0)),
    )


def count_confusions(
    truth: Sequence[str], predicted: Sequence[str], emotions: Sequence[str]
) -> NDArray[np.int64]:
    """Utterances by true (row) and predicted (column) emotion."""
    with extra("train"):
        from sklearn.metrics import confusion_matrix
    return np.asarray(confusion_matrix(truth, predicted, labels=list(emotions)), dtype=np.int64)


def score_by_emotion(
    truth: Sequence[str], predicted: Sequence[str], emotions: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """Recall, precision, F1 and number of utterances of every emotion.

    Parameters
    ----------
    truth, predicted : sequence of str, length n >= 1
    emotions : sequence of str

    Returns
    -------
    dict of str to dict
        ``recall`` is None for an emotion that never occurred, ``precision`` for one that was
        never recognized: 0 would say that something was wrong.
    """
    with extra("train"):
        from sklearn.metrics import precision_recall_fscore_support
    rows = precision_recall_fscore_support(
        truth, predicted, labels=list(emotions), zero_division=np.nan
    )
    keys = ("precision", "recall", "f1")
    scores: dict[str, dict[str, float | int | None]] = {}
    for index, emotion in enumerate(emotions):
        values = {key: float(row[index]) for key, row in zip(keys, rows[:3], strict=True)}
        scores[emotion] = {key: None if np.isnan(v) else v for key, v in values.items()}
        scores[emotion]["utterances"] = int(rows[3][index])
    return scores


def compute_uar(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> float:
    """Mean recall over the emotions among the truths."""
    return float(np.mean([(predicted[truth == name] == name).mean() for name in np.unique(truth)]))


def compute_top_two(
    probabilities: NDArray[np.float64], truth: NDArray[np.str_], emotions: Sequence[str]
) -> float:
    """Share of utterances whose emotion is one of the two most probable.

    Parameters
    ----------
    probabilities : ndarray, shape (n, emotions)
    truth : ndarray of str, shape (n,)
    emotions : sequence of str
        In the order of the columns.

    Returns
    -------
    float
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :2]
    return float((np.array(emotions)[best] == truth[:, None]).any(axis=1).mean())


def compute_baselines(
    trained: Sequence[str], tested: Sequence[str]
) -> Mapping[str, Mapping[str, float | str]]:
    """Scores without listening: of guessing, and of always answering the most frequent emotion.

    Parameters
    ----------
    trained, tested : sequence of str
        Emotions of the utterances on either side.

    Returns
    -------
    mapping
        ``chance``: expected UAR and accuracy of guessing evenly among the emotions trained;
        ``majority``: those of the ``emotion`` that was trained most often (the first by name
        if several were).
    """
    names, counts = np.unique(np.asarray(trained), return_counts=True)
    often = str(names[counts.argmax()])
    predicted = np.full(len(tested), often)
    truth = np.asarray(tested)
    chance = 1 / len(names)
    known = float(np.isin(truth, names).mean())
    share = np.isin(np.unique(truth), names).mean()
    return {
        "chance": {"uar": chance * float(share), "accuracy": chance * known},
        "majority": {
            "emotion": often,
            "uar": compute_uar(truth, predicted),
            "accuracy": float((truth == predicted).mean()),
        },
    }


def describe_chance(emotions: Sequence[str]) -> dict[str, dict[str, float]]:
    """Expected UAR and accuracy of guessing evenly, as a baseline; none without emotions."""
    if not emotions:
        return {}
    return {"chance": dict.fromkeys(("uar", "accuracy"), 1 / len(emotions))}
