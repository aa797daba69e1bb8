"""Predictions of another project's model on a corpus, as a table for the referee.

A script names its model, and a function that loads it. The model is a function of 16 kHz mono
samples. It gives the probability of each emotion, or one emotion, or dimensions from 0 to 1. All
models get the same samples, decoded and resampled by voxaffect, of whole recordings or of their
parts. The table has a row for each utterance:

    voxaffect evaluate ravdess --predictions emotion2vec.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import read_recording, resample
from voxaffect.corpora import Utterance, find_emotion, find_root, read_corpus
from voxaffect.errors import VoxaffectError
from voxaffect.training.sources import get_source

RATE_HZ = 16_000
OTHER = "other"
"""Answer of a model that means none of the emotions: an error on every corpus."""
DIMENSIONS = ("arousal", "valence", "dominance")

Samples = NDArray[np.float32]
Answer = Mapping[str, float] | str | None
Recognize = Callable[[Samples], Answer]
Load = Callable[[argparse.Namespace], Recognize]


def map_scores(words: Sequence[str], scores: Iterable[float]) -> dict[str, float]:
    """Probability of each emotion in the words of voxaffect; what is no emotion counts as other.

    >>> map_scores(["anger", "<unk>", "neu", "other"], [0.5, 0.125, 0.25, 0.125])
    {'angry': 0.5, 'other': 0.25, 'neutral': 0.25}
    """
    probabilities: dict[str, float] = {}
    for word, score in zip(words, scores, strict=True):
        emotion = find_emotion(word) or OTHER
        probabilities[emotion] = probabilities.get(emotion, 0.0) + float(score)
    return probabilities


def recognize_corpus(
    utterances: Sequence[Utterance], recognize: Recognize
) -> list[dict[str, object]]:
    """Row of each utterance; a recording that cannot be used has no row and is listed."""
    rows = []
    for number, utterance in enumerate(utterances, 1):
        try:
            signal = resample(read_recording(get_source(utterance)), RATE_HZ)
        except VoxaffectError as error:
            print(f"failed: {error}", file=sys.stderr)
            continue
        rows.append(make_row(utterance, recognize(signal.samples)))
        if number % 100 == 0:
            print(f"{number:,} of {len(utterances):,}", file=sys.stderr)
    return rows


def make_row(utterance: Utterance, answer: Answer) -> dict[str, object]:
    """Row of a table: the path, the part, and the answer."""
    row: dict[str, object] = {
        "path": str(utterance.path.absolute()),
        "start": utterance.start_seconds,
        "end": utterance.end_seconds,
    }
    if not isinstance(answer, Mapping):
        return {**row, "emotion": answer}
    if set(answer) <= set(DIMENSIONS):
        return {**row, **answer}
    return {**row, **{f"p_{emotion}": value for emotion, value in answer.items()}}


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the table; a cell is empty where nothing is known."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def make_parser(description: str, output: str) -> argparse.ArgumentParser:
    """Parser of the arguments that all scripts share."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", help="such as ravdess, or csv with --data table.csv")
    parser.add_argument("--data", type=Path, help="folder or table of the corpus")
    parser.add_argument("-o", "--output", type=Path, default=Path(output))
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda:0 …")
    parser.add_argument("--limit", type=int, help="only the first utterances, to try it")
    return parser


def run(
    parser: argparse.ArgumentParser, load: Load, install: str, words: Sequence[str] | None = None
) -> None:
    """Recognize a corpus and write the table; end with one line where that is not possible."""
    options = parser.parse_args(words)
    try:
        root = find_root(options.corpus, options.data)
        utterances = read_corpus(options.corpus, root)[: options.limit]
        recognize = load(options)
        rows = recognize_corpus(utterances, recognize)
        write_rows(options.output, rows)
    except ImportError as error:
        sys.exit(f"{parser.prog}: {error.name} is not installed. Run: {install}")
    except (VoxaffectError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")
    print(f"{len(rows):,} of {len(utterances):,} utterances: {options.output}", file=sys.stderr)
    print(f"voxaffect evaluate {options.corpus} --predictions {options.output}", file=sys.stderr)
