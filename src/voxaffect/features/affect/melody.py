"""Melody of the voiced frames of an utterance, in semitones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.features.affect.functionals import (
    FULL,
    SEVEN,
    compute_full,
    compute_seven,
    find_runs,
    name_table,
)
from voxaffect.features.affect.pitch import USUAL_SEMITONES, Pitch
from voxaffect.features.affect.tracks import FRAMES_PER_SECOND, compute_delta
from voxaffect.features.base import compute_rows, declare, list_names
from voxaffect.features.dsp import Array

_MIN_SEGMENT_FRAMES = 3


@dataclass(frozen=True)
class Melody:
    """Pitch of an utterance that has voiced frames, and what its descriptors share."""

    pitch: Pitch

    @cached_property
    def frames(self) -> NDArray[np.intp]:
        """Indices of the voiced frames."""
        return np.flatnonzero(self.pitch.voiced)

    @cached_property
    def height(self) -> Array:
        """Semitones of the voiced frames."""
        return np.asarray(self.pitch.semitones[self.frames])

    @cached_property
    def statistics(self) -> Array:
        """The twelve functionals of the height."""
        return np.asarray(compute_full(self.height[None])[0])

    @cached_property
    def slope(self) -> Array:
        """Semitones per frame at the voiced frames, shape (1, voiced)."""
        return compute_delta(self.pitch.semitones[None])[:, self.frames]

    @cached_property
    def change(self) -> Array:
        """Semitones per second at the voiced frames."""
        return np.asarray(self.slope[0] * np.float32(FRAMES_PER_SECOND))


def _fit_trend(melody: Melody) -> tuple[float, float, float]:
    """Slope per second, quadratic coefficient (ends over middle) and rms residual."""
    time = (melody.frames / FRAMES_PER_SECOND).astype(np.float32)
    span = max(float(time[-1] - time[0]), 0.05)
    scaled = 2.0 * (time.astype(np.float64) - time.mean()) / span
    basis = np.stack([np.ones_like(scaled), scaled, scaled**2 - np.mean(scaled**2)], axis=1)
    fit = np.linalg.solve(basis.T @ basis + 1e-6 * np.eye(3), basis.T @ melody.height)
    residual = melody.height - basis @ fit
    return 2.0 * fit[1] / span, float(fit[2]), float(np.sqrt(np.mean(residual**2)))


def _measure_moves(melody: Melody) -> list[float]:
    """Mean rise and fall in semitones per second, and the share of rising frames."""
    change = melody.change
    rising = change > 0
    return [
        change[rising].mean() if rising.any() else 0.0,
        change[~rising].mean() if not rising.all() else 0.0,
        rising.mean(),
    ]


def _measure_segments(melody: Melody) -> list[float]:
    """Means, ranges and net changes of the voiced segments of 30 ms or more, in semitones."""
    pitch = melody.pitch
    starts, stops = find_runs(pitch.voiced)
    long = stops - starts >= _MIN_SEGMENT_FRAMES
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


def _locate_extremes(melody: Melody) -> list[float]:
    """Positions of the highest and of the lowest frame, from 0 to 1."""
    extremes = (np.argmax(melody.height), np.argmin(melody.height))
    return [melody.frames[index] / len(melody.pitch.voiced) for index in extremes]


MELODY: Final = (
    declare(
        " ".join(name_table(("f0_st",), FULL)),
        "semitones",
        "pitch",
        lambda melody: melody.statistics,
    ),
    declare(
        " ".join(name_table(("delta_f0_st",), SEVEN)),
        "semitones/frame",
        "pitch",
        lambda melody: compute_seven(melody.slope),
    ),
    declare(
        " ".join(f"f0_st.p{percent:02d}_over_median" for percent in (5, 25, 75, 95)),
        "semitones",
        "pitch",
        lambda melody: melody.statistics[[2, 3, 5, 6]] - melody.statistics[4],
    ),
    declare(
        "f0_st.slope_per_second f0_st.fit_quadratic f0_st.fit_residual",
        "semitones",
        "pitch",
        _fit_trend,
    ),
    declare(
        "f0_st.rise_mean f0_st.fall_mean f0_st.rising_share",
        "semitones/s",
        "pitch",
        _measure_moves,
    ),
    declare(
        "f0_st.segment_mean_sd f0_st.segment_range_mean f0_st.segment_range_max"
        " f0_st.segment_change_mean f0_st.segment_change_sd f0_st.last_over_first",
        "semitones",
        "pitch",
        _measure_segments,
    ),
    declare("f0_st.highest_at f0_st.lowest_at", "1", "pitch", _locate_extremes),
)
"""Rows of the melody, in the order of the vector."""

_NAMES = list_names(MELODY)


def compute_melody(pitch: Pitch) -> Array:
    """Values of ``MELODY``. Without voice, levels are ``USUAL_SEMITONES`` and the rest is 0."""
    if pitch.voiced.any():
        return compute_rows(MELODY, Melody(pitch))
    values = np.zeros(len(_NAMES), dtype=np.float32)
    for statistic in ("mean", "p05", "p25", "p50", "p75", "p95"):
        values[_NAMES.index(f"f0_st.{statistic}")] = USUAL_SEMITONES
    return values
