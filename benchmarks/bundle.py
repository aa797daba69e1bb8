"""Write measured scores into a model file's card, and the file into the package.

    voxaffect train ravdess emodb --recipe networks …       # as the model card has it
    python benchmarks/accuracy.py --data DIR --only emobox-networks
    python benchmarks/bundle.py model.onnx fast
    python benchmarks/finished.py --data DIR                # by the threshold of the card …
    python benchmarks/bundle.py model.onnx fast             # … which then states these shares

A bundled model is trained on all of its corpora, so it cannot be measured on them; the scores
are those of its recipe trained on RAVDESS alone, on EmoBox's folds, and say so.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from voxaffect.models import FORMAT_VERSION, METADATA_KEY, Model, add_checksum, load
from voxaffect.models.bundled import BUNDLED

HERE = Path(__file__).parent
DATA = HERE.parent / "src" / "voxaffect" / "data"
TABLES = {  # corpora that are read from a table, whose license and citation no table states
    "nemo": {
        "title": "nEMO",
        "license": "CC BY-NC-SA 4.0",
        "citation": "Christop (2024): nEMO: Dataset of emotional speech in Polish. "
        "LREC-COLING, 12111-12116.",
    }
}
METRICS = ("uar", "accuracy", "macro_f1")


def describe_corpus(name: str, corpus: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and entry of a corpus, completed where it was read from a table."""
    more = dict(TABLES.get(name, {}))
    return more.pop("title", name), {**corpus, **more}


def list_unseen_scores() -> dict[str, Any]:
    """UAR on corpora that are left out, on the emotions that both sides have."""
    unseen = json.loads((HERE / "unseen.json").read_text())["encoder"]
    titles = {"plain": "corpora left out", "by speaker": "corpora left out, adapted by speaker"}
    result = {}
    for way, title in titles.items():
        values = [corpus["uar"] for corpus in unseen[way]["corpora"].values()]
        result[title] = {"uar": {"mean": statistics.mean(values), "sd": statistics.pstdev(values)}}
    return result


def choose_abstention(recipe: str, emobox: dict[str, Any]) -> dict[str, float]:
    """Threshold on corpora that are left out where it was measured, else on new speakers.

    In either case, risk and coverage are stated for corpora that the model never heard.
    """
    if recipe != "encoder":
        speakers = emobox["clean"]["abstention"]
        unheard = json.loads((HERE / "finished.json").read_text())["fast"]
        return {
            "threshold": speakers["threshold"],
            "risk": unheard["risk"],
            "coverage": unheard["coverage"],
            "speakers_risk": speakers["risk"],
            "speakers_coverage": speakers["coverage"],
        }
    chosen = json.loads((HERE / "unseen.json").read_text())[recipe]["plain"]["abstention"]
    risk, coverage = emobox["clean"]["curve"][f"{chosen['threshold']:.2f}"]
    return {**chosen, "speakers_risk": risk, "speakers_coverage": coverage}


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
    if model.card.recipe == "encoder":
        scores |= list_unseen_scores()
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
                abstention=choose_abstention(model.card.recipe, found),
                conditions={"clean": measured.pop("clean"), **measured},
                corpora=dict(
                    describe_corpus(name, corpus) for name, corpus in model.card.corpora.items()
                ),
            )
            entry.value = card.to_json()
    bundled = Model(add_checksum(graph.SerializeToString()), str(target))
    bundled.save(target)
    print(f"{target.name}: {scores}, SHA-256 {bundled.sha256}")


if __name__ == "__main__":
    main()
