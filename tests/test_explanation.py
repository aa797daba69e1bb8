"""Contributions add up where a model is additive, and say what is left where it is not."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from conftest import RATE_HZ, Trained, voice
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from voxaffect import explain
from voxaffect.audio import Signal
from voxaffect.cli import cli
from voxaffect.corpora import read_corpus
from voxaffect.extraction import extract
from voxaffect.features import get_feature_spec
from voxaffect.models import Model
from voxaffect.recognition import Explanation
from voxaffect.records.results import SCHEMA_VERSION
from voxaffect.training import Dataset, export
from voxaffect.training.estimators import ClippedScaler


@pytest.fixture(scope="module", params=["classic", "affect"])
def logistic(request: pytest.FixtureRequest, ravdess_to_read: Path) -> Model:
    members = read_corpus("ravdess", ravdess_to_read)[:24]
    spec = get_feature_spec(request.param, rate_hz=RATE_HZ)
    matrix = extract([utterance.path for utterance in members], spec).matrix
    data = Dataset(members, matrix, spec, ())
    pipeline = make_pipeline(ClippedScaler(), LogisticRegression(C=0.01, max_iter=300))
    pipeline.fit(matrix, data.emotions)
    return export(pipeline, data, recipe="logistic", seed=0, scores={})


def centered(probabilities: dict[str, float]) -> np.ndarray:
    logarithms = np.log(list(probabilities.values()))
    return logarithms - logarithms.mean()


def parts(found: Explanation) -> np.ndarray:
    rows = [found.baseline, *found.contributions.values()]
    return np.array([list(row.values()) for row in rows])


@pytest.mark.parametrize("seed", range(2))
def test_contributions_of_a_logistic_model_add_up(logistic: Model, seed: int) -> None:
    found = explain(voice(seed + 50), rate_hz=RATE_HZ, model=logistic)
    expected = centered(dict(found.prediction.probabilities))
    np.testing.assert_allclose(parts(found).sum(axis=0), expected, atol=2e-5)
    assert max(map(abs, found.remainder.values())) < 2e-5


def test_contributions_of_a_bundled_model_add_up_with_its_network() -> None:
    found = explain(files("voxaffect") / "data" / "example.wav", model="fast")
    assert list(found.contributions) == [
        "timbre",
        "spectrum",
        "energy",
        "pitch",
        "voice quality",
        "rhythm",
        "modulation",
        "covariance dynamics",
        "log-mel spectrogram",
    ]
    assert max(map(abs, found.remainder.values())) < 1e-3


def test_of_any_model_the_remainder_says_what_does_not_add_up(trained: Trained) -> None:
    found = explain(voice(3), rate_hz=RATE_HZ, model=trained.model)
    expected = centered(dict(found.prediction.probabilities))
    remainder = np.array(list(found.remainder.values()))
    np.testing.assert_allclose(parts(found).sum(axis=0) + remainder, expected, atol=1e-9)
    assert np.abs(remainder).max() > 0.01  # a perceptron is not additive


def test_every_part_is_centered(logistic: Model) -> None:
    rows = parts(explain(voice(7), rate_hz=RATE_HZ, model=logistic))
    np.testing.assert_allclose(rows.sum(axis=1), 0, atol=1e-9)


def test_a_signal_is_explained_as_its_array_is(logistic: Model) -> None:
    first = explain(voice(1), rate_hz=RATE_HZ, model=logistic)
    second = explain(Signal(voice(1), RATE_HZ), model=logistic)
    assert first == second


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "a.wav", voice(0, seconds=1.5), RATE_HZ)
    return tmp_path / "a.wav"


def test_the_command_shows_a_line_a_family(recording: Path) -> None:
    done = CliRunner().invoke(cli, ["explain", str(recording), "--model", "fast"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert "a.wav: " in lines[0]
    assert sum("│" in line for line in lines) == 9
    assert "interactions" not in done.output
    assert max(map(len, lines[1:])) <= 100
    said = " ".join(lines)
    assert said.count("log-mel spectrogram: the spectrogram that the networks classify.") == 1
    assert "Feature groups: timbre: color of the sound (MFCC);" in said


def test_the_command_names_a_remainder(recording: Path, trained: Trained, tmp_path: Path) -> None:
    trained.model.save(tmp_path / "m.onnx")
    arguments = ["explain", str(recording), "--model", str(tmp_path / "m.onnx")]
    done = CliRunner().invoke(cli, arguments)
    assert "interactions" in done.output


def test_json_holds_every_number_and_failures_make_exit_code_1(recording: Path) -> None:
    (recording.parent / "b.wav").write_bytes(b"")
    arguments = ["explain", str(recording.parent), "--format", "json", "--model", "fast"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["schema_version"] == SCHEMA_VERSION
    assert [Path(one["source"]).name for one in found["failures"]] == ["b.wav"]
    [one] = found["results"]
    assert len(one["contributions"]) == 9
    assert set(one["baseline"]) == set(one["remainder"]) == set(one["prediction"]["probabilities"])
