"""Log-mel picture of an utterance, as numbers in a row: what the network of `accurate` looks at."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.affect.frames import FFT_SAMPLES, power_spectrum
from voxaffect.features.front_end import FRAME_SAMPLES, HOP_SAMPLES, RATE_HZ, Array

BANDS = 64
MAX_FRAMES = 200
MIN_FRAMES = 24
LOW_HZ, HIGH_HZ = 50.0, 7_600.0
RANGE_BELS = 6.0
_STEM = "logmel_"
LENGTH = MAX_FRAMES * BANDS + 1


def compute_logmel(speech: Array, power: Array) -> Array:
    """Log-mel spectrogram in units of 10 dB.

    Parameters
    ----------
    speech : ndarray, shape (n,), float32
        At 16 kHz, cut to its active part and brought to the standard level.
    power : ndarray, shape (frames, 257), float32
        Power spectrum of its frames.

    Returns
    -------
    ndarray, shape (frames, 64), float32
        One frame every 20 ms, the mean power of two 25 ms windows 10 ms apart; at least 24.
        Floored 60 dB under its maximum, which makes quiet noise invisible.
    """
    count = max(2 * MIN_FRAMES, len(power))
    count += count % 2
    if missing := count - len(power):
        tail = speech[len(power) * HOP_SAMPLES :]
        needed = (missing - 1) * HOP_SAMPLES + FRAME_SAMPLES
        power = np.concatenate([power, power_spectrum(np.pad(tail, (0, needed - len(tail))))])
    mel = power.reshape(count // 2, 2, -1).mean(axis=1) @ _triangles()
    bels = np.log10(np.maximum(mel, 1e-10))
    return np.asarray(np.maximum(bels, bels.max() - RANGE_BELS), dtype=np.float32)


def flatten_logmel(picture: Array) -> Array:
    """Lay a picture out in one row of fixed length.

    Parameters
    ----------
    picture : ndarray, shape (frames, 64)

    Returns
    -------
    ndarray, shape (12801,), float32
        The frames one after the other, at most the middle 200 (4 s), then zeros, and last how
        many frames there are.
    """
    start = max(0, (len(picture) - MAX_FRAMES) // 2)
    kept = picture[start : start + MAX_FRAMES]
    row = np.zeros(LENGTH, dtype=np.float32)
    row[: kept.size] = kept.ravel()
    row[-1] = len(kept)
    return row


def unflatten_logmel(row: Array) -> Array:
    """Undo `flatten_logmel`; shape (frames, 64)."""
    frames = int(row[-1])
    return row[: frames * BANDS].reshape(frames, BANDS)


@cache
def names() -> tuple[str, ...]:
    """Name of every number of the row."""
    cells = (
        f"{_STEM}{frame:03d}_{band:02d}" for frame in range(MAX_FRAMES) for band in range(BANDS)
    )
    return (*cells, f"{_STEM}frames")


def is_logmel(name: str) -> bool:
    """Whether a feature is a cell of the picture, which has no meaning outside it."""
    return name.startswith(_STEM)


@cache
def _triangles() -> NDArray[np.float32]:
    """HTK-mel triangles of unit sum, shape (257, 64)."""
    low, high = 2595 * np.log10(1 + np.array([LOW_HZ, HIGH_HZ]) / 700)
    edges_hz = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    bins_hz = np.arange(FFT_SAMPLES // 2 + 1) * RATE_HZ / FFT_SAMPLES
    rise = (bins_hz[:, None] - edges_hz[:-2]) / np.diff(edges_hz)[:-1]
    fall = (edges_hz[2:] - bins_hz[:, None]) / np.diff(edges_hz)[1:]
    triangles = np.maximum(0, np.minimum(rise, fall))
    # The lowest triangles are narrower than a bin: give them the bin nearest to their center.
    empty = np.flatnonzero(triangles.sum(axis=0) < 0.5)
    nearest = np.abs(bins_hz[:, None] - edges_hz[1:-1][empty]).argmin(axis=0)
    triangles[nearest, empty] += 1e-3
    return np.asarray(triangles / triangles.sum(axis=0), dtype=np.float32)
