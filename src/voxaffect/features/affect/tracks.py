"""Tracks of an utterance: one row per quantity, one column per 25 ms frame, every 10 ms."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.affect.frames import FFT_SAMPLES, FrameSpectra
from voxaffect.features.affect.pitch import Pitch, follow_pitch
from voxaffect.features.base import compute_rows, declare, list_names
from voxaffect.features.dsp import Array, make_dct_basis, make_triangles, space_htk_mel
from voxaffect.features.front_end import (
    BLOCK_SAMPLES,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    RATE_HZ,
    Speech,
    compute_frame_powers,
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
FRAMES_PER_SECOND: Final = RATE_HZ / HOP_SAMPLES
ROLL_OFFS: Final = (0.25, 0.50, 0.85, 0.95)
SLOPES_HZ: Final = ((30.0, 500.0), (500.0, 1_500.0), (1_500.0, 6_000.0))
BANDS_HZ: Final = ((50.0, 500.0), (500.0, 1_500.0), (1_500.0, 4_000.0))


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
        The same from 26 triangles, 50-3,700 Hz: the band of a telephone.
    spectral : ndarray, shape (17, frames)
        In the order of ``SPECTRAL``.
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


@functools.cache
def make_mel_bank(bands: int, highest_hz: float) -> Array:
    """Triangular filters of unit sum, equally spaced in HTK mel; shape (bands, bins)."""
    bins = np.arange(BINS) * RATE_HZ / FFT_SAMPLES
    bank = make_triangles(space_htk_mel(LOWEST_HZ, highest_hz, bands + 2), bins)
    return np.asarray(bank / bank.sum(axis=1, keepdims=True), dtype=np.float32)


@functools.cache
def _make_cosines(rows: int, size: int) -> Array:
    return make_dct_basis(rows, size).astype(np.float32)


def convert_to_db(power: Array) -> Array:
    """Decibels, no lower than 70 dB under the largest."""
    top = max(float(power.max(initial=0.0)), 1e-20)
    least = np.float32(top * 10.0 ** (-DYNAMIC_RANGE_DB / 10.0))
    return np.asarray(10.0 * np.log10(np.maximum(power, least)), dtype=np.float32)


def compute_delta(tracks: Array) -> Array:
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
def _make_slope_weights(bins: int) -> Array:
    """Columns that turn a dB spectrum into its regression slopes in dB per kHz."""
    kilohertz = np.arange(bins) * RATE_HZ / FFT_SAMPLES / 1_000.0
    columns = []
    for low, high in SLOPES_HZ:
        inside = (kilohertz >= low / 1_000.0) & (kilohertz <= high / 1_000.0)
        centered = np.where(inside, kilohertz - kilohertz[inside].mean(), 0.0)
        columns.append(centered / np.dot(centered, centered))
    return np.stack(columns, axis=1).astype(np.float32)


@functools.cache
def _make_band_weights(bins: int) -> Array:
    """Columns that sum power over the three bands, 50-1,000 Hz and 1-5 kHz (alpha ratio)."""
    hertz = np.arange(bins) * RATE_HZ / FFT_SAMPLES
    edges = (*BANDS_HZ, (50.0, 1_000.0), (1_000.0, 5_000.0))
    columns = [(hertz >= low) & (hertz < high) for low, high in edges]
    return np.stack(columns, axis=1).astype(np.float32)


class Spectra:
    """Power spectra of the frames of one utterance, and what their descriptors share.

    Parameters
    ----------
    power : ndarray, shape (frames, bins), float32, >= 0
        A floor 70 dB under the mean bin of the loudest frame is added, so silent frames count
        as flat.
    """

    def __init__(self, power: Array) -> None:
        top = max(float(power.mean(axis=1).max(initial=0.0)), 1e-20)
        self.power: Array = power + np.float32(top * 10.0 ** (-DYNAMIC_RANGE_DB / 10.0))
        self.bins = power.shape[1]
        self.total: Array = self.power.sum(axis=1)
        self.log_power: Array = np.log(self.power)
        self.bands: Array = self.power @ _make_band_weights(self.bins)


def _compute_moments(spectra: Spectra) -> Array:
    """Centroid and bandwidth of each frame, in Hz; shape (2, frames)."""
    hertz = np.arange(spectra.bins, dtype=np.float32) * np.float32(RATE_HZ / FFT_SAMPLES)
    powers = np.stack([hertz, hertz**2], axis=1)
    first, second = (spectra.power @ powers / spectra.total[:, None]).T
    return np.stack([first, np.sqrt(np.maximum(second - first**2, 0.0))])


def _compute_roll_offs(spectra: Spectra) -> Array:
    """Frequencies under which 25, 50, 85 and 95 % of the power lie, in Hz; (4, frames)."""
    power = spectra.power
    running = np.cumsum(power, axis=1)
    rows = np.arange(len(power))
    bins = np.empty((len(ROLL_OFFS), len(power)), dtype=np.float32)
    for index, share in enumerate(ROLL_OFFS):
        limit = np.float32(share) * spectra.total
        above = np.argmax(running >= limit[:, None], axis=1)
        part = power[rows, above]
        inside = (limit - (running[rows, above] - part)) / part
        bins[index] = above - 0.5 + inside.clip(0.0, 1.0)
    return bins * np.float32(RATE_HZ / FFT_SAMPLES)


def _compute_flatness(spectra: Spectra) -> NDArray[Any]:
    """Geometric over arithmetic mean, as 10·log10."""
    mean_log = spectra.log_power.mean(axis=1)
    flatness = mean_log - np.log(spectra.total / spectra.bins)
    return np.asarray((10.0 / np.log(10.0)) * flatness)


def _compute_entropy(spectra: Spectra) -> NDArray[Any]:
    """Entropy over its maximum, 0 to 1."""
    mean_log = np.einsum("fb,fb->f", spectra.power, spectra.log_power) / spectra.total
    return np.asarray((np.log(spectra.total) - mean_log) / np.log(spectra.bins))


def _compute_flux(spectra: Spectra) -> Array:
    """Hellinger distance of each frame's normalized spectrum to the one before; first 0."""
    root = np.sqrt(spectra.power / spectra.total[:, None])
    overlap = np.einsum("fb,fb->f", root[1:], root[:-1])
    distance = np.sqrt(np.maximum(1.0 - overlap, 0.0))
    return np.concatenate([np.zeros(1, dtype=np.float32), distance])


def _compute_slopes(spectra: Spectra) -> Array:
    """Regression slopes of the dB spectrum over three bands; shape (3, frames)."""
    slopes = (spectra.log_power @ _make_slope_weights(spectra.bins)).T
    return np.asarray(slopes * np.float32(10.0 / np.log(10.0)))


def _compute_alpha(spectra: Spectra) -> Array:
    """Alpha ratio: power of 50-1,000 Hz over that of 1,000-5,000 Hz."""
    return _compute_ratio_db(spectra.bands[:, 3], spectra.bands[:, 4])


def _compute_hammarberg(spectra: Spectra) -> Array:
    """Hammarberg index: strongest bin of 0-2 kHz over that of 2-5 kHz."""
    split = int(2_000 * FFT_SAMPLES / RATE_HZ)
    last = int(5_000 * FFT_SAMPLES / RATE_HZ)
    power = spectra.power
    return _compute_ratio_db(power[:, :split].max(axis=1), power[:, split:last].max(axis=1))


def _compute_band_shares(spectra: Spectra) -> Array:
    """Share of three bands in the power, in dB; shape (3, frames)."""
    return _compute_ratio_db(spectra.bands[:, :3], spectra.total[:, None]).T


def _compute_ratio_db(numerator: Array, denominator: Array) -> Array:
    return np.asarray(10.0 * np.log10(numerator / denominator), dtype=np.float32)


SPECTRAL: Final = tuple(
    declare(names, unit, "spectrum", compute)
    for names, unit, compute in (
        ("centroid_hz bandwidth_hz", "Hz", _compute_moments),
        ("rolloff25_hz rolloff50_hz rolloff85_hz rolloff95_hz", "Hz", _compute_roll_offs),
        ("flatness_db", "dB", _compute_flatness),
        ("entropy", "1", _compute_entropy),
        ("flux", "1", _compute_flux),
        (
            "slope0030_db_per_khz slope0500_db_per_khz slope1500_db_per_khz",
            "dB/kHz",
            _compute_slopes,
        ),
        ("alpha_db", "dB", _compute_alpha),
        ("hammarberg_db", "dB", _compute_hammarberg),
        ("band0050_db band0500_db band1500_db", "dB", _compute_band_shares),
    )
)
"""Shape of each frame's spectrum, in the order of the tracks.

References
----------
Eyben et al. (2016), IEEE Trans. Affective Computing 7(2), section 3.1 (slopes, alpha
ratio, Hammarberg index); Peeters (2004), CUIDADO report (centroid to flatness).
"""
SPECTRAL_NAMES: Final = list_names(SPECTRAL)


def compute_spectral(power: Array) -> Array:
    """Tracks of ``SPECTRAL`` from power spectra of shape (frames, bins); shape (17, frames)."""
    return compute_rows(SPECTRAL, Spectra(power)).reshape(len(SPECTRAL_NAMES), len(power))


def count_zero_crossings(samples: Array, frames: int) -> Array:
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


def compute_tracks(speech: Speech, spectra: FrameSpectra) -> Tracks:
    """All tracks of an utterance's active part.

    Parameters
    ----------
    speech : Speech
    spectra : FrameSpectra
        Of the same samples: spectra, and autocorrelations for the pitch.
    """
    power = spectra.power
    frames = len(power)
    log_mel = convert_to_db(make_mel_bank(MEL_BANDS, HIGHEST_HZ) @ power.T)
    narrow = convert_to_db(make_mel_bank(NARROW_BANDS, NARROW_HIGHEST_HZ) @ power.T)
    level = compute_frame_powers(speech.samples)[:frames]
    return Tracks(
        log_mel=log_mel,
        mfcc=_make_cosines(CEPSTRA, MEL_BANDS) @ log_mel,
        narrow=_make_cosines(NARROW_CEPSTRA, NARROW_BANDS) @ narrow,
        spectral=compute_spectral(power),
        energy_db=convert_to_db(level[None]),
        crossings=count_zero_crossings(speech.samples, frames),
        pitch=follow_pitch(spectra.halved, spectra.correlation),
    )
