"""Bundled models are named, paths are paths, and what a model may be used for is said first."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from support.encoders import make_small_encoder

import voxaffect as va
from voxaffect.cli import cli
from voxaffect.cli.info import _format_encoder
from voxaffect.errors import ModelError
from voxaffect.features.encoders import Encoder
from voxaffect.models import Model, add_checksum
from voxaffect.models.bundled import BUNDLED, get_default, is_bundled, list_bundled
from voxaffect.models.licensing import describe_use, list_noncommercial
from voxaffect.training.encoders.catalog import ENCODERS

DATA = Path(va.__file__).parent / "data"
EXAMPLE = DATA / "example.wav"
NAMES = list_bundled()
OTHER = Path(__file__).parents[1] / "data" / "format-3.onnx"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_every_name_has_its_file_and_no_other_model_comes_along() -> None:
    files = {path.stem for path in DATA.glob("*.onnx")} - {"silero_vad"}
    assert files == {*NAMES} <= {*BUNDLED}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_loads_its_model_once(name: str) -> None:
    model = va.load(name)
    assert (model.name, model.is_checked) == (name, True)
    assert va.load(name) is model
    assert model.content == (DATA / f"{name}.onnx").read_bytes()


def test_without_a_name_the_default_is_loaded() -> None:
    assert va.load() is va.load(get_default())
    assert va.predict(EXAMPLE) == va.predict(EXAMPLE, model=get_default())


@pytest.mark.parametrize("name", NAMES)
def test_a_path_wins_over_the_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(OTHER, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert va.load(name).name == name
    for path in (f"./{name}", Path(name), str(tmp_path / name)):
        assert va.load(path).sha256 == va.load(OTHER).sha256
    assert not is_bundled(Path(name))
    shown = json.loads(invoke("info", f"./{name}", "--format", "json").stdout)
    assert shown["model"]["sha256"] == va.load(OTHER).sha256


@pytest.mark.parametrize("name", ["Fast", "fast ", "fastest", "", "bundled"])
def test_a_name_that_there_is_not_is_answered_with_all_that_there_are(name: str) -> None:
    with pytest.raises(ModelError, match=rf"bundled model, {' or '.join(NAMES)}"):
        va.load(name)
    done = invoke("predict", "--example", "--model", name or "no/such")
    assert done.exit_code == 1
    assert " or ".join(NAMES) in str(done.exception or done.output)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "command", ["predict", "timeline", "doctor", "explain", "listen --fast --input"]
)
def test_every_command_takes_a_name(command: str, name: str) -> None:
    done = invoke(*command.split(), EXAMPLE, "--model", name)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["predict", "timeline", "doctor", "explain"])
def test_documents_name_the_model(command: str, name: str) -> None:
    done = invoke(command, EXAMPLE, "--model", name, "--format", "json")
    assert json.loads(done.stdout)["model"]["name"] == name


@pytest.mark.parametrize("size", [1e-7, 1e-5, 1e-3])
def test_rounding_of_another_processor_passes_the_self_test(
    size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(4)
    run = Encoder._run

    def run_rounded(encoder: Encoder, name: str, values: np.ndarray) -> np.ndarray:
        return run(encoder, name, values + size * random.standard_normal(values.shape))

    monkeypatch.setattr(Encoder, "_run", run_rounded)
    content = va.load("accurate").content
    for _ in range(3):
        assert Model(content).is_checked


def test_a_bias_of_zeros_in_the_last_layer_fails_the_self_test() -> None:
    graph = onnx.load_from_string(va.load("accurate").content)
    biases = [t for t in graph.graph.initializer if t.name.endswith("attn.value.bias")]
    biases[-1].raw_data = bytes(len(biases[-1].raw_data))
    with pytest.raises(ModelError, match="self-test"):
        Model(add_checksum(graph.SerializeToString()))


def test_the_summary_of_a_run_names_the_model(tmp_path: Path) -> None:
    done = invoke("predict", EXAMPLE, "--model", "fast", "-o", tmp_path / "a.csv")
    assert "model fast" in done.stderr


def test_info_lists_the_models_with_what_they_may_be_used_for() -> None:
    out = invoke("info").stdout
    head = out.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in head[1:]] == [*NAMES]
    for line, name in zip(head[1:], NAMES, strict=True):
        assert line.endswith(describe_use(va.load(name).card))
    assert f"model     {get_default()}, " in out


@pytest.mark.parametrize("name", NAMES)
def test_the_first_lines_of_a_card_say_non_commercial(name: str) -> None:
    line = invoke("info", name).stdout.splitlines()[1]
    assert line.startswith("use       non-commercial: ")
    assert "RAVDESS" in line
    assert ("nEMO" in line) == (name == "accurate")


@pytest.mark.parametrize("command", ["predict", "timeline", "doctor", "explain", "listen"])
def test_help_says_that_the_bundled_models_are_for_non_commercial_use(command: str) -> None:
    assert all(list_noncommercial(va.load(name).card) for name in NAMES)
    text = " ".join(invoke(command, "--help").output.replace("non-\n", "non-").split())
    assert "non- commercial use only" in text or "non-commercial use only" in text


@pytest.mark.parametrize(
    ("text", "is_listed"),
    [("CC BY-NC 4.0", True), ("research only", True), ("Non-commercial", True), ("CC BY", False)],
)
def test_the_license_decides_on_corpora_that_we_do_not_know(text: str, is_listed: bool) -> None:
    corpora = {"other": {"utterances": 1, "speakers": 1, "license": text}}
    card = replace(va.load("fast").card, corpora=corpora)
    assert list_noncommercial(card) == (("other",) if is_listed else ())
    assert describe_use(card).startswith(
        "non-commercial" if is_listed else "commercial use depends"
    )


def test_models_with_whispers_encoder_quote_the_advice_of_its_authors() -> None:
    source = ENCODERS["base"]
    info = {"name": source.title, "license": "MIT", "citation": "", "sha256": source.sha256}
    lines = " ".join(" ".join(_format_encoder(info, ("layer_2",))).split())
    assert "Whisper base, layer_2: MIT" in lines
    assert "or purporting to use these models for any kind of subjective classification." in lines
    quote = source.caution.split('"')[1]
    card = (Path(__file__).parents[2] / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert quote in " ".join(line.lstrip("> ") for line in card.splitlines())


def test_an_encoder_that_nobody_knows_has_no_advice() -> None:
    info = make_small_encoder().info
    assert _format_encoder(info, ("layer_1",)) == ["encoder   small, layer_1: none"]
    assert _format_encoder({}, ()) == []


def test_the_bundled_models_and_the_wheel_stay_small() -> None:
    folder = DATA.parent
    sizes = [path.stat().st_size for path in folder.rglob("*") if "__pycache__" not in path.parts]
    assert sum(sizes) < 30_000_000
    assert len(va.load("fast").content) < 3_000_000
