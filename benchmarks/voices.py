"""One voice, one name: how often the check of ``doctor --speakers`` is right.

    pip install -e ".[bench,diarize]"
    python benchmarks/voices.py --data DIR aesdd     # to choose the limits by
    python benchmarks/voices.py --data DIR emovo     # measured once

``DIR`` holds ``aesdd`` and ``emovo``, each with a table ``utterances.csv``. The vectors are of 16
to 20 recordings of each speaker, in all emotions. Twenty times for each speaker, or pair
of speakers, some are drawn: 24 windows of one voice; 12 of each of two voices, or 18 and 7, under
one name; the two halves of the recordings of one voice under two names; 15 windows of each of two
voices. The JSON has how often the check warns of each, and percentiles of the cosines.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from entries import write_entry

from voxaffect.audio import read, resample
from voxaffect.corpora import read_corpus
from voxaffect.recognition.diarization.speaker_vectors import compute_speaker_vectors
from voxaffect.recognition.diarization.stretches import find_stretches, list_windows
from voxaffect.recognition.diarization.voices import (
    LEAST_INNER_COSINE,
    LEAST_WINDOWS,
    MOST_COSINE,
    find_center,
    part_in_two,
)

CORPORA = {"aesdd": ("csv:aesdd", 20), "emovo": ("csv:emovo-table", 16)}
ROUNDS = 20
RATE_HZ = 16_000
LIBRARIES = ("voxaffect", "numpy", "scipy", "torch")
Voice = list[np.ndarray]
"""Vectors of one speaker, by recording."""


def compute_voices(corpus: str, data: Path) -> dict[str, Voice]:
    """Vectors of some recordings of each speaker: of two windows at most."""
    name, count = CORPORA[corpus]
    members = defaultdict(list)
    for one in read_corpus(name, data / corpus / "utterances.csv"):
        members[str(one.speaker)].append(one.path)
    rng = np.random.default_rng(0)
    voices: dict[str, Voice] = {}
    for speaker, paths in sorted(members.items()):
        for path in [paths[index] for index in rng.permutation(len(paths))[:count]]:
            samples = np.ascontiguousarray(resample(read(path), RATE_HZ).samples, np.float32)
            if windows := [*list_windows(find_stretches(samples, RATE_HZ))][:2]:
                vectors = compute_speaker_vectors(samples, windows)
                voices.setdefault(speaker, []).append(vectors)
    return voices


def draw_cosines(voices: dict[str, Voice]) -> Iterator[tuple[str, float]]:
    """Kind of each trial, and its cosine."""
    rng = np.random.default_rng(0)
    every = {speaker: np.vstack(parts) for speaker, parts in voices.items()}

    def draw(speaker: str, count: int) -> np.ndarray:
        return every[speaker][rng.permutation(len(every[speaker]))[:count]]

    for _ in range(ROUNDS):
        for one, parts in voices.items():
            order = rng.permutation(len(parts))
            halves = [np.vstack([parts[k] for k in order[half::2]]) for half in (0, 1)]
            yield "one voice, one name", part_in_two(draw(one, 24))
            if min(map(len, halves)) >= LEAST_WINDOWS:
                yield "one voice, two names", float(find_center(halves[0]) @ find_center(halves[1]))
            for two in voices.keys() - {one}:
                for first, second in ((12, 12), (18, 7)):
                    mixed = np.vstack([draw(one, first), draw(two, second)])
                    yield f"two voices, one name ({first} and {second})", part_in_two(mixed)
                centers = [find_center(draw(name, 15)) for name in (one, two)]
                yield "two voices, two names", float(centers[0] @ centers[1])


def summarize(voices: dict[str, Voice]) -> dict[str, Any]:
    """Share of the trials of each kind that the check warns of, and the cosines."""
    cosines = defaultdict(list)
    for kind, cosine in draw_cosines(voices):
        cosines[kind].append(cosine)
    return {
        kind: {
            "trials": len(values),
            "warned": float(
                np.mean(
                    np.array(values) > MOST_COSINE
                    if kind.endswith("two names")
                    else np.array(values) < LEAST_INNER_COSINE
                )
            ),
            "percentiles 1, 5, 50, 95, 99": np.percentile(values, [1, 5, 50, 95, 99]).tolist(),
        }
        for kind, values in cosines.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", nargs="+", choices=CORPORA)
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/voices.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    for corpus in given.corpora:
        start = time.monotonic()
        figures = summarize(compute_voices(corpus, Path(given.data)))
        write_entry(given.output, corpus, figures, start=start, seed=0, libraries=LIBRARIES)


if __name__ == "__main__":
    main()
