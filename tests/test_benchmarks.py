"""The scripts of the benchmarks, on small data of their own."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from voxaffect.corpora import Utterance
from voxaffect.features import get_feature_spec
from voxaffect.training import Dataset

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def load_script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import scripts by name; they import each other."""
    monkeypatch.syspath_prepend(FOLDER)

    def load(name: str) -> ModuleType:
        return __import__(name)

    return load


@pytest.fixture
def data() -> Dataset:
    """Draw features of three corpora, whose two emotions lie apart."""
    rng, emotions = np.random.default_rng(0), ("angry", "sad")
    utterances = [
        Utterance(Path(f"{corpus}/{speaker}/{number}.wav"), corpus, emotion, speaker=speaker)
        for corpus in ("one", "two", "three")
        for speaker in ("a", "b")
        for number, emotion in enumerate(emotions * 10)
    ]
    means = np.array([[emotions.index(u.emotion)] for u in utterances])
    matrix = (means + rng.normal(0, 0.3, (len(utterances), 12))).astype(np.float32)
    spec = get_feature_spec("classic", groups=("chroma",), rate_hz=16_000)
    return Dataset(tuple(utterances), matrix, spec)


def test_an_entry_states_its_origin_and_leaves_the_others(load_script: Any, tmp_path: Path) -> None:
    entries, output = load_script("entries"), tmp_path / "results.json"
    output.write_text('{"other": {"uar": 0.5}}')
    options = {"start": time.monotonic(), "seed": 9, "libraries": ["numpy"]}
    entries.write_entry(output, "mine", {"uar": 0.25}, **options)
    document = json.loads(output.read_text())
    assert document["other"] == {"uar": 0.5}
    mine = document["mine"]
    assert (mine["uar"], mine["seed"]) == (0.25, 9)
    assert mine["versions"] == {"numpy": np.__version__}
    assert len(mine["commit"]) == 40


def test_the_figures_of_adaptation_become_text(load_script: Any, data: Dataset) -> None:
    groups = load_script("adaptation").measure(data)
    assert groups["all of a speaker"]["groups"] == 6
    assert groups["one emotion"]["groups"] == 12
    assert groups["one emotion"]["share applied"] == 0
    one = groups["one emotion"]
    assert one["accuracy with, where applied"] == one["accuracy without"] > one["accuracy with"]
    text = load_script("tables").adaptation_text({"encoder": {"groups": groups}})
    harm = one["accuracy with"] - one["accuracy without"]
    assert f"changes accuracy by {harm:+.2f}; with\nthis check by +0.00." in text
    assert "| all of a speaker | 6 | 1.000 |" in text
    assert load_script("entries").count_utterances(data) == {"one": 40, "three": 40, "two": 40}
