"""Unseen corpora: leave one corpus out over five corpora in five languages.

    pip install -e ".[train]"
    python benchmarks/unseen.py --data DIR --encoder FILE            # an hour on two cores
    python benchmarks/unseen.py --data DIR --encoder FILE --only encoder

``DIR`` holds ``ravdess`` and ``emodb``, and ``nemo``, ``emovo`` and ``aesdd`` with a table
``utterances.csv``. A recipe is trained on four corpora with their augmented copies and tested on
the fifth, on the emotions that both sides have. ``plain`` adapts nothing. ``by speaker`` and
``by corpus`` adapt to the recordings of a speaker, or of the corpus, without labels.

``uar`` lets the recipe answer the emotions that both sides have: `voxaffect evaluate` calls this
``restricted_uar``. ``uar_all_emotions`` lets it answer any emotion, which is the ``uar`` there. So
do all other figures.

The threshold of uncertain answers for a corpus is chosen on the answers of the four others.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from entries import count_utterances, write_entry

from voxaffect.evaluation import get_protocol
from voxaffect.evaluation.metrics.calibration import (
    WANTED_RISK,
    compute_calibration_error,
    rank_answers,
)
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.features import get_feature_names
from voxaffect.features.adaptation import (
    LEAST_RECORDINGS,
    LEAST_SPREAD,
    adapt_vectors,
    compute_spread,
    compute_statistics,
    compute_transform,
)
from voxaffect.training import Dataset, fit, get_recipe, join_datasets, load_training_data

SEED = 9
RECIPES = ("encoder", "networks", "logistic")
PUBLIC = ("ravdess", "emodb")
TABLES = {"nemo": "csv:nemo", "emovo": "csv:emovo-table", "aesdd": "csv:aesdd"}
EMOTIONS = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
LIBRARIES = ("voxaffect", "numpy", "scikit-learn", "onnxruntime")


def load(recipe: str, root: Path, encoder: str | None, *, augment: bool = True) -> Dataset:
    """All corpora with the features and copies of a recipe."""
    options: dict[str, Any] = {"augment": augment, "seed": SEED, "progress": True}
    if recipe == "encoder":
        options["encoder"] = encoder
    parts = [load_training_data({name: root / name}, recipe, **options) for name in PUBLIC]
    for folder, name in TABLES.items():
        roots = {name: root / folder / "utterances.csv"}
        parts.append(load_training_data(roots, recipe, **options))
    data = join_datasets(parts)
    return data.select({u for u in data.utterances if u.emotion in EMOTIONS})


def adapt(data: Dataset, train: np.ndarray, test: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Features of the test utterances, adapted to each group by the rule of the library."""
    mean, sd = (getattr(data.matrix[train], name)(axis=0, dtype=float) for name in ("mean", "std"))
    names, matrix = get_feature_names(data.spec), data.matrix[test].copy()
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        statistics = compute_statistics(matrix[rows])
        spread = compute_spread(statistics, training_sd=sd, names=names)
        if len(rows) < LEAST_RECORDINGS or spread < LEAST_SPREAD:
            continue
        transform = compute_transform(
            statistics,
            training_mean=mean,
            training_sd=sd,
            names=names,
            is_scaled=data.spec.name == "encoder",
        )
        matrix[rows] = adapt_vectors(matrix[rows], *transform)
    return matrix


def restrict(probabilities: np.ndarray, classes: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Answers among the emotions that are allowed."""
    columns = np.flatnonzero(np.isin(classes, allowed))
    return classes[columns[probabilities[:, columns].argmax(axis=1)]]


def leave_out(recipe: str, data: Dataset) -> dict[str, Any]:
    """Answers for each corpus by a model of the others, plain and adapted."""
    emotions = np.array(data.emotions)
    speakers = np.array([f"{u.corpus}/{u.speaker}" for u in data.utterances])
    answers: dict[str, dict[str, Any]] = {}
    for fold in get_protocol("corpora").split(data.utterances, SEED):
        fitted = fit(get_recipe(recipe).build(SEED), data.rows(fold.train, is_balanced=True))
        truth, allowed = emotions[fold.test], np.unique(emotions[fold.test])
        matrices = {
            "plain": data.matrix[fold.test],
            "by speaker": adapt(data, fold.train, fold.test, speakers[fold.test]),
            "by corpus": adapt(data, fold.train, fold.test, np.full(len(truth), fold.name)),
        }
        for way, matrix in matrices.items():
            probabilities = np.asarray(fitted.predict_proba(matrix))
            answers.setdefault(way, {})[fold.name] = {
                "truth": truth,
                "classes": np.asarray(fitted.classes_),
                "probabilities": probabilities,
                "uar": compute_uar(truth, restrict(probabilities, fitted.classes_, allowed)),
                "uar_all_emotions": compute_uar(
                    truth, np.asarray(fitted.classes_)[probabilities.argmax(axis=1)]
                ),
            }
        print(fold.name, {way: round(a[fold.name]["uar"], 3) for way, a in answers.items()})
    return {way: summarize(by_corpus) for way, by_corpus in answers.items()}


def summarize(answers: dict[str, Any]) -> dict[str, Any]:
    """Scores of each corpus and their means; risk and coverage at thresholds of other corpora."""
    for name, answer in answers.items():
        others = [other for key, other in answers.items() if key != name]
        threshold = choose_threshold(others)["threshold"]
        confidence, is_right = judge(answer)
        is_certain = confidence >= threshold
        quarter = np.argsort(-confidence)[: len(confidence) // 4]
        answer |= {
            "threshold": threshold,
            "coverage": float(is_certain.mean()),
            "right": float(is_right[is_certain].mean()) if is_certain.any() else None,
            "quarter_right": float(is_right[quarter].mean()),
            "calibration_error": compute_calibration_error(
                answer["probabilities"], answer["truth"], answer["classes"]
            ),
        }
    kept = ("uar", "uar_all_emotions", "coverage", "right", "quarter_right", "calibration_error")
    corpora = {
        name: {key: answer[key] for key in (*kept, "threshold")} for name, answer in answers.items()
    }
    means = {
        key: float(np.mean([c[key] for c in corpora.values() if c[key] is not None]))
        for key in kept
    }
    return {"mean": means, "abstention": choose_threshold([*answers.values()]), "corpora": corpora}


def judge(answer: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each answer, and whether it is right, with all emotions allowed."""
    predicted = answer["classes"][answer["probabilities"].argmax(axis=1)]
    return answer["probabilities"].max(axis=1), predicted == answer["truth"]


def choose_threshold(answers: list[dict[str, Any]]) -> dict[str, float]:
    """Threshold at which the wanted share is right; corpora count alike, as in `train`."""
    pairs = [judge(answer) for answer in answers]
    confidence, is_right = (np.concatenate(part) for part in zip(*pairs, strict=True))
    weights = np.concatenate([np.full(len(one), 1 / len(one)) for one, _ in pairs])
    return rank_answers(confidence, is_right, weights).select_threshold(WANTED_RISK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--encoder", help="name or weights of the encoder; Whisper base by default")
    parser.add_argument("--only", action="append", choices=RECIPES)
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/unseen.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    for recipe in given.only or RECIPES:
        start = time.monotonic()
        data = load(recipe, Path(given.data), given.encoder)
        figures = {**leave_out(recipe, data), "data": count_utterances(data)}
        write_entry(given.output, recipe, figures, start=start, seed=SEED, libraries=LIBRARIES)


if __name__ == "__main__":
    main()
