"""What is printed for programs parses back to what was predicted."""

from __future__ import annotations

import csv
import io
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxaffect.formats import PREDICTION_FORMATS, aligned
from voxaffect.formats.predictions import to_csv, to_json, to_jsonl, to_parquet, to_table
from voxaffect.recognizer import Prediction

TEXTS = [name for name, form in PREDICTION_FORMATS.items() if form.is_text]
PREDICTIONS = (
    Prediction("a.wav", "happy", {"angry": 0.1234564, "calm": 0.2, "happy": 0.6765436}),
    Prediction('Ärger, "quoted"\n.wav', "calm", {"angry": 0.0, "calm": 1.0, "happy": 0.0}),
)


def test_json_parses_back() -> None:
    found = json.loads(to_json(PREDICTIONS))
    assert [one["source"] for one in found] == [one.source for one in PREDICTIONS]
    assert found[0]["emotion"] == "happy"
    assert found[0]["probability"] == found[0]["probabilities"]["happy"] == 0.676544
    assert found[0]["probabilities"] == {"angry": 0.123456, "calm": 0.2, "happy": 0.676544}


def test_json_lines_hold_the_records_of_json() -> None:
    lines = to_jsonl(PREDICTIONS).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(to_json(PREDICTIONS))


def test_csv_parses_back() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(PREDICTIONS), newline="")))
    assert [row["source"] for row in rows] == [one.source for one in PREDICTIONS]
    assert list(rows[0]) == ["source", "emotion", "probability", "angry", "calm", "happy"]
    assert float(rows[0]["angry"]) == 0.123456
    assert float(rows[1]["probability"]) == 1


def test_a_table_has_a_line_a_recording_and_a_column_an_emotion() -> None:
    assert to_table(PREDICTIONS[:1]) == (
        "recording  emotion  angry  calm  happy\n"
        "a.wav      happy     0.12  0.20   0.68\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a\nb.wav", "a\r\x1b[31m.wav", "a\udcff.wav", "a\u2028b\x85.wav"])
def test_a_table_has_one_printable_line_a_recording_whatever_its_name(name: str) -> None:
    text = to_table([Prediction(name, "happy", {"happy": 1.0})])
    assert len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("form", "expected"),
    [("table", ""), ("json", "[]\n"), ("jsonl", ""), ("csv", "source,emotion,probability\n")],
)
def test_no_prediction_is_still_well_formed(form: str, expected: str) -> None:
    assert PREDICTION_FORMATS[form].encode(()) == expected


@pytest.mark.parametrize("form", TEXTS)
def test_every_format_ends_its_last_line(form: str) -> None:
    assert PREDICTION_FORMATS[form].encode(PREDICTIONS).endswith("\n")


@given(st.text(), st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_any_name_and_any_probability_survive_json_and_csv(
    name: str, probabilities: list[float]
) -> None:
    by_emotion = {f"emotion {place}": value for place, value in enumerate(probabilities)}
    prediction = Prediction(name, "emotion 0", by_emotion)
    (line,) = to_jsonl([prediction]).rstrip("\n").split("\n")
    record = json.loads(line)
    assert record["source"] == name
    assert record["probabilities"] == pytest.approx(by_emotion, abs=5.1e-7)
    _, row = csv.reader(io.StringIO(to_csv([prediction]), newline=""))
    assert row[0] == name
    assert [float(cell) for cell in row[3:]] == list(record["probabilities"].values())


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    lines = aligned([["a", "bb", "1"], ["aaaa", "b", "123"]]).splitlines()
    assert lines == ["a     bb    1", "aaaa  b   123"]


def test_parquet_opens_in_pandas_with_every_digit() -> None:
    frame = pd.read_parquet(io.BytesIO(to_parquet(PREDICTIONS)))
    assert list(frame) == ["source", "emotion", "probability", "angry", "calm", "happy"]
    assert frame.source.tolist() == [one.source for one in PREDICTIONS]
    assert frame.angry.tolist() == [0.1234564, 0.0]


def test_parquet_without_a_prediction_has_its_columns() -> None:
    frame = pd.read_parquet(io.BytesIO(to_parquet(())))
    assert (list(frame), len(frame)) == (["source", "emotion", "probability"], 0)
