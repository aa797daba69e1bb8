"""Statistics over time of all tracks at once: one sort and a few products for a matrix."""

from __future__ import annotations

import functools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.dsp import Array

PERCENTS: Final = (5, 25, 50, 75, 95)
SEVEN: Final = ("mean", "sd", "p05", "p25", "p50", "p75", "p95")
FULL: Final = (*SEVEN, "skew", "kurtosis", "linear", "quadratic", "step")
SMALLEST_SD: Final = 1e-4


def compute_percentiles(tracks: Array) -> Array:
    """The 5th, 25th, 50th, 75th and 95th of each row, as ``np.percentile``; (rows, 5)."""
    ordered = np.sort(tracks, axis=1)
    last = ordered.shape[1] - 1
    position = np.array(PERCENTS) / 100.0 * last
    low = np.floor(position).astype(np.intp)
    part = (position - low).astype(np.float32)
    lower = ordered[:, low]
    upper = ordered[:, np.minimum(low + 1, last)]
    return np.asarray(lower + part * (upper - lower), dtype=np.float32)


@functools.lru_cache(maxsize=64)
def make_trend_basis(frames: int) -> Array:
    """Columns whose product with a track gives its linear and quadratic coefficient.

    Time runs from -1 to 1 over the utterance; the polynomials are Legendre's, made
    orthogonal on the grid. The linear one is scaled to give the change from first to last
    frame, the quadratic one the height of the ends over the middle.
    """
    if frames < 3:
        return np.zeros((frames, 2), dtype=np.float32)
    time = np.linspace(-1.0, 1.0, frames)
    square = time**2 - np.mean(time**2)
    linear = 2.0 * time / np.dot(time, time)
    return np.stack([linear, square / np.dot(square, square)], axis=1).astype(np.float32)


def compute_seven(tracks: Array) -> Array:
    """Mean, sd and five percentiles of each row; shape (rows, 7), ordered as ``SEVEN``."""
    mean = tracks.mean(axis=1, keepdims=True)
    sd = np.sqrt(np.mean((tracks - mean) ** 2, axis=1, keepdims=True))
    return np.concatenate([mean, sd, compute_percentiles(tracks)], axis=1)


def compute_full(tracks: Array) -> Array:
    """The twelve functionals of each row; shape (rows, 12), ordered as ``FULL``.

    Mean, sd, percentiles 5 25 50 75 95, skewness and excess kurtosis (0 for a constant
    row), fitted change over the utterance, quadratic coefficient, mean absolute step.
    """
    rows, frames = tracks.shape
    values = np.empty((rows, len(FULL)), dtype=np.float32)
    mean = tracks.mean(axis=1, keepdims=True)
    centered = tracks - mean
    square = centered * centered
    variance = square.mean(axis=1)
    values[:, 0] = mean[:, 0]
    values[:, 1] = np.sqrt(variance)
    values[:, 2:7] = compute_percentiles(tracks)
    alive = values[:, 1] > SMALLEST_SD * (np.abs(mean[:, 0]) + 1e-6)
    safe = np.where(alive, variance, np.float32(1.0))
    values[:, 7] = np.where(alive, np.einsum("rf,rf->r", square, centered) / frames / safe**1.5, 0)
    values[:, 8] = np.where(alive, np.einsum("rf,rf->r", square, square) / frames / safe**2 - 3, 0)
    values[:, 9:11] = centered @ make_trend_basis(frames)
    values[:, 11] = np.abs(np.diff(tracks, axis=1)).mean(axis=1) if frames > 1 else 0.0
    return values


def name_table(tracks: tuple[str, ...], statistics: tuple[str, ...]) -> tuple[str, ...]:
    """Names of a (tracks, statistics) table, row by row."""
    return tuple(f"{track}.{statistic}" for track in tracks for statistic in statistics)


def find_runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Start and stop (exclusive) of each run of true frames."""
    edges = np.diff(np.concatenate(([False], mask, [False])).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
