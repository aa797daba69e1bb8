"""Functionals of an utterance, as rows in the order of the vector."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from voxaffect.features.affect.functionals import (
    FULL,
    SEVEN,
    compute_full,
    compute_seven,
)
from voxaffect.features.affect.melody import MELODY, compute_melody
from voxaffect.features.affect.pitch import measure_perturbations
from voxaffect.features.affect.rhythm import RHYTHM, Rhythm
from voxaffect.features.affect.tracks import (
    CEPSTRA,
    FRAMES_PER_SECOND,
    MEL_BANDS,
    NARROW_CEPSTRA,
    SPECTRAL,
    SPECTRAL_NAMES,
    compute_delta,
)
from voxaffect.features.affect.utterance import Utterance
from voxaffect.features.base import (
    Descriptor,
    Quantity,
    compute_rows,
    declare,
    list_quantities,
)
from voxaffect.features.dsp import Array

MODULATION_EDGES_HZ: Final = (0.5, 1.5, 2.5, 4.0, 6.0, 8.5, 12.0, 18.0, 28.0, 48.0)
MODULATION_STATISTICS: Final = tuple(
    f"modulation_{low:g}_{high:g}_hz" for low, high in itertools.pairwise(MODULATION_EDGES_HZ)
)
THIRD_CEPSTRA: Final = 13
THIRD_SPECTRAL: Final = ("centroid_hz", "flatness_db", "flux", "slope0500_db_per_khz")
THIRD_STATISTICS: Final = tuple(
    f"third{number}_{statistic}" for number in (1, 2, 3) for statistic in ("mean", "sd")
)
_THIRD_INDICES: Final = [SPECTRAL_NAMES.index(name) for name in THIRD_SPECTRAL]


@functools.lru_cache(maxsize=64)
def _make_modulation_bins(size: int) -> Array:
    """Columns that average a power spectrum of ``size`` points over the modulation bands."""
    hertz = np.arange(size // 2 + 1) * FRAMES_PER_SECOND / size
    columns = []
    for low, high in itertools.pairwise(MODULATION_EDGES_HZ):
        inside = (hertz >= low) & (hertz < high)
        columns.append(inside / inside.sum())
    return np.stack(columns, axis=1).astype(np.float32)


def compute_modulation(tracks: Array) -> Array:
    """Modulation spectrum of each track: log power in nine bands, 0.5 to 48 Hz.

    Whole-utterance Hann window, power per frame, natural logarithm; shape (tracks, 9).
    """
    from scipy.fft import rfft

    frames = tracks.shape[1]
    size = 512
    while size < frames:
        size *= 2
    window = np.hanning(frames + 2)[1:-1].astype(np.float32)
    centered = tracks - tracks.mean(axis=1, keepdims=True)
    spectrum = rfft(centered * window, size, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2) / np.float32(np.dot(window, window))
    return np.asarray(np.log(power @ _make_modulation_bins(size) + np.float32(1e-3)), np.float32)


def compute_thirds(tracks: Array) -> Array:
    """Mean and sd of each track in each third of the utterance; shape (tracks, 6)."""
    edges = np.linspace(0, tracks.shape[1], 4).round().astype(int)
    columns = []
    for start, stop in itertools.pairwise(edges):
        part = tracks[:, start : max(stop, start + 1)]
        mean = part.mean(axis=1)
        columns += [mean, np.sqrt(np.mean((part - mean[:, None]) ** 2, axis=1))]
    return np.stack(columns, axis=1)


def _compute_energy(utterance: Utterance) -> Array:
    energy, crossings = utterance.tracks.energy_db, utterance.tracks.crossings
    return compute_full(np.concatenate([energy, crossings, compute_delta(energy)]))


def _compute_thirds(utterance: Utterance) -> Array:
    tracks = utterance.tracks
    rows = [tracks.mfcc[:THIRD_CEPSTRA], tracks.energy_db, tracks.spectral[_THIRD_INDICES]]
    f0 = tracks.pitch.semitones[None]
    return compute_thirds(np.concatenate([*rows, utterance.mel_pairs, f0]))


def _compute_modulation(utterance: Utterance) -> Array:
    energy, f0 = utterance.tracks.energy_db, utterance.tracks.pitch.semitones[None]
    return compute_modulation(np.concatenate([utterance.mel_pairs, energy, f0]))


def _compute_regularity(utterance: Utterance) -> Array:
    """Seven statistics of HNR and of the level, over the voiced frames."""
    pitch = utterance.tracks.pitch
    rows = np.concatenate([pitch.hnr_db[None], utterance.tracks.energy_db])
    voiced = rows[:, pitch.voiced]
    return compute_seven(voiced if voiced.shape[1] else rows)


def _number(stem: str, count: int, unit: str, family: str) -> tuple[Quantity, ...]:
    return tuple(Quantity(f"{stem}{index:02d}", unit, family) for index in range(count))


_MFCC = _number("mfcc", CEPSTRA, "dB", "timbre")
_SPECTRAL = list_quantities(SPECTRAL)
_NARROW = _number("narrow_mfcc", NARROW_CEPSTRA, "dB", "timbre")
_MEL_PAIRS = _number("melpair", MEL_BANDS // 2, "dB", "spectrum")
_ENERGY = Quantity("energy_db", "dB", "energy")
_CROSSINGS = Quantity("crossings", "1/sample", "spectrum")
_F0 = Quantity("f0_st", "semitones", "pitch")
_HNR = Quantity("hnr_db", "dB", "voice quality")
_STRENGTH = Quantity("strength", "1", "voice quality")
_THIRDS = tuple(_SPECTRAL[index] for index in _THIRD_INDICES)


def _tabulate(
    tracks: Sequence[Quantity],
    statistics: Sequence[str],
    compute: Callable[[Utterance], Array],
    *,
    prefix: str = "",
    family: str | None = None,
) -> Descriptor[Any]:
    """Row of a table of tracks by statistics, in the tracks' units and families."""
    quantities = tuple(
        Quantity(f"{prefix}{track.name}.{statistic}", track.unit, family or track.family)
        for track in tracks
        for statistic in statistics
    )
    return Descriptor(quantities, compute)


FUNCTIONALS: Final[tuple[Descriptor[Any], ...]] = (
    _tabulate(
        (*_MFCC, *_SPECTRAL, *_NARROW),
        FULL,
        lambda utterance: compute_full(utterance.shapes[:, utterance.is_loud]),
    ),
    _tabulate(
        _MFCC,
        SEVEN,
        lambda utterance: compute_seven(compute_delta(utterance.tracks.mfcc)[:, utterance.is_loud]),
        prefix="delta_",
    ),
    _tabulate(
        (*_MFCC, *_SPECTRAL),
        SEVEN,
        lambda utterance: compute_seven(
            utterance.shapes[: CEPSTRA + len(SPECTRAL_NAMES), utterance.is_voiced]
        ),
        prefix="voiced_",
    ),
    _tabulate(
        (_ENERGY, _CROSSINGS, _ENERGY._replace(name="delta_energy_db")), FULL, _compute_energy
    ),
    _tabulate(
        (*_MFCC[:THIRD_CEPSTRA], _ENERGY, *_THIRDS, *_MEL_PAIRS, _F0),
        THIRD_STATISTICS,
        _compute_thirds,
    ),
    _tabulate(
        (*_MEL_PAIRS, _ENERGY, _F0),
        MODULATION_STATISTICS,
        _compute_modulation,
        family="modulation",
    ),
    Descriptor(list_quantities(MELODY), lambda utterance: compute_melody(utterance.tracks.pitch)),
    _tabulate((_HNR, _ENERGY._replace(name="voiced_energy_db")), SEVEN, _compute_regularity),
    _tabulate(
        (_STRENGTH,),
        FULL,
        lambda utterance: compute_full(utterance.tracks.pitch.strength[None]),
    ),
    declare(
        "jitter shimmer",
        "1",
        "voice quality",
        lambda utterance: measure_perturbations(utterance.tracks.pitch),
    ),
    Descriptor(
        list_quantities(RHYTHM),
        lambda utterance: compute_rows(RHYTHM, Rhythm(utterance)),
    ),
)
"""Rows of the group ``functionals``."""
