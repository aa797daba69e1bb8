"""Tonal centroids of the harmonic part of a recording, equal to librosa's.

A constant-Q transform of the harmonic part gives 12 pitch classes, and these six coordinates:
fifths, minor thirds and major thirds.

References
----------
Harte, Sandler and Gasser, *Detecting harmonic change in musical audio*, 2006. Fitzgerald,
*Harmonic/percussive separation using median filtering*, DAFx 2010. Schörkhuber and Klapuri,
*Constant-Q transform toolbox for music processing*, SMC 2010.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.classic.chroma import CHROMAS, estimate_tuning
from voxaffect.features.classic.spectrum import (
    FRAME_SAMPLES,
    HOP_SAMPLES,
    compute_exact_magnitude,
    cut_centered_frames,
)
from voxaffect.features.dsp import Array, Wide, cut_frames, make_exact_hann, make_hann

TONNETZ = 6
MIN_RATE_HZ = 8_400
"""The highest filter ends at about 4.2 kHz, which must lie under half the rate."""

Spectra = NDArray[np.complex64]

_MEDIAN_FRAMES = 31
_C1_HZ = 440.0 * 2.0 ** (-45 / 12)
_OCTAVES = 7
_BINS_PER_OCTAVE = 36
_SPARSITY = 0.01
_HANN_BANDWIDTH = 1.50018310546875  # of the window that limits a filter, in bins
_TINY = np.finfo(np.float32).tiny


def compute_mean_tonnetz(samples: Array, rate_hz: int) -> Wide:
    """Mean over time of the tonal centroids of the harmonic part.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : int
        At least 8,400 Hz.

    Returns
    -------
    ndarray, shape (6,), from −1 to 1
    """
    harmonic = extract_harmonic_part(samples)
    magnitude = compute_exact_magnitude(harmonic)
    tuning = estimate_tuning(magnitude, harmonic, rate_hz, bins_per_octave=_BINS_PER_OCTAVE)
    classes = _make_pitch_classes() @ np.abs(_compute_constant_q(harmonic, rate_hz, tuning))
    classes /= _replace_tiny(classes.max(axis=0))
    classes /= _replace_tiny(np.abs(classes).sum(axis=0))
    return np.asarray((_make_centroids() @ classes).mean(axis=1, dtype=np.float64))


def extract_harmonic_part(samples: Array) -> Array:
    """Part of a recording that lasts in time: median filters along time and frequency part it.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32

    Returns
    -------
    ndarray, shape (n,), float32
    """
    from scipy.fft import irfft, rfft
    from scipy.ndimage import median_filter

    # In double precision and then rounded, as librosa has it.
    framed = cut_centered_frames(samples) * make_exact_hann(FRAME_SAMPLES)
    spectra = rfft(framed, axis=1, overwrite_x=True).astype(np.complex64)
    level = np.abs(spectra)
    lasting = median_filter(level, size=(_MEDIAN_FRAMES, 1), mode="reflect")
    sudden = median_filter(level, size=(1, _MEDIAN_FRAMES), mode="reflect")
    larger = np.maximum(lasting, sudden)
    is_silent = larger < _TINY
    larger[is_silent] = 1
    share, rest = (lasting / larger) ** 2, (sudden / larger) ** 2
    share /= np.where(is_silent, 1, share + rest)
    share[is_silent] = 0.5
    return _add_overlapping(irfft(spectra * share, axis=1), len(samples))


def _add_overlapping(frames: Array, length: int) -> Array:
    """Recording whose overlapping windowed frames are given."""
    window = make_hann(FRAME_SAMPLES)
    total = np.zeros(FRAME_SAMPLES + HOP_SAMPLES * (len(frames) - 1), dtype=np.float32)
    weight = np.zeros_like(total)
    for index, frame in enumerate(frames):
        part = slice(index * HOP_SAMPLES, index * HOP_SAMPLES + FRAME_SAMPLES)
        total[part] += frame * window
        weight[part] += window * window
    has_weight = weight > _TINY
    total[has_weight] /= weight[has_weight]
    start = FRAME_SAMPLES // 2
    result = np.zeros(length, dtype=np.float32)
    kept = total[start : start + length]
    result[: len(kept)] = kept
    return result


def _compute_constant_q(samples: Array, rate_hz: int, tuning: float) -> Spectra:
    """Constant-Q transform, 252 bins from C1; each octave at half the rate of the next higher."""
    lowest = _C1_HZ * 2.0 ** (tuning / _BINS_PER_OCTAVE)
    frequencies = lowest * 2.0 ** (np.arange(_OCTAVES * _BINS_PER_OCTAVE) / _BINS_PER_OCTAVE)
    bandwidth = (2.0 ** (2 / _BINS_PER_OCTAVE) - 1) / (2.0 ** (2 / _BINS_PER_OCTAVE) + 1)
    cutoff = frequencies[-1] * (1 + 0.5 * _HANN_BANDWIDTH * bandwidth)
    halvings = _count_early_halvings(rate_hz / 2, cutoff)
    rate, hop = rate_hz / 2**halvings, HOP_SAMPLES >> halvings
    if halvings:
        samples = _resample(samples, 2**halvings)
    octaves, octave_rate, octave_samples = [], rate, samples
    for octave in reversed(range(_OCTAVES)):
        part = slice(octave * _BINS_PER_OCTAVE, (octave + 1) * _BINS_PER_OCTAVE)
        filters = _make_filters(octave_rate, tuple(frequencies[part]), bandwidth)
        scaled = filters * np.float32(np.sqrt(rate / octave_rate))
        octaves.append(_filter_frames(octave_samples, scaled, hop))
        if hop % 2 == 0:
            hop, octave_rate = hop // 2, octave_rate / 2
            octave_samples = _resample(octave_samples, 2)
    frames = min(response.shape[1] for response in octaves)
    result = np.concatenate([response[:, :frames] for response in reversed(octaves)])
    lengths = rate / (bandwidth * frequencies)
    return np.asarray(result / np.sqrt(lengths)[:, None], dtype=np.complex64)


def _count_early_halvings(nyquist: float, cutoff: float) -> int:
    """Number of times that the rate can be halved before the highest octave is lost."""
    by_rate = max(0, int(np.ceil(np.log2(nyquist / cutoff)) - 1) - 1)
    twos = (HOP_SAMPLES & -HOP_SAMPLES).bit_length() - 1
    return min(by_rate, max(0, twos - _OCTAVES + 1))


def _resample(samples: Array, factor: int) -> Array:
    """Lower the rate by a factor, and keep the energy."""
    import soxr

    length = -(-len(samples) // factor)
    result = np.zeros(length, dtype=np.float32)
    lower = soxr.resample(samples, factor, 1, quality="HQ")[:length]
    result[: len(lower)] = lower
    return np.asarray(result * np.float32(np.sqrt(factor)))


@lru_cache(maxsize=64)
def _make_filters(rate: float, frequencies: tuple[float, ...], bandwidth: float) -> Spectra:
    """Spectra of windowed complex tones, without their smallest numbers.

    Returns
    -------
    ndarray, shape (len(frequencies), n / 2 + 1), for frames of n samples
    """
    lengths = rate / (bandwidth * np.array(frequencies))
    size = int(2.0 ** np.ceil(np.log2(lengths.max())))
    basis = np.zeros((len(lengths), size), dtype=np.complex64)
    for row, length, frequency in zip(basis, lengths, frequencies, strict=True):
        time = np.arange(-length // 2, length // 2, dtype=float)
        tone = np.exp(2j * np.pi * frequency / rate * time) * make_exact_hann(len(time))
        tone /= np.abs(tone).sum()
        start = (size - len(tone)) // 2
        row[start : start + len(tone)] = tone * (length / size)
    spectra = np.fft.fft(basis, axis=1)[:, : size // 2 + 1]
    return _sparsify(spectra).astype(np.complex64)


def _sparsify(rows: NDArray[np.complexfloating]) -> NDArray[np.complexfloating]:
    """Set the smallest numbers of each row, one hundredth of its magnitude in all, to zero."""
    magnitude = np.abs(rows)
    ordered = np.sort(magnitude, axis=1)
    held = np.cumsum(ordered / magnitude.sum(axis=1, keepdims=True), axis=1)
    first = np.argmin(held < _SPARSITY, axis=1)
    threshold = np.take_along_axis(ordered, first[:, None], axis=1)
    return np.where(magnitude >= threshold, rows, 0)


def _filter_frames(samples: Array, filters: Spectra, hop: int) -> Spectra:
    """Response of filters to frames of a recording, shape (filters, frames)."""
    from scipy.fft import rfft

    size = 2 * (filters.shape[1] - 1)
    frames = cut_frames(samples, size, hop, padding=size // 2).astype(np.float64)
    return np.asarray(filters @ rfft(frames, axis=1, overwrite_x=True).astype(np.complex64).T)


@lru_cache(maxsize=1)
def _make_pitch_classes() -> Array:
    """Pitch classes by constant-Q bins: three bins a semitone, centered on it."""
    merge = _BINS_PER_OCTAVE // CHROMAS
    octave = np.roll(np.repeat(np.eye(CHROMAS), merge, axis=1), -(merge // 2), axis=1)
    return np.tile(octave, _OCTAVES).astype(np.float32)


@lru_cache(maxsize=1)
def _make_centroids() -> Wide:
    """Coordinates by pitch classes, shape (6, 12)."""
    scale = np.array([7 / 6, 7 / 6, 3 / 2, 3 / 2, 2 / 3, 2 / 3])
    angle = np.multiply.outer(scale, np.arange(CHROMAS, dtype=float))
    angle[::2] -= 0.5
    radius = np.array([1, 1, 1, 1, 0.5, 0.5])
    return np.asarray(radius[:, None] * np.cos(np.pi * angle))


def _replace_tiny(values: Array) -> Array:
    """Divisors, with 1 instead of those too small to divide by."""
    return np.where(values < _TINY, np.float32(1), values)
