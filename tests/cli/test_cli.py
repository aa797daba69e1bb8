"""The command line: what it prints is what Python says, and what is wrong gets one line."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Done, Run, Trained, voice
from sklearn.metrics import accuracy_score
from sklearn.neural_network import MLPClassifier

from voxaffect.evaluation import train
from voxaffect.extraction import extract
from voxaffect.features import get_feature_names, get_feature_spec
from voxaffect.models import load
from voxaffect.models.bundled import list_bundled
from voxaffect.outputs.formats import PREDICTION_FORMATS, Run as Circumstances
from voxaffect.recognition import predict, predict_many
from voxaffect.training import Augmentation, export, get_recipe
from voxaffect.tutorial import load_data

TEXTS = [name for name, form in PREDICTION_FORMATS.items() if form.is_text]


@pytest.fixture
def model(trained: Trained, tmp_path: Path) -> Path:
    path = tmp_path / "mine.onnx"
    trained.model.save(path)
    return path


def process(*arguments: object, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "voxaffect", *map(str, arguments)],
        input=content,
        capture_output=True,
        check=False,
        env={**os.environ},
    )


# predict


@pytest.mark.parametrize("form", TEXTS)
def test_predict_prints_what_python_says(
    run: Run, model: Path, recordings: list[Path], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(recordings[0].parent)  # addresses begin there
    done = run("predict", *recordings, "--model", model, "--format", form)
    batch = predict_many(recordings, model=load(model))
    content = PREDICTION_FORMATS[form].encode(batch.results, Circumstances(model=load(model)))
    assert done == Done(0, content, "")


def test_predict_without_a_format_prints_the_table(
    run: Run, model: Path, recordings: list[Path]
) -> None:
    done = run("predict", recordings[0], "--model", model)
    assert done.out == PREDICTION_FORMATS["table"].encode([predict(recordings[0], model=model)])


def test_predict_gives_the_probabilities_of_python_to_the_printed_decimals(
    run: Run, model: Path, recordings: list[Path]
) -> None:
    done = run("predict", recordings[3], "--model", model, "--format", "json")
    (found,) = json.loads(done.out)["results"]
    expected = predict(recordings[3], model=model)
    assert found["emotion"] == expected.emotion
    assert found["probabilities"] == pytest.approx(expected.probabilities, abs=5.1e-7)
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def sources(done: Done) -> list[str]:
    return [record["source"] for record in json.loads(done.out)["results"]]


def test_predict_searches_folders_through(run: Run, model: Path, small_ravdess: Path) -> None:
    (small_ravdess / "notes.txt").write_text("not a recording")
    (small_ravdess / "._03-01.wav").write_bytes(b"what a Mac leaves")
    done = run("predict", small_ravdess, "--model", model, "--format", "json", "--vad", "energy")
    assert sources(done) == [str(path) for path in sorted(small_ravdess.glob("*/*.wav"))]
    assert done.code == 0


def test_predict_takes_patterns(run: Run, model: Path, recordings: list[Path]) -> None:
    pattern = recordings[0].parent / "0[1-3].wav"
    done = run("predict", pattern, "--model", model, "--format", "json")
    assert sources(done) == [str(path) for path in recordings[1:4]]


def test_predict_names_each_recording_once(run: Run, model: Path, recordings: list[Path]) -> None:
    done = run("predict", recordings[5], recordings[0].parent, "--model", model, "--format", "json")
    others = [path for path in recordings if path != recordings[5]]
    assert sources(done) == [str(path) for path in (recordings[5], *others)]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(
    run: Run, model: Path, recordings: list[Path]
) -> None:
    odd = recordings[0].rename(recordings[0].with_name("call [1].wav"))
    assert sources(run("predict", odd, "--model", model, "--format", "json")) == [str(odd)]


def test_predict_writes_to_a_file(
    run: Run, model: Path, recordings: list[Path], tmp_path: Path
) -> None:
    output = tmp_path / "found.csv"
    done = run("predict", *recordings, "--model", model, "--format", "csv", "-o", output)
    assert (done.code, done.out) == (0, "")
    rows = list(csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"))))
    assert [row["source"] for row in rows] == [str(path) for path in recordings]


def test_the_example_is_recognized_by_the_bundled_model(run: Run) -> None:
    done = run("predict", "--example", "--format", "json")
    (found,) = json.loads(done.out)["results"]
    assert found["source"] == "example.wav"
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_a_corrupt_file_among_good_ones_is_listed_and_the_others_recognized(
    run: Run, model: Path, recordings: list[Path]
) -> None:
    recordings[2].write_bytes(b"words")
    done = run("predict", *recordings, "--model", model, "--format", "json")
    assert done.code == 1
    assert sources(done) == [str(path) for path in recordings if path != recordings[2]]
    first, second = done.err.splitlines()
    assert first.startswith(f"failed: {recordings[2]}: not readable as audio")
    assert second == "1 of 12 recordings could not be used."


@pytest.mark.slow
def test_standard_input_is_recognized_as_the_file_is(model: Path, recordings: list[Path]) -> None:
    done = process(
        "predict", "-", "--model", model, "--format", "json", content=recordings[0].read_bytes()
    )
    assert (done.returncode, done.stderr) == (0, b"")
    (found,) = json.loads(done.stdout)["results"]
    assert found["source"] == "-"
    expected = predict(recordings[0], model=model).probabilities
    assert found["probabilities"] == pytest.approx(expected, abs=5.1e-7)


@pytest.mark.parametrize("content", [b"", b"words " * 99])
def test_standard_input_that_is_no_audio_gets_one_line(model: Path, content: bytes) -> None:
    done = process("predict", "-", "--model", model, content=content)
    assert (done.returncode, done.stdout) == (1, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("AudioError: ")


@pytest.mark.parametrize("arguments", [(), ("--example", "a.wav")])
def test_predict_wants_recordings_or_the_example(run: Run, arguments: tuple[str, ...]) -> None:
    done = run("predict", *arguments)
    assert done.code == 2
    assert "Name recordings to recognize, or use --example; one of them." in done.err


def bad_recordings(folder: Path) -> dict[str, Path]:
    """Every kind of file that is no usable recording."""
    folder.mkdir()
    good = folder / "good.wav"
    soundfile.write(good, voice(1), 16_000, subtype="PCM_16")
    flac = io.BytesIO()
    soundfile.write(flac, voice(1), 16_000, format="FLAC")
    nan = voice(1)
    nan[100] = np.nan
    paths = {
        name: folder / f"{name}.wav"
        for name in (
            "empty",
            "words",
            "header",
            "truncated",
            "truncated flac",
            "nan",
            "silent",
            "short",
            "slow",
            "missing",
        )
    }
    paths["empty"].touch()
    paths["words"].write_text("These are words.")
    paths["header"].write_bytes(good.read_bytes()[:44])
    paths["truncated"].write_bytes(good.read_bytes()[:9_000])
    paths["truncated flac"].write_bytes(flac.getvalue()[:5_000])
    soundfile.write(paths["nan"], nan, 16_000, subtype="FLOAT")
    soundfile.write(paths["silent"], np.zeros(16_000), 16_000)
    soundfile.write(paths["short"], voice(1)[:1_000], 16_000)
    soundfile.write(paths["slow"], voice(1), 4_000)
    return paths


REASONS = {
    "empty": "empty, 0 bytes long",
    "words": "not readable as audio",
    "header": "cut short",
    "truncated": "cut short",
    "truncated flac": "cut short",
    "nan": "holds NaN or infinite samples",
    "silent": "silent, every sample is 0",
    "short": "0.062 s long, at least 0.25 s",
    "slow": "sampled at 4000 Hz",
    "missing": "no such file",
}


@pytest.mark.parametrize(("kind", "reason"), REASONS.items())
def test_predict_says_what_is_wrong_with_a_recording(
    run: Run, model: Path, tmp_path: Path, kind: str, reason: str
) -> None:
    path = bad_recordings(tmp_path / "bad")[kind]
    done = run("predict", path, "--model", model)
    assert (done.code, done.out) == (1, "")
    (first,) = done.err.splitlines()
    assert first.startswith(f"failed: {path}: {reason}")


def test_a_stereo_flac_and_an_eight_bit_wav_of_any_rate_work(
    run: Run, model: Path, tmp_path: Path
) -> None:
    stereo = np.stack([voice(1, rate_hz=96_000), voice(2, rate_hz=96_000)], axis=1)
    soundfile.write(tmp_path / "stereo.flac", stereo, 96_000)
    soundfile.write(tmp_path / "narrow.wav", voice(1, rate_hz=8_000), 8_000, subtype="PCM_U8")
    soundfile.write(tmp_path / "lossy.ogg", voice(1, rate_hz=44_100), 44_100)
    soundfile.write(tmp_path / "lossy.mp3", voice(1, rate_hz=44_100), 44_100)
    done = run("predict", tmp_path, "--model", model, "--format", "jsonl")
    assert (done.code, len(done.out.splitlines())) == (0, 4)


# One line for everything that is wrong.


def one_line(done: Done, start: str) -> None:
    """Check that the command failed, printed no result and said why on one line."""
    assert done.code == 1
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert start in line


def test_a_folder_without_recordings_gets_one_line(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    one_line(run("predict", empty), f"AudioError: {empty}: no recordings in this folder")
    one_line(run("features", empty, "-o", tmp_path / "f.csv"), f"AudioError: {empty}: no record")
    one_line(run("train", "ravdess", "--data", empty), f"CorpusError: {empty}: holds no recording")


def test_a_pattern_that_matches_nothing_gets_one_line(run: Run, tmp_path: Path) -> None:
    one_line(run("predict", tmp_path / "*.wav"), "no file matches this pattern")


def test_a_missing_corpus_gets_one_line(run: Run, tmp_path: Path) -> None:
    one_line(run("evaluate", "ravdess", "--data", tmp_path / "gone"), "gone: no such folder")


def test_an_unknown_corpus_gets_one_line(run: Run) -> None:
    one_line(run("train", "ravdes"), "CorpusError: ")


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_names_that_fit_no_grammar_get_one_line(
    run: Run, small_ravdess: Path, command: str
) -> None:
    odd = small_ravdess / "Actor_01" / "holiday.wav"
    (small_ravdess / "Actor_01" / "03-01-02-01-01-01-01.wav").rename(odd)
    done = run(command, "ravdess", "--data", small_ravdess)
    one_line(done, "1 of 64 recordings do not fit")
    assert "'holiday.wav' does not match" in done.err


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_an_unknown_emotion_gets_one_line(run: Run, small_ravdess: Path, command: str) -> None:
    done = run(command, "ravdess", "--data", small_ravdess, "--emotions", "happy,hapy")
    one_line(done, "TrainingError: no recording of 'hapy'; there are: calm, disgust")


def test_recordings_of_which_none_can_be_used_get_one_line(run: Run, small_ravdess: Path) -> None:
    for path in small_ravdess.glob("*/*.wav"):
        path.write_bytes(b"words")
    done = run("train", "ravdess", "--data", small_ravdess, "--features", "classic")
    one_line(done, "TrainingError: none of 64 recordings c")


def test_a_share_that_leaves_no_side_gets_one_line(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    done = run(
        "train ravdess --features classic --recipe mlp --data",
        small_ravdess,
        "--test-size",
        "0.999",
        "-o",
        tmp_path / "m.onnx",
    )
    assert done.code == 1
    assert "EvaluationError: 64 utterances cannot be split with a test share of 0.999" in done.err
    assert not (tmp_path / "m.onnx").exists()


@pytest.mark.parametrize("share", ["1", "-0.1", "many"])
def test_a_share_out_of_range_is_a_usage_error(run: Run, share: str) -> None:
    assert run("train", "ravdess", "--test-size", share).code == 2


def test_one_emotion_alone_gets_one_line(run: Run, small_ravdess: Path) -> None:
    done = run(
        "evaluate ravdess --features classic --recipe mlp --data",
        small_ravdess,
        "--emotions",
        "happy",
        "--protocol",
        "speakers",
    )
    assert (done.code, done.out) == (1, "")
    assert "TrainingError: at least two emotions are needed to train, found happy" in done.err


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file"), (b"", "not readable as ONNX"), (b"words", "not readable as ONNX")],
)
@pytest.mark.parametrize("command", ["predict", "info"])
def test_a_model_that_cannot_be_loaded_gets_one_line(
    run: Run,
    tmp_path: Path,
    recordings: list[Path],
    command: str,
    content: bytes | None,
    reason: str,
) -> None:
    path = tmp_path / "bad.onnx"
    if content is not None:
        path.write_bytes(content)
    arguments = (
        ("predict", recordings[0], "--model", path) if command == "predict" else ("info", path)
    )
    one_line(run(*arguments), f"ModelError: {path}: {reason}")


@pytest.mark.parametrize("name", ["table.xlsx", "nowhere/table.csv"])
def test_a_table_that_cannot_be_written_is_refused_before_the_work(
    run: Run, tmp_path: Path, recordings: list[Path], name: str
) -> None:
    one_line(run("features", *recordings, "-o", tmp_path / name), f"Error: {tmp_path / name}: ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device")
def test_an_output_that_cannot_be_written_gets_one_line(
    run: Run, model: Path, recordings: list[Path]
) -> None:
    done = run("predict", recordings[0], "--model", model, "-o", "/dev/full")
    one_line(done, "/dev/full: cannot be written (No space left on device)")


def test_a_cache_that_cannot_be_used_gets_one_line(
    run: Run, tmp_path: Path, recordings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("VOXAFFECT_CACHE", str(tmp_path / "file"))
    done = run("features", *recordings, "-o", tmp_path / "table.csv")
    one_line(done, "cannot be used as feature cache")


def test_the_process_ends_with_the_code_and_no_traceback(tmp_path: Path) -> None:
    done = process("predict", tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith(f"AudioError: {tmp_path}: no recordings")
    assert len(done.stderr.decode().splitlines()) == 1


# info, features, corpora


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="closes as a Unix shell does")
@pytest.mark.parametrize(
    "arguments",
    [
        "info",
        "info --format json",
        "corpora list",
        "corpora info ravdess",
        "corpora check ravdess {data}",
        "encoders list",
        "compare {a} {a}",
        "compare {a} {a} --format json",
        "listen --input {data} --fast",
        "doctor {data}",
        "explain {data}",
    ],
)
def test_a_result_that_cannot_be_shown_is_a_failure(
    evaluation: dict[str, Any], ravdess_to_read: Path, tmp_path: Path, arguments: str
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(evaluation))
    told = arguments.format(data=ravdess_to_read, a=tmp_path / "a.json")
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m voxaffect {told} >&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("VoxaffectError: standard output is closed. ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes as a Unix shell does")
def test_a_reader_that_has_seen_enough_is_no_failure_to_tell_of() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m voxaffect info | head -0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_info_gives_a_single_split_no_standard_deviation(
    run: Run, trained: Trained, tmp_path: Path
) -> None:
    scores = {
        "random 25%, seed 9": {"uar": {"mean": 0.5, "sd": 0.0}},
        "speakers": {"uar": {"mean": 0.4, "sd": 0.1}},
    }
    export(trained.pipeline, trained.data, recipe="mlp", seed=9, scores=scores).save(
        tmp_path / "a.onnx"
    )
    out = run("info", tmp_path / "a.onnx").out
    assert "random 25%, seed 9: uar 0.500\n" in out
    assert "speakers: uar 0.400 ± 0.100\n" in out


def test_info_shows_the_card(run: Run, model: Path, trained: Trained) -> None:
    done = run("info", model)
    assert done.code == 0
    assert "emotions  calm, disgust, fearful, happy" in done.out
    assert "features  classic version 1, 180 numbers at 16000 Hz" in done.out
    assert "corpus    ravdess: 64 utterances, 8 speakers" in done.out
    assert f"{len(trained.model.content):,} bytes" in done.out


def test_info_as_json_holds_the_card(run: Run, model: Path, trained: Trained) -> None:
    found = json.loads(run("info", model, "--format", "json", "--full").out)["card"]
    assert found["emotions"] == list(trained.model.emotions)
    assert found["spec"]["name"] == "classic"
    assert found["golden"] == trained.model.card.golden


def test_info_as_json_is_brief_unless_asked(run: Run, model: Path) -> None:
    out = run("info", model, "--format", "json").out
    found = json.loads(out)["card"]
    assert found["features"] == 180
    assert not {"feature_names", "golden", "mean"} & set(found)
    assert len(out.splitlines()) < 100


def test_info_takes_the_model_as_predict_does(run: Run, model: Path) -> None:
    assert run("info", "--model", model) == run("info", model)
    done = run("info", model, "--model", model)
    assert (done.code, "Name the model once" in done.err) == (2, True)


def test_info_shows_the_checksum_of_the_file(run: Run) -> None:
    out = run("info").out
    assert f"sha256    {load().sha256}" in out
    assert "checked   yes" in out
    found = json.loads(run("info", "--format", "json").out)
    assert (found["model"]["sha256"], found["is_checked"]) == (load().sha256, True)


@pytest.mark.parametrize("command", ["info", "predict"])
def test_a_model_of_an_older_format_is_called_unchecked_once(run: Run, command: str) -> None:
    path = Path(__file__).parents[1] / "data" / "format-3.onnx"
    done = run(command, "--model", path, *(["--example"] if command == "predict" else []))
    assert done.code == 0
    assert done.err == (
        f"note: {path}: model format 3 has no checksum: damage may go unnoticed. Train it again "
        "for a file that is checked.\n"
    )


def test_info_without_a_file_shows_the_bundled_model(run: Run) -> None:
    out = run("info").out
    assert "bundled model" in out
    assert "UAR: of the model's recipe, trained on RAVDESS alone" in out


@pytest.mark.parametrize("name", list_bundled())
def test_the_score_in_the_list_of_models_is_the_one_that_its_note_names(name: str) -> None:
    first = next(score for score, metrics in load(name).card.scores.items() if "uar" in metrics)
    assert first == "emobox, recipe trained on ravdess alone"


@pytest.mark.parametrize("option", ["--cache", "--no-cache"])
def test_features_writes_the_matrix_of_python(
    run: Run, recordings: list[Path], tmp_path: Path, option: str
) -> None:
    output = tmp_path / "table.npz"
    done = run("features", recordings[0].parent, "--features", "classic", option, "-o", output)
    assert done == Done(0, f"12 recordings, 180 features: {output}\n", done.err)
    with np.load(output, allow_pickle=False) as found:
        assert found["files"].tolist() == [str(path) for path in recordings]
        assert tuple(found["names"]) == get_feature_names(get_feature_spec("classic"))
        expected = extract(recordings, get_feature_spec("classic")).matrix
        assert np.array_equal(found["features"], expected)


def test_features_of_a_model_are_those_that_it_classifies(
    run: Run, recordings: list[Path], trained: Trained, tmp_path: Path
) -> None:
    model, output = tmp_path / "model.onnx", tmp_path / "table.npz"
    trained.model.save(model)
    done = run("features", recordings[0], "--model", model, "-o", output)
    assert done.code == 0, done.err
    with np.load(output, allow_pickle=False) as table:
        assert tuple(table["names"]) == trained.model.card.feature_names
        probabilities = trained.model.probabilities(table["features"])
    expected = predict(recordings[0], model=trained.model).probabilities
    assert probabilities[0] == pytest.approx([*expected.values()], abs=1e-6)
    done = run("features", recordings[0], "--model", model, "--rate", 16_000, "-o", output)
    assert done.code == 2
    assert "--model and --rate: one of them" in done.err


def test_features_lists_what_failed_and_writes_the_others(
    run: Run, recordings: list[Path], tmp_path: Path
) -> None:
    recordings[1].write_bytes(b"words")
    output = tmp_path / "table.csv"
    done = run("features", *recordings, "--features", "classic", "-o", output)
    assert done.code == 1
    assert f"failed: {recordings[1]}: not readable as audio" in done.err
    assert "1 of 12 recordings could not be used." in done.err
    assert len(output.read_text(encoding="utf-8").splitlines()) == 12


def test_corpora_are_listed_and_described(run: Run) -> None:
    assert "ravdess" in run("corpora", "list").out
    done = run("corpora", "info", "ravdess")
    assert "CC BY-NC-SA 4.0" in done.out
    assert "03 happy" in done.out
    one_line(run("corpora", "info", "ravdes"), "CorpusError: ")


def test_corpora_check_finds_what_is_missing(run: Run, small_ravdess: Path) -> None:
    done = run("corpora", "check", "ravdess", small_ravdess)
    assert done.code == 1
    assert "missing" in done.out


# train and evaluate


def tutorial_accuracy(root: Path, seed: int) -> float:
    """The tutorial's steps, done by hand."""
    x_train, x_test, y_train, y_test = load_data(
        test_size=0.25, root=root, seed=seed, progress=False
    )
    model = MLPClassifier(
        alpha=0.01,
        batch_size=256,
        epsilon=1e-08,
        hidden_layer_sizes=(300,),
        learning_rate="adaptive",
        max_iter=500,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x_train, y_train)
    return accuracy_score(y_true=y_test, y_pred=model.predict(x_test))


@pytest.mark.slow
def test_train_prints_the_accuracy_of_the_tutorial_done_by_hand(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    output = tmp_path / "tutorial.onnx"
    done = run(
        "train ravdess --features classic --recipe tutorial --seed 9 --data",
        small_ravdess,
        "-o",
        output,
    )
    assert done.code == 0
    assert "(48, 180) (16, 180)" in done.out
    assert "Features extracted: 180" in done.out
    assert f"Accuracy: {tutorial_accuracy(small_ravdess, 9):.2%}" in done.out
    assert "Accuracy on new speakers: " in done.out
    card = load(output).card
    assert (card.recipe, card.seed, set(card.emotions)) == (
        "tutorial",
        9,
        {"calm", "happy", "fearful", "disgust"},
    )
    assert card.corpora["ravdess"]["speakers"] == 8
    assert {"mean", "sd"} == set(card.scores["speakers"]["uar"])


def test_a_trained_model_recognizes_what_it_was_trained_on(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    output = tmp_path / "mine.onnx"
    done = run(
        "train ravdess --features classic --recipe mlp --test-size 0 --data",
        small_ravdess,
        "--emotions",
        "happy,disgust",
        "-o",
        output,
    )
    assert done.code == 0
    assert "Accuracy" not in done.out
    found = run("predict", small_ravdess / "Actor_03", "--model", output, "--format", "json")
    records = {Path(one["source"]).name: one["emotion"] for one in json.loads(found.out)["results"]}
    assert records["03-01-03-01-01-01-03.wav"] == "happy"
    assert records["03-01-07-01-02-01-03.wav"] == "disgust"


def test_training_leaves_out_and_lists_what_cannot_be_used(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    broken = small_ravdess / "Actor_02" / "03-01-03-01-01-01-02.wav"
    broken.write_bytes(b"words")
    done = run(
        "train ravdess --features classic --recipe mlp --test-size 0 --data",
        small_ravdess,
        "-o",
        tmp_path / "mine.onnx",
    )
    assert done.code == 1
    assert f"failed: {broken}: not readable as audio" in done.err
    assert load(tmp_path / "mine.onnx").card.corpora["ravdess"]["utterances"] == 63


@pytest.mark.slow
def test_evaluate_puts_new_voices_and_heard_ones_side_by_side(
    run: Run, small_ravdess: Path
) -> None:
    done = run(
        "evaluate ravdess --features classic --recipe mlp --protocol speakers --data",
        small_ravdess,
        "--format",
        "json",
    )
    assert done.code == 0
    found = json.loads(done.out)["systems"]["mlp"]["evaluations"]
    assert [one["new_voices"] for one in found.values()] == [True, False]
    for one in found.values():
        assert one["emotions"] == ["calm", "disgust", "fearful", "happy"]
        accuracies = [fold["accuracy"] for fold in one["folds"]]
        assert one["metrics"]["accuracy"]["mean"] == pytest.approx(np.mean(accuracies), abs=1e-6)


def test_evaluate_by_emobox_needs_its_speakers(run: Run, small_ravdess: Path) -> None:
    for speaker in ("03", "05", "07"):
        shutil.rmtree(small_ravdess / f"Actor_{speaker}")
    done = run(
        "evaluate ravdess --features classic --recipe mlp --protocol emobox --emotions all --data",
        small_ravdess,
    )
    assert done.code == 1
    assert "EvaluationError: emobox fold 4 tests speakers 03, 05, 07, 24" in done.err


def test_one_folder_for_two_corpora_is_refused_with_the_remedy(run: Run, tmp_path: Path) -> None:
    done = run("evaluate ravdess emodb --data", tmp_path)
    assert done.code == 2
    assert "Give --data once for each, in the order ravdess, emodb" in " ".join(done.err.split())


def test_a_failed_evaluation_leaves_no_folder(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    for speaker in ("03", "05", "07"):
        shutil.rmtree(small_ravdess / f"Actor_{speaker}")
    out = tmp_path / "out"
    command = "evaluate ravdess --features classic --recipe mlp --protocol emobox --data"
    done = run(command, small_ravdess, "--report", out)
    assert done.code == 1
    assert not out.exists()


@pytest.mark.slow
def test_evaluate_states_the_score_of_every_system(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    output = tmp_path / "study.json"
    recipes = "--recipe mlp --recipe tutorial --emotions all --no-reference-split"
    done = run(f"evaluate ravdess --features classic {recipes} --data", small_ravdess, "-o", output)
    assert done.code == 0, done.err
    for name, system in json.loads(output.read_text())["systems"].items():
        uar = system["evaluations"]["speakers"]["metrics"]["uar"]
        low, high = uar["interval"]
        score = f"UAR {uar['mean']:.3f} [{low:.3f}, {high:.3f}] ({name}, speakers): {output}"
        assert score in done.err


def test_people_train_on_their_own_folders(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for code, emotion in (("03", "joy"), ("07", "yuck")):
        (own / emotion).mkdir(parents=True)
        for path in small_ravdess.glob(f"*/03-01-{code}-*.wav"):
            path.rename(own / emotion / path.name)
    output = tmp_path / "own.onnx"
    done = run(
        "train", "folder", "--data", own, "--features", "classic", "--recipe", "mlp", "-o", output
    )
    assert done.code == 0
    assert "Accuracy on new speakers: unknown" in done.out
    assert load(output).emotions == ("happy", "yuck")
    assert load(output).card.corpora["folder"]["license"] == "your own data"


def test_help_names_every_command(run: Run) -> None:
    out = run("--help").out
    assert all(
        name in out for name in ("predict", "info", "train", "evaluate", "features", "corpora")
    )


@pytest.mark.parametrize("command", [(), ("corpora",)])
def test_no_command_shows_the_help_in_lines(run: Run, command: tuple[str, ...]) -> None:
    done = run(*command)
    assert done.code == 2
    assert done.err == run(*command, "--help").out


@pytest.mark.parametrize("command", ["predict", "info", "train", "evaluate", "features", "corpora"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert f"Usage: voxaffect {command}" in done.out


def test_an_unknown_command_is_a_usage_error(run: Run) -> None:
    assert run("preddict").code == 2


@pytest.mark.parametrize("command", ["predict", "train", "evaluate", "features"])
def test_an_output_folder_that_does_not_exist_is_refused_before_the_work(
    run: Run, recordings: list[Path], small_ravdess: Path, tmp_path: Path, command: str
) -> None:
    output = tmp_path / "nowhere" / "out.csv"
    is_study = command in ("train", "evaluate")
    source = ["ravdess", "--data", small_ravdess] if is_study else recordings
    done = run(command, *source, "-o", output)
    assert done.code == 1
    assert done.out == ""
    assert "nowhere does not exist" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_pattern_that_matches_nothing_does_not_stop_the_others(
    run: Run, recordings: list[Path], model: Path
) -> None:
    done = run("predict", recordings[0], "no*such.wav", "--model", model, "--format", "json")
    assert done.code == 1
    assert [one["source"] for one in json.loads(done.out)["results"]] == [str(recordings[0])]
    assert "no*such.wav: no file matches" in done.err


def test_recordings_behind_a_link_to_a_folder_are_found(
    run: Run, model: Path, small_ravdess: Path, tmp_path: Path
) -> None:
    try:
        (tmp_path / "linked").symlink_to(small_ravdess, target_is_directory=True)
    except OSError:
        pytest.skip("this disk knows no links")
    told = [
        run("predict", place, "--model", model, "--format", "csv").out
        for place in (tmp_path, small_ravdess)
    ]
    assert told[0].count("\n") == told[1].count("\n") > 1


def test_a_broken_link_in_a_folder_is_listed(run: Run, recordings: list[Path], model: Path) -> None:
    link = recordings[0].parent / "gone.wav"
    link.symlink_to("nowhere.wav")
    done = run("predict", recordings[0].parent, "--model", model, "--format", "jsonl")
    assert done.code == 1
    *_, failure = lines = [*map(json.loads, done.out.splitlines())]
    assert len(lines) == len(recordings) + 1
    message = f"{link}: no such file."
    assert (failure["source"], failure["error"]) == (str(link), "AudioError")
    assert failure["message"] == message
    assert f"failed: {message}" in done.err


def test_an_output_that_is_a_recording_is_refused(
    run: Run, recordings: list[Path], model: Path
) -> None:
    before = recordings[0].read_bytes()
    one_line(run("predict", "--model", model, "-o", *recordings), "would overwrite a recording")
    assert recordings[0].read_bytes() == before


@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_a_table_that_is_read_is_never_written_over(
    run: Run, recordings: list[Path], tmp_path: Path, command: str
) -> None:
    table = tmp_path / "mine.csv"
    rows = [f"{path},{'happy' if i % 2 else 'sad'},{i // 4}" for i, path in enumerate(recordings)]
    table.write_text("\n".join(["path,emotion,speaker", *rows]))
    before = table.read_bytes()
    one_line(run(command, "csv", "--data", table, "-o", table), "would overwrite")
    assert table.read_bytes() == before


def test_a_split_and_a_result_do_not_share_a_file(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    done = evaluate_small(run, ravdess_to_read, "--save-split", both, "-o", both)
    assert done.code == 2
    assert "two outputs" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="closes a stream as Unix shells do")
def test_a_result_that_nobody_can_read_is_an_error() -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m voxaffect predict --example --model fast >&-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "standard output is closed. Name a file with -o." in done.stderr


def test_a_corpus_named_twice_is_refused(run: Run, small_ravdess: Path) -> None:
    twice = ["ravdess", "ravdess", "--data", small_ravdess, "--data", small_ravdess]
    done = run("train", *twice)
    assert done.code == 2
    assert "named twice" in done.err


@pytest.mark.slow
def test_a_model_is_trained_though_new_voices_cannot_be_measured(
    run: Run, recordings: list[Path], tmp_path: Path
) -> None:
    table = tmp_path / "mine.csv"
    rows = [f"{path},{'happy' if i % 2 else 'sad'},a" for i, path in enumerate(recordings)]
    table.write_text("\n".join(["path,emotion,speaker", *rows]))
    output = tmp_path / "m.onnx"
    done = run("train", "csv", "--data", table, "--features", "classic", "-o", output)
    assert done.code == 0
    assert "new speakers: unknown" in done.out
    assert load(output).emotions == ("happy", "sad")


# Evaluate, in more than numbers.


def evaluate_small(run: Run, root: Path, *more: object) -> Done:
    return run(
        "evaluate", "ravdess", "--features", "classic", "--recipe", "mlp", "--data", root, *more
    )


@pytest.mark.slow
def test_a_report_holds_the_evaluation_and_its_split_which_evaluates_the_same(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = evaluate_small(run, ravdess_to_read, "--report", out, "--no-reference-split")
    assert done.code == 0
    again = evaluate_small(
        run,
        ravdess_to_read,
        "--split",
        out / "folds.csv",
        "--no-reference-split",
        "-o",
        tmp_path / "again.json",
    )
    assert again.code == 0
    one, other = (
        json.loads(path.read_text()) for path in (out / "report.json", tmp_path / "again.json")
    )
    one, other = (d["systems"]["mlp"]["evaluations"] for d in (one, other))
    assert one["speakers"]["metrics"] == other["file"]["metrics"]
    assert one["speakers"]["confusion"] == other["file"]["confusion"]
    compared = run("compare", out / "report.json", tmp_path / "again.json")
    assert "difference +0.000" in compared.out  # other names of protocols, the same folds


@pytest.mark.slow
def test_a_planted_speaker_stops_the_evaluation_by_name(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    split = tmp_path / "split.csv"
    saved = evaluate_small(run, ravdess_to_read, "--save-split", split, "--no-reference-split")
    assert saved.code == 0
    lines = split.read_text().splitlines()
    planted = next(line for line in lines if line.startswith("fold 1,test"))
    speaker = planted.split("/")[1][-2:]
    split.write_text("\n".join([*lines, planted.replace("test", "train")]) + "\n")
    done = evaluate_small(run, ravdess_to_read, "--split", split)
    assert (done.code, done.out) == (1, "")
    assert "LeakError: protocol file: on both sides of a fold are" in done.err
    assert f"1 speaker: ravdess/{speaker}" in done.err
    allowed = evaluate_small(
        run, ravdess_to_read, "--split", split, "--allow-leaks", "--no-reference-split"
    )
    assert allowed.code == 0
    assert f"1 speaker in both training and test, ALLOWED: ravdess/{speaker}" in allowed.out


@pytest.mark.slow
def test_degraded_recordings_are_tested_with_clean_ones(run: Run, ravdess_to_read: Path) -> None:
    conditions = ["gain -20 dB", "noise 10 dB", "babble 10 dB"]
    asked = [word for condition in conditions for word in ("--condition", condition)]
    done = evaluate_small(run, ravdess_to_read, *asked, "--no-reference-split", "--format", "json")
    assert done.code == 0
    assert list(json.loads(done.out)["systems"]["mlp"]["robustness"]) == conditions


@pytest.mark.slow
def test_babble_changes_the_copies_that_are_trained_on(ravdess_to_read: Path) -> None:
    recipe = replace(get_recipe("mlp"), augmentation=Augmentation(speeds=(), mixed_copies=1))
    options: dict[str, Any] = {"emotions": ["calm", "happy"], "test_size": 0, "workers": 1}
    silent, talking = (
        train({"ravdess": ravdess_to_read}, recipe, babble=share, **options).data.copies
        for share in (0.0, 1.0)
    )
    assert silent
    assert talking
    is_same = (silent.matrix == talking.matrix).all(axis=1)
    assert 0 < is_same.mean() < 0.5  # some copies get no noise


def table_of(paths: list[Path], table: Path, speaker: str | None) -> Path:
    """Write a csv of recordings, calm and happy in turn; a speaker may hold their number."""
    rows = [f"{path},{('calm', 'happy')[n % 2]}" for n, path in enumerate(paths)]
    if speaker is not None:
        rows = [f"{row},{speaker.format(n)}" for n, row in enumerate(rows)]
    head = "path,emotion" if speaker is None else "path,emotion,speaker"
    table.write_text("\n".join([head, *rows]) + "\n")
    return table


def test_nobody_talks_in_a_corpus_of_unknown_speakers(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    table = table_of(sorted(ravdess_to_read.rglob("*.wav")), tmp_path / "mine.csv", None)
    done = run(
        "evaluate csv --data",
        table,
        "--features",
        "classic",
        "--recipe",
        "mlp",
        "--protocol",
        "random",
        "--no-reference-split",
        "--condition",
        "babble 20 dB",
    )
    assert done.code == 1
    assert "babble 20 dB: recordings of at least two known speakers are needed" in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "why"),
    [
        (["--recipe=mlp"], "mlp trains on none"),
        (["--recipe=logistic", "--no-augment"], "--no-augment"),
    ],
)
def test_babble_without_copies_changes_nothing_and_a_note_states_it(
    run: Run, ravdess_to_read: Path, tmp_path: Path, how: list[str], why: str
) -> None:
    done = run(
        "train ravdess --data",
        ravdess_to_read,
        "--features",
        "classic",
        *how,
        "--babble",
        "0.5",
        "--test-size",
        "0",
        "-o",
        tmp_path / "m.onnx",
    )
    assert done.code == 0
    assert f"--babble changes nothing without augmented copies: {why}\n" in done.err


@pytest.mark.slow
def test_a_model_file_says_how_its_copies_were_made(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    file = tmp_path / "m.onnx"
    asked = "--features=classic --recipe=logistic --babble=0.5 --test-size=0 --emotions=calm,happy"
    done = run(f"train ravdess {asked} --data", ravdess_to_read, "-o", file)
    assert done.code == 0
    assert "--babble changes nothing" not in done.err
    told = run("info", file).out
    assert "copies    at other speeds: 0.9, 1.1\ncopies    mixed: 4\n" in told
    assert "copies    share of the noisy copies with background speech: 0.5\n" in told


def of_strangers(found: Path, table: Path) -> Path:
    """Write a csv of four recordings by four speakers."""
    return table_of(sorted(found.rglob("*.wav"))[:4], table, "voice {}")


def test_babble_that_is_asked_for_needs_a_speaker_with_two_recordings(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    table = of_strangers(ravdess_to_read, tmp_path / "mine.csv")
    done = run(
        "train csv --data",
        table,
        "--features",
        "classic",
        "--recipe",
        "logistic",
        "--babble",
        "0.5",
        "-o",
        tmp_path / "m.onnx",
    )
    assert done.code == 1
    assert "babble: no speaker is known by two recordings or more" in done.err


def test_a_model_file_claims_no_babble_without_known_speakers(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    table, file = of_strangers(ravdess_to_read, tmp_path / "mine.csv"), tmp_path / "m.onnx"
    done = run(
        "train csv --data",
        table,
        "--features",
        "classic",
        "--recipe",
        "logistic",
        "--test-size",
        "0",
        "-o",
        file,
    )
    assert done.code == 0
    assert "no copy has background speech" in done.err
    assert load(file).card.augmentation["babble_probability"] == 0


@pytest.mark.parametrize("option", ["--babble", "--test-size"])
@pytest.mark.parametrize("share", ["nan", "-0.1", "1.5", "inf", "many"])
def test_a_share_that_is_none_is_refused_before_the_work(
    run: Run, ravdess_to_read: Path, option: str, share: str
) -> None:
    done = run("train", "ravdess", "--data", ravdess_to_read, option, share)
    assert done.code == 2
    assert f"Invalid value for '{option}'" in done.err


@pytest.mark.slow
def test_voices_that_were_not_heard_are_not_called_heard(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    paths = sorted(ravdess_to_read.rglob("*.wav"))[:16]
    for speaker, told in (("", "of unknown speakers"), ("voice {}", "0% of it voices heard")):
        table = table_of(paths, tmp_path / "mine.csv", speaker)
        done = run(
            "train csv --data",
            table,
            "--features=classic",
            "--recipe=mlp",
            "-o",
            tmp_path / "m.onnx",
        )
        assert f"on a random 25%, {told}" in done.out


@pytest.mark.slow
def test_two_evaluations_are_compared_in_pairs(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    for recipe in ("tutorial", "mlp"):
        assert (
            run(
                "evaluate ravdess --recipe",
                recipe,
                "--emotions",
                "all",
                "--no-reference-split",
                "--data",
                ravdess_to_read,
                "--format",
                "json",
                "-o",
                tmp_path / f"{recipe}.json",
            ).code
            == 0
        )
    done = run("compare", tmp_path / "mlp.json", tmp_path / "tutorial.json")
    assert done.code == 0
    assert "speakers, 64 tested utterances" in done.out
    assert "95 % over speakers" in done.out
    assert "cannot be under" not in done.out
    found = json.loads(
        run("compare", tmp_path / "mlp.json", tmp_path / "tutorial.json", "--format", "json").out
    )
    assert found["difference"] == pytest.approx(found["a"] - found["b"], abs=2e-6)
    one_line(run("compare", tmp_path / "mlp.json", tmp_path / "gone.json"), "gone.json: no such")


@pytest.mark.slow
def test_two_systems_of_one_evaluation_are_compared(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    both, single = tmp_path / "both.json", tmp_path / "single.json"
    command = ("evaluate", "ravdess", "--data", ravdess_to_read, "--no-reference-split")
    assert run(*command, "--recipe", "mlp", "--recipe", "tutorial", "-o", both).code == 0
    assert run(*command, "--recipe", "mlp", "-o", single).code == 0
    done = run("compare", both)
    assert done.code == 0, done.err
    assert f"mlp ({both})" in done.out
    assert f"tutorial ({both})" in done.out
    assert done.err == ""
    named = run("compare", both, "--system", "tutorial", "--system", "mlp")
    assert named.out.splitlines()[1].endswith(f"tutorial ({both})")
    itself = run("compare", both, both)
    assert itself.code == 0
    assert "mlp is compared with itself. Name two systems with --system" in itself.err
    one_line(run("compare", single), "expected two systems to compare, found 1: mlp. Name another")


@pytest.mark.slow
def test_a_comparison_over_few_speakers_says_what_it_cannot_find(
    run: Run, ravdess_to_read: Path, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for folder in sorted(ravdess_to_read.iterdir())[:4]:
        shutil.copytree(folder, few / folder.name)
    for recipe in ("tutorial", "mlp"):
        run(
            "evaluate ravdess --recipe",
            recipe,
            "--emotions",
            "all",
            "--no-reference-split",
            "--data",
            few,
            "--format",
            "json",
            "-o",
            tmp_path / recipe,
        )
    done = run("compare", tmp_path / "mlp", tmp_path / "tutorial")
    assert "with 4 speakers p cannot be under 0.125" in done.out


@pytest.mark.slow
def test_recipes_of_different_features_are_evaluated_on_the_same_folds(
    run: Run, ravdess_to_read: Path
) -> None:
    done = run(
        "evaluate ravdess --recipe mlp --recipe logistic --no-augment --no-reference-split --data",
        ravdess_to_read,
        "--format",
        "json",
    )
    assert done.code == 0
    found = json.loads(done.out)
    assert [row["a"] + " " + row["b"] for row in found["paired"]] == ["mlp logistic"]
