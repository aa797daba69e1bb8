"""Write measured scores into a model file's card, and the file into the package.

    voxaffect train ravdess emodb --recipe networks …       # as the model card has it
    python benchmarks/accuracy.py --data DIR --only emobox-networks
    python benchmarks/bundle.py model.onnx

The bundled model is trained on all of its corpora, so it cannot be measured on them; the scores
are those of its recipe trained on RAVDESS alone, on EmoBox's folds, and say so.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import onnx

from voxaffect.models import FORMAT_VERSION, METADATA_KEY, Model, add_checksum, load

HERE = Path(__file__).parent
TARGET = HERE.parent / "src" / "voxaffect" / "data" / "fast.onnx"
METRICS = ("uar", "accuracy", "macro_f1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    model = load(given.model)
    found = json.loads((HERE / "accuracy.json").read_text())[f"emobox-{model.card.recipe}"]
    clean = found["clean"]
    scores = {"emobox, recipe trained on ravdess alone": {name: clean[name] for name in METRICS}}
    measured = {
        name: part["uar"]["mean"]
        for name, part in found.items()
        if isinstance(part, dict) and "uar" in part
    }
    graph = onnx.load_from_string(model.content)
    for entry in graph.metadata_props:
        if entry.key == METADATA_KEY:
            card = replace(
                model.card,
                format=FORMAT_VERSION,
                scores=scores,
                abstention=clean["abstention"],
                conditions={"clean": measured.pop("clean"), **measured},
            )
            entry.value = card.to_json()
    bundled = Model(add_checksum(graph.SerializeToString()), str(TARGET))
    bundled.save(TARGET)
    print(f"{TARGET.name}: {scores}, SHA-256 {bundled.sha256}")


if __name__ == "__main__":
    main()
