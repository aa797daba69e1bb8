"""How tracks move together, now and a little later, as the logarithm of a covariance."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.front_end import Array

RIDGE: Final = 0.3


@functools.lru_cache(maxsize=16)
def _triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Indices of the upper triangle and the weights that keep the Frobenius norm."""
    rows, columns = np.triu_indices(size)
    return rows, columns, np.where(rows == columns, 1.0, np.sqrt(2.0))


def matrix_logarithm(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithm of a symmetric positive matrix, by its eigenvectors."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.log(np.maximum(values, 1e-12))) @ vectors.T)


def stack_lags(tracks: Array, lags: tuple[int, ...], slopes: Array) -> Array:
    """The tracks, the tracks each lag (frames) later, and the slopes, row under row.

    Shape (rows, frames - longest lag); lags are cut to what a short utterance allows.
    """
    longest = max(min(max(lags, default=0), tracks.shape[1] - 2), 0)
    frames = tracks.shape[1] - longest
    starts = [0, *(min(lag, longest) for lag in lags)]
    stacked = [tracks[:, start : start + frames] for start in starts]
    return np.concatenate([*stacked, slopes[:, :frames]])


def log_covariance(rows: Array, weights: Array, *, ridge: float = RIDGE) -> Array:
    """Upper triangle of log(cov + ridge·I), off-diagonals times √2.

    Euclidean distance between two such vectors is the log-Euclidean distance between the
    covariances, so that a linear classifier can use them.

    Parameters
    ----------
    rows : ndarray, shape (rows, frames)
        Brought to comparable scales before: the ridge is absolute.
    weights : ndarray, shape (at least frames,)
        How much each frame counts, > 0.

    References
    ----------
    Arsigny et al. (2007), SIAM J. Matrix Analysis 29(1); Tuzel et al. (2006), ECCV.
    """
    wide = rows.astype(np.float64)
    share = weights[: rows.shape[1]].astype(np.float64)
    share = share / share.sum()
    wide -= (wide @ share)[:, None]
    covariance = (wide * share) @ wide.T
    covariance[np.diag_indices_from(covariance)] += ridge
    first, second, weight = _triangle(len(rows))
    return np.asarray(matrix_logarithm(covariance)[first, second] * weight, dtype=np.float32)
