"""Rhythm of an utterance: durations, rates and shares of speech, voicing and pauses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.affect.functionals import find_runs
from voxaffect.features.affect.tracks import FRAMES_PER_SECOND
from voxaffect.features.affect.utterance import Utterance
from voxaffect.features.base import declare

PAUSE_DB: Final = -25.0
_MIN_PAUSE_FRAMES = 5
_PEAK_DB = -15.0

Runs = tuple[NDArray[np.intp], NDArray[np.intp]]
Track = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Rhythm:
    """Voiced stretches, pauses and peaks of energy of one utterance."""

    utterance: Utterance

    @property
    def frames(self) -> int:
        """Number of frames."""
        return len(self.utterance.tracks.pitch.voiced)

    @property
    def seconds(self) -> float:
        """Duration by the number of frames."""
        return self.frames / FRAMES_PER_SECOND

    @cached_property
    def voiced(self) -> Runs:
        """Starts and stops of the voiced stretches."""
        return find_runs(self.utterance.tracks.pitch.voiced)

    @cached_property
    def pauses(self) -> NDArray[np.intp]:
        """Lengths of the pauses of 50 ms or more, in frames."""
        starts, stops = find_runs(self.utterance.level_db < PAUSE_DB)
        return (stops - starts)[stops - starts >= _MIN_PAUSE_FRAMES]

    @cached_property
    def smooth(self) -> Track:
        """Level smoothed over 110 ms."""
        return np.convolve(
            self.utterance.level_db, np.hanning(13)[1:-1] / np.hanning(13).sum(), mode="same"
        )

    @cached_property
    def peaks(self) -> NDArray[np.intp]:
        """Frames in which the smoothed level is highest, about one a syllable."""
        inner = self.smooth[1:-1]
        is_peak = (inner > self.smooth[:-2]) & (inner >= self.smooth[2:]) & (inner > _PEAK_DB)
        return np.flatnonzero(is_peak)

    @cached_property
    def steps(self) -> Track:
        """Change of the smoothed level from frame to frame, in dB."""
        return np.diff(self.smooth)


def _compute_mean_and_sd(lengths: NDArray[np.intp]) -> tuple[float, float]:
    """Mean and standard deviation of lengths in frames, in seconds; 0 without any."""
    if not len(lengths):
        return 0.0, 0.0
    return float(lengths.mean()) / FRAMES_PER_SECOND, float(lengths.std()) / FRAMES_PER_SECOND


def _measure_voiced(rhythm: Rhythm) -> tuple[float, float]:
    starts, stops = rhythm.voiced
    return _compute_mean_and_sd(stops - starts)


def _measure_unvoiced(rhythm: Rhythm) -> tuple[float, float]:
    starts, stops = rhythm.voiced
    return _compute_mean_and_sd(starts[1:] - stops[:-1])


def _measure_peak_gaps(rhythm: Rhythm) -> float:
    peaks = rhythm.peaks
    return float(np.diff(peaks).std()) / FRAMES_PER_SECOND if len(peaks) > 2 else 0.0


def _measure_steps(rhythm: Rhythm) -> tuple[float, float]:
    steps = rhythm.steps
    return (
        steps[steps > 0].mean() if (steps > 0).any() else 0.0,
        steps[steps < 0].mean() if (steps < 0).any() else 0.0,
    )


def _locate_center(rhythm: Rhythm) -> float:
    """Center of the energy, from 0 to 1."""
    power = 10.0 ** (rhythm.utterance.level_db / 10.0)
    return float(np.dot(power, np.arange(rhythm.frames)) / power.sum() / rhythm.frames)


RHYTHM: Final = tuple(
    declare(names, unit, "rhythm", compute)
    for names, unit, compute in (
        ("duration_log_s", "ln s", lambda rhythm: np.log(rhythm.seconds)),
        ("voiced_share", "1", lambda rhythm: rhythm.utterance.tracks.pitch.voiced.mean()),
        ("voiced_per_second", "1/s", lambda rhythm: len(rhythm.voiced[0]) / rhythm.seconds),
        ("voiced_mean_s voiced_sd_s", "s", _measure_voiced),
        ("unvoiced_mean_s unvoiced_sd_s", "s", _measure_unvoiced),
        ("pause_share", "1", lambda rhythm: rhythm.pauses.sum() / rhythm.frames),
        ("pauses_per_second", "1/s", lambda rhythm: len(rhythm.pauses) / rhythm.seconds),
        (
            "pause_longest_s",
            "s",
            lambda rhythm: rhythm.pauses.max(initial=0) / FRAMES_PER_SECOND,
        ),
        ("energy_peaks_per_second", "1/s", lambda rhythm: len(rhythm.peaks) / rhythm.seconds),
        ("energy_peak_gap_sd_s", "s", _measure_peak_gaps),
        ("energy_rise_db energy_fall_db", "dB/frame", _measure_steps),
        ("energy_highest_at", "1", lambda rhythm: np.argmax(rhythm.smooth) / rhythm.frames),
        ("energy_centre_at", "1", _locate_center),
    )
)
"""Rows of the rhythm, in the order of the vector."""
