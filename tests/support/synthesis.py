"""Sounds whose descriptors are known, for the tests of the affect features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
Sound = NDArray[np.float32]


def tone(hertz: float, seconds: float = 1.0, amplitude: float = 0.1) -> Sound:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def white(seconds: float = 1.0, rms: float = 0.05, seed: int = 0) -> Sound:
    rng = np.random.default_rng(seed)
    return (rms * rng.standard_normal(round(seconds * RATE_HZ))).astype(np.float32)


def harmonics(hertz: NDArray[np.float64], count: int = 12) -> Sound:
    """A voice-like sum of harmonics at 1/k whose f0 is given sample by sample."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE_HZ
    parts = [np.cos(k * phase) / k * (k * hertz < 3_400) for k in range(1, count + 1)]
    return (0.05 * np.sum(parts, axis=0)).astype(np.float32)


def pulses(periods: NDArray[np.float64], heights: NDArray[np.float64]) -> Sound:
    """Smooth pulses at exact times: 1 kHz-wide Gaussians, one per period (samples)."""
    moments = np.cumsum(periods)
    sound = np.zeros(int(moments[-1]) + 400)
    reach = np.arange(-40, 41)
    for moment, height in zip(moments, heights, strict=True):
        nearest = round(moment)
        if nearest >= 40:
            sound[nearest + reach] += height * np.exp(-0.5 * ((nearest + reach - moment) / 5) ** 2)
    return (0.1 * sound).astype(np.float32)


def speech_like(seconds: float = 2.0, seed: int = 0) -> Sound:
    """Voiced syllables with moving pitch and formants, hiss between them, faint noise below."""
    rng = np.random.default_rng(seed)
    size = round(seconds * RATE_HZ)
    time = np.arange(size) / RATE_HZ
    hertz = 150 * np.exp2(0.3 * np.sin(2 * np.pi * 0.7 * time + seed))
    voice = harmonics(hertz, 20) * (np.sin(2 * np.pi * 2.3 * time) > -0.2)
    hiss = np.diff(rng.standard_normal(size + 1)) * 0.01 * (np.sin(2 * np.pi * 2.3 * time) < -0.6)
    return (voice + hiss + 1e-4 * rng.standard_normal(size)).astype(np.float32)
