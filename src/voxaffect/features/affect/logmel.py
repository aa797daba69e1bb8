"""Log-mel spectrogram of an utterance, as numbers in a row: the input of the networks."""

from __future__ import annotations

from functools import cache

import numpy as np

from voxaffect.features.affect.frames import FFT_SAMPLES, compute_power_spectrum
from voxaffect.features.dsp import Array, make_triangles, space_htk_mel
from voxaffect.features.front_end import FRAME_SAMPLES, HOP_SAMPLES, RATE_HZ

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
        rest = speech[len(power) * HOP_SAMPLES :]
        needed = (missing - 1) * HOP_SAMPLES + FRAME_SAMPLES
        power = np.concatenate(
            [power, compute_power_spectrum(np.pad(rest, (0, needed - len(rest))))]
        )
    mel = power.reshape(count // 2, 2, -1).mean(axis=1) @ _make_mel_bank()
    bels = np.log10(np.maximum(mel, 1e-10))
    return np.asarray(np.maximum(bels, bels.max() - RANGE_BELS), dtype=np.float32)


def flatten_logmel(spectrogram: Array) -> Array:
    """Lay a spectrogram out in one row of fixed length.

    Parameters
    ----------
    spectrogram : ndarray, shape (frames, 64)

    Returns
    -------
    ndarray, shape (12801,), float32
        The frames one after the other, at most the middle 200 (4 s), then zeros, and last the
        number of frames.
    """
    start = max(0, (len(spectrogram) - MAX_FRAMES) // 2)
    kept = spectrogram[start : start + MAX_FRAMES]
    row = np.zeros(LENGTH, dtype=np.float32)
    row[: kept.size] = kept.ravel()
    row[-1] = len(kept)
    return row


def unflatten_logmel(row: Array) -> Array:
    """Undo `flatten_logmel`; shape (frames, 64)."""
    frames = int(row[-1])
    return row[: frames * BANDS].reshape(frames, BANDS)


@cache
def list_names() -> tuple[str, ...]:
    """Name of every number of the row."""
    cells = (
        f"{_STEM}{frame:03d}_{band:02d}" for frame in range(MAX_FRAMES) for band in range(BANDS)
    )
    return (*cells, f"{_STEM}frames")


def is_logmel(name: str) -> bool:
    """Report whether a feature is part of the spectrogram, so that it means nothing alone."""
    return name.startswith(_STEM)


@cache
def _make_mel_bank() -> Array:
    """HTK-mel triangles of unit sum, shape (257, 64)."""
    edges_hz = space_htk_mel(LOW_HZ, HIGH_HZ, BANDS + 2)
    bins_hz = np.arange(FFT_SAMPLES // 2 + 1) * RATE_HZ / FFT_SAMPLES
    # Summed over a row, the weights would differ in their last bits from those of trained networks.
    triangles = np.ascontiguousarray(make_triangles(edges_hz, bins_hz).T)
    # The lowest triangles are narrower than a bin: give them the bin nearest to their center.
    empty = np.flatnonzero(triangles.sum(axis=0) < 0.5)
    nearest = np.abs(bins_hz[:, None] - edges_hz[1:-1][empty]).argmin(axis=0)
    triangles[nearest, empty] += 1e-3
    return np.asarray(triangles / triangles.sum(axis=0), dtype=np.float32)
