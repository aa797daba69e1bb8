"""Dimensions of other systems: read from tables, and scored by CCC against the ratings of data."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run

from voxaffect import evaluate
from voxaffect.errors import CorpusError, EvaluationError
from voxaffect.evaluation.metrics.dimensional import compute_ccc
from voxaffect.outputs.report import document, to_csv, to_text, write_report

COUNT = 24


def write_table(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Write a table of rated recordings of six speakers, which nobody has to decode."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(COUNT):
        (tmp_path / f"{number}.wav").touch()
        ratings = rng.uniform(size=2).round(3)
        rows.append(
            {
                "path": f"{number}.wav",
                "emotion": ("happy", "sad")[number % 2],
                "speaker": f"s{number % 6}",
                "arousal": ratings[0],
                "valence": ratings[1],
            }
        )
    return write_table(tmp_path / "data.csv", rows)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def guess(data: Path, names: Sequence[str] = ("arousal", "valence")) -> list[dict[str, Any]]:
    """Ratings with noise."""
    rng = np.random.default_rng(2)
    return [
        {"path": row["path"]}
        | {name: np.clip(float(row[name]) + rng.normal(scale=0.1), 0, 1).round(4) for name in names}
        for row in read_rows(data)
    ]


def compute_expected(data: Path, rows: Sequence[Mapping[str, Any]], name: str) -> float:
    truth = np.array([float(row[name]) for row in read_rows(data)])
    ccc = compute_ccc(truth, np.array([float(row[name]) for row in rows]))
    assert ccc is not None
    return ccc


def test_dimensions_alone_are_scored_without_emotions(data: Path, tmp_path: Path) -> None:
    rows = guess(data)
    path = write_table(tmp_path / "theirs.csv", rows)
    study = evaluate({"csv": data}, predictions=path)
    plain = document(study)
    one = plain["systems"]["theirs.csv"]["evaluations"]["predictions"]
    assert one["score_kind"] == "dimensions"
    assert list(one["dimensions"]) == ["arousal", "valence"]
    for name in ("arousal", "valence"):
        ccc = compute_expected(data, rows, name)
        assert one["dimensions"][name]["ccc"] == pytest.approx(ccc, abs=1e-6)
        assert one["dimensions"][name]["interval"] is not None
    assert one["metrics"]["uar"]["mean"] is None
    assert one["confusion"] is None
    text = to_text(plain)
    assert "theirs.csv gives dimensions and no emotions" in text
    assert "CCC" in text
    write_report(plain, tmp_path / "out")
    report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "arousal" in report
    assert "Nothing is known of the training data of theirs.csv" in report


@pytest.mark.parametrize("protocol", ["speakers", "loso"])
def test_dimensions_beside_emotions_are_scored_by_folds(
    data: Path, tmp_path: Path, protocol: str
) -> None:
    truth = [row["emotion"] for row in read_rows(data)]
    rows = [{**row, "emotion": word} for row, word in zip(guess(data), truth, strict=True)]
    path = write_table(tmp_path / "theirs.csv", rows)
    study = evaluate({"csv": data}, predictions=path, protocol=protocol)
    one = study.systems["theirs.csv"].evaluations[protocol]
    assert one.uar == 1
    assert one.dimension_scores["valence"].ccc == pytest.approx(
        compute_expected(data, rows, "valence")
    )
    with_alone = write_table(tmp_path / "alone.csv", guess(data))
    both = evaluate({"csv": data}, predictions=[path, with_alone], protocol=protocol)
    assert both.compare_pairs() == ()
    write_report(document(both), tmp_path / "out")


def test_json_holds_dimensions_as_an_object(data: Path, tmp_path: Path) -> None:
    rows = guess(data)
    path = tmp_path / "theirs.json"
    entries = [
        {"path": row["path"], "dimensions": {"arousal": row["arousal"], "valence": None}}
        for row in rows
    ]
    path.write_text(json.dumps([{"path": "other.wav", "dimensions": None}, *entries]))
    study = evaluate({"csv": data}, predictions=path)
    scores = study.systems["theirs.json"].evaluations["predictions"].dimension_scores
    assert list(scores) == ["arousal"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arousal": 4}, r"line 2: arousal is '4', expected a number from 0 to 1. Convert a "),
        ({"arousal": ""}, r"no prediction for 1 of 24"),
        ({"arousal": "nan"}, r"line 2: arousal is 'nan', .*. Leave the cell empty"),
        ({"arousal": "high"}, r"line 2: arousal is 'high', expected a number from 0 to 1"),
    ],
)
def test_numbers_that_are_no_dimensions_are_refused(
    data: Path, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    rows = guess(data, ["arousal"])
    rows[0] |= change
    path = write_table(tmp_path / "theirs.csv", rows)
    with pytest.raises(EvaluationError, match=message):
        evaluate({"csv": data}, predictions=path)


def test_data_without_ratings_are_refused(
    ravdess_to_read: Path, data: Path, tmp_path: Path, run: Run
) -> None:
    names = sorted(path.name for path in ravdess_to_read.rglob("*.wav"))
    path = write_table(tmp_path / "x.csv", [{"path": name, "arousal": 0.5} for name in names])
    with pytest.raises(EvaluationError, match="gives dimensions only, and no tested recording has"):
        evaluate({"ravdess": ravdess_to_read}, predictions=path)
    only = write_table(tmp_path / "y.csv", [{"path": name, "dominance": 0.5} for name in names])
    with pytest.raises(EvaluationError, match="names a recording of the data"):
        evaluate({"csv": data}, predictions=only)
    none = write_table(tmp_path / "z.csv", [{"path": name} for name in names])
    with pytest.raises(CorpusError, match="no column 'emotion'"):
        evaluate({"csv": data}, predictions=none)
    theirs = write_table(tmp_path / "theirs.csv", guess(data))
    done = run("evaluate csv --data", data, "--predictions", theirs, "-o", tmp_path / "a.json")
    assert done.code == 0, done.err
    assert "no scores of emotions (theirs.csv, predictions)" in done.err


@pytest.mark.parametrize("is_alone", [True, False])
def test_the_table_of_an_evaluation_gives_back_its_dimensions(
    data: Path, tmp_path: Path, is_alone: bool
) -> None:
    rows = guess(data)
    if not is_alone:
        rows = [{**row, "p_happy": 0.25, "p_sad": 0.75} for row in rows]
    path = write_table(tmp_path / "theirs.csv", rows)
    first = document(evaluate({"csv": data}, predictions=path, protocol="loso"))
    again = tmp_path / "again.csv"
    again.write_text(to_csv(first), encoding="utf-8", newline="")
    assert len(read_rows(again)) == COUNT
    second = document(evaluate({"csv": data}, predictions=again, protocol="loso"))
    one, other = (next(iter(plain["systems"].values())) for plain in (first, second))
    expected, found = (part["evaluations"]["loso"] for part in (one, other))
    assert found["dimensions"] == expected["dimensions"]
    assert found["metrics"] == expected["metrics"]
    assert found["score_kind"] == expected["score_kind"]
