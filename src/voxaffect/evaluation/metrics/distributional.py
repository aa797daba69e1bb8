"""Metrics of probabilities against soft labels: the shares of raters who chose each emotion.

Each function gives a number for every utterance, whose mean is the metric.

References
----------
Lin 1991, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Distributions = NDArray[np.float64]
_LEAST_PROBABILITY = np.finfo(np.float64).eps


def compute_divergence(truth: Distributions, predicted: Distributions) -> NDArray[np.float64]:
    """Jensen-Shannon divergence with logarithms to base 2: 0 if equal, 1 if nothing is shared.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n, emotions); rows sum to 1

    Returns
    -------
    ndarray, shape (n,)
    """
    middle = (truth + predicted) / 2
    return np.asarray((_compare(truth, middle) + _compare(predicted, middle)) / 2).clip(0, 1)


def _compare(rows: Distributions, others: Distributions) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of rows from others that are 0 only where the rows are."""
    ratios = np.divide(rows, others, where=rows > 0, out=np.ones_like(rows))
    return np.asarray((rows * np.log2(ratios)).sum(axis=1))


def compute_cross_entropy(truth: Distributions, predicted: Distributions) -> NDArray[np.float64]:
    """Cross-entropy in nats; of one certain emotion, its negative log-likelihood.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n, emotions); rows sum to 1

    Returns
    -------
    ndarray, shape (n,)
    """
    logs = np.log(np.maximum(predicted, _LEAST_PROBABILITY))
    return np.asarray(-(truth * logs).sum(axis=1))


def compute_cosine(truth: Distributions, predicted: Distributions) -> NDArray[np.float64]:
    """Cosine similarity: 1 if equal, 0 if nothing is shared.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n, emotions); rows sum to 1

    Returns
    -------
    ndarray, shape (n,)
    """
    norms = np.linalg.norm(truth, axis=1) * np.linalg.norm(predicted, axis=1)
    return np.asarray((truth * predicted).sum(axis=1) / norms)


METRICS = {
    "divergence": compute_divergence,
    "cross_entropy": compute_cross_entropy,
    "cosine": compute_cosine,
}
