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

_BINS = 15
_RESAMPLES = 2_000


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


def uar(truth: NDArray[np.str_], predicted: NDArray[np.str_]) -> float:
    """Mean recall over the emotions among the truths."""
    return float(np.mean([(predicted[truth == name] == name).mean() for name in np.unique(truth)]))


def calibration_error(
    probabilities: NDArray[np.float64], truth: NDArray[np.str_], emotions: Sequence[str]
) -> float:
    """Expected calibration error: how far confidence and accuracy lie apart.

    Parameters
    ----------
    probabilities : ndarray, shape (n, emotions)
    truth : ndarray of str, shape (n,)
    emotions : sequence of str

    Returns
    -------
    float
        Mean over 15 equal bins of the highest probability, weighted by their utterances.

    References
    ----------
    Naeini et al. 2015, AAAI; Guo et al. 2017, ICML (15 bins).
    """
    confidence = probabilities.max(axis=1)
    is_right = np.array(emotions)[probabilities.argmax(axis=1)] == truth
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [
        abs(is_right[bins == number].mean() - confidence[bins == number].mean())
        * (bins == number).mean()
        for number in np.unique(bins)
    ]
    return float(np.sum(gaps))


def speaker_interval(
    truth: NDArray[np.str_], predicted: NDArray[np.str_], speakers: Sequence[str], *,
    seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """95 % interval of the UAR: percentiles of a bootstrap that draws whole speakers.

    Parameters
    ----------
    truth, predicted : ndarray of str, shape (n,)
    speakers : sequence of str, length n
    seed : int

    Returns
    -------
    low, high : float

    References
    ----------
    Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, chapters 8 and 13.
    """
    emotions, rows = np.unique(truth, return_inverse=True)
    _, who = np.unique(np.asarray(speakers), return_inverse=True)
    totals = np.zeros((who.max() + 1, len(emotions)))
    right = np.zeros_like(totals)
    np.add.at(totals, (who, rows), 1)
    np.add.at(right, (who, rows), predicted == truth)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(totals), size=(_RESAMPLES, len(totals)))
    counts = totals[drawn].sum(axis=1)
    recalls = np.divide(right[drawn].sum(axis=1), counts, where=counts > 0,
                        out=np.full(counts.shape, np.nan))  # fmt: skip
    low, high = np.percentile(np.nanmean(recalls, axis=1), [2.5, 97.5])
    return float(low), float(high)
