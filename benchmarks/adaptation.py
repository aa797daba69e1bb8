"""Adaptation: its gain and harm for groups of recordings with many emotions, two, and one.

    pip install -e ".[train]"
    python benchmarks/adaptation.py --data DIR --encoder FILE

Each of five corpora is left out. A logistic regression on the features of the recipe ``encoder`` is
trained on the others, without copies. The recordings of each speaker of the corpus are one group;
so are eight and sixteen of them, those of two emotions, and those of each emotion. Accuracy is
compared without adaptation, with it, and with it where the library applies it. The figures go to
``adaptation.json``, and ``tables.py`` writes them into docs/batches.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from entries import count_utterances, write_entry
from unseen import LIBRARIES, SEED, load

from voxaffect.evaluation import get_protocol
from voxaffect.features import get_feature_names
from voxaffect.features.adaptation import (
    LARGEST_SHARE,
    LEAST_EMOTIONS,
    LEAST_RECORDINGS,
    adapt_vectors,
    compute_statistics,
    compute_transform,
)
from voxaffect.recognition.adaptation import measure_variety
from voxaffect.training import Dataset, fit
from voxaffect.training.estimators import BalancedLogistic


def list_groups(
    speakers: np.ndarray, emotions: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Kind and indices of each group."""
    for speaker in np.unique(speakers):
        own = np.flatnonzero(speakers == speaker)
        yield "all of a speaker", own
        yield "eight at random", rng.permutation(own)[:8]
        yield "sixteen at random", rng.permutation(own)[:16]
        names = rng.permutation(np.unique(emotions[own]))
        yield "two emotions", own[np.isin(emotions[own], names[:2])]
        for name in names:
            yield "one emotion", own[emotions[own] == name]


def measure(data: Dataset) -> dict[str, Any]:
    """Mean accuracy of the groups of each kind, and how often the library would adapt to them."""
    rows: dict[str, list[tuple[float, float, bool]]] = {}
    emotions, rng = np.array(data.emotions), np.random.default_rng(SEED)
    speakers = np.array([str(u.speaker) for u in data.utterances])
    names = get_feature_names(data.spec)
    for fold in get_protocol("corpora").split(data.utterances, SEED):
        fitted = fit(BalancedLogistic(), data.rows(fold.train))
        trained = data.matrix[fold.train]
        moments = trained.mean(axis=0, dtype=float), trained.std(axis=0, dtype=float)
        for kind, group in list_groups(speakers[fold.test], emotions[fold.test], rng):
            if len(group) < LEAST_RECORDINGS:
                continue
            vectors, truth = data.matrix[fold.test[group]], emotions[fold.test[group]]
            transform = compute_transform(
                compute_statistics(vectors),
                training_mean=moments[0],
                training_sd=moments[1],
                names=names,
                is_scaled=True,
            )
            plain = fitted.predict_proba(vectors)
            variety, share = measure_variety(plain)
            answers = (
                fitted.classes_[plain.argmax(axis=1)],
                fitted.predict(adapt_vectors(vectors, *transform)),
            )
            accuracies = [float((answer == truth).mean()) for answer in answers]
            is_applied = variety >= LEAST_EMOTIONS and share <= LARGEST_SHARE
            rows.setdefault(kind, []).append((accuracies[0], accuracies[1], is_applied))
    return {kind: summarize(np.array(values)) for kind, values in rows.items()}


def summarize(rows: np.ndarray) -> dict[str, float]:
    plain, adapted, is_applied = rows.T
    return {
        "groups": len(rows),
        "accuracy without": float(plain.mean()),
        "accuracy with": float(adapted.mean()),
        "share applied": float(is_applied.mean()),
        "accuracy with, where applied": float(np.where(is_applied, adapted, plain).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--encoder", help="name or weights of the encoder; Whisper base by default")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/adaptation.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    start = time.monotonic()
    data = load("encoder", Path(given.data), given.encoder, augment=False)
    figures = {"groups": measure(data), "data": count_utterances(data)}
    write_entry(given.output, "encoder", figures, start=start, seed=SEED, libraries=LIBRARIES)


if __name__ == "__main__":
    main()
