"""Bundled models, as they are, on corpora that they never heard.

    python benchmarks/finished.py --data DIR            # a minute on two cores

``DIR`` holds ``nemo``, ``emovo`` and ``aesdd`` with a table ``utterances.csv``. Nothing is adapted,
and all emotions of the model are allowed. Corpora that a model was trained on are left out.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from entries import write_entry

import voxaffect as va
from voxaffect.evaluation import Evaluation
from voxaffect.models.bundled import BUNDLED

FOLDERS = {"nemo": "csv:nemo", "emovo": "csv:emovo-table", "aesdd": "csv:aesdd"}
LIBRARIES = ("voxaffect", "numpy", "onnxruntime")


def test(model: str, root: Path) -> dict[str, Evaluation]:
    """Answers of a model for each corpus that it was not trained on."""
    known = va.load(model).card.corpora
    result = {}
    for folder, name in FOLDERS.items():
        if not any(folder.casefold() == corpus.casefold() for corpus in known):
            study = va.evaluate({name: root / folder / "utterances.csv"}, model=model)
            result[folder] = next(iter(study.systems.values())).evaluations["model"]
    return result


def summarize(evaluations: dict[str, Evaluation], threshold: float) -> dict[str, Any]:
    """UAR by corpus, and what the answers above the model's threshold are worth."""
    parts = [(e.probabilities.max(axis=1), e.predicted == e.truth) for e in evaluations.values()]
    confidence, is_right = (np.concatenate(part) for part in zip(*parts, strict=True))
    is_certain = confidence >= threshold
    return {
        "corpora": {
            name: {
                "uar": e.summary["uar"]["mean"],
                "coverage": float((certain := e.probabilities.max(axis=1) >= threshold).mean()),
                "right": float((e.predicted == e.truth)[certain].mean()) if certain.any() else None,
                "calibration_error": e.calibration_error,
            }
            for name, e in evaluations.items()
        },
        "utterances": len(confidence),
        "coverage": float(is_certain.mean()),
        "risk": float(1 - is_right[is_certain].mean()) if is_certain.any() else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("VOXAFFECT_DATA"))
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/finished.json"))
    given = parser.parse_args()
    if given.data is None:
        parser.error("name the folder of the corpora: --data DIR, or set VOXAFFECT_DATA")
    for name in BUNDLED:
        start, model = time.monotonic(), va.load(name)
        figures = summarize(test(name, Path(given.data)), model.card.abstention["threshold"])
        figures |= {"sha256": model.sha256, "threshold": model.card.abstention["threshold"]}
        write_entry(given.output, name, figures, start=start, seed=0, libraries=LIBRARIES)


if __name__ == "__main__":
    main()
