"""docs/formats.md says what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from voxaffect.cli.advice import _MOST_LISTED
from voxaffect.cli.results import Results
from voxaffect.files.writing import _LITTER
from voxaffect.outputs.formats import LOCAL_FILES, PREDICTION_FORMATS, TIMELINE_FORMATS
from voxaffect.outputs.recording.sound import RATE_HZ as SOUND_HZ
from voxaffect.recognition import Prediction, Segment, Timeline
from voxaffect.records.choices import LONG_SECONDS
from voxaffect.records.codec import DECIMALS
from voxaffect.records.results import (
    SCHEMA_VERSION,
    PredictionDocument,
    PredictionRecord,
    TimelineRecord,
)
from voxaffect.records.tables import list_segment_columns

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")
_, OF_PREDICTIONS, REST = PAGE.split("\n## ", 2)
ROWS = [line for line in REST.splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", PREDICTION_FORMATS)
def test_every_format_of_predictions_has_its_row(name: str) -> None:
    assert f"| `{name}` | `{PREDICTION_FORMATS[name].suffix}` |" in OF_PREDICTIONS


@pytest.mark.parametrize("name", TIMELINE_FORMATS)
def test_every_format_of_timelines_has_its_row(name: str) -> None:
    form = TIMELINE_FORMATS[name]
    (row,) = (line for line in ROWS if f"`{name}`" in line.split("|")[1])
    _, _, suffixes, holds, windows, *_ = (cell.strip() for cell in row.split("|"))
    assert f"`{form.suffix}`" in suffixes
    assert holds == {"all": "all recordings"}.get(form.holds, f"one {form.holds}")
    assert (windows != "no") == ("windows" in form.levels)


def test_the_checkpoint_is_called_as_the_page_says(tmp_path: Path) -> None:
    beside = Results({}, Path("out.csv"), False, {}).prepare_checkpoint()
    within = Results({}, tmp_path / "out", True, {}).prepare_checkpoint()
    sentence = f"`{beside}` next to `out.csv`, or `{within.name}` in a folder"
    assert sentence in " ".join(PAGE.split())


# Facts of the page


def list_fields(heading: str) -> list[str]:
    """Names in the first column of the table under a heading, or after a sentence."""
    rows = PAGE[PAGE.index(heading) :].partition("|---|")[2].partition("\n\n")[0]
    return [name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])]


def test_the_fields_of_documents_are_those_of_the_schemas() -> None:
    assert {*list_fields("### JSON documents")} == {*PredictionDocument.__struct_fields__}
    of_predictions = {*list_fields("### Fields"), "calibrated"}
    assert of_predictions == {*PredictionRecord.__struct_fields__}
    of_timelines = {*list_fields("In `json` and `jsonl`, each channel")}
    assert of_timelines == {*TimelineRecord.__struct_fields__}


def test_the_result_without_speech_is_as_shown() -> None:
    shown = PAGE.partition("```json\n")[2].partition("```")[0]
    silent = Prediction("hum.wav", None, {}, True, seconds=3.0)
    assert silent.to_dict() == json.loads(shown)


def test_the_columns_of_segments_are_as_listed() -> None:
    sentence = PAGE.partition("The columns are ")[2].partition("with `--adapt`")[0]
    assert re.findall(r"`(\w+)`", sentence) == [*list_segment_columns(())]


def test_all_formats_but_those_named_hold_turns_and_sentences() -> None:
    without = [name for name, form in TIMELINE_FORMATS.items() if "turns" not in form.levels]
    assert without == ["summary_csv", "summary_parquet"]
    assert "for all formats\n  but the summaries" in PAGE
    preferred = {name: form.preferred for name, form in TIMELINE_FORMATS.items() if form.preferred}
    assert preferred == {"rttm": ("turns",), "srt": ("sentences",), "vtt": ("sentences",)}


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("srt", "sad (40%, uncertain)"),
        ("vtt", "sad (40%, uncertain)"),
        ("audacity", "sad (uncertain)"),
    ],
)
def test_marks_of_uncertain_segments_are_as_shown(form: str, shown: str) -> None:
    segment = Segment(0.0, 1.0, "sad", {"sad": 0.4, "angry": 0.35, "happy": 0.25}, True)
    timeline = Timeline("a.wav", "mix", 2.0, ("sad", "angry", "happy"), (), (segment,))
    assert f"`{shown}`" in PAGE
    assert shown in str(TIMELINE_FORMATS[form].encode([timeline]))


def test_numbers_of_the_page_are_those_of_the_code() -> None:
    plain = " ".join(PAGE.split())
    assert f"A recording longer than {LONG_SECONDS:g} s is recognized window by window" in plain
    assert DECIMALS == 6
    assert "Text formats for programs have six decimals" in plain
    assert f"the address is `{LOCAL_FILES}` and the path" in plain
    assert f"as MP3 with {SOUND_HZ // 1000} kHz" in plain
    assert SCHEMA_VERSION == 1
    assert "| `schema_version` | 1." in plain


def test_a_temporary_file_is_called_as_the_page_says() -> None:
    assert _LITTER.fullmatch(f".out.csv.{0:016x}.partial")
    assert "(`.NAME.….partial`)" in PAGE


def test_so_many_recordings_without_speech_are_listed_as_the_page_says() -> None:
    assert f"listed on standard error ({_MOST_LISTED} names, then a count)" in " ".join(
        PAGE.split()
    )
