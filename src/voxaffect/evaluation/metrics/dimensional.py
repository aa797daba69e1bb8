"""Metrics of dimensions, such as arousal and valence."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voxaffect.training.concordance import compute_ccc as compute_ccc


def compute_absolute_error(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Mean absolute error (MAE).

    Parameters
    ----------
    truth, predicted : ndarray, shape (n,)
    """
    return float(np.abs(truth - predicted).mean())
