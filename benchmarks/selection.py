"""Selection: how the logistic regression is trained, on which copies, by inner folds of speakers.

    pip install -e ".[bench,train-deep]"
    python benchmarks/selection.py --data DIR            # about half an hour on one core

``DIR`` holds ``ravdess``. Each of EmoBox's folds is left out together with the next one; a model is
trained on the other sixteen speakers and tested on both. Fold k chooses by the tests on its two
neighbors of models that were not trained on fold k either: no test speaker of an outer fold
takes part in the choice made for it. A candidate's score is the UAR, averaged over `CONDITIONS`.
The package trains as "some babble" says.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import SEED, degraded

from voxaffect.evaluation import get_protocol
from voxaffect.evaluation.metrics.calibration import compute_calibration_error
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.features import get_feature_names, get_feature_spec
from voxaffect.training import (
    Augmentation,
    AugmentedCopies,
    Dataset,
    augment_dataset,
    fit,
    get_recipe,
    load_dataset,
)
from voxaffect.training.recipes import LOGISTIC_C, NETWORK_GROUPS

CONDITIONS = ("clean", "noise 20 dB", "noise 10 dB", "reverb", "8 kHz", "babble 10 dB")
WIDTH = len(
    get_feature_names(get_feature_spec("affect"))
)  # the groups of `networks` begin with these

FIRST = Augmentation(
    mixed_copies=4,
    babble_probability=0,
    snr_db=(5.0, 35.0),
    room_probability=0.5,
    rt60_seconds=(0.1, 0.6),
    direct_to_reverberant_db=(-3.0, 9.0),
)
ROOMS: dict[str, Any] = {
    "room_probability": 0.8,
    "rt60_seconds": (0.1, 0.8),
    "direct_to_reverberant_db": (-6.0, 9.0),
}
PENALTY = "logisticregression__C"
UNBALANCED: dict[str, Any] = {"logisticregression__class_weight": None}
CANDIDATES: dict[str, tuple[Augmentation, dict[str, Any]]] = {
    "unbalanced, clip 5": (FIRST, {**UNBALANCED, "clippedscaler__limit": 5.0}),
    "clip 5": (FIRST, {"clippedscaler__limit": 5.0}),
    "first": (FIRST, {}),
    "rooms": (replace(FIRST, **ROOMS), {}),
    "babble": (replace(FIRST, babble_probability=0.3), {}),
    "some babble": (replace(FIRST, babble_probability=0.15), {}),
}
"""How the copies are made, and what else differs from the recipe."""


def narrow(matrix: np.ndarray) -> np.ndarray:
    """Features that the logistic regression sees."""
    return np.ascontiguousarray(matrix[:, :WIDTH])


def with_policy(data: Dataset, policy: Augmentation) -> Dataset:
    """Add the copies of a policy; the speed copies are shared by all policies."""
    speeds = augment_dataset(data, Augmentation(mixed_copies=0), seed=SEED).copies
    mixed = augment_dataset(data, replace(policy, speeds=()), seed=SEED).copies
    parts = [copies for copies in (speeds, mixed) if copies is not None]
    matrix = np.concatenate([narrow(copies.matrix) for copies in parts])
    copies = AugmentedCopies(matrix, np.concatenate([copies.origins for copies in parts]))
    return Dataset(data.utterances, narrow(data.matrix), copies=copies)


def tests(
    data: Dataset, tested: dict[str, np.ndarray], parameters: dict[str, Any]
) -> dict[str, Any]:
    """UAR under every condition, and log-loss and ECE when clean, by "outer inner" fold."""
    truth, folds = np.array(data.emotions), get_protocol("emobox").split(data.utterances, SEED)
    found: dict[str, Any] = {}
    for first, second in ((k, (k + 1) % len(folds)) for k in range(len(folds))):
        model = get_recipe("logistic").build(SEED)
        model.set_params(**parameters)
        fit(model, data.rows(np.intersect1d(folds[first].train, folds[second].train)))
        for outer, inner in ((first, second), (second, first)):
            rows = folds[inner].test
            clean = model.predict_proba(tested["clean"][rows])
            chosen = clean[np.arange(len(rows)), np.searchsorted(model.classes_, truth[rows])]
            found[f"{outer + 1} {inner + 1}"] = {
                **{
                    name: compute_uar(truth[rows], model.predict(matrix[rows]))
                    for name, matrix in tested.items()
                },
                "log-loss": float(-np.log(chosen).mean()),
                "ece": compute_calibration_error(clean, truth[rows], tuple(model.classes_)),
            }
    return found


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """Means over the tests, and the score that each outer fold chooses by."""
    scores = {key: np.mean([row[name] for name in CONDITIONS]) for key, row in found.items()}
    by_fold = {
        outer: float(np.mean([s for key, s in scores.items() if key[0] == outer]))
        for outer in sorted({key[0] for key in scores})
    }
    means = {
        name: float(np.mean([row[name] for row in found.values()]))
        for name in next(iter(found.values()))
    }
    return {"score": float(np.mean(list(scores.values()))), **means, "by_outer_fold": by_fold}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--only", action="append", choices=list(CANDIDATES))
    parser.add_argument("--c", action="append", type=float, help="penalty; the recipe's if none")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/selection.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    spec = get_feature_spec("affect", groups=NETWORK_GROUPS)
    data = load_dataset({"ravdess": Path(given.data) / "ravdess"}, spec)
    tested = {n: narrow(data.matrix if n == "clean" else degraded(data, n)) for n in CONDITIONS}
    for name in given.only or CANDIDATES:
        policy, parameters = CANDIDATES[name]
        copied = with_policy(data, policy)
        for penalty_c in given.c or [LOGISTIC_C]:
            entry = summary(tests(copied, tested, {**parameters, PENALTY: penalty_c}))
            found = json.loads(given.output.read_text()) if given.output.exists() else {}
            found[f"{name}, C {penalty_c:g}"] = entry
            given.output.write_text(json.dumps(found, indent=1) + "\n")
            means = (f"{key} {v:.4f}" for key, v in entry.items() if isinstance(v, float))
            print(f"{name}, C {penalty_c:g}: ", *means, flush=True)


if __name__ == "__main__":
    main()
