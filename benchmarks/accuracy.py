"""Accuracy: every figure of the README and the model card, from the corpora.

    pip install -e ".[bench,train-deep]"
    python benchmarks/accuracy.py --data DIR             # everything; hours on two cores
    python benchmarks/accuracy.py --data DIR --only emobox-logistic --only cross-logistic

``DIR`` holds ``ravdess`` and ``emodb`` (16 kHz), and ``ravdess-48k`` (originals). Each part
updates its own entry in the JSON, so that parts can be run on their own. Nothing is chosen on
the folds reported here: recipes are fixed in the package.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from entries import write_entry

from voxaffect.evaluation import Evaluation, evaluate_conditions, get_protocol
from voxaffect.evaluation.metrics.calibration import WANTED_RISK
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.extraction import FeatureCache, extract
from voxaffect.features import get_feature_names
from voxaffect.features.adaptation import adapt_vectors, compute_statistics, compute_transform
from voxaffect.training import (
    OBSERVED_EMOTIONS,
    Dataset,
    fit,
    get_recipe,
    load_training_data,
)
from voxaffect.training.augmentation.babble import BabbleSource
from voxaffect.training.augmentation.conditions import CONDITIONS, condition_transform, needs_babble

LIBRARIES = ("voxaffect", "numpy", "scipy", "scikit-learn", "onnxruntime", "soundfile", "soxr")
SEED = 9
RECIPES = ("tutorial", "mlp", "logistic", "ensemble", "networks", "encoder")
ENCODER: list[str] = []
"""Name or weights of the encoder, where the recipe's own is not taken."""
ENROLLED, DRAWS = (2, 4, 8, 16), 5
COMMON = ("neutral", "happy", "sad", "angry", "fearful", "disgust")


def load(
    recipe_name: str,
    root: Path,
    names: tuple[str, ...] = ("ravdess",),
    emotions: tuple[str, ...] | None = None,
) -> Dataset:
    """Corpora with the features and copies that a recipe trains on."""
    roots = {name: root / name for name in names}
    options: dict[str, Any] = {"emotions": emotions, "seed": SEED, "progress": True}
    if recipe_name == "encoder" and ENCODER:
        options["encoder"] = ENCODER[0]
    return load_training_data(roots, recipe_name, **options)


def figures(evaluation: Evaluation) -> dict[str, Any]:
    """What is quoted of an evaluation."""
    return {
        **evaluation.summary,
        "interval": evaluation.interval,
        "calibration_error": evaluation.calibration_error,
        "top_two": evaluation.top_two,
        "log_loss": evaluation.log_loss,
        "abstention": evaluation.risk_coverage.select_threshold(WANTED_RISK),
        "by_sex": dict(evaluation.by_sex),
        "curve": curve(evaluation),
        "folds": [result.scores.uar for result in evaluation.folds],
    }


def curve(evaluation: Evaluation) -> dict[str, list[float]]:
    """Risk and coverage at thresholds of the confidence."""
    confidence = evaluation.probabilities.max(axis=1)
    is_wrong = evaluation.predicted != evaluation.truth
    result = {}
    for threshold in np.arange(0.2, 1.0, 0.01):
        is_certain = confidence >= round(threshold, 2)
        risk = float(is_wrong[is_certain].mean()) if is_certain.any() else 0.0
        result[f"{threshold:.2f}"] = [risk, float(is_certain.mean())]
    return result


def degraded(data: Dataset, condition: str) -> np.ndarray:
    """Features of the same utterances under a condition."""
    assert data.spec is not None
    source = BabbleSource.from_utterances(data.utterances) if needs_babble(condition) else None
    transform = condition_transform(condition, rate_hz=data.spec.rate_hz, babble=source)
    with FeatureCache() as cache:
        found = extract(
            [u.path for u in data.utterances],
            data.spec,
            transform=transform,
            cache=cache,
            progress=True,
        )
    if found.failures:
        raise SystemExit(f"{condition}: {found.failures[0].reason}")
    return found.matrix


def originals(data: Dataset, root: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features of the 48 kHz originals, and which utterances they are of."""
    places = {(u.path.parent.name, u.path.name): i for i, u in enumerate(data.utterances)}
    paths = sorted((root / "ravdess-48k").glob("Actor_*/*.wav"))
    found = extract(paths, data.spec)
    return found.matrix, np.array([places[path.parent.name, path.name] for path in paths])


def emobox(recipe: str, root: Path) -> dict[str, Any]:
    """Eight emotions on EmoBox's folds, clean and degraded, fitted once a fold."""
    data = load(recipe, root)
    conditions = {"clean": data.matrix}
    if get_recipe(recipe).augmentation:
        conditions |= {name: degraded(data, name) for name in CONDITIONS}
        matrix, places = originals(data, root)
        replaced = data.matrix.copy()
        replaced[places] = matrix
        conditions["48 kHz original"] = replaced
    found = evaluate_conditions(
        get_recipe(recipe).build(SEED), data, conditions, protocol="emobox", seed=SEED
    )
    result = {name: figures(evaluation) for name, evaluation in found.items()}
    if "48 kHz original" in found:
        result["48 kHz original"] = _of_originals(found, places)
    return result


def _of_originals(found: dict[str, Evaluation], places: np.ndarray) -> dict[str, Any]:
    """Accuracy over the utterances whose originals are here, at 16 kHz and at 48 kHz."""
    order = np.concatenate([result.fold.test for result in found["clean"].folds])
    is_here = np.isin(order, places)
    accuracy = {
        name: float((found[name].predicted == found[name].truth)[is_here].mean())
        for name in ("clean", "48 kHz original")
    }
    probabilities = [found[name].probabilities[is_here] for name in accuracy]
    return {
        "utterances": int(is_here.sum()),
        "accuracy_16_khz": accuracy["clean"],
        "accuracy_48_khz": accuracy["48 kHz original"],
        "largest_difference_of_a_probability": float(np.abs(np.subtract(*probabilities)).max()),
    }


def four(recipe: str, root: Path) -> dict[str, Any]:
    """The tutorial's four emotions: random splits, and new speakers next to them."""
    data = load(recipe, root, emotions=OBSERVED_EMOTIONS)
    estimator, result = get_recipe(recipe).build(SEED), {}
    # Networks are not trained for each of twenty random splits.
    is_slow = recipe in ("networks", "encoder")
    protocols = {"emobox": SEED} if is_slow else {"tutorial": 0, "emobox": SEED}
    for protocol, seed in protocols.items():
        found = evaluate_conditions(
            estimator, data, {"": data.matrix}, protocol=protocol, seed=seed
        )[""]
        result[protocol] = figures(found)
    return result


def cross(recipe: str, root: Path) -> dict[str, Any]:
    """Trained on RAVDESS, tested on EMO-DB: six emotions, nothing adapted."""
    data = load(recipe, root, ("ravdess", "emodb"), COMMON)
    found = evaluate_conditions(
        get_recipe(recipe).build(SEED), data, {"": data.matrix}, protocol="cross", seed=SEED
    )[""]
    return figures(found)


def enroll(recipe: str, root: Path) -> dict[str, Any]:
    """UAR on EmoBox's folds, adapted to some recordings of each test speaker, and without.

    Recordings to adapt to are drawn at random, five times, and are not tested. The check of
    spread is not part of this measurement: all are adapted to.
    """
    data = load(recipe, root)
    assert data.spec is not None
    truth, columns = np.array(data.emotions), get_feature_names(data.spec)
    speakers = np.array([u.speaker for u in data.utterances])
    found: dict[int, list[tuple[float, float]]] = {count: [] for count in ENROLLED}
    for fold in get_protocol("emobox").split(data.utterances, SEED):
        fitted = fit(get_recipe(recipe).build(SEED), data.rows(fold.train))
        mean = data.matrix[fold.train].mean(axis=0, dtype=np.float64)
        sd = data.matrix[fold.train].std(axis=0, dtype=np.float64)
        plain = fitted.predict(data.matrix)
        for count in ENROLLED:
            for draw in range(DRAWS):
                rng = np.random.default_rng([SEED, count, draw])
                sharpened, tested = plain.copy(), []
                for speaker in np.unique(speakers[fold.test]):
                    own = rng.permutation(np.flatnonzero(speakers == speaker))
                    rest = own[count:]
                    scale, offset = compute_transform(
                        compute_statistics(data.matrix[own[:count]]),
                        training_mean=mean,
                        training_sd=sd,
                        names=columns,
                        is_scaled=False,
                    )
                    moved = adapt_vectors(data.matrix[rest], scale, offset)
                    sharpened[rest] = fitted.predict(moved)
                    tested.append(rest)
                rows = np.concatenate(tested)
                scores = [compute_uar(truth[rows], named[rows]) for named in (plain, sharpened)]
                found[count].append((scores[0], scores[1]))
    return {
        str(count): {
            "without": float(np.mean([a for a, _ in pairs])),
            "with": float(np.mean([b for _, b in pairs])),
            "gain_sd_over_folds_and_draws": float(np.std([b - a for a, b in pairs])),
        }
        for count, pairs in found.items()
    }


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    f"{kind.__name__}-{recipe}": lambda root, kind=kind, recipe=recipe: kind(recipe, root)
    for kind in (emobox, four, cross)
    for recipe in RECIPES
} | {"enroll-logistic": lambda root: enroll("logistic", root)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--only", action="append", choices=list(PARTS))
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/accuracy.json"))
    parser.add_argument("--encoder", help="name or weights of the encoder; Whisper base by default")
    given = parser.parse_args()
    if given.encoder:
        ENCODER.append(given.encoder)
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    for name in given.only or PARTS:
        start = time.monotonic()
        found = PARTS[name](Path(given.data))
        write_entry(given.output, name, found, start=start, seed=SEED, libraries=LIBRARIES)


if __name__ == "__main__":
    main()
