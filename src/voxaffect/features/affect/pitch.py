"""Fundamental frequency, harmonicity and cycle-to-cycle perturbation.

Autocorrelation divided by the window's own (Boersma 1993), on the signal decimated to
8 kHz: one batched FFT for all frames, no path search.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from voxaffect.features.dsp import Array, cut_frames
from voxaffect.features.front_end import FRAME_SAMPLES, HOP_SAMPLES, RATE_HZ

PITCH_RATE_HZ: Final = 8_000
WINDOW_SAMPLES: Final = 512
PITCH_HOP_SAMPLES: Final = HOP_SAMPLES // 2
FFT_SAMPLES: Final = 640
LOWEST_HZ: Final = 65.0
HIGHEST_HZ: Final = 600.0
SHORTEST_LAG: Final = int(PITCH_RATE_HZ / HIGHEST_HZ)
LONGEST_LAG: Final = int(np.ceil(PITCH_RATE_HZ / LOWEST_HZ))
OCTAVE_COST: Final = 0.03
MEDIAN_COST: Final = 0.12
VOICING_STRENGTH: Final = 0.45
STRONGEST: Final = 0.9999
REFERENCE_HZ: Final = 55.0
USUAL_SEMITONES: Final = 18.5
FEWEST_VOICED: Final = 5
LARGEST_PERIOD_RATIO: Final = 1.3
NEIGHBORS: Final = 10
LOW_PASS_REACH: Final = 20
LEAD_SAMPLES: Final = WINDOW_SAMPLES // 2 - FRAME_SAMPLES // 4
"""Samples at 8 kHz from the start of a pitch frame to that of its 25 ms frame."""


@dataclass(frozen=True)
class Pitch:
    """Pitch of each frame.

    Attributes
    ----------
    semitones : ndarray, shape (frames,)
        f0 in semitones over 55 Hz; between voiced frames a straight line, and
        ``USUAL_SEMITONES`` throughout when fewer than ``FEWEST_VOICED`` frames are voiced.
    strength : ndarray, shape (frames,)
        Height of the autocorrelation peak, 0 to 1.
    voiced : ndarray, shape (frames,), bool
    signal : ndarray, shape (n,)
        The 8 kHz signal that the pitch was measured on.
    """

    semitones: Array
    strength: Array
    voiced: NDArray[np.bool_]
    signal: Array

    @property
    def hnr_db(self) -> Array:
        """Harmonics-to-noise ratio, 10·log10(r / (1 - r)), -20 to 40 dB (Boersma 1993)."""
        r = np.clip(self.strength, np.float32(0.01), np.float32(STRONGEST))
        return np.asarray(10.0 * np.log10(r / (1.0 - r)), dtype=np.float32)


@functools.cache
def _make_low_pass() -> Array:
    """Windowed-sinc low-pass for 16 kHz, -6 dB at 3.5 kHz, 41 taps, unit gain."""
    taps = np.arange(-LOW_PASS_REACH, LOW_PASS_REACH + 1)
    kernel = np.sinc(2.0 * 3_500.0 / RATE_HZ * taps) * np.hamming(len(taps))
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)


@functools.cache
def _make_window() -> tuple[Array, Array]:
    """Hann window of a pitch frame, and its autocorrelation over the lags in use."""
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * (np.arange(WINDOW_SAMPLES) + 0.5) / WINDOW_SAMPLES)
    power = np.abs(np.fft.rfft(window, 2 * WINDOW_SAMPLES)) ** 2
    correlation = np.fft.irfft(power)[: LONGEST_LAG + 2]
    return window.astype(np.float32), (correlation / correlation[0]).astype(np.float32)


def decimate(samples: Array) -> Array:
    """Every second sample of the signal low-passed at 3.5 kHz: 16 kHz to 8 kHz."""
    return low_pass(np.pad(samples, LOW_PASS_REACH))


def low_pass(samples: Array) -> Array:
    """Every second sample that has 20 neighbors on either side, low-passed at 3.5 kHz."""
    kernel = _make_low_pass()
    return np.asarray(sliding_window_view(samples, len(kernel))[::2] @ kernel, dtype=np.float32)


def autocorrelate(framed: Array) -> Array:
    """Autocorrelation of each frame, at any level; shape (frames, lags).

    Parameters
    ----------
    framed : ndarray, shape (frames, 512), float32
        As from `cut_pitch_frames`.
    """
    from scipy.fft import irfft, rfft

    window, own = _make_window()
    spectrum = rfft(framed * window, FFT_SAMPLES, axis=-1)
    power = spectrum.real**2 + spectrum.imag**2
    return np.asarray(irfft(power, FFT_SAMPLES, axis=-1)[:, : len(own)], dtype=np.float32)


def cut_pitch_frames(signal: Array, frames: int) -> Array:
    """Pitch frames of an 8 kHz signal, zeros before and after it; shape (frames, 512).

    Frame t is centered where the 25 ms frame t of the 16 kHz signal is.
    """
    needed = (frames - 1) * PITCH_HOP_SAMPLES + WINDOW_SAMPLES
    padded = np.zeros(needed, dtype=np.float32)
    count = min(len(signal), needed - LEAD_SAMPLES)
    padded[LEAD_SAMPLES : LEAD_SAMPLES + count] = signal[:count]
    return cut_frames(padded, WINDOW_SAMPLES, PITCH_HOP_SAMPLES)


def _normalize(raw: Array) -> Array:
    """Autocorrelation over the window's own, 1 at lag 0; frames 60 dB down count as silent."""
    energy = raw[:, :1]
    floor = np.float32(1e-6) * max(float(energy.max(initial=0.0)), 1e-20)
    return np.asarray(raw / (energy + floor) / _make_window()[1], dtype=np.float32)


def _select_peak(correlation: Array, score: Array) -> tuple[Array, Array]:
    """Lag (samples, interpolated by a parabola) and height of the best-scored peak."""
    rows = np.arange(len(score))
    index = np.argmax(score, axis=1)
    has_peak = np.isfinite(score[rows, index])
    lag = index + SHORTEST_LAG
    left, peak, right = (correlation[rows, lag + shift] for shift in (-1, 0, 1))
    curvature = left - 2.0 * peak + right
    safe = np.where(curvature < 0, curvature, -1.0)
    offset = np.where(curvature < 0, 0.5 * (left - right) / safe, 0.0).clip(-0.5, 0.5)
    height = peak - 0.25 * (left - right) * offset
    strength = np.where(has_peak, height, 0.0).clip(0.0, 1.0)
    return (lag + offset).astype(np.float32), strength.astype(np.float32)


def _score_peaks(correlation: Array, cost: Array) -> Array:
    """Height less cost at each local maximum of the lags in use, -inf elsewhere."""
    inner = correlation[:, SHORTEST_LAG : LONGEST_LAG + 1]
    rising = inner >= correlation[:, SHORTEST_LAG - 1 : LONGEST_LAG]
    falling = inner > correlation[:, SHORTEST_LAG + 1 : LONGEST_LAG + 2]
    return np.where(rising & falling, inner - cost, np.float32(-np.inf))


def _smooth(semitones: Array) -> Array:
    """Running median of five."""
    padded = np.pad(semitones, 2, mode="edge")
    return np.asarray(np.median(sliding_window_view(padded, 5), axis=1), dtype=np.float32)


def follow_pitch(signal: Array, raw: Array) -> Pitch:
    """Choose the pitch of each frame among the peaks of its autocorrelation.

    The best peak is the highest after a small cost per octave of lag; a second pass adds a
    cost per octave away from the median of the first, which mends octave errors.

    Parameters
    ----------
    signal : ndarray, shape (n,), float32
        At 8 kHz, for the cycles of the voice.
    raw : ndarray, shape (frames, lags)
        As from `autocorrelate`.

    References
    ----------
    Boersma (1993), Proc. Inst. Phonetic Sciences Amsterdam 17, 97-110.
    """
    frames = len(raw)
    correlation = _normalize(raw)
    octaves = np.log2(np.arange(SHORTEST_LAG, LONGEST_LAG + 1, dtype=np.float32))
    score = _score_peaks(correlation, np.float32(OCTAVE_COST) * octaves)
    lag, strength = _select_peak(correlation, score)
    voiced = strength > VOICING_STRENGTH
    if np.count_nonzero(voiced) >= FEWEST_VOICED:
        middle = np.float32(np.log2(np.median(lag[voiced])))
        score -= np.float32(MEDIAN_COST) * np.abs(octaves - middle)
        lag, strength = _select_peak(correlation, score)
        voiced = strength > VOICING_STRENGTH
    where = np.flatnonzero(voiced)
    if len(where) < FEWEST_VOICED:
        flat = np.full(frames, USUAL_SEMITONES, dtype=np.float32)
        return Pitch(flat, strength, np.zeros(frames, dtype=np.bool_), signal)
    octave = np.log2(np.float32(PITCH_RATE_HZ / REFERENCE_HZ) / lag[where])
    heights = _smooth(np.float32(12.0) * octave)
    line = np.interp(np.arange(frames), where, heights).astype(np.float32)
    return Pitch(line, strength, voiced, signal)


def mark_cycles(pitch: Pitch) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Glottal cycles: the highest waveform peak of each period in the voiced frames.

    A local maximum is a mark when no higher one lies within 0.6 of a period.

    Returns
    -------
    tuple of ndarray
        Position of each mark (samples at 8 kHz, interpolated), its height, and whether the
        interval that starts there lies within 0.8 to 1.25 of the period by autocorrelation.
    """
    x = pitch.signal
    peaks = 1 + np.flatnonzero((x[1:-1] > 0) & (x[1:-1] >= x[:-2]) & (x[1:-1] > x[2:]))
    frame = (peaks - FRAME_SAMPLES // 4 + PITCH_HOP_SAMPLES // 2) // PITCH_HOP_SAMPLES
    frame = frame.clip(0, len(pitch.voiced) - 1)
    peaks, frame = peaks[pitch.voiced[frame]], frame[pitch.voiced[frame]]
    hertz = REFERENCE_HZ * np.exp2(pitch.semitones[frame] / 12.0)
    period = PITCH_RATE_HZ / hertz
    height = x[peaks]
    chief = np.ones(len(peaks), dtype=np.bool_)
    for step in range(1, min(NEIGHBORS, len(peaks) - 1) + 1):
        near = peaks[step:] - peaks[:-step]
        close = near < 0.6 * period[:-step]
        chief[:-step] &= ~(close & (height[step:] > height[:-step]))
        close = near < 0.6 * period[step:]
        chief[step:] &= ~(close & (height[:-step] >= height[step:]))
    marks, period = peaks[chief], period[chief]
    left, middle, right = x[marks - 1], x[marks], x[marks + 1]
    offset = 0.5 * (left - right) / np.minimum(left - 2.0 * middle + right, -1e-12)
    position = (marks + offset.clip(-0.5, 0.5)).astype(np.float32)
    ratio = np.diff(position) / period[:-1]
    regular = (ratio > 0.8) & (ratio < 1.25)
    return position, middle - 0.25 * (left - right) * offset.clip(-0.5, 0.5), regular


def measure_perturbations(pitch: Pitch) -> tuple[float, float]:
    """Jitter and shimmer, both local: ratios without unit, 0 where unvoiced.

    Jitter is the mean |T(i) - T(i+1)| over the mean T; shimmer the same of the cycles'
    peak amplitudes. Neighboring periods that differ by more than 1.3 are left out, as
    Praat does.

    References
    ----------
    Eyben et al. (2016), section 3.1; Praat manual, "PointProcess: Get jitter (local)".
    """
    position, height, regular = mark_cycles(pitch)
    if len(position) < 4:
        return 0.0, 0.0
    periods = np.diff(position)
    pairs = regular[:-1] & regular[1:]
    ratio = periods[1:] / np.maximum(periods[:-1], 1e-3)
    pairs &= (ratio < LARGEST_PERIOD_RATIO) & (ratio > 1.0 / LARGEST_PERIOD_RATIO)
    if np.count_nonzero(pairs) < 3:
        return 0.0, 0.0
    steps = np.abs(np.diff(periods))[pairs]
    rises = np.abs(np.diff(height))[:-1][pairs]
    jitter = float(steps.mean() / periods[:-1][pairs].mean())
    shimmer = float(rises.mean() / max(float(height[:-2][pairs].mean()), 1e-9))
    return jitter, min(shimmer, 2.0)
