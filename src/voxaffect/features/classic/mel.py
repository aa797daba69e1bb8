"""Mel bands and cepstra of a power spectrogram, equal to librosa's defaults.

The scale is Slaney's (linear below 1 kHz, logarithmic above; Slaney, *Auditory Toolbox*,
1998), and so is the norm: triangles of equal area.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from voxaffect.features.classic.spectrum import get_frequencies_hz
from voxaffect.features.dsp import (
    Array,
    Wide,
    make_dct_basis,
    make_triangles,
    multiply_in_blocks,
    space_slaney_mel,
)

MELS = 128
MFCCS = 40
_DYNAMIC_RANGE_DB = 80.0
_FLOOR_POWER = 1e-10
_BLOCK_BANDS = 8


@cache
def make_mel_filters(rate_hz: int) -> Array:
    """Triangular mel filters from 0 Hz to half the sampling rate; shape (128, 1025), float32."""
    edges = space_slaney_mel(0.0, rate_hz / 2, MELS + 2)
    triangles = make_triangles(edges, get_frequencies_hz(rate_hz))
    norm = 2 / (edges[2:] - edges[:-2])
    return (triangles.astype(np.float32) * norm[:, None]).astype(np.float32)


@cache
def _filter_blocks(rate_hz: int) -> tuple[tuple[slice, slice, Array], ...]:
    """Split the filters into runs of bands with the bins they use: an eighth of the products."""
    bank, blocks = make_mel_filters(rate_hz), []
    for first in range(0, MELS, _BLOCK_BANDS):
        bands = slice(first, first + _BLOCK_BANDS)
        used = np.flatnonzero(bank[bands].any(axis=0))
        # At 192 kHz the lowest run of triangles can fall between two bins.
        bins = slice(used[0], used[-1] + 1) if len(used) else slice(0, 1)
        blocks.append((bands, bins, np.ascontiguousarray(bank[bands, bins].T)))
    return tuple(blocks)


def compute_mel_bands(power: Array, rate_hz: int) -> Array:
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
        multiply_in_blocks(power[:, bins], weights, out=mel[:, band])
    return mel


def compute_mean_mfcc(mel: Array) -> Wide:
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
    return np.asarray(make_dct_basis(MFCCS, MELS) @ (10 * level.mean(axis=0, dtype=np.float64)))
