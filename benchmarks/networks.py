"""Networks: how those of the recipe `networks` are built, and how many, by inner folds of speakers.

    pip install -e ".[bench,train-deep]"
    python benchmarks/networks.py --data DIR             # some ten minutes a plan and pair

``DIR`` holds ``ravdess``. As in `selection.py`, two of EmoBox's folds are left out at a time and
models trained on the other sixteen speakers are tested on both; one to three networks are then
averaged with the regression. By default two of the three pairs of folds are tried.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import SEED, degraded, load
from selection import CONDITIONS, WIDTH, narrow

from voxaffect.evaluation import get_protocol
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.training import Dataset, get_recipe
from voxaffect.training.estimators import FLOOR_PROBABILITY, NetworkClassifier
from voxaffect.training.network import Plan

PAIRS = {"12": (0, 1), "34": (2, 3), "56": (4, 5)}
PLANS = {
    "narrow": Plan(channels=(16, 32, 64, 96, 128), tilt_bels=0),
    "first": Plan(channels=(24, 40, 64, 96, 128), tilt_bels=0),
    "wide": Plan(channels=(32, 56, 88, 128, 176), tilt_bels=0),
    "colored": Plan(),
}
MOST = 3


def logs(model: Any, matrix: np.ndarray) -> np.ndarray:
    """Log-probabilities, as `Ensemble` takes them."""
    return np.log(np.maximum(model.predict_proba(matrix), FLOOR_PROBABILITY))


def tests(
    data: Dataset, tested: dict[str, np.ndarray], plan: Plan, pair: tuple[int, int]
) -> dict[str, dict[str, float]]:
    """UAR by condition, mean over both folds, with one network, two and three."""
    truth, folds = np.array(data.emotions), get_protocol("emobox").split(data.utterances, SEED)
    rows = data.rows(np.intersect1d(*(folds[place].train for place in pair)))
    regression = get_recipe("logistic").build(SEED).fit(narrow(rows.matrix), rows.emotions)
    networks = [
        NetworkClassifier(plan=plan, random_state=SEED + number).fit(
            rows.matrix[:, WIDTH:], rows.emotions, origins=rows.origins
        )
        for number in range(MOST)
    ]
    found: dict[str, dict[str, float]] = {str(count): {} for count in range(1, MOST + 1)}
    for name, matrix in tested.items():
        scores = []
        for test in (folds[place].test for place in pair):
            linear = logs(regression, narrow(matrix[test]))
            deep = [logs(network, matrix[test][:, WIDTH:]) for network in networks]
            means = (linear + np.mean(deep[:count], axis=0) for count in range(1, MOST + 1))
            scores.append(
                [compute_uar(truth[test], regression.classes_[m.argmax(axis=1)]) for m in means]
            )
        for count, score in zip(found, np.mean(scores, axis=0), strict=True):
            found[count][name] = float(score)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("--plan", action="append", choices=list(PLANS))
    parser.add_argument("--pair", action="append", choices=list(PAIRS), help="default: 12, 34")
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/networks.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    data = load("networks", Path(given.data))
    tested = {n: data.matrix if n == "clean" else degraded(data, n) for n in CONDITIONS}
    for name in given.plan or PLANS:
        for pair in given.pair or ("12", "34"):
            found = tests(data, tested, PLANS[name], PAIRS[pair])
            document = json.loads(given.output.read_text()) if given.output.exists() else {}
            document.setdefault(name, {})[pair] = found
            given.output.write_text(json.dumps(document, indent=1) + "\n")
            for count, scores in found.items():
                print(name, pair, count, {k: round(v, 3) for k, v in scores.items()}, flush=True)


if __name__ == "__main__":
    main()
