"""Emotion in even stretches of time, for recordings whose segments are too narrow to draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from voxaffect.recognition import Segment, Timeline

_STRETCHES_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400)
_MOST_STRETCHES = 75
_NARROW = 1 / 150
"""Share of the recording's length below which half of the segments are too narrow."""


def choose_stretch(timelines: Sequence[Timeline]) -> int | None:
    """Seconds of a stretch; None where segments are wide enough to be drawn one by one."""
    seconds = timelines[0].seconds
    lengths = [_length(one) for timeline in timelines for one in timeline.segments]
    if not lengths or float(np.median(lengths)) >= _NARROW * seconds:
        return None
    fits = [step for step in _STRETCHES_SECONDS if seconds <= _MOST_STRETCHES * step]
    return min(fits, default=_STRETCHES_SECONDS[-1])


def compute_shares(timeline: Timeline, stretch: float) -> NDArray[np.float64]:
    """Share of each stretch that each emotion takes, what is uncertain apart.

    Returns
    -------
    ndarray, shape (stretches, emotions, 2)
        The last axis: certain, uncertain. Silence is missing from 1.
    """
    starts = make_starts(timeline.seconds, stretch)
    shares = np.zeros((len(starts), len(timeline.emotions), 2))
    for segment in timeline.segments:
        emotion = timeline.emotions.index(segment.emotion)
        for index, overlap in _split(segment.start_seconds, segment.end_seconds, stretch):
            shares[min(index, len(starts) - 1), emotion, int(segment.uncertain)] += overlap
    widths = np.minimum(stretch, timeline.seconds - starts)
    return shares / widths[:, np.newaxis, np.newaxis]


def compute_means(
    steps: Sequence[tuple[float, float, Sequence[float]]], seconds: float, stretch: float
) -> NDArray[np.float64]:
    """Mean of each value in each stretch, over the time that the steps cover.

    Parameters
    ----------
    steps : sequence of (start, end, values)
    seconds : float
        Length of the recording.
    stretch : float

    Returns
    -------
    ndarray, shape (stretches, values)
        NaN where no step lies.
    """
    count = len(make_starts(seconds, stretch))
    sums = np.zeros((count, len(steps[0][2]) if steps else 0))
    covered = np.zeros((count, 1))
    for start, end, values in steps:
        for index, overlap in _split(start, end, stretch):
            sums[min(index, count - 1)] += overlap * np.asarray(values)
            covered[min(index, count - 1)] += overlap
    means = np.full(sums.shape, np.nan)
    np.divide(sums, covered, out=means, where=covered > 0)
    return means


def make_starts(seconds: float, stretch: float) -> NDArray[np.float64]:
    """Starts of the stretches; the last may be shorter."""
    return stretch * np.arange(max(int(np.ceil(seconds / stretch)), 1), dtype=np.float64)


def _length(segment: Segment) -> float:
    return segment.end_seconds - segment.start_seconds


def _split(start: float, end: float, stretch: float) -> Iterator[tuple[int, float]]:
    """Index of every stretch that an interval touches, and the seconds of it in there."""
    for index in range(int(start // stretch), int(end // stretch) + 1):
        overlap = min(end, (index + 1) * stretch) - max(start, index * stretch)
        if overlap > 0:
            yield index, overlap
