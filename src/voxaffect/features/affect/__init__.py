"""``affect``: functionals, log-covariance and log-mels of one utterance, at 16 kHz."""

from __future__ import annotations

import functools
import itertools
import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Signal
from voxaffect.features.affect import logmel
from voxaffect.features.affect.covariance import log_covariance, stack_lags
from voxaffect.features.affect.frames import FrameSpectra, analyze_frames, normalized
from voxaffect.features.affect.functionals import FULL, SEVEN, cross, full, runs, seven
from voxaffect.features.affect.pitch import FEWEST_VOICED, USUAL_SEMITONES, Pitch, perturbations
from voxaffect.features.affect.tracks import (
    CEPSTRA,
    NARROW_CEPSTRA,
    SPECTRAL_NAMES,
    Tracks,
    measure,
    regression_delta,
)
from voxaffect.features.front_end import HOP_SAMPLES, RATE_HZ, Array, Speech, find_speech
from voxaffect.features.spec import FeatureSpec
from voxaffect.features.threads import one_thread

FRAMES_PER_SECOND: Final = RATE_HZ / HOP_SAMPLES
MODULATION_EDGES_HZ: Final = (0.5, 1.5, 2.5, 4.0, 6.0, 8.5, 12.0, 18.0, 28.0, 48.0)
PAUSE_DB: Final = -25.0
LOUD_DB: Final = -25.0
HALF_WEIGHT_DB: Final = -20.0
WEIGHT_SLOPE_DB: Final = 4.0
LEAST_WEIGHT: Final = 0.02
LAGS_FRAMES: Final = (6,)
SLOPE_SCALE: Final = 5.0
COVARIED_CEPSTRA: Final = 16
COVARIED_SPECTRAL: Final = (0, 6, 7, 8, 9, 10, 11)
THIRD_SPECTRAL: Final = (0, 6, 8, 10)
# Sds over the frames of synthesized speech (espeak-ng, twelve voices), to two digits: they
# bring the tracks to one scale, and depend on no corpus that is evaluated on.
TYPICAL_SDS: Final = np.array(
    [
        57.0,
        41.0,
        22.0,
        32.0,
        23.0,
        22.0,
        21.0,
        17.0,
        14.0,
        12.0,
        9.7,
        11.0,
        8.6,
        7.6,
        11.0,
        7.8,
        3.7,
        7.4,
        11.0,
        0.32,
        0.15,
        1300.0,
        9.3,
        0.16,
        0.18,
        36.0,
        24.0,
        4.8,
    ],
    dtype=np.float32,
)


def _numbered(stem: str, count: int) -> tuple[str, ...]:
    return tuple(f"{stem}{index:02d}" for index in range(count))


F0_NAMES: Final = (
    *cross(("f0_st",), FULL),
    *cross(("delta_f0_st",), SEVEN),
    *(f"f0_st.p{percent:02d}_over_median" for percent in (5, 25, 75, 95)),
    "f0_st.slope_per_second",
    "f0_st.fit_quadratic",
    "f0_st.fit_residual",
    "f0_st.rise_mean",
    "f0_st.fall_mean",
    "f0_st.rising_share",
    "f0_st.segment_mean_sd",
    "f0_st.segment_range_mean",
    "f0_st.segment_range_max",
    "f0_st.segment_change_mean",
    "f0_st.segment_change_sd",
    "f0_st.last_over_first",
    "f0_st.highest_at",
    "f0_st.lowest_at",
)


def _trend(time: Array, height: Array) -> tuple[float, float, float]:
    """Slope per second, quadratic coefficient (ends over middle) and rms residual."""
    span = max(float(time[-1] - time[0]), 0.05)
    scaled = 2.0 * (time.astype(np.float64) - time.mean()) / span
    basis = np.stack([np.ones_like(scaled), scaled, scaled**2 - np.mean(scaled**2)], axis=1)
    found = np.linalg.solve(basis.T @ basis + 1e-6 * np.eye(3), basis.T @ height)
    residual = height - basis @ found
    return 2.0 * found[1] / span, float(found[2]), float(np.sqrt(np.mean(residual**2)))


def _describe_segments(pitch: Pitch) -> list[float]:
    """Means, ranges and net changes of the voiced segments of 30 ms or more, in semitones."""
    starts, stops = runs(pitch.voiced)
    long = stops - starts >= 3
    starts, stops = (starts[long], stops[long]) if long.any() else (starts, stops)
    sizes = stops - starts
    inside = np.concatenate([np.arange(a, b) for a, b in zip(starts, stops, strict=True)])
    offsets = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    line = pitch.semitones[inside]
    means = np.add.reduceat(line, offsets) / sizes
    ranges = np.maximum.reduceat(line, offsets) - np.minimum.reduceat(line, offsets)
    nets = pitch.semitones[stops - 1] - pitch.semitones[starts]
    return [
        float(means.std()),
        float(ranges.mean()),
        float(ranges.max()),
        float(nets.mean()),
        float(nets.std()),
        float(means[-1] - means[0]),
    ]


def describe_f0(pitch: Pitch) -> Array:
    """Melody of the voiced frames, in semitones, in the order of ``F0_NAMES``.

    An utterance without pitch gets a level of ``USUAL_SEMITONES`` and 0 elsewhere.
    """
    where = np.flatnonzero(pitch.voiced)
    found = np.zeros(len(F0_NAMES), dtype=np.float32)
    if not len(where):
        level = [FULL.index(name) for name in ("mean", "p05", "p25", "p50", "p75", "p95")]
        found[level] = USUAL_SEMITONES
        return found
    height = pitch.semitones[where]
    time = (where / FRAMES_PER_SECOND).astype(np.float32)
    melody = full(height[None])[0]
    slope = regression_delta(pitch.semitones[None])[:, where]
    change = slope[0] * np.float32(FRAMES_PER_SECOND)
    rising = change > 0
    frames = len(pitch.voiced)
    moves = [
        change[rising].mean() if rising.any() else 0.0,
        change[~rising].mean() if not rising.all() else 0.0,
        rising.mean(),
    ]
    extremes = [where[np.argmax(height)] / frames, where[np.argmin(height)] / frames]
    relative = melody[[2, 3, 5, 6]] - melody[4]
    parts = [melody, seven(slope)[0], relative, _trend(time, height), moves]
    found[:] = np.concatenate([*parts, _describe_segments(pitch), extremes])
    return found


VOICE_NAMES: Final = (
    *cross(("hnr_db", "voiced_energy_db"), SEVEN),
    *cross(("strength",), FULL),
    "jitter",
    "shimmer",
)


def describe_voice(tracks: Tracks) -> Array:
    """Regularity of the voice: HNR and level of the voiced frames, jitter, shimmer."""
    pitch = tracks.pitch
    rows = np.concatenate([pitch.hnr_db[None], tracks.energy_db])
    voiced = rows[:, pitch.voiced]
    regular = seven(voiced if voiced.shape[1] else rows)
    strength = full(pitch.strength[None])
    return np.concatenate([regular.ravel(), strength.ravel(), perturbations(pitch)])


RHYTHM_NAMES: Final = (
    "duration_log_s",
    "voiced_share",
    "voiced_per_second",
    "voiced_mean_s",
    "voiced_sd_s",
    "unvoiced_mean_s",
    "unvoiced_sd_s",
    "pause_share",
    "pauses_per_second",
    "pause_longest_s",
    "energy_peaks_per_second",
    "energy_peak_gap_sd_s",
    "energy_rise_db",
    "energy_fall_db",
    "energy_highest_at",
    "energy_centre_at",
)


def _mean_and_sd(lengths: NDArray[np.intp]) -> tuple[float, float]:
    return (float(lengths.mean()), float(lengths.std())) if len(lengths) else (0.0, 0.0)


def describe_rhythm(tracks: Tracks) -> Array:
    """Durations in seconds, rates per second and shares of speech, voicing and pauses."""
    voiced = tracks.pitch.voiced
    energy = tracks.energy_db[0]
    frames = len(voiced)
    seconds = frames / FRAMES_PER_SECOND
    starts, stops = runs(voiced)
    gaps = starts[1:] - stops[:-1]
    level = energy - 10.0 * np.log10(np.mean(10.0 ** (energy / 10.0)))
    low_starts, low_stops = runs(level < PAUSE_DB)
    pauses = (low_stops - low_starts)[low_stops - low_starts >= 5]
    smooth = np.convolve(level, np.hanning(13)[1:-1] / np.hanning(13).sum(), mode="same")
    inner = smooth[1:-1]
    top = (inner > smooth[:-2]) & (inner >= smooth[2:]) & (inner > -15.0)
    beats = np.flatnonzero(top)
    step = np.diff(smooth)
    power = 10.0 ** (level / 10.0)
    found = [
        np.log(seconds),
        voiced.mean(),
        len(starts) / seconds,
        *(value / FRAMES_PER_SECOND for value in _mean_and_sd(stops - starts)),
        *(value / FRAMES_PER_SECOND for value in _mean_and_sd(gaps)),
        pauses.sum() / frames,
        len(pauses) / seconds,
        pauses.max(initial=0) / FRAMES_PER_SECOND,
        len(beats) / seconds,
        np.diff(beats).std() / FRAMES_PER_SECOND if len(beats) > 2 else 0.0,
        step[step > 0].mean() if (step > 0).any() else 0.0,
        step[step < 0].mean() if (step < 0).any() else 0.0,
        np.argmax(smooth) / frames,
        np.dot(power, np.arange(frames)) / power.sum() / frames,
    ]
    return np.array(found, dtype=np.float32)


@functools.lru_cache(maxsize=64)
def _modulation_bins(size: int) -> Array:
    """Columns that average a power spectrum of ``size`` points over the modulation bands."""
    hertz = np.arange(size // 2 + 1) * FRAMES_PER_SECOND / size
    columns = []
    for low, high in itertools.pairwise(MODULATION_EDGES_HZ):
        inside = (hertz >= low) & (hertz < high)
        columns.append(inside / inside.sum())
    return np.stack(columns, axis=1).astype(np.float32)


def modulation(tracks: Array) -> Array:
    """Modulation spectrum of each track: log power in nine bands, 0.5 to 48 Hz.

    Whole-utterance Hann window, power per frame, natural logarithm; shape (tracks, 9).
    """
    frames = tracks.shape[1]
    size = 512
    while size < frames:
        size *= 2
    window = np.hanning(frames + 2)[1:-1].astype(np.float32)
    centered = tracks - tracks.mean(axis=1, keepdims=True)
    from scipy.fft import rfft

    spectrum = rfft(centered * window, size, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2) / np.float32(np.dot(window, window))
    return np.asarray(np.log(power @ _modulation_bins(size) + np.float32(1e-3)), np.float32)


def thirds(tracks: Array) -> Array:
    """Mean and sd of each track in each third of the utterance; shape (tracks, 6)."""
    edges = np.linspace(0, tracks.shape[1], 4).round().astype(int)
    found = []
    for start, stop in itertools.pairwise(edges):
        part = tracks[:, start : max(stop, start + 1)]
        mean = part.mean(axis=1)
        found += [mean, np.sqrt(np.mean((part - mean[:, None]) ** 2, axis=1))]
    return np.stack(found, axis=1)


MODULATED: Final = (*_numbered("melpair", 20), "energy_db", "f0_st")
THIRDS: Final = (
    *_numbered("mfcc", 13),
    "energy_db",
    "centroid_hz",
    "flatness_db",
    "flux",
    "slope0500_db_per_khz",
    *_numbered("melpair", 20),
    "f0_st",
)
THIRD_STATISTICS: Final = tuple(f"third{i}_{what}" for i in (1, 2, 3) for what in ("mean", "sd"))
MODULATION_STATISTICS: Final = tuple(
    f"modulation_{low:g}_{high:g}_hz" for low, high in itertools.pairwise(MODULATION_EDGES_HZ)
)
MOVING: Final = (
    *_numbered("mfcc", COVARIED_CEPSTRA),
    "f0_st",
    "hnr_db",
    "energy_db",
    "voiced",
    "crossings",
    *(SPECTRAL_NAMES[index] for index in COVARIED_SPECTRAL),
)


def relative_level(tracks: Tracks) -> Array:
    """Level of each frame in dB over the utterance's mean power."""
    energy = tracks.energy_db[0]
    return np.asarray(energy - 10.0 * np.log10(np.mean(10.0 ** (energy / 10.0))), np.float32)


def _loud(level: Array) -> NDArray[np.bool_]:
    """Frames that count as speech: less than 25 dB under the mean power."""
    return level > LOUD_DB


def describe_timbre(tracks: Tracks, loud: NDArray[np.bool_]) -> Array:
    """Distribution of cepstra and spectral shape over the loud, and over the voiced frames.

    Pauses are left out: what a microphone hears in them is the room, not the speaker.
    """
    voiced = tracks.pitch.voiced & loud
    voiced = voiced if np.count_nonzero(voiced) >= FEWEST_VOICED else loud
    slopes = regression_delta(tracks.mfcc)
    shapes = np.concatenate([tracks.mfcc, tracks.spectral, tracks.narrow])
    return np.concatenate(
        [
            full(shapes[:, loud]).ravel(),
            seven(slopes[:, loud]).ravel(),
            seven(shapes[: CEPSTRA + len(SPECTRAL_NAMES), voiced]).ravel(),
        ]
    )


def describe_course(tracks: Tracks) -> Array:
    """How energy, timbre and pitch run over the utterance: functionals, thirds, modulation."""
    mel_pairs = 0.5 * (tracks.log_mel[0::2] + tracks.log_mel[1::2])
    f0 = tracks.pitch.semitones[None]
    spectral = tracks.spectral[list(THIRD_SPECTRAL)]
    delta = regression_delta(tracks.energy_db)
    energy = np.concatenate([tracks.energy_db, tracks.crossings, delta])
    third = np.concatenate([tracks.mfcc[:13], tracks.energy_db, spectral, mel_pairs, f0])
    moving = np.concatenate([mel_pairs, tracks.energy_db, f0])
    return np.concatenate([full(energy).ravel(), thirds(third).ravel(), modulation(moving).ravel()])


def compute_covariance_dynamics(tracks: Tracks, level: Array) -> Array:
    """Log-covariance of 28 scaled tracks, the same 60 ms later, and their slopes.

    Frames weigh by their level, half at 20 dB under the mean power, so that pauses and the
    noise in them hardly count.
    """
    pitch = tracks.pitch
    voiced = pitch.voiced
    middle = np.median(pitch.semitones[voiced]) if voiced.any() else USUAL_SEMITONES
    rows = np.concatenate(
        [
            tracks.mfcc[:COVARIED_CEPSTRA],
            (pitch.semitones - np.float32(middle))[None],
            pitch.hnr_db[None],
            tracks.energy_db,
            voiced[None].astype(np.float32),
            tracks.crossings,
            tracks.spectral[list(COVARIED_SPECTRAL)],
        ]
    )
    rows = np.asarray(rows / TYPICAL_SDS[:, None], dtype=np.float32)
    slopes = np.asarray(regression_delta(rows) * np.float32(SLOPE_SCALE), dtype=np.float32)
    fall = np.exp((HALF_WEIGHT_DB - level) / WEIGHT_SLOPE_DB)
    weights = np.asarray(1.0 / (1.0 + fall) + LEAST_WEIGHT, dtype=np.float32)
    return log_covariance(stack_lags(rows, LAGS_FRAMES, slopes), weights)


GROUPS: Final = ("functionals", "covariance", "logmel")
DEFAULT_GROUPS: Final = ("functionals", "covariance")
VERSION: Final = 1


FAMILIES: Final = {
    "timbre": "color of the sound (MFCC)",
    "spectrum": "where its energy lies, low or high",
    "energy": "how loudness varies",
    "pitch": "melody of the voice",
    "voice quality": "how regular and clear the voice is",
    "rhythm": "pauses and pace",
    "modulation": "how fast all of it varies",
    "covariance dynamics": "how all of it varies together over time (log-covariance)",
    "log-mel spectrogram": "the spectrogram that the networks classify",
}
"""Families of the numbers, and what each tells of."""
_FAMILY_OF_TRACK: Final = {
    "mfcc": "timbre",
    "narrow_mfcc": "timbre",
    "melpair": "spectrum",
    "crossings": "spectrum",
    **dict.fromkeys(SPECTRAL_NAMES, "spectrum"),
    "energy_db": "energy",
    "f0_st": "pitch",
    **dict.fromkeys(("hnr_db", "strength", "jitter", "shimmer"), "voice quality"),
}


def family(name: str) -> str:
    """Which of ``FAMILIES`` a number of the set belongs to.

    Parameters
    ----------
    name : str
        As in `names`.
    """
    if logmel.is_logmel(name):
        return "log-mel spectrogram"
    if name.startswith("logcov("):
        return "covariance dynamics"
    track, _, statistic = name.partition(".")
    if statistic.startswith("modulation_"):
        return "modulation"
    if track in RHYTHM_NAMES:  # voiced_share is one, voiced_mfcc00 is a track where voiced
        return "rhythm"
    return _FAMILY_OF_TRACK[re.sub(r"^(delta|voiced)_|\d\d$", "", track)]


@functools.cache
def _names_of(group: str) -> tuple[str, ...]:
    """Name of every number of a group, in order."""
    if group == "logmel":
        return logmel.names()
    if group == "covariance":
        stacked = (
            *MOVING,
            *(f"{name}@{10 * lag}ms" for lag in LAGS_FRAMES for name in MOVING),
            *(f"delta_{name}" for name in MOVING),
        )
        return tuple(f"logcov({a},{b})" for i, a in enumerate(stacked) for b in stacked[i:])
    voiced = (*_numbered("mfcc", CEPSTRA), *SPECTRAL_NAMES)
    shapes = (*voiced, *_numbered("narrow_mfcc", NARROW_CEPSTRA))
    return (
        *cross(shapes, FULL),
        *cross(tuple(f"delta_{name}" for name in shapes[:CEPSTRA]), SEVEN),
        *cross(tuple(f"voiced_{name}" for name in voiced), SEVEN),
        *cross(("energy_db", "crossings", "delta_energy_db"), FULL),
        *cross(THIRDS, THIRD_STATISTICS),
        *cross(MODULATED, MODULATION_STATISTICS),
        *F0_NAMES,
        *VOICE_NAMES,
        *RHYTHM_NAMES,
    )


def names(spec: FeatureSpec) -> tuple[str, ...]:
    """Name of each number of the vector, in order."""
    return tuple(itertools.chain.from_iterable(_names_of(group) for group in spec.groups))


@one_thread
def compute_features(signal: Signal, spec: FeatureSpec) -> Array:
    """Vector of one utterance.

    Parameters
    ----------
    signal : Signal
        At 16 kHz, at least 0.25 s.
    spec : FeatureSpec

    Returns
    -------
    ndarray, shape (d,), float32
        As named by `names`; finite whatever the sound. Unvoiced utterances get the defaults
        stated by each descriptor.
    """
    speech = find_speech(signal.samples)
    return _describe(speech, analyze_frames(speech.samples), spec)


@one_thread
def compute_window_features(samples: Array, shared: FrameSpectra, spec: FeatureSpec) -> Array:
    """Vector of a window of a longer signal, whose frames are measured already.

    It equals that of `compute_features` except at the window's edges: the pitch of the first and
    last two frames takes in the sound around them, where `compute_features` takes silence.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
        At 16 kHz, at least 0.25 s, with no constant offset to speak of.
    shared : FrameSpectra
        Of the same samples.
    spec : FeatureSpec

    Returns
    -------
    ndarray, shape (d,), float32
    """
    speech = find_speech(samples)
    return _describe(speech, normalized(shared, speech), spec)


def _describe(speech: Speech, shared: FrameSpectra, spec: FeatureSpec) -> Array:
    parts = {}
    if "functionals" in spec.groups or "covariance" in spec.groups:
        tracks = measure(speech, shared)
        level = relative_level(tracks)
        if "functionals" in spec.groups:
            parts["functionals"] = _functionals(tracks, level)
        if "covariance" in spec.groups:
            parts["covariance"] = compute_covariance_dynamics(tracks, level)
    if "logmel" in spec.groups:
        parts["logmel"] = logmel.flatten_logmel(logmel.compute_logmel(speech.samples, shared.power))
    return np.concatenate([parts[group] for group in spec.groups]).astype(np.float32)


def _functionals(tracks: Tracks, level: Array) -> Array:
    return np.concatenate(
        [
            describe_timbre(tracks, _loud(level)),
            describe_course(tracks),
            describe_f0(tracks.pitch),
            describe_voice(tracks),
            describe_rhythm(tracks),
        ]
    )
