"""Covariance dynamics: joint variation of the tracks, now and a little later, on a log scale."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.affect.pitch import USUAL_SEMITONES
from voxaffect.features.affect.tracks import SPECTRAL_NAMES, Tracks, compute_delta
from voxaffect.features.affect.utterance import Utterance
from voxaffect.features.dsp import Array, Wide

RIDGE: Final = 0.3
HALF_WEIGHT_DB: Final = -20.0
WEIGHT_SLOPE_DB: Final = 4.0
LEAST_WEIGHT: Final = 0.02
LAGS_FRAMES: Final = (6,)
SLOPE_SCALE: Final = 5.0


class CovariedTracks(NamedTuple):
    """Tracks that the covariance is taken of: names, typical sds and values.

    The sds are those over the frames of synthesized speech (espeak-ng, twelve voices), to two
    digits. They bring the tracks to one scale, and depend on no corpus used for evaluation.
    """

    names: str
    typical_sds: tuple[float, ...]
    select: Callable[[Tracks], Array]


def _center_pitch(tracks: Tracks) -> Array:
    """Semitones less the median of the voiced frames, shape (1, frames)."""
    pitch = tracks.pitch
    voiced = pitch.voiced
    middle = np.median(pitch.semitones[voiced]) if voiced.any() else USUAL_SEMITONES
    return (pitch.semitones - np.float32(middle))[None]


_MFCC_SDS = (57, 41, 22, 32, 23, 22, 21, 17, 14, 12, 9.7, 11, 8.6, 7.6, 11, 7.8)
_SPECTRAL_SDS = {
    "centroid_hz": 1300.0,
    "flatness_db": 9.3,
    "entropy": 0.16,
    "flux": 0.18,
    "slope0030_db_per_khz": 36.0,
    "slope0500_db_per_khz": 24.0,
    "slope1500_db_per_khz": 4.8,
}
_SPECTRAL_INDICES = [SPECTRAL_NAMES.index(name) for name in _SPECTRAL_SDS]
COVARIED: Final = (
    CovariedTracks(
        " ".join(f"mfcc{index:02d}" for index in range(len(_MFCC_SDS))),
        _MFCC_SDS,
        lambda tracks: tracks.mfcc[: len(_MFCC_SDS)],
    ),
    CovariedTracks("f0_st", (3.7,), _center_pitch),
    CovariedTracks("hnr_db", (7.4,), lambda tracks: tracks.pitch.hnr_db[None]),
    CovariedTracks("energy_db", (11.0,), lambda tracks: tracks.energy_db),
    CovariedTracks("voiced", (0.32,), lambda tracks: tracks.pitch.voiced[None].astype(np.float32)),
    CovariedTracks("crossings", (0.15,), lambda tracks: tracks.crossings),
    CovariedTracks(
        " ".join(_SPECTRAL_SDS),
        tuple(_SPECTRAL_SDS.values()),
        lambda tracks: tracks.spectral[_SPECTRAL_INDICES],
    ),
)
_SDS: Final = np.array([sd for row in COVARIED for sd in row.typical_sds], dtype=np.float32)


@functools.cache
def list_names() -> tuple[str, ...]:
    """Name of every number of the group, in order."""
    tracks = " ".join(row.names for row in COVARIED).split()
    later = [f"{name}@{10 * lag}ms" for lag in LAGS_FRAMES for name in tracks]
    rows = [*tracks, *later, *(f"delta_{name}" for name in tracks)]
    return tuple(f"logcov({a},{b})" for i, a in enumerate(rows) for b in rows[i:])


@functools.lru_cache(maxsize=16)
def _index_triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Wide]:
    """Indices of the upper triangle and the weights that keep the Frobenius norm."""
    rows, columns = np.triu_indices(size)
    return rows, columns, np.where(rows == columns, 1.0, np.sqrt(2.0))


def compute_matrix_logarithm(matrix: Wide) -> Wide:
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


def compute_log_covariance(rows: Array, weights: Array, *, ridge: float = RIDGE) -> Array:
    """Upper triangle of log(cov + ridge·I), off-diagonals times √2.

    Euclidean distance between two such vectors is the log-Euclidean distance between the
    covariances, so that a linear classifier can use them.

    Parameters
    ----------
    rows : ndarray, shape (rows, frames)
        Brought to comparable scales before: the ridge is absolute.
    weights : ndarray, shape (at least frames,)
        Weight of each frame, > 0.

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
    first, second, weight = _index_triangle(len(rows))
    return np.asarray(
        compute_matrix_logarithm(covariance)[first, second] * weight, dtype=np.float32
    )


def compute_dynamics(utterance: Utterance) -> Array:
    """Log-covariance of 28 scaled tracks, the same 60 ms later, and their slopes.

    Frames weigh by their level, half at 20 dB under the mean power, so that pauses and the
    noise in them hardly count.
    """
    rows = np.concatenate([row.select(utterance.tracks) for row in COVARIED])
    rows = np.asarray(rows / _SDS[:, None], dtype=np.float32)
    slopes = np.asarray(compute_delta(rows) * np.float32(SLOPE_SCALE), dtype=np.float32)
    fall = np.exp((HALF_WEIGHT_DB - utterance.level_db) / WEIGHT_SLOPE_DB)
    weights = np.asarray(1.0 / (1.0 + fall) + LEAST_WEIGHT, dtype=np.float32)
    return compute_log_covariance(stack_lags(rows, LAGS_FRAMES, slopes), weights)
