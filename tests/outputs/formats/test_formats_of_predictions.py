"""What is printed for programs parses back to what was predicted."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, strategies as st

from voxaffect.outputs.formats import PREDICTION_FORMATS, align_columns
from voxaffect.recognition import Prediction

encode_table, encode_json, encode_jsonl, encode_csv, encode_parquet = (
    PREDICTION_FORMATS[name].encode for name in ("table", "json", "jsonl", "csv", "parquet")
)
TEXTS = [name for name, form in PREDICTION_FORMATS.items() if form.is_text]
EMOTIONS = ("angry", "calm", "happy")
FIXED = [
    "source",
    "emotion",
    "confidence",
    "uncertain",
    "result",
    "channel",
    "seconds",
    "windows",
    "channels_differ",
]
COLUMNS = [*FIXED, "p_angry", "p_calm", "p_happy"]
PREDICTIONS = (
    Prediction("a.wav", "happy", {"angry": 0.1234564, "calm": 0.2, "happy": 0.6765436}),
    Prediction('Ärger, "quoted"\n.wav', "calm", {"angry": 0.0, "calm": 1.0, "happy": 0.0}, True),
)


def test_json_parses_back() -> None:
    found = json.loads(encode_json(PREDICTIONS))["results"]
    assert [one["source"] for one in found] == [one.source for one in PREDICTIONS]
    assert found[0]["emotion"] == "happy"
    assert [one["uncertain"] for one in found] == [False, True]
    assert found[0]["confidence"] == found[0]["probabilities"]["happy"] == 0.676544
    assert found[0]["probabilities"] == {"angry": 0.123456, "calm": 0.2, "happy": 0.676544}


def test_json_lines_hold_the_records_of_json() -> None:
    lines = encode_jsonl(PREDICTIONS).splitlines()
    records = json.loads(encode_json(PREDICTIONS))["results"]
    assert [json.loads(line) for line in lines] == [{"schema_version": 1, **one} for one in records]


def test_csv_parses_back() -> None:
    rows = list(csv.DictReader(io.StringIO(encode_csv(PREDICTIONS), newline="")))
    assert [row["source"] for row in rows] == [one.source for one in PREDICTIONS]
    assert list(rows[0]) == COLUMNS
    assert float(rows[0]["p_angry"]) == 0.123456
    assert float(rows[1]["confidence"]) == 1
    assert [row["uncertain"] for row in rows] == ["false", "true"]


def test_a_table_has_a_line_a_recording_and_a_column_an_emotion() -> None:
    assert encode_table(PREDICTIONS[:1]) == (
        "recording  emotion  angry  calm  happy\na.wav      happy     0.12  0.20   0.68\n"
    )
    assert encode_table(PREDICTIONS[1:]).endswith("0.00  1.00   0.00  uncertain\n")


@pytest.mark.parametrize("name", ["a\nb.wav", "a\r\x1b[31m.wav", "a\udcff.wav", "a\u2028b\x85.wav"])
def test_a_table_has_one_printable_line_a_recording_whatever_its_name(name: str) -> None:
    text = encode_table([Prediction(name, "happy", {"happy": 1.0})])
    assert len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("form", "expected"),
    [("table", ""), ("jsonl", ""), ("csv", f"{','.join(FIXED)}\n")],
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
    (line,) = encode_jsonl([prediction]).rstrip("\n").split("\n")
    record = json.loads(line)
    assert record["source"] == name
    assert record["probabilities"] == pytest.approx(by_emotion, abs=5.1e-7)
    _, row = csv.reader(io.StringIO(encode_csv([prediction]), newline=""))
    assert row[0] == name
    assert [float(cell) for cell in row[len(FIXED) :]] == list(record["probabilities"].values())


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    lines = align_columns([["a", "bb", "1"], ["aaaa", "b", "123"]]).splitlines()
    assert lines == ["a     bb    1", "aaaa  b   123"]


def test_parquet_opens_in_pandas_with_every_digit() -> None:
    frame = pd.read_parquet(io.BytesIO(encode_parquet(PREDICTIONS)))
    assert list(frame) == COLUMNS
    assert frame.source.tolist() == [one.source for one in PREDICTIONS]
    assert frame.p_angry.tolist() == [0.1234564, 0.0]
    assert frame.uncertain.tolist() == [False, True]


def test_parquet_without_a_prediction_has_its_columns() -> None:
    frame = pd.read_parquet(io.BytesIO(encode_parquet(())))
    assert (list(frame), len(frame)) == (FIXED, 0)


SILENT = Prediction("hum.wav", None, {}, True, seconds=3.0, emotions=("angry", "calm", "happy"))
MIXED = (SILENT, replace(PREDICTIONS[0], channel="1", seconds=61.5, windows=58), SILENT)


def test_json_says_no_speech_where_there_is_none() -> None:
    first, second, _ = json.loads(encode_json(MIXED))["results"]
    assert first == {
        "source": "hum.wav",
        "emotion": None,
        "confidence": None,
        "uncertain": True,
        "result": "no speech",
        "channel": "mix",
        "seconds": 3.0,
        "windows": None,
        "channels_differ": False,
        "probabilities": {},
        "adaptation": None,
    }
    assert (second["result"], second["channel"], second["windows"]) == ("emotion", "1", 58)


def test_csv_has_empty_cells_where_there_is_no_speech() -> None:
    rows = list(csv.DictReader(io.StringIO(encode_csv(MIXED), newline="")))
    assert list(rows[0]) == COLUMNS
    assert {name for name, cell in rows[0].items() if cell == ""} == {
        "emotion",
        "confidence",
        "windows",
        "p_angry",
        "p_calm",
        "p_happy",
    }
    assert float(rows[1]["p_happy"]) == 0.676544


def test_parquet_has_nulls_where_there_is_no_speech() -> None:
    frame = pd.read_parquet(io.BytesIO(encode_parquet(MIXED)))
    assert frame.emotion.isna().tolist() == [True, False, True]
    assert frame[["confidence", "p_angry"]].isna().all(axis=1).tolist() == [True, False, True]
    assert frame.result.tolist() == ["no speech", "emotion", "no speech"]


def test_columns_do_not_depend_on_what_was_found() -> None:
    assert next(csv.reader(io.StringIO(encode_csv([SILENT]), newline=""))) == COLUMNS
    frame = pd.read_parquet(io.BytesIO(encode_parquet([SILENT])))
    assert list(frame) == COLUMNS
    assert str(frame.p_angry.dtype) == "float64"


def test_a_table_says_no_speech_and_names_channels_that_are_not_the_mix() -> None:
    lines = encode_table(MIXED).splitlines()
    assert lines[0].split() == ["recording", "emotion", "channel", "angry", "calm", "happy"]
    assert lines[1].split() == ["hum.wav", "(no", "speech)", "mix"]
    assert lines[2].split() == ["a.wav", "happy", "1", "0.12", "0.20", "0.68"]


def test_a_table_does_not_turn_a_probability_into_1() -> None:
    rows = [Prediction("a", "b", {"b": value}) for value in (1.0, 0.99987, 0.996, 0.994)]
    shown = [line.split()[-1] for line in encode_table(rows).splitlines()[1:]]
    assert shown == ["1.00", "0.9999", "0.996", "0.99"]


@pytest.mark.parametrize("emotion", FIXED)
def test_an_emotion_may_be_called_as_a_column(emotion: str) -> None:
    prediction = Prediction("a.wav", emotion, {emotion: 0.75, "sad": 0.25})
    frame = pd.read_parquet(io.BytesIO(encode_parquet([prediction])))
    (row,) = csv.DictReader(io.StringIO(encode_csv([prediction]), newline=""))
    assert list(frame) == list(row) == [*FIXED, f"p_{emotion}", "p_sad"]
    assert (row["emotion"], row[f"p_{emotion}"]) == (emotion, "0.75")
