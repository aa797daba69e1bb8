"""Dimensions of a model in every result: prediction, window, segment, stream, table and file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Run
from support.ratings import RATE_HZ, write_rated_table

from voxaffect.annotations import Turn
from voxaffect.evaluation import train
from voxaffect.features import compute_features
from voxaffect.models import Model
from voxaffect.recognition import Stream, predict, timeline
from voxaffect.recognition.timelines.segments import Segment, Window, average_dimensions

NAMES = ["arousal", "valence"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a model file, its table and a longer recording."""
    folder = tmp_path_factory.mktemp("rated")
    write_rated_table(folder)
    train(
        {"csv": folder / "rated.csv"},
        "mlp",
        augment=False,
        cached=False,
        test_size=0,
        output=folder / "m.onnx",
    )
    parts = [soundfile.read(folder / f"0-{number}.wav")[0] for number in range(8)]
    soundfile.write(folder / "long.wav", np.concatenate(parts), RATE_HZ)
    return folder


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return Model((folder / "m.onnx").read_bytes())


def test_a_prediction_has_the_dimensions_of_its_model(folder: Path, model: Model) -> None:
    from voxaffect.audio import read

    path = folder / "1-1.wav"
    prediction = predict(path, model=model, vad="energy")
    vector = compute_features(read(path), model.spec)
    assert list(prediction.dimensions or {}) == NAMES
    expected = dict(zip(NAMES, model.dimensions(vector[None])[0], strict=True))
    assert prediction.dimensions == pytest.approx(expected)
    assert prediction.to_dict()["dimensions"] == pytest.approx(expected, abs=1e-6)


def test_a_prediction_of_another_model_has_no_dimensions(folder: Path) -> None:
    prediction = predict(folder / "1-1.wav", model="fast", vad="energy")
    assert prediction.dimensions is None
    assert "dimensions" not in prediction.to_dict()


def test_windows_and_segments_have_dimensions(folder: Path, model: Model) -> None:
    (whole,) = timeline(folder / "long.wav", model=model, vad="energy")
    assert whole.windows
    assert all(list(window.dimensions or {}) == NAMES for window in whole.windows)
    for segment in whole.segments:
        expected = average_dimensions(whole.windows, segment.start_seconds, segment.end_seconds)
        assert segment.dimensions == pytest.approx(expected)
    plain = whole.to_dict()
    assert list(plain["segments"][0]["dimensions"]) == NAMES


def test_a_stream_gives_the_dimensions_of_the_timeline(folder: Path, model: Model) -> None:
    samples, rate_hz = soundfile.read(folder / "long.wav", dtype="float32")
    stream = Stream(model, rate_hz=rate_hz, vad="energy")
    events = [*stream.push(samples), *stream.finish()]
    (whole,) = timeline(folder / "long.wav", model=model, vad="energy")
    assert tuple(one for one in events if isinstance(one, Window)) == whole.windows
    assert tuple(one for one in events if isinstance(one, Segment)) == whole.segments
    assert list(next(one for one in events if isinstance(one, Segment)).to_event())[-1] == (
        "dimensions"
    )


def test_dimensions_of_a_stretch_are_those_of_its_windows_by_time() -> None:
    windows = [
        Window(0, 2, {}, dimensions={"arousal": 0.2}),
        Window(1, 3, {}, dimensions={"arousal": 0.8}),
        Window(9, 10, {}, dimensions={"arousal": 1.0}),
        Window(0, 9, {}),
    ]
    expected = (1 * 0.2 + 2 * 0.8) / 3
    assert average_dimensions(windows, 1, 5) == pytest.approx({"arousal": expected})
    assert average_dimensions(windows[3:], 1, 5) is None


def test_turns_have_the_dimensions_of_their_speaker(folder: Path, model: Model) -> None:
    turns = [Turn(0.0, 2.0, "anna"), Turn(2.0, 4.0, "ben")]
    (whole,) = timeline(folder / "long.wav", model=model, vad="energy", speakers=turns)
    for turn in whole.turns:
        own = [one for one in whole.windows if one.speaker == turn.speaker]
        expected = average_dimensions(own, turn.start_seconds, turn.end_seconds)
        assert turn.dimensions == pytest.approx(expected)
        assert list(turn.to_dict()["dimensions"]) == NAMES


def output_of(run: Run, *arguments: object) -> str:
    done = run(*arguments)
    assert done.code == 0, done.err
    return done.out


def test_the_command_line_shows_dimensions(run: Run, folder: Path) -> None:
    common = [str(folder / "1-1.wav"), "--model", str(folder / "m.onnx"), "--vad", "energy"]
    document = json.loads(output_of(run, "predict", *common, "--format", "json"))
    (result,) = document["results"]
    assert list(result["dimensions"]) == NAMES
    (row,) = csv.DictReader(io.StringIO(output_of(run, "predict", *common, "--format", "csv")))
    assert [float(row[name]) for name in NAMES] == pytest.approx(
        [*result["dimensions"].values()], abs=1e-6
    )
    head = output_of(run, "predict", *common).splitlines()[0].split()
    assert head[-2:] == NAMES
    parts = csv.DictReader(io.StringIO(output_of(run, "timeline", *common, "--format", "csv")))
    assert all(0 <= float(part["arousal"]) <= 1 for part in parts)


@pytest.mark.slow
def test_train_evaluate_and_info_on_a_table(run: Run, folder: Path, tmp_path: Path) -> None:
    table, output = str(folder / "rated.csv"), str(tmp_path / "m.onnx")
    common = ["csv", "--data", table, "--recipe", "mlp"]
    output_of(run, "train", *common, "-o", output)
    card = output_of(run, "info", output)
    assert "dimension arousal, 0 to 1: 35 rated utterances, 5 speakers of csv; on new" in card
    document = json.loads(output_of(run, "evaluate", *common, "--format", "json"))
    evaluations = document["systems"]["mlp"]["evaluations"]
    assert evaluations["speakers"]["dimensions"]["arousal"]["utterances"] == 35
    text = output_of(run, "evaluate", *common, "--protocol", "loso")
    assert "arousal of 35 utterances: CCC 0.9" in text
    assert "soft labels of 40 utterances: Jensen-Shannon divergence 0.0" in text


def test_a_dataset_has_columns_of_dimensions(run: Run, folder: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    manifest = tmp_path / "list.csv"
    rows = [f"{folder / '1-1.wav'}", f"{folder / '1-2.wav'}"]
    manifest.write_text("\n".join(["path", *rows]), encoding="utf-8")
    output = tmp_path / "out"
    common = ["--model", str(folder / "m.onnx"), "--vad", "energy", "--dataset"]
    output_of(run, "predict", str(manifest), *common, "-o", str(output))
    (part,) = sorted(output.rglob("part-*.parquet"))
    values = parquet.read_table(part, partitioning=None).to_pydict()
    assert len(values["arousal"]) == 2
    assert all(0 <= value <= 1 for value in values["arousal"])
