"""Predictions of a protocol's folds: scored exactly as the evaluation that made them."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run

from voxaffect import evaluate, read_split
from voxaffect.errors import EvaluationError, LeakError
from voxaffect.evaluation import Evaluation, Study
from voxaffect.outputs.report import document, to_csv, to_text, write_report

Rows = list[dict[str, Any]]
Change = Callable[[Rows], object]


@pytest.fixture(scope="module")
def study(ravdess_to_read: Path) -> Study:
    return evaluate_recipe(ravdess_to_read, "speakers")


def evaluate_recipe(root: Path, protocol: str) -> Study:
    return evaluate(
        {"ravdess": root},
        ["logistic", "tutorial"],
        features="classic",
        protocol=protocol,
        reference_split=False,
    )


def write_rows(study: Study, path: Path, change: Change | None = None) -> Path:
    """Write the table of an evaluation, after a change of its rows."""
    path.write_text(to_csv(document(study)), encoding="utf-8", newline="")
    if change is not None:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        changed = change(rows)
        rows = changed if isinstance(changed, list) else rows
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def get_first(study: Study) -> Evaluation:
    return next(iter(study.systems.values())).evaluations[study.protocol.name]


@pytest.mark.slow
@pytest.mark.parametrize(
    "protocol",
    [
        "random",
        *(pytest.param(f"{one}speakers", marks=pytest.mark.slow) for one in ("", "sentences-")),
    ],
)
def test_the_table_of_an_evaluation_has_the_scores_of_the_evaluation(
    ravdess_to_read: Path, tmp_path: Path, protocol: str
) -> None:
    study = evaluate_recipe(ravdess_to_read, protocol)
    path = write_rows(study, tmp_path / "rows.csv")
    again = evaluate({"ravdess": ravdess_to_read}, predictions=path, protocol=protocol)
    first, second = document(study), document(again)
    assert list(second["systems"]) == ["rows.csv, logistic", "rows.csv, tutorial"]
    for (_, one), (_, other) in zip(
        first["systems"].items(), second["systems"].items(), strict=True
    ):
        expected, found = one["evaluations"][protocol], other["evaluations"][protocol]
        assert found.pop("unchecked")
        expected.pop("unchecked")
        assert found == expected  # every metric, interval, group, bin, curve, fold and probability
    for one, other in zip(first["paired"], second["paired"], strict=True):
        assert {**other, "a": "", "b": ""} == {**one, "a": "", "b": ""}
    assert second["leaks"] == first["leaks"]
    assert second["baselines"] == first["baselines"]


@pytest.mark.slow
def test_what_nobody_can_check_is_stated_everywhere(
    study: Study, ravdess_to_read: Path, tmp_path: Path
) -> None:
    path = write_rows(study, tmp_path / "rows.csv")
    again = evaluate({"ravdess": ravdess_to_read}, predictions=path, protocol="speakers")
    plain = document(again)
    (sentence,) = plain["systems"]["rows.csv, logistic"]["evaluations"]["speakers"]["unchecked"]
    assert "trained on the training side of its fold alone" in sentence
    assert f"not checked of rows.csv, logistic: {sentence}" in to_text(plain)
    write_report(plain, tmp_path / "out")
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert f"Not checked of rows.csv, logistic: {sentence}" in report
    assert "speakers that are not in the training data" not in report
    bare = write_rows(study, tmp_path / "bare.csv", lambda rows: [_leave_out(r) for r in rows[:64]])
    again = evaluate({"ravdess": ravdess_to_read}, predictions=bare, protocol="speakers")
    assert "the rows name no fold" in get_first(again).unchecked[1]
    assert get_first(again).probabilities == pytest.approx(get_first(study).probabilities, abs=0)


def _leave_out(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in ("fold", "system")}


@pytest.mark.parametrize("spell", ["{}", "{0[5]}", "fold_{0[5]}", "FOLD {0[5]}", "0{0[5]}"])
def test_folds_have_several_spellings(
    study: Study, ravdess_to_read: Path, tmp_path: Path, spell: str
) -> None:
    def change(rows: Rows) -> None:
        for row in rows:
            row["fold"] = spell.format(row["fold"])

    path = write_rows(study, tmp_path / "rows.csv", change)
    again = evaluate({"ravdess": ravdess_to_read}, predictions=path, protocol="speakers")
    assert get_first(again).summary == get_first(study).summary


def _exchange(rows: Rows) -> None:
    rows[0]["fold"], rows[-1]["fold"] = rows[-1]["fold"], rows[0]["fold"]


def _rename(rows: Rows) -> None:
    rows[0]["fold"] = "seven"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_exchange, r"line 2: its fold is fold 6, and protocol speakers tests it in fold 1: the "),
        (_rename, r"line 2: the fold is 'seven', expected one of fold 1, fold 2.*--split"),
        (lambda rows: rows[1:], r"rows.csv, logistic: no prediction for 1 of 64 recordings"),
        (lambda rows: [rows[0], *rows], r"line 3: .* has a prediction in line 2 already"),
    ],
)
def test_mixed_folds_are_refused(
    study: Study, ravdess_to_read: Path, tmp_path: Path, change: Change, message: str
) -> None:
    path = write_rows(study, tmp_path / "rows.csv", change)
    with pytest.raises(EvaluationError, match=message):
        evaluate({"ravdess": ravdess_to_read}, predictions=path, protocol="speakers")


@pytest.mark.slow
def test_recordings_of_several_folds_need_their_names(
    ravdess_to_read: Path, tmp_path: Path
) -> None:
    random = evaluate_recipe(ravdess_to_read, "random")
    corpora = {"ravdess": ravdess_to_read}
    bare = write_rows(random, tmp_path / "bare.csv", lambda rows: [_leave_out(r) for r in rows[:9]])
    with pytest.raises(EvaluationError, match=r"tests this recording in \d folds, and the row na"):
        evaluate(corpora, predictions=bare, protocol="random")
    path = write_rows(random, tmp_path / "rows.csv")
    with pytest.raises(EvaluationError, match=r"of several folds, name their protocol with --p"):
        evaluate(corpora, predictions=path)


def test_folds_without_any_prediction_are_refused(
    study: Study, ravdess_to_read: Path, tmp_path: Path
) -> None:
    path = write_rows(study, tmp_path / "rows.csv", lambda rows: rows[32:64])
    corpora = {"ravdess": ravdess_to_read}
    with pytest.raises(EvaluationError, match=r"fold 1: none of its \d+ recordings has a pred"):
        evaluate(corpora, predictions=path, protocol="speakers", allow_missing=True)
    path = write_rows(study, tmp_path / "rows.csv", lambda rows: rows[1:64])
    again = evaluate(corpora, predictions=path, protocol="speakers", allow_missing=True)
    assert len(get_first(again).tested) == 63
    assert len(again.failures) == 1


def test_folds_with_a_leak_are_refused(
    study: Study, ravdess_to_read: Path, tmp_path: Path, run: Run
) -> None:
    study.save_split(tmp_path / "folds.csv")
    text = (tmp_path / "folds.csv").read_text()
    line = next(line for line in text.splitlines() if line.startswith("fold 1,test"))
    (tmp_path / "folds.csv").write_text(f"{text}{line.replace('test', 'train')}\n")
    path = write_rows(study, tmp_path / "rows.csv", lambda rows: rows[:64])
    data: list[Any] = ["evaluate ravdess --data", ravdess_to_read, "--predictions", path]
    done = run(*data, "--split", tmp_path / "folds.csv")
    assert done.code == 1
    assert "on both sides of a fold are 1 speaker" in done.err
    done = run(*data, "--split", tmp_path / "folds.csv", "--allow-leaks", "--format", "json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["leaks"][0]["kind"] == "speaker"
    protocol = read_split(tmp_path / "folds.csv")
    with pytest.raises(LeakError):
        evaluate({"ravdess": ravdess_to_read}, predictions=path, protocol=protocol)


def test_the_command_compares_predictions_with_the_evaluation(
    study: Study, ravdess_to_read: Path, tmp_path: Path, run: Run
) -> None:
    path = write_rows(study, tmp_path / "rows.csv", lambda rows: rows[:64])
    (tmp_path / "ours.json").write_text(study.to_json(), encoding="utf-8")
    data: list[Any] = ["evaluate ravdess --data", ravdess_to_read, "--predictions", path]
    done = run(*data, "--protocol", "speakers", "-o", tmp_path / "theirs.json")
    assert done.code == 0, done.err
    done = run("compare", tmp_path / "ours.json", tmp_path / "theirs.json")
    assert done.code == 0, done.err
    assert "difference +0.000" in done.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed=1"], "--seed has an effect on --predictions only with --protocol or --split"),
        (["--allow-leaks"], "--allow-leaks has an effect on --predictions only with --protocol"),
        (["--recipe=mlp", "--protocol=loso"], "--recipe has no effect with --predictions"),
    ],
)
def test_options_without_folds_are_refused(
    run: Run, ravdess_to_read: Path, options: list[str], message: str
) -> None:
    done = run("evaluate ravdess --predictions=x.csv --data", ravdess_to_read, *options)
    assert done.code == 2
    assert message in done.err
