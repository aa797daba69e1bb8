"""One framed float32 spectrum that every descriptor shares.

Conventions are librosa's defaults, as the tutorial uses them: 2,048 samples a frame,
a hop of 512, a periodic Hann window, frames centered on multiples of the hop with zeros
beyond both ends.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[np.float32]

FRAME_SAMPLES = 2_048
HOP_SAMPLES = 512
BINS = FRAME_SAMPLES // 2 + 1
_SMALL_PRODUCT = 250_000  # multiplications; OpenBLAS starts threads at 2^18
_BLOCK_FRAMES = 32  # the work arrays of a block stay in a core's second-level cache


def frames(samples: Array) -> Array:
    """Overlapping frames of a recording, as a view without a copy of every frame.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32

    Returns
    -------
    ndarray, shape (1 + n // 512, 2048), float32
    """
    edge = np.zeros(FRAME_SAMPLES // 2, dtype=np.float32)
    padded = np.concatenate((edge, samples, edge))
    return sliding_window_view(padded, FRAME_SAMPLES)[::HOP_SAMPLES]


@cache
def hann(length: int) -> Array:
    """Periodic Hann window, 0.5 − 0.5·cos(2πn/N).

    Parameters
    ----------
    length : int
        N, in samples.

    Returns
    -------
    ndarray, shape (length,), float32
    """
    return exact_hann(length).astype(np.float32)


@cache
def exact_hann(length: int) -> NDArray[np.float64]:
    """Periodic Hann window in double precision, shape (length,)."""
    phase = 2 * np.pi * np.arange(length) / length
    return np.asarray(0.5 - 0.5 * np.cos(phase))


def magnitude(samples: Array) -> Array:
    """Magnitude spectrogram |X|.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32

    Returns
    -------
    ndarray, shape (1 + n // 512, 1025), float32
    """
    from scipy.fft import rfft

    framed, window = frames(samples), hann(FRAME_SAMPLES)
    spectrogram = np.empty((len(framed), BINS), dtype=np.float32)
    windowed = np.empty((_BLOCK_FRAMES, FRAME_SAMPLES), dtype=np.float32)
    for start in range(0, len(framed), _BLOCK_FRAMES):
        block = framed[start : start + _BLOCK_FRAMES]
        buffer = np.multiply(block, window, out=windowed[: len(block)])
        spectrum = rfft(buffer, axis=-1, overwrite_x=True)
        np.abs(spectrum, out=spectrogram[start : start + len(block)])
    return spectrogram


def exact_magnitude(samples: Array, which: NDArray[np.intp]) -> Array:
    """Magnitudes |X| of some frames, by a transform in double precision.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    which : ndarray, shape (m,)
        Indices of frames.

    Returns
    -------
    ndarray, shape (m, 1025), float32
    """
    from scipy.fft import rfft

    windowed = np.zeros((len(which), FRAME_SAMPLES))
    for row, start in zip(windowed, which * HOP_SAMPLES - FRAME_SAMPLES // 2, strict=True):
        part = samples[max(start, 0) : start + FRAME_SAMPLES]
        row[max(-start, 0) :][: len(part)] = part
    windowed *= exact_hann(FRAME_SAMPLES)
    spectrum = rfft(windowed, axis=-1, overwrite_x=True).astype(np.complex64)
    return np.asarray(np.abs(spectrum), dtype=np.float32)


def exact_magnitudes(samples: Array) -> Array:
    """Magnitudes |X| of all frames, by a transform in double precision.

    What lies far under the loudest bin, such as valleys, is rounding in single precision.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32

    Returns
    -------
    ndarray, shape (1 + n // 512, 1025), float32
    """
    return exact_magnitude(samples, np.arange(1 + len(samples) // HOP_SAMPLES))


def product(rows: Array, weights: Array, out: Array) -> None:
    """Matrix product in blocks so small that the linear-algebra library keeps to one thread.

    Threads pay across recordings, not inside products of a fraction of a millisecond: there
    they cost more than they bring (three times the whole extraction on a busy machine).

    Parameters
    ----------
    rows : ndarray, shape (n, k), float32
    weights : ndarray, shape (k, m), float32
    out : ndarray, shape (n, m), float32
        Receives the product.
    """
    block = max(_SMALL_PRODUCT // weights.size, 1)
    for start in range(0, len(rows), block):
        np.matmul(rows[start : start + block], weights, out=out[start : start + block])


def frequencies_hz(rate_hz: int) -> NDArray[np.float64]:
    """Center frequency of every bin.

    Parameters
    ----------
    rate_hz : int

    Returns
    -------
    ndarray, shape (1025,), in Hz
    """
    return np.asarray(np.fft.rfftfreq(FRAME_SAMPLES, 1 / rate_hz), dtype=np.float64)
