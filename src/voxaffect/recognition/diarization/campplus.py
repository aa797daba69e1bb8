"""Diarization by speaker vectors of CAM++, offline.

Speech is found by the Silero network. Windows of 1.5 s of it get speaker vectors, which are
clustered. At any time there is one speaker: speech that overlaps counts as that of the louder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.annotations import Turn
from voxaffect.recognition.diarization.base import DiarizationConfig
from voxaffect.recognition.diarization.clustering import cluster_speakers
from voxaffect.recognition.diarization.speaker_vectors import compute_speaker_vectors
from voxaffect.recognition.diarization.stretches import Span, find_stretches, list_windows

BRIDGED_SECONDS: Final = 0.5
"""A speaker who pauses for less, while nobody else speaks, keeps the turn."""
_TOLERANCE: Final = 1e-6


def find_turns(samples: NDArray[np.float32], rate_hz: int, config: DiarizationConfig) -> list[Turn]:
    """Turns of the speakers of a recording at 16 kHz, which do not overlap."""
    windows = list(list_windows(find_stretches(samples, rate_hz)))
    if not windows:
        return []
    vectors = compute_speaker_vectors(samples, windows)
    labels = cluster_speakers(vectors, config.min_speakers, config.max_speakers)
    return join_windows(windows, labels.tolist())


def join_windows(windows: Sequence[Span], labels: Sequence[Any]) -> list[Turn]:
    """Turns of windows with the numbers of their speakers; windows that overlap share the time."""
    turns: list[Turn] = []
    for (start, end), label in zip(windows, labels, strict=True):
        speaker, begin = str(label), start
        if turns:
            last = turns[-1]
            if last.speaker == speaker and begin - last.end_seconds <= BRIDGED_SECONDS:
                turns[-1] = Turn(last.start_seconds, max(last.end_seconds, end), speaker)
                continue
            if begin < last.end_seconds - _TOLERANCE:
                begin = (begin + last.end_seconds) / 2
                turns[-1] = Turn(last.start_seconds, begin, last.speaker)
        turns.append(Turn(begin, end, speaker))
    return turns
