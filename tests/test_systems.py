"""Scripts that test models of other projects: without their libraries, and with stub models."""

from __future__ import annotations

import csv
import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from voxaffect import evaluate
from voxaffect.corpora import read_corpus

FOLDER = Path(__file__).parent.parent / "examples" / "systems"
SCRIPTS = ("emotion2vec", "sensevoice", "audeering", "speechbrain_iemocap")
LIBRARIES = {"funasr", "speechbrain", "audonnx", "audeer"}
SAMPLES = np.zeros(16_000, np.float32)


@pytest.fixture(scope="module")
def scripts() -> Iterator[Callable[[str], Any]]:
    """Import a script as it runs: its folder is on the path."""
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in (*SCRIPTS, "system"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_without_its_library_names_the_command_that_installs_it(
    name: str, ravdess_to_read: Path, tmp_path: Path
) -> None:
    blocked = "".join(f"sys.modules[{library!r}] = None\n" for library in sorted(LIBRARIES))
    code = f"import sys, runpy\n{blocked}sys.path.insert(0, {str(FOLDER)!r})\n"
    arguments = ["x", "ravdess", "--data", str(ravdess_to_read), "-o", str(tmp_path / "x.csv")]
    script = str(FOLDER / f"{name}.py")
    code += f"sys.argv = {arguments!r}\nrunpy.run_path({script!r}, run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "is not installed. Run: pip install " in line
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_help_of_a_script_states_licenses_and_commands(
    scripts: Callable[[str], Any], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        scripts(name).main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert scripts(name).INSTALL in text
    assert "voxaffect evaluate" in text
    assert any(word in text for word in ("license", "Apache-2.0", "CC BY-NC-SA"))


def test_a_corpus_that_is_missing_ends_with_one_line(
    scripts: Callable[[str], Any], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match="nowhere"):
        scripts("emotion2vec").main(["ravdess", "--data", str(tmp_path / "nowhere")])


def test_emotion2vec_gives_probabilities_in_our_words(scripts: Callable[[str], Any]) -> None:
    words = ["生气/angry", "厌恶/disgusted", "恐惧/fearful", "开心/happy", "中立/neutral"]
    words += ["其他/other", "难过/sad", "吃惊/surprised", "<unk>"]
    scores = [0.5, 0.25, 0.0, 0.0, 0.125, 0.0625, 0.0, 0.0, 0.0625]
    asked = {}

    def generate(samples: Any, **options: Any) -> list[dict[str, Any]]:
        asked.update(options, length=len(samples))
        return [{"key": "x", "labels": words, "scores": scores}]

    answer = scripts("emotion2vec").recognize(SimpleNamespace(generate=generate), SAMPLES)
    assert answer == {
        "angry": 0.5,
        "disgust": 0.25,
        "fearful": 0.0,
        "happy": 0.0,
        "neutral": 0.125,
        "other": 0.125,
        "sad": 0.0,
        "surprised": 0.0,
    }
    assert asked["granularity"] == "utterance"
    assert asked["fs"] == asked["length"] == 16_000


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("<|en|><|HAPPY|><|Speech|><|woitn|>it is eleven", "happy"),
        ("<|zh|><|DISGUSTED|><|BGM|><|withitn|>", "disgust"),
        ("<|en|><|EMO_UNKNOWN|><|Speech|><|woitn|>the HAPPY end", None),
        ("", None),
    ],
)
def test_sensevoice_gives_the_emotion_of_its_tag(
    scripts: Callable[[str], Any], text: str, emotion: str | None
) -> None:
    script, asked = scripts("sensevoice"), {}

    def generate(**options: Any) -> list[dict[str, Any]]:
        asked.update(options)
        return [{"key": "x", "text": text}] if text else []

    model = SimpleNamespace(generate=generate)
    assert script.recognize(model, SAMPLES) == emotion
    assert asked["ban_emo_unk"]
    script.recognize(model, SAMPLES, allows_unknown=True)
    assert not asked["ban_emo_unk"]


@pytest.mark.parametrize("wrap", [lambda row: row, lambda row: {"logits": row}])
def test_audeering_gives_dimensions_by_their_names(
    scripts: Callable[[str], Any], wrap: Callable[[Any], Any]
) -> None:
    def model(samples: Any, rate_hz: int) -> Any:
        assert rate_hz == len(samples) == 16_000
        return wrap(np.array([[0.75, 1.125, 0.25]], np.float32))

    answer = scripts("audeering").recognize(model, SAMPLES)
    assert answer == {"arousal": 0.75, "valence": 0.25, "dominance": 1.0}


def test_speechbrain_gives_probabilities_in_the_order_of_its_labels(
    scripts: Callable[[str], Any],
) -> None:
    encoder = SimpleNamespace(ind2lab={0: "neu", 1: "ang", 2: "hap", 3: "sad"})
    row = np.array([[0.125, 0.5, 0.25, 0.125]])
    classifier = SimpleNamespace(
        classify_batch=lambda batch: (
            (row, row.max(), 1, ["ang"]) if batch.shape == (1, 16_000) else 0
        ),
        hparams=SimpleNamespace(label_encoder=encoder),
    )
    answer = scripts("speechbrain_iemocap").recognize(classifier, SAMPLES, to_tensor=np.asarray)
    assert answer == {"neutral": 0.125, "angry": 0.5, "happy": 0.25, "sad": 0.125}


def test_the_table_of_a_script_is_read_by_the_referee(
    scripts: Callable[[str], Any], ravdess_to_read: Path, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    words = ["calm", "disgusted", "fear", "joy", "<unk>"]

    def generate(samples: Any, **_: Any) -> list[dict[str, Any]]:
        assert samples.dtype == np.float32
        return [{"labels": words, "scores": rng.dirichlet(np.ones(5)).tolist()}]

    funasr = ModuleType("funasr")
    funasr.AutoModel = lambda **_: SimpleNamespace(generate=generate)  # type: ignore[attr-defined]
    sys.modules["funasr"] = funasr
    path = tmp_path / "theirs.csv"
    try:
        scripts("emotion2vec").main(["ravdess", "--data", str(ravdess_to_read), "-o", str(path)])
    finally:
        del sys.modules["funasr"]
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(read_corpus("ravdess", ravdess_to_read))
    assert os.path.isabs(rows[0]["path"])  # noqa: PTH117
    corpora = {"ravdess": ravdess_to_read}
    study = evaluate(corpora, predictions=path, protocol="speakers")
    (system,) = study.systems.values()
    one = system.evaluations["speakers"]
    assert one.emotions == ("calm", "disgust", "fearful", "happy", "other")
    assert one.untested == ("other",)
    assert one.score_kind == "probabilities"
    assert len(one.tested) == 64
