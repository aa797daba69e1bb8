"""Finished models on labeled recordings: the same report, and honest about what they know."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from conftest import Run, Trained

from voxaffect import evaluate, load_dataset
from voxaffect.errors import EvaluationError, LeakError
from voxaffect.evaluation.metrics.categorical import compute_uar
from voxaffect.evaluation.model_runner import _describe_unchecked
from voxaffect.outputs.report import Document, document, to_text, write_report

WORDS = {"02": "calm", "03": "happy", "06": "fearful", "07": "bored"}


@pytest.fixture(scope="module")
def table(ravdess_to_read: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings under three of the model's emotions, and one that it does not know."""
    files = sorted(ravdess_to_read.rglob("*.wav"))
    lines = [
        f"{path},{WORDS[path.stem.split('-')[2]]},{path.stem.split('-')[-1]}" for path in files
    ]
    file = tmp_path_factory.mktemp("calls") / "calls.csv"
    file.write_text("path,emotion,speaker\n" + "\n".join(lines) + "\n")
    return file


@pytest.fixture(scope="module")
def file(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "mine.onnx"
    trained.model.save(path)
    return path


def test_a_model_is_scored_by_its_own_probabilities(trained: Trained, table: Path) -> None:
    study = evaluate({"csv": table}, model=trained.model)
    (result,) = study.systems.values()
    one = result.evaluations["model"]
    data = load_dataset({"csv": table}, trained.model.card.spec, emotions=["calm", "happy", "fear"])
    assert len(one.tested) == len(data.utterances) == 48
    assert np.array_equal(one.probabilities, trained.model.probabilities(data.matrix))
    assert one.emotions == trained.model.emotions
    truth = np.array(data.emotions)
    answers = np.array(one.emotions)[one.probabilities.argmax(axis=1)]
    assert one.summary["uar"]["mean"] == pytest.approx(compute_uar(truth, answers))
    kept = [one.emotions.index(name) for name in ("calm", "fearful", "happy")]
    among = np.array(["calm", "fearful", "happy"])[one.probabilities[:, kept].argmax(axis=1)]
    restricted = document(study)["systems"]["the trained model"]["evaluations"]["model"]["metrics"]
    assert restricted["restricted_uar"]["mean"] == pytest.approx(compute_uar(truth, among))


def write_markdown(plain: Document, folder: Path) -> str:
    write_report(plain, folder)
    return (folder / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_only_the_names_of_corpora_are_compared(
    trained: Trained, table: Path, tmp_path: Path
) -> None:
    plain = document(evaluate({"csv": table}, model=trained.model))
    one = plain["systems"]["the trained model"]["evaluations"]["model"]
    assert one["new_voices"] is plain["leaks"] is None
    sentence = (
        "Not checked of the trained model: speakers and recordings: only the names of the tested "
        "corpora were compared with those of the training corpora (ravdess). None is the same."
    )
    assert sentence[1:-1] in to_text(plain)
    report = write_markdown(plain, tmp_path / "out")
    assert report.count(sentence) == 2  # under the result, and as the leak check
    assert "Nothing was trained here, so no fold was searched for leaks." in report
    assert "UAR of the trained model: " in report
    assert "Leak check: it was not run" not in report
    body = report.partition("## How to read this report")[0]
    for claim in (
        "No speaker, no recording",
        "on new speakers",
        "random split and",
        "by a random split",
        "bar between them",
        "not in the training data",
        "no speaker of a test is in",
    ):
        assert claim not in body, claim


@pytest.mark.slow
def test_a_corpus_of_the_training_data_stands_in_the_report(
    trained: Trained, ravdess_to_read: Path, tmp_path: Path
) -> None:
    study = evaluate({"ravdess": ravdess_to_read}, model=trained.model, allow_leaks=True)
    report = write_markdown(document(study), tmp_path / "out")
    assert "tested on recordings that include its training data (ravdess)" in report
    assert "of the training corpora (ravdess). Both have ravdess." in report
    assert "a corpus that the model was trained on | stops an evaluation | ravdess | 1" in report
    assert "by a random split" not in report


def test_a_card_without_corpora_compares_nothing() -> None:
    assert "nothing was compared" in _describe_unchecked((), ())


@pytest.mark.slow
def test_the_model_file_and_its_runtime_are_named(
    run: Run, table: Path, file: Path, tmp_path: Path
) -> None:
    done = run("evaluate csv --data", table, "--model", file, "--report", tmp_path / "out")
    assert done.code == 0, done.err
    digest = sha256(file.read_bytes()).hexdigest()
    plain = json.loads((tmp_path / "out" / "report.json").read_text())
    assert plain["systems"]["mine.onnx"]["model"] == {"sha256": digest, "corpora": ["ravdess"]}
    assert plain["versions"]["onnxruntime"] == version("onnxruntime")
    report = (tmp_path / "out" / "report.md").read_text()
    assert f"| model mine.onnx, SHA-256 | {digest} |" in report
    assert f"| onnxruntime | {version('onnxruntime')} |" in report


def test_emotions_that_one_side_lacks_are_stated(trained: Trained, table: Path) -> None:
    plain = document(evaluate({"csv": table}, model=trained.model, name="calls"))
    one = plain["systems"]["the trained model"]["evaluations"]["model"]
    assert one["unknown_emotions"] == {"bored": 16}
    assert one["untested_emotions"] == ["disgust"]
    text = to_text(plain)
    assert "left out, since no model knows them: bored (16)" in text
    assert "may answer and no tested recording has: disgust" in text
    assert "calls" in plain["data"]["corpora"]


def test_answers_that_are_not_uncertain_are_counted(trained: Trained, table: Path) -> None:
    study = evaluate({"csv": table}, model=trained.model)
    one = next(iter(study.systems.values())).evaluations["model"]
    assert one.uncertainty is None
    stated = replace(one, abstention={"threshold": 0.6, "risk": 0.2, "coverage": 0.5})
    sure = one.probabilities.max(axis=1) >= 0.6
    right = (one.predicted == one.truth)[sure]
    uncertainty = stated.uncertainty
    assert uncertainty is not None
    assert uncertainty["answered"] == pytest.approx(sure.mean())
    assert uncertainty["right"] == pytest.approx(right.mean())
    low, high = uncertainty["interval"]
    assert low <= right.mean() <= high


def test_data_that_the_model_was_trained_on_are_refused(
    trained: Trained, ravdess_to_read: Path
) -> None:
    with pytest.raises(LeakError, match=r"on ravdess, .* too good\. Take .*--allow-leaks"):
        evaluate({"ravdess": ravdess_to_read}, model=trained.model)
    study = evaluate({"ravdess": ravdess_to_read}, model=trained.model, allow_leaks=True)
    assert study.protocol.new_voices is False
    plain = document(study)
    assert "1 corpus in both training and test, ALLOWED: ravdess" in to_text(plain)


@pytest.mark.parametrize("name", ["RAVDESS", "Rav-dess", "rav_dess"])
def test_a_known_corpus_is_known_however_its_name_is_written(
    trained: Trained, table: Path, name: str
) -> None:
    remedy = f"If csv:{name} holds other data, give it another name, as in csv:NAME"
    with pytest.raises(LeakError, match=f"the model was trained on ravdess, .*{remedy}"):
        evaluate({f"csv:{name}": table}, model=trained.model)
    study = evaluate({"csv:mine": table}, model=trained.model)
    assert study.protocol.new_voices is not False


def test_two_common_emotions_are_needed(trained: Trained, table: Path) -> None:
    with pytest.raises(EvaluationError, match=r"share 1 emotions.* --labels"):
        evaluate({"csv": table}, model=trained.model, emotions=["calm", "bored"])


def test_no_model_is_no_evaluation(table: Path) -> None:
    with pytest.raises(EvaluationError, match="no model to evaluate"):
        evaluate({"csv": table}, model=[])


@pytest.mark.slow
def test_the_command_tests_models_side_by_side(
    run: Run, table: Path, file: Path, tmp_path: Path
) -> None:
    out, other = tmp_path / "out", tmp_path / "other.onnx"
    other.write_bytes(file.read_bytes())
    done = run(
        "evaluate csv --data",
        table,
        *("--model", file, "--model", other, "--condition=8 kHz"),
        *("--report", out, "-o", tmp_path / "rows.csv"),
    )
    assert done.code == 0, done.err
    with (tmp_path / "rows.csv").open(newline="") as rows:
        assert len(list(csv.DictReader(rows))) == 96
    plain = json.loads((out / "report.json").read_text())
    assert list(plain["systems"]) == ["mine.onnx", "other.onnx"]
    assert plain["paired"][0]["difference"] == 0
    assert list(plain["systems"]["mine.onnx"]["robustness"]) == ["8 kHz"]
    assert plain["systems"]["mine.onnx"]["importance"]
    assert not (out / "folds.csv").exists()
    markdown = (out / "report.md").read_text()
    assert "Left out, since no model knows the emotion: bored (16)." in markdown
    assert "if it may only answer emotions that are tested" in markdown


@pytest.mark.parametrize("option", ["--recipe=mlp", "--protocol=loso", "--no-augment"])
def test_options_of_training_do_not_go_with_a_model(run: Run, table: Path, option: str) -> None:
    done = run("evaluate csv --model=fast", option, "--data", table)
    assert done.code == 2
    assert "is for training, and --model tests a finished model" in done.err


@pytest.mark.slow
@pytest.mark.parametrize(("speakers", "unseen"), [(True, "corpora"), (False, "speakers")])
def test_uncertain_answers_stand_in_the_report(
    trained: Trained, table: Path, tmp_path: Path, speakers: bool, unseen: str
) -> None:
    study = evaluate({"csv": table}, model=trained.model)
    (name, result), *_ = study.systems.items()
    abstention = {"threshold": 0.6, "risk": 0.2}
    abstention |= dict.fromkeys(("speakers_risk", "speakers_coverage"), 0.5) if speakers else {}
    one = replace(result.evaluations["model"], abstention=abstention)
    changed = replace(study, systems={name: replace(result, evaluations={"model": one})})
    text = to_text(document(changed))
    assert "marked uncertain: " in text
    assert f"the model card states 80% on {unseen} left out" in text
    write_report(changed, tmp_path / "out")
    report = (tmp_path / "out" / "report.md").read_text()
    assert f"its model card states 80 % on {unseen} left out" in report
