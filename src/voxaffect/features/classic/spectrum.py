"""Magnitude spectrogram that every descriptor of the set shares.

Conventions are librosa's defaults, as the tutorial uses them: 2,048 samples a frame,
a hop of 512, a periodic Hann window, frames centered on multiples of the hop with zeros
before the first sample and after the last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.dsp import Array, Wide, cut_frames, make_exact_hann, make_hann

FRAME_SAMPLES = 2_048
HOP_SAMPLES = 512
BINS = FRAME_SAMPLES // 2 + 1
_BLOCK_FRAMES = 32  # the work arrays of a block stay in a core's second-level cache


def cut_centered_frames(samples: Array) -> Array:
    """Overlapping frames of a recording, as a view; shape (1 + n // 512, 2048)."""
    return cut_frames(samples, FRAME_SAMPLES, HOP_SAMPLES, padding=FRAME_SAMPLES // 2)


def compute_magnitude(samples: Array) -> Array:
    """Magnitude spectrogram |X|.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32

    Returns
    -------
    ndarray, shape (1 + n // 512, 1025), float32
    """
    from scipy.fft import rfft

    framed, window = cut_centered_frames(samples), make_hann(FRAME_SAMPLES)
    spectrogram = np.empty((len(framed), BINS), dtype=np.float32)
    windowed = np.empty((_BLOCK_FRAMES, FRAME_SAMPLES), dtype=np.float32)
    for start in range(0, len(framed), _BLOCK_FRAMES):
        block = framed[start : start + _BLOCK_FRAMES]
        buffer = np.multiply(block, window, out=windowed[: len(block)])
        spectrum = rfft(buffer, axis=-1, overwrite_x=True)
        np.abs(spectrum, out=spectrogram[start : start + len(block)])
    return spectrogram


def compute_exact_magnitude(samples: Array, indices: NDArray[np.intp] | None = None) -> Array:
    """Magnitudes |X| by a transform in double precision.

    Far under the loudest bin, as in valleys, single precision leaves nothing but rounding.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    indices : ndarray, shape (m,), optional
        Indices of frames; by default all 1 + n // 512.

    Returns
    -------
    ndarray, shape (m, 1025), float32
    """
    from scipy.fft import rfft

    if indices is None:
        indices = np.arange(1 + len(samples) // HOP_SAMPLES)
    windowed = np.zeros((len(indices), FRAME_SAMPLES))
    for row, start in zip(windowed, indices * HOP_SAMPLES - FRAME_SAMPLES // 2, strict=True):
        part = samples[max(start, 0) : start + FRAME_SAMPLES]
        row[max(-start, 0) :][: len(part)] = part
    windowed *= make_exact_hann(FRAME_SAMPLES)
    spectrum = rfft(windowed, axis=-1, overwrite_x=True).astype(np.complex64)
    return np.asarray(np.abs(spectrum), dtype=np.float32)


def get_frequencies_hz(rate_hz: int) -> Wide:
    """Center frequency of every bin, shape (1025,), in Hz."""
    return np.asarray(np.fft.rfftfreq(FRAME_SAMPLES, 1 / rate_hz), dtype=np.float64)
