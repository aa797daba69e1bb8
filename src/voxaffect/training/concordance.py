"""Concordance correlation coefficient (CCC), by which the penalty of a regression is chosen.

It is 1 for perfect predictions. It is lower where predictions follow the ratings less closely, lie
higher or lower, or vary more or less than they.

References
----------
Lin 1989, "A concordance correlation coefficient to evaluate reproducibility", Biometrics 45.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def compute_ccc(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    """Concordance correlation coefficient, from -1 to 1.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n,)

    Returns
    -------
    float or None
        None where it is not defined: of fewer than two values, or if all are one value.
    """
    centered_truth, centered = truth - truth.mean(), predicted - predicted.mean()
    shift = len(truth) * (truth.mean() - predicted.mean()) ** 2
    spread = centered_truth @ centered_truth + centered @ centered + shift
    if len(truth) < 2 or spread == 0:
        return None
    return float(2 * (centered_truth @ centered) / spread)
