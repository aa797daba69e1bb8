"""Spectral contrast of a magnitude spectrogram, equal to librosa's.

References
----------
Jiang et al., *Music type classification by spectral contrast feature*, ICME 2002.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

from voxaffect.features.classic.spectrum import get_frequencies_hz
from voxaffect.features.dsp import Array, Wide

CONTRASTS = 7
MIN_RATE_HZ = 12_801
"""The highest band begins at 6.4 kHz, which must lie under half the rate."""

_LOWEST_HZ = 200.0
_QUANTILE = 0.02
_DYNAMIC_RANGE_DB = 80.0
_FLOOR = 1e-10


def compute_mean_contrast(magnitude: Array, rate_hz: int) -> Wide:
    """Mean over time of the level of peaks over that of valleys in 7 bands, in dB.

    Parameters
    ----------
    magnitude : ndarray, shape (frames, 1025), float32, >= 0
        The tutorial gives librosa magnitudes where it expects power; so do we.
    rate_hz : int
        At least 12,801 Hz.

    Returns
    -------
    ndarray, shape (7,)
        The lowest band ends at 200 Hz, the others are an octave each.
    """
    peaks = np.empty((CONTRASTS, len(magnitude)))
    valleys = np.empty_like(peaks)
    for band, (bins, count) in enumerate(_bands(rate_hz)):
        ordered = np.sort(magnitude[:, bins], axis=1)
        valleys[band] = ordered[:, :count].mean(axis=1)
        peaks[band] = ordered[:, -count:].mean(axis=1)
    return np.asarray((_convert_to_db(peaks) - _convert_to_db(valleys)).mean(axis=1))


@cache
def _bands(rate_hz: int) -> tuple[tuple[slice, int], ...]:
    """Bins of each band, and how many of them count as its peak and as its valley."""
    edges = [0.0, *(_LOWEST_HZ * 2.0**octave for octave in range(CONTRASTS))]
    frequencies = get_frequencies_hz(rate_hz)
    result = []
    for band, (low, high) in enumerate(pairwise(edges)):
        inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
        is_last = band == CONTRASTS - 1
        start = int(inside[0]) - (band > 0)
        end = len(frequencies) if is_last else int(inside[-1]) + 1
        count = max(int(np.rint(_QUANTILE * (end - start))), 1)
        # The bin at the upper edge belongs to the next band, but counts for the quantile.
        result.append((slice(start, end if is_last else end - 1), count))
    return tuple(result)


def _convert_to_db(values: Wide) -> Wide:
    level = 10 * np.log10(np.maximum(_FLOOR, values))
    return np.asarray(np.maximum(level, level.max() - _DYNAMIC_RANGE_DB))
