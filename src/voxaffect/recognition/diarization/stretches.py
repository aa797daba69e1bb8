"""Stretches of speech of a recording, and the windows over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.recognition.speech import FRAME_SECONDS, measure_speech

Span = tuple[float, float]

ONSET_PROBABILITY: Final = 0.5
OFFSET_PROBABILITY: Final = 0.35
BRIDGED_SECONDS: Final = 0.25
"""A pause so short is no pause."""
LEAST_SECONDS: Final = 0.2
PADDING_SECONDS: Final = 0.05
WINDOW_SECONDS: Final = 1.5
HOP_SECONDS: Final = 0.75


def find_stretches(samples: NDArray[np.float32], rate_hz: int) -> list[Span]:
    """Start and end of each stretch of speech, in seconds."""
    offset, probabilities = measure_speech(samples, rate_hz)
    stretches: list[Span] = []
    for first, stop in _find_runs(probabilities):
        start = max(offset + first * FRAME_SECONDS - PADDING_SECONDS, 0.0)
        end = min(offset + stop * FRAME_SECONDS + PADDING_SECONDS, len(samples) / rate_hz)
        if stretches and start - stretches[-1][1] < BRIDGED_SECONDS - 2 * PADDING_SECONDS:
            start = stretches.pop()[0]
        stretches.append((start, end))
    return [(a, b) for a, b in stretches if b - a >= LEAST_SECONDS + 2 * PADDING_SECONDS]


def list_windows(stretches: list[Span]) -> Iterator[Span]:
    """Windows of 1.5 s or less that cover each stretch evenly."""
    for start, end in stretches:
        rest = end - start - WINDOW_SECONDS
        if rest <= 0:
            yield start, end
            continue
        for begin in np.linspace(start, end - WINDOW_SECONDS, int(np.ceil(rest / HOP_SECONDS)) + 1):
            yield float(begin), float(begin) + WINDOW_SECONDS


def _find_runs(probabilities: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Runs of frames of speech: they begin at one probability, and last down to a lower one."""
    first: int | None = None
    for index, probability in enumerate(probabilities):
        if first is None and probability >= ONSET_PROBABILITY:
            first = index
        elif first is not None and probability < OFFSET_PROBABILITY:
            yield first, index
            first = None
    if first is not None:
        yield first, len(probabilities)
