"""Write measured scores into a model file's card, and the file into the package.

    voxaffect train ravdess emodb --recipe networks …       # as the model card has it
    python benchmarks/accuracy.py --data DIR --only emobox-networks
    python benchmarks/bundle.py model.onnx fast

A bundled model is trained on all of its corpora, so it cannot be measured on them; the scores
are those of its recipe trained on RAVDESS alone, on EmoBox's folds, and say so.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import onnx

from voxaffect.models import FORMAT_VERSION, METADATA_KEY, Model, add_checksum, load
from voxaffect.models.bundled import BUNDLED

HERE = Path(__file__).parent
DATA = HERE.parent / "src" / "voxaffect" / "data"
LICENSES = {"nEMO": "CC BY-NC-SA 4.0"}  # of corpora that are read from a table
METRICS = ("uar", "accuracy", "macro_f1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("name", choices=BUNDLED)
    given = parser.parse_args()
    target = DATA / f"{given.name}.onnx"
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
                corpora={
                    name: {**corpus, "license": LICENSES.get(name, corpus["license"])}
                    for name, corpus in model.card.corpora.items()
                },
            )
            entry.value = card.to_json()
    bundled = Model(add_checksum(graph.SerializeToString()), str(target))
    bundled.save(target)
    print(f"{target.name}: {scores}, SHA-256 {bundled.sha256}")


if __name__ == "__main__":
    main()
