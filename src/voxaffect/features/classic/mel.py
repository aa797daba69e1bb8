"""Mel bands and cepstra of a power spectrogram, equal to librosa's defaults.

The scale is Slaney's (linear below 1 kHz, logarithmic above; Slaney, *Auditory Toolbox*,
1998), and so is the norm: triangles of equal area.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.spectrum import Array, frequencies_hz, product

MELS = 128
MFCCS = 40
_DYNAMIC_RANGE_DB = 80.0
_FLOOR_POWER = 1e-10
_BREAK_HZ, _BREAK_MEL = 1_000.0, 15.0
_LOG_STEP = np.log(6.4) / 27
_BLOCK_BANDS = 8


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL))
    return np.where(mel >= _BREAK_MEL, logarithmic, mel * _BREAK_HZ / _BREAK_MEL)


def _hz_to_mel(hz: float) -> float:
    if hz >= _BREAK_HZ:
        return float(_BREAK_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)
    return hz * _BREAK_MEL / _BREAK_HZ


@cache
def filters(rate_hz: int) -> NDArray[np.float32]:
    """Triangular mel filters from 0 Hz to half the sampling rate.

    Parameters
    ----------
    rate_hz : int

    Returns
    -------
    ndarray, shape (128, 1025), float32
    """
    edges = _mel_to_hz(np.linspace(0, _hz_to_mel(rate_hz / 2), MELS + 2))
    widths = np.diff(edges)[:, None]
    ramps = edges[:, None] - frequencies_hz(rate_hz)
    triangles = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1], ramps[2:] / widths[1:]))
    norm = 2 / (edges[2:] - edges[:-2])
    return (triangles.astype(np.float32) * norm[:, None]).astype(np.float32)


@cache
def _filter_blocks(rate_hz: int) -> tuple[tuple[slice, slice, Array], ...]:
    """Split the filters into runs of bands with the bins they use: an eighth of the products."""
    bank, blocks = filters(rate_hz), []
    for first in range(0, MELS, _BLOCK_BANDS):
        bands = slice(first, first + _BLOCK_BANDS)
        used = np.flatnonzero(bank[bands].any(axis=0))
        # At 192 kHz the lowest run of triangles can fall between two bins.
        bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 1)
        blocks.append((bands, bins, np.ascontiguousarray(bank[bands, bins].T)))
    return tuple(blocks)


def bands(power: Array, rate_hz: int) -> Array:
    """Power in 128 mel bands, frame by frame.

    Parameters
    ----------
    power : ndarray, shape (frames, 1025), float32, >= 0
    rate_hz : int

    Returns
    -------
    ndarray, shape (frames, 128), float32
    """
    mel = np.empty((len(power), MELS), dtype=np.float32)
    for band, bins, weights in _filter_blocks(rate_hz):
        product(power[:, bins], weights, out=mel[:, band])
    return mel


@cache
def _cosines() -> NDArray[np.float64]:
    """Rows of the orthonormal DCT-II."""
    order, band = np.arange(MFCCS)[:, None], np.arange(MELS)
    basis = np.cos(np.pi * order * (2 * band + 1) / (2 * MELS)) * np.sqrt(2 / MELS)
    basis[0] /= np.sqrt(2)
    return np.asarray(basis)


def mean_mfcc(mel: Array) -> NDArray[np.float64]:
    """Mean over time of 40 MFCCs.

    The cosine transform is linear, so it is taken once, of the mean log spectrum.
    As in librosa, decibels are re 1, floored at −100 dB and at 80 dB under the loudest band
    of the whole recording.

    Parameters
    ----------
    mel : ndarray, shape (frames, 128), float32, >= 0

    Returns
    -------
    ndarray, shape (40,)
    """
    floor = max(_FLOOR_POWER, float(mel.max()) * 10 ** (-_DYNAMIC_RANGE_DB / 10))
    level = np.log10(np.maximum(mel, np.float32(floor)))
    return np.asarray(_cosines() @ (10 * level.mean(axis=0, dtype=np.float64)))
