"""What is measured in each 25 ms frame, every 10 ms: one row per track, one column per frame."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np

from voxaffect.features.affect.frames import FFT_SAMPLES, FrameSpectra
from voxaffect.features.affect.pitch import Pitch, follow_pitch
from voxaffect.features.front_end import (
    BLOCK_SAMPLES,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    RATE_HZ,
    Array,
    Speech,
    frame_powers,
)

BINS: Final = FFT_SAMPLES // 2 + 1
MEL_BANDS: Final = 40
NARROW_BANDS: Final = 26
CEPSTRA: Final = 20
NARROW_CEPSTRA: Final = 14
LOWEST_HZ: Final = 50.0
HIGHEST_HZ: Final = 7_600.0
NARROW_HIGHEST_HZ: Final = 3_700.0
DYNAMIC_RANGE_DB: Final = 70.0
DELTA_FRAMES: Final = 4
ROLL_OFFS: Final = (0.25, 0.50, 0.85, 0.95)
SLOPES_HZ: Final = ((30.0, 500.0), (500.0, 1_500.0), (1_500.0, 6_000.0))
BANDS_HZ: Final = ((50.0, 500.0), (500.0, 1_500.0), (1_500.0, 4_000.0))
SPECTRAL_NAMES: Final = (
    "centroid_hz",
    "bandwidth_hz",
    "rolloff25_hz",
    "rolloff50_hz",
    "rolloff85_hz",
    "rolloff95_hz",
    "flatness_db",
    "entropy",
    "flux",
    "slope0030_db_per_khz",
    "slope0500_db_per_khz",
    "slope1500_db_per_khz",
    "alpha_db",
    "hammarberg_db",
    "band0050_db",
    "band0500_db",
    "band1500_db",
)


@dataclass(frozen=True)
class Tracks:
    """Every track of one utterance; each array has one column per frame.

    Attributes
    ----------
    log_mel : ndarray, shape (40, frames)
        Power in HTK-mel triangles of unit sum, 50-7,600 Hz, in dB, at most 70 dB down.
    mfcc : ndarray, shape (20, frames)
        Orthonormal DCT-II of ``log_mel``.
    narrow : ndarray, shape (14, frames)
        The same from 26 triangles, 50-3,700 Hz: what a telephone lets through.
    spectral : ndarray, shape (17, frames)
        In the order of ``SPECTRAL_NAMES``.
    energy_db, crossings : ndarray, shape (1, frames)
        Level in dB re the active frames; zero crossings per sample.
    pitch : Pitch
    """

    log_mel: Array
    mfcc: Array
    narrow: Array
    spectral: Array
    energy_db: Array
    crossings: Array
    pitch: Pitch


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


@functools.cache
def mel_bank(bands: int, highest_hz: float) -> Array:
    """Triangular filters of unit sum, equally spaced in HTK mel; shape (bands, bins)."""
    mels = np.linspace(_mel(LOWEST_HZ), _mel(highest_hz), bands + 2)
    corners = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.arange(BINS) * RATE_HZ / FFT_SAMPLES
    left, middle, right = (corners[i : i + bands, None] for i in range(3))
    rising = (bins - left) / (middle - left)
    falling = (right - bins) / (right - middle)
    bank = np.maximum(0.0, np.minimum(rising, falling))
    return np.asarray(bank / bank.sum(axis=1, keepdims=True), dtype=np.float32)


@functools.cache
def cosine_basis(kept: int, size: int) -> Array:
    """First ``kept`` rows of the orthonormal DCT-II of ``size`` points."""
    order = np.arange(kept)[:, None]
    basis = np.cos(np.pi * order * (np.arange(size) + 0.5) / size) * np.sqrt(2.0 / size)
    basis[0] /= np.sqrt(2.0)
    return np.asarray(basis, dtype=np.float32)


def floored_db(power: Array) -> Array:
    """Decibels, no lower than 70 dB under the largest."""
    top = max(float(power.max(initial=0.0)), 1e-20)
    least = np.float32(top * 10.0 ** (-DYNAMIC_RANGE_DB / 10.0))
    return np.asarray(10.0 * np.log10(np.maximum(power, least)), dtype=np.float32)


def regression_delta(tracks: Array) -> Array:
    """Slope per frame of each track by regression over ± 4 frames, edges repeated."""
    weights = np.arange(-DELTA_FRAMES, DELTA_FRAMES + 1, dtype=np.float32)
    first = np.repeat(tracks[:, :1], DELTA_FRAMES, axis=1)
    last = np.repeat(tracks[:, -1:], DELTA_FRAMES, axis=1)
    padded = np.concatenate([first, tracks, last], axis=1)
    frames = tracks.shape[1]
    slope = np.zeros_like(tracks)
    for step in range(1, DELTA_FRAMES + 1):
        ahead = padded[:, DELTA_FRAMES + step : DELTA_FRAMES + step + frames]
        behind = padded[:, DELTA_FRAMES - step : DELTA_FRAMES - step + frames]
        slope += np.float32(step) * (ahead - behind)
    return np.asarray(slope / np.float32(np.dot(weights, weights)), dtype=np.float32)


@functools.cache
def _slope_weights(bins: int) -> Array:
    """Columns that turn a dB spectrum into its regression slopes in dB per kHz."""
    kilohertz = np.arange(bins) * RATE_HZ / FFT_SAMPLES / 1_000.0
    columns = []
    for low, high in SLOPES_HZ:
        inside = (kilohertz >= low / 1_000.0) & (kilohertz <= high / 1_000.0)
        centered = np.where(inside, kilohertz - kilohertz[inside].mean(), 0.0)
        columns.append(centered / np.dot(centered, centered))
    return np.stack(columns, axis=1).astype(np.float32)


@functools.cache
def _band_weights(bins: int) -> Array:
    """Columns that sum power over the three bands, 50-1,000 Hz and 1-5 kHz (alpha ratio)."""
    hertz = np.arange(bins) * RATE_HZ / FFT_SAMPLES
    edges = (*BANDS_HZ, (50.0, 1_000.0), (1_000.0, 5_000.0))
    columns = [(hertz >= low) & (hertz < high) for low, high in edges]
    return np.stack(columns, axis=1).astype(np.float32)


def _roll_offs(power: Array, total: Array) -> Array:
    """Frequencies under which 25, 50, 85 and 95 % of the power lie, in Hz; (4, frames)."""
    running = np.cumsum(power, axis=1)
    rows = np.arange(len(power))
    found = np.empty((len(ROLL_OFFS), len(power)), dtype=np.float32)
    for index, share in enumerate(ROLL_OFFS):
        wanted = np.float32(share) * total
        above = np.argmax(running >= wanted[:, None], axis=1)
        part = power[rows, above]
        inside = (wanted - (running[rows, above] - part)) / part
        found[index] = above - 0.5 + inside.clip(0.0, 1.0)
    return found * np.float32(RATE_HZ / FFT_SAMPLES)


def _faintest(power: Array) -> np.float32:
    """70 dB under the mean bin of the loudest frame."""
    top = max(float(power.mean(axis=1).max(initial=0.0)), 1e-20)
    return np.float32(top * 10.0 ** (-DYNAMIC_RANGE_DB / 10.0))


def _moments(power: Array, total: Array) -> Array:
    """Centroid and bandwidth of each frame, in Hz; shape (2, frames)."""
    bins = np.arange(power.shape[1], dtype=np.float32)
    hertz = bins * np.float32(RATE_HZ / FFT_SAMPLES)
    first, second = (power @ np.stack([hertz, hertz**2], axis=1) / total[:, None]).T
    return np.stack([first, np.sqrt(np.maximum(second - first**2, 0.0))])


def _flux(power: Array, total: Array) -> Array:
    """Hellinger distance of each frame's normalized spectrum to the one before; first 0."""
    root = np.sqrt(power / total[:, None])
    overlap = np.einsum("fb,fb->f", root[1:], root[:-1])
    distance = np.sqrt(np.maximum(1.0 - overlap, 0.0))
    return np.concatenate([np.zeros(1, dtype=np.float32), distance])


def _decibels(numerator: Array, denominator: Array) -> Array:
    return np.asarray(10.0 * np.log10(numerator / denominator), dtype=np.float32)


def describe_spectrum(power: Array) -> Array:
    """Shape of each frame's spectrum, in the order of ``SPECTRAL_NAMES``.

    Parameters
    ----------
    power : ndarray, shape (frames, bins), float32, >= 0
        A floor 70 dB under the loudest bin's mean is added, so silent frames count as flat.

    Returns
    -------
    ndarray, shape (17, frames), float32
        Centroid, bandwidth and roll-offs in Hz; flatness as 10·log10(geometric / arithmetic
        mean); entropy over its maximum, 0-1; Hellinger distance to the frame before, 0-1;
        slopes in dB per kHz; alpha ratio (50-1,000 over 1,000-5,000 Hz), Hammarberg index
        (strongest bin of 0-2 over that of 2-5 kHz) and the share of three bands, in dB.

    References
    ----------
    Eyben et al. (2016), IEEE Trans. Affective Computing 7(2), section 3.1 (slopes, alpha
    ratio, Hammarberg index); Peeters (2004), CUIDADO report (centroid to flatness).
    """
    frames, bins = power.shape
    power = power + _faintest(power)
    total = power.sum(axis=1)
    log_power = np.log(power)
    bands = power @ _band_weights(bins)
    split = int(2_000 * FFT_SAMPLES / RATE_HZ)
    last = int(5_000 * FFT_SAMPLES / RATE_HZ)
    tracks = np.empty((len(SPECTRAL_NAMES), frames), dtype=np.float32)
    tracks[0:2] = _moments(power, total)
    tracks[2:6] = _roll_offs(power, total)
    tracks[6] = (10.0 / np.log(10.0)) * (log_power.mean(axis=1) - np.log(total / bins))
    mean_log = np.einsum("fb,fb->f", power, log_power) / total
    tracks[7] = (np.log(total) - mean_log) / np.log(bins)
    tracks[8] = _flux(power, total)
    tracks[9:12] = (log_power @ _slope_weights(bins)).T * np.float32(10.0 / np.log(10.0))
    tracks[12] = _decibels(bands[:, 3], bands[:, 4])
    tracks[13] = _decibels(power[:, :split].max(axis=1), power[:, split:last].max(axis=1))
    tracks[14:17] = _decibels(bands[:, :3], total[:, None]).T
    return tracks


def zero_crossings(samples: Array, frames: int) -> Array:
    """Zero crossings per sample of each frame; shape (1, frames)."""
    sign = samples > 0
    changes = np.zeros(len(samples), dtype=np.uint8)
    changes[1:] = sign[1:] != sign[:-1]
    blocks = len(samples) // BLOCK_SAMPLES
    counted = changes[: blocks * BLOCK_SAMPLES].reshape(blocks, -1).sum(axis=1)
    total = np.concatenate(([0], np.cumsum(counted)))
    width, step = FRAME_SAMPLES // BLOCK_SAMPLES, HOP_SAMPLES // BLOCK_SAMPLES
    rate = (total[width:] - total[:-width])[::step][:frames] / FRAME_SAMPLES
    return np.asarray(rate[None], dtype=np.float32)


def measure(speech: Speech, shared: FrameSpectra) -> Tracks:
    """All tracks of an utterance's active part.

    Parameters
    ----------
    speech : Speech
    shared : FrameSpectra
        Of the same samples: spectra, and autocorrelations for the pitch.
    """
    power = shared.power
    frames = len(power)
    log_mel = floored_db(mel_bank(MEL_BANDS, HIGHEST_HZ) @ power.T)
    narrow = floored_db(mel_bank(NARROW_BANDS, NARROW_HIGHEST_HZ) @ power.T)
    level = frame_powers(speech.samples)[:frames]
    return Tracks(
        log_mel=log_mel,
        mfcc=cosine_basis(CEPSTRA, MEL_BANDS) @ log_mel,
        narrow=cosine_basis(NARROW_CEPSTRA, NARROW_BANDS) @ narrow,
        spectral=describe_spectrum(power),
        energy_db=floored_db(level[None]),
        crossings=zero_crossings(speech.samples, frames),
        pitch=follow_pitch(shared.halved, shared.correlation),
    )
