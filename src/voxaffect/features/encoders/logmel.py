"""Log-mel spectrogram of Whisper: the input of its encoder.

The definition is that of OpenAI's `whisper/audio.py`: frames of 25 ms every 10 ms, 80 Slaney mel
bands (128 in large-v3), logarithm to base 10, at most 8 below the maximum.

References
----------
Radford et al. 2023, "Robust speech recognition via large-scale weak supervision", ICML.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np

from voxaffect.features.dsp import (
    Array,
    cut_frames,
    make_hann,
    make_triangles,
    space_slaney_mel,
)
from voxaffect.features.threads import one_thread

RATE_HZ: Final = 16_000
FRAME_SAMPLES: Final = 400
HOP_SAMPLES: Final = 160
MAX_FRAMES: Final = 3_000
"""Thirty seconds: the longest input that the encoders were trained on."""
_FLOOR_POWER = 1e-10
_RANGE = 8.0


@one_thread  # two round products otherwise, and each process has another number of them
def compute_whisper_logmel(samples: Array, bands: int = 80) -> Array:
    """Log-mel spectrogram of Whisper.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At 16 kHz, more than 200 samples.
    bands : int
        Number of mel bands.

    Returns
    -------
    ndarray, shape (bands, n // 160), float32
        Without padding to thirty seconds.
    """
    from scipy.fft import rfft

    padded = np.pad(samples, FRAME_SAMPLES // 2, mode="reflect")
    frames = cut_frames(padded, FRAME_SAMPLES, HOP_SAMPLES)[:-1] * make_hann(FRAME_SAMPLES)
    spectrum = rfft(frames, axis=-1, overwrite_x=True)
    power = spectrum.real**2 + spectrum.imag**2
    levels = np.log10(np.maximum(power @ _make_filters(bands), _FLOOR_POWER))
    levels = np.maximum(levels, levels.max() - _RANGE)
    return np.ascontiguousarray((levels.T + 4.0) / 4.0, dtype=np.float32)


@cache
def _make_filters(bands: int) -> Array:
    """Slaney mel filters of equal area, shape (201, bands)."""
    edges_hz = space_slaney_mel(0.0, RATE_HZ / 2, bands + 2)
    bins_hz = np.arange(FRAME_SAMPLES // 2 + 1, dtype=np.float64) * (RATE_HZ / FRAME_SAMPLES)
    weights = make_triangles(edges_hz, bins_hz) * (2 / (edges_hz[2:] - edges_hz[:-2]))[:, None]
    return np.ascontiguousarray(weights.T, dtype=np.float32)
