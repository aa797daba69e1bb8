"""Calibration of probabilities, and selective classification.

Confidence is the highest probability of an utterance. Risk is the share of wrong answers among
those given, coverage the share of utterances that get one (El-Yaniv & Wiener 2010, "On the
foundations of noise-free selective classification", JMLR 11).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import extra

BINS = 15
WANTED_RISK = 0.2
"""One wrong answer in five: sets the threshold of a model card."""
Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Utterances of like confidence.

    Parameters
    ----------
    low, high : float
        Confidence from ``low`` up to, without it, ``high``.
    confidence : float
        Mean of theirs.
    accuracy : float
    utterances : int
    """

    low: float
    high: float
    confidence: float
    accuracy: float
    utterances: int


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Risk and coverage if only predictions of at least a confidence are taken.

    Parameters
    ----------
    threshold : ndarray, shape (k,), falling
        Each confidence that occurred.
    coverage : ndarray, shape (k,), rising to 1
    risk : ndarray, shape (k,)
    """

    threshold: NDArray[np.float64]
    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]

    def select_threshold(self, wanted: float) -> dict[str, float]:
        """Threshold with the highest coverage whose risk is at most the one wanted.

        Returns
        -------
        dict
            ``threshold``, ``risk`` and ``coverage``; where no threshold is good enough, the one
            that answers nothing: threshold 1, risk and coverage 0.
        """
        fits = np.flatnonzero(self.risk <= wanted)
        if not len(fits):
            return {"threshold": 1.0, "risk": 0.0, "coverage": 0.0}
        last = fits[-1]
        return {
            "threshold": float(self.threshold[last]),
            "risk": float(self.risk[last]),
            "coverage": float(self.coverage[last]),
        }


def is_right(
    probabilities: Probabilities, truth: NDArray[np.str_], emotions: Sequence[str]
) -> NDArray[np.bool_]:
    """Compare the most probable emotion with the true one; shape (n,)."""
    return np.asarray(np.array(emotions)[probabilities.argmax(axis=1)] == truth)


def compute_reliability(
    probabilities: Probabilities, truth: NDArray[np.str_], emotions: Sequence[str]
) -> tuple[Bin, ...]:
    """Confidence and accuracy, in 15 equal bins of confidence; empty ones are left out.

    Parameters
    ----------
    probabilities : ndarray, shape (n, emotions)
    truth : ndarray of str, shape (n,)
    emotions : sequence of str
    """
    confidence = probabilities.max(axis=1)
    right = is_right(probabilities, truth, emotions)
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            low=int(number) / BINS,
            high=(int(number) + 1) / BINS,
            confidence=float(confidence[bins == number].mean()),
            accuracy=float(right[bins == number].mean()),
            utterances=int((bins == number).sum()),
        )
        for number in np.unique(bins)
    )


def compute_calibration_error(
    probabilities: Probabilities, truth: NDArray[np.str_], emotions: Sequence[str]
) -> float:
    """Expected calibration error (ECE): how far confidence and accuracy lie apart.

    Parameters
    ----------
    probabilities : ndarray, shape (n, emotions)
    truth : ndarray of str, shape (n,)
    emotions : sequence of str

    Returns
    -------
    float
        Mean over the bins of `reliability`, weighted by their utterances.

    References
    ----------
    Naeini et al. 2015, AAAI; Guo et al. 2017, ICML (15 bins).
    """
    bins = compute_reliability(probabilities, truth, emotions)
    gaps = [abs(b.accuracy - b.confidence) * b.utterances for b in bins]
    return float(np.sum(gaps) / len(truth))


def compute_log_loss(
    probabilities: Probabilities, truth: NDArray[np.str_], emotions: Sequence[str]
) -> float:
    """Negative log-likelihood (NLL) of the true emotion, mean over utterances, in nats."""
    with extra("train"):
        from sklearn.metrics import log_loss
    order = np.argsort(emotions)  # scikit-learn takes columns in the order of the names
    names = np.array(emotions)[order].tolist()
    rows = probabilities[:, order]
    rows = rows / rows.sum(axis=1, keepdims=True)
    return float(log_loss(truth, rows, labels=names))


def compute_risk_coverage(
    probabilities: Probabilities,
    truth: NDArray[np.str_],
    emotions: Sequence[str],
    weights: NDArray[np.float64] | None = None,
) -> RiskCoverage:
    """Risk and coverage at every confidence that occurs, from the highest down.

    Parameters
    ----------
    probabilities : ndarray, shape (n, emotions)
    truth : ndarray of str, shape (n,)
    emotions : sequence of str
    weights : ndarray, shape (n,), > 0, optional
        Of the utterances; alike by default.

    Returns
    -------
    RiskCoverage
    """
    right = is_right(probabilities, truth, emotions)
    return rank_answers(probabilities.max(axis=1), right, weights)


def rank_answers(
    confidence: NDArray[np.float64],
    right: NDArray[np.bool_],
    weights: NDArray[np.float64] | None = None,
) -> RiskCoverage:
    """Risk and coverage of answers, from the most confident down.

    Parameters
    ----------
    confidence : ndarray, shape (n,)
    right : ndarray of bool, shape (n,)
        Whether each answer is right.
    weights : ndarray, shape (n,), > 0, optional
        Of the answers; alike by default.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    shares = np.ones(len(right)) if weights is None else weights[order]
    taken = np.cumsum(shares)
    wrong = np.cumsum(shares * ~right[order])
    # Utterances of one confidence stand or fall together.
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    return RiskCoverage(ranked[last], taken[last] / taken[-1], wrong[last] / taken[last])
