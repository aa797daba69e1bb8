"""Datasets of features train and evaluate like the recordings that they were computed from."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import voice
from pyarrow import parquet
from support.ratings import write_rated_table

import voxaffect as va
from voxaffect.cli import main
from voxaffect.corpora.own_features import _make_utterance
from voxaffect.errors import CorpusError, ManifestError, TrainingError
from voxaffect.scaling import write_dataset

RATE_HZ = 16_000
EMOTIONS = ("Freude", "sadness", "angry")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table of 24 recordings of four speakers."""
    folder = tmp_path_factory.mktemp("own")
    rows = []
    for number in range(24):
        path = folder / f"{number:02d}.wav"
        soundfile.write(path, voice(number), RATE_HZ)
        speaker = f"s{number % 4}"
        rows.append({"path": path.name, "emotion": EMOTIONS[number // 4 % 3], "speaker": speaker})
    with (folder / "own.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["path", "emotion", "speaker"])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "own.csv"


@pytest.fixture(scope="module")
def features(table: Path) -> Path:
    """Dataset of their features."""
    spec = va.get_feature_spec("classic", rate_hz=RATE_HZ)
    output = table.parent / "features"
    write_dataset(table, output, kind="features", spec=spec, part_rows=7, workers=1)
    return output


def test_the_dataset_is_that_of_the_recordings(table: Path, features: Path) -> None:
    stored = va.load_dataset({"features": features}, "classic", name="own")
    computed = va.load_dataset({"csv": table}, "classic", name="own")
    assert np.array_equal(stored.matrix, computed.matrix)
    assert stored.spec == computed.spec
    names = [(u.emotion, u.speaker, u.corpus, u.path.name) for u in stored.utterances]
    assert names == [(u.emotion, u.speaker, u.corpus, u.path.name) for u in computed.utterances]
    assert set(stored.emotions) == {"happy", "sad", "angry"}


@pytest.mark.slow
def test_training_and_evaluation_give_the_same_without_the_recordings(
    table: Path, features: Path, tmp_path: Path
) -> None:
    alone = shutil.copytree(features, tmp_path / "features")
    options: dict[str, Any] = {"features": "classic", "augment": False, "name": "own"}
    stored = va.train({"features": alone}, "mlp", **options)
    computed = va.train({"csv": table}, "mlp", **options)
    assert stored.holdout is not None
    assert computed.holdout is not None
    assert stored.holdout.scores.accuracy == computed.holdout.scores.accuracy
    recording = str(table.parent / "00.wav")
    first, second = (va.predict(recording, model=one.model) for one in (stored, computed))
    assert first.probabilities == second.probabilities
    studies = [
        va.evaluate({kind: path}, recipes=["mlp"], protocol="loso", **options)
        for kind, path in (("features", alone), ("csv", table))
    ]
    summaries = [study.systems["mlp"].evaluations["loso"].summary for study in studies]
    assert summaries[0] == summaries[1]


@pytest.mark.parametrize("alone", [False, True])
def test_ratings_are_those_of_the_table(tmp_path: Path, alone: bool) -> None:
    table = write_rated_table(tmp_path, has_dimensions_alone=alone)
    spec = va.get_feature_spec("classic", rate_hz=RATE_HZ)
    write_dataset(table, tmp_path / "out", kind="features", spec=spec, workers=1)
    stored = va.load_dataset({"features": tmp_path / "out"}, "classic", name="own")
    computed = va.load_dataset({"csv": table}, "classic", name="own", cached=False)
    assert stored.has_emotions != alone
    for one, other in zip(stored.utterances, computed.utterances, strict=True):
        assert (one.emotion, one.soft_label) == (other.emotion, other.soft_label)
        assert one.dimensions == other.dimensions


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"p_angry": "0.9"}, "row 1 of the table: the columns p_… add up to 1.7"),
        ({"arousal": "much"}, "row 1 of the table: arousal is 'much', expected a number"),
        ({"arousal": "nan"}, "arousal is 'nan'"),
        ({"emotion": "angry"}, "emotion is 'angry', and 'sad' is the most probable by p_"),
        ({"p_angry": "", "p_sad": "", "emotion": ""}, "row 1 of the table has no emotion"),
    ],
)
def test_ratings_that_are_none_are_refused(cells: dict[str, str], message: str) -> None:
    row = {"row": 1, "source": "a.wav", "emotion": "", "p_angry": "0.2", "p_sad": "0.8"} | cells
    with pytest.raises(CorpusError, match=message):
        _make_utterance(row, "part", {"p_angry": "angry", "p_sad": "sad"})


def test_emotions_are_chosen_and_labels_mapped(features: Path) -> None:
    data = va.load_dataset({"features": features}, "classic", emotions=["happy", "angry"])
    assert len(data.matrix) == len(data.utterances) == 16
    whole = va.load_dataset({"features": features}, "classic")
    kept = [one.emotion in ("happy", "angry") for one in whole.utterances]
    assert np.array_equal(data.matrix, whole.matrix[kept])
    words = va.load_dataset({"features": features}, "classic", labels="none")
    assert set(words.emotions) == set(EMOTIONS)


def test_other_features_than_the_recipe_s_are_refused(features: Path) -> None:
    with pytest.raises(TrainingError, match=r"has the features .*classic.*, expected .*affect"):
        va.load_dataset({"features": features}, "affect")


def test_features_at_each_recording_s_own_rate_are_refused(table: Path, tmp_path: Path) -> None:
    spec = va.get_feature_spec("classic")
    write_dataset(table, tmp_path / "out", kind="features", spec=spec, workers=1)
    with pytest.raises(TrainingError, match=r"its own sampling rate.*--rate 16000"):
        va.load_dataset({"features": tmp_path / "out"}, "classic")


def test_degraded_audio_and_mixtures_with_recordings_are_refused(
    table: Path, features: Path
) -> None:
    with pytest.raises(TrainingError, match="needs the recordings"):
        va.evaluate({"features": features}, recipes=["mlp"], conditions=["noise 20 dB"])
    with pytest.raises(TrainingError, match="goes with other such datasets only"):
        va.load_dataset({"features": features, "csv": table}, "classic")


def test_a_table_of_channels_gives_no_features(table: Path, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"path,channel\n{table.parent}/00.wav,left\n")
    spec = va.get_feature_spec("classic", rate_hz=RATE_HZ)
    with pytest.raises(ManifestError, match="features are of the mix"):
        write_dataset(tmp_path / "m.csv", tmp_path / "out", kind="features", spec=spec)


@pytest.mark.parametrize("case", ["empty", "predictions", "damaged", "unlabeled", "infinite"])
def test_what_is_no_dataset_of_features_is_refused(
    table: Path, features: Path, tmp_path: Path, case: str
) -> None:
    folder = tmp_path / "out"
    if case == "empty":
        folder.mkdir()
        message = "holds no dataset of features"
    elif case == "predictions":
        write_dataset(table, folder, model="fast", workers=1)
        message = "describes no dataset of features|no column emotion"
    else:
        shutil.copytree(features, folder)
        path = sorted(folder.glob("part-*"))[1]
        rows = parquet.read_table(path)
        if case == "damaged":
            path.write_bytes(path.read_bytes()[:-50])
            message = "is no Parquet file"
        elif case == "unlabeled":
            index = rows.column_names.index("emotion")
            values = [["", *rows["emotion"].to_pylist()[1:]]]
            parquet.write_table(rows.set_column(index, "emotion", values), path)
            message = "row 8 of the table has no emotion"
        else:
            name = rows.column_names[-1]
            column = rows[name].to_numpy().copy()
            column[2] = np.inf
            table_ = rows.set_column(rows.num_columns - 1, name, [column])
            parquet.write_table(table_, path)
            message = "recording 10 has a feature that is missing or not finite"
    with pytest.raises((CorpusError, TrainingError), match=message):
        va.load_dataset({"features": folder}, "classic")


@pytest.mark.slow
def test_the_commands_train_and_evaluate_from_a_dataset(features: Path, tmp_path: Path) -> None:
    common = ("features", "--data", str(features), "--features", "classic")
    with pytest.raises(SystemExit) as ended:
        main(["train", *common, "--recipe", "mlp", "-o", str(tmp_path / "m.onnx")])
    assert ended.value.code == 0
    assert va.load(tmp_path / "m.onnx").emotions == ("angry", "happy", "sad")
    result = tmp_path / "result.json"
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *common, "--recipe", "mlp", "--protocol", "loso", "-o", str(result)])
    assert ended.value.code == 0
    assert "loso" in json.loads(result.read_text())["systems"]["mlp"]["evaluations"]
