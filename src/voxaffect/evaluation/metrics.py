"""Metrics of predictions, by scikit-learn.

UAR (unweighted average recall) is the mean recall over the emotions that occur among the
truths; accuracy weighs every utterance alike; macro-F1 is the mean F1 over the emotions that
occur among the truths or the predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
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


def scores(truth: Sequence[str], predicted: Sequence[str]) -> Scores:
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


def confusion(
    truth: Sequence[str], predicted: Sequence[str], emotions: Sequence[str]
) -> NDArray[np.int64]:
    """Utterances by true (row) and predicted (column) emotion."""
    with extra("train"):
        from sklearn.metrics import confusion_matrix
    return np.asarray(confusion_matrix(truth, predicted, labels=list(emotions)), dtype=np.int64)
