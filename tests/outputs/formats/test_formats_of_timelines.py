"""Every format opens in a reader that others wrote, with what was put into it."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import audformat
import pandas as pd
import parselmouth
import pytest
import webvtt
from hypothesis import given, strategies as st
from parselmouth.praat import call
from pympi import Eaf
from support.timelines import CALL, DOUBTED, EMOTIONS, LEFT, RIGHT, SILENT, segment, timeline

from voxaffect.outputs.formats import TIMELINE_FORMATS, Format, Run
from voxaffect.recognition import Timeline

MANY = (CALL, LEFT, RIGHT, SILENT)
TEXTS = [name for name, form in TIMELINE_FORMATS.items() if form.is_text]
BOUNDS = [(0.5, 3.2), (3.2, 6.0), (7.25, 12.345679)]
SOUND = (files("voxaffect") / "data" / "example.wav").read_bytes()
NAMES = ["angry", "happy", "sad"]
COLUMNS = ["p_angry", "p_happy", "p_sad"]


def written(form: str, timelines: Sequence[Timeline], path: Path, **level: str) -> Path:
    content = TIMELINE_FORMATS[form].encode(timelines, Run(**level, content=SOUND))
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def text(form: str, *timelines: Timeline, **level: str) -> str:
    return TIMELINE_FORMATS[form].encode(timelines, Run(**level, content=SOUND))  # type: ignore[return-value]


NAMED = (replace(LEFT, channel_name="agent"), replace(RIGHT, channel_name="a@b <c>"))


@pytest.mark.parametrize("level", ["segments", "windows"])
def test_named_channels_have_a_column_more(tmp_path: Path, level: str) -> None:
    bare = pd.read_csv(written("csv", (LEFT, RIGHT), tmp_path / "bare", level=level))
    named = pd.read_csv(written("csv", NAMED, tmp_path / "named", level=level))
    assert named.drop(columns="channel_name").equals(bare)
    pairs = dict(zip(named["channel"], named["channel_name"], strict=True))
    assert pairs == {"left": "agent", "right": "a@b <c>"}
    mixed = pd.read_parquet(written("parquet", (CALL, *NAMED), tmp_path / "mixed", level=level))
    assert mixed["channel_name"].isna().equals(mixed["channel"] == "mix")


def test_named_channels_are_shown_by_name() -> None:
    assert " agent  " in text("table", *NAMED)
    assert "left" not in text("table", *NAMED)
    for form, title in (("eaf", 'TIER_ID="{}"'), ("textgrid", 'name = "{}"')):
        assert title.format("emotion agent") in text(form, NAMED[0])
        content = text(form, *NAMED).replace("&lt;", "<").replace("&gt;", ">")
        assert title.format("emotion agent") in content
        assert title.format("emotion a at b <c>") in content  # "@" would begin a speaker
    (task,) = json.loads(text("labelstudio", *NAMED))
    assert task["data"]["channel"] == "left, right"
    assert task["data"]["channel_name"] == "agent, a@b <c>"


def test_programs_that_need_a_number_get_it() -> None:
    for form in ("rttm", "raven", "srt", "vtt", "audacity"):
        assert text(form, NAMED[1]) == text(form, RIGHT)


# For programs


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_holds_segments_and_windows(form: str) -> None:
    content = text(form, *MANY)
    lines = content.splitlines()
    found = json.loads(content)["results"] if form == "json" else [*map(json.loads, lines)]
    assert [(one["source"], one["channel"]) for one in found] == [
        (one.source, one.channel) for one in MANY
    ]
    first = found[0]
    assert (first["seconds"], first["emotions"]) == (12.345679, list(EMOTIONS))
    assert first["segments"][0] == {
        "start_seconds": 0.5,
        "end_seconds": 3.2,
        "emotion": "angry",
        "confidence": 0.9,
        "uncertain": False,
        "probabilities": {"angry": 0.9, "happy": 0.05, "sad": 0.05},
    }
    assert first["windows"][1]["start_seconds"] == 1.0
    assert (first["windows"][1]["emotion"], first["windows"][1]["confidence"]) == ("happy", 0.5)
    assert found[3]["segments"] == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(("level", "count"), [("segments", 6), ("windows", 36)])
def test_a_table_of_stretches_opens_in_pandas(
    tmp_path: Path, form: str, level: str, count: int
) -> None:
    path = written(form, MANY, tmp_path / "t", level=level)
    frame = pd.read_csv(path) if form == "csv" else pd.read_parquet(path)
    assert list(frame) == [
        "source",
        "channel",
        "start_seconds",
        "end_seconds",
        "emotion",
        "confidence",
        "uncertain",
        *COLUMNS,
    ]
    assert len(frame) == count
    assert (frame.start_seconds < frame.end_seconds).all()
    assert (frame[COLUMNS].max(axis=1) == frame.confidence).all()


# audformat calls what pandas 3.1 deprecates.
of_audformat = pytest.mark.filterwarnings("ignore:The inplace keyword")


@of_audformat
@pytest.mark.parametrize("level", ["segments", "windows"])
def test_audformat_reads_its_segmented_index(tmp_path: Path, level: str) -> None:
    frame = audformat.utils.read_csv(written("audformat", MANY, tmp_path / "t.csv", level=level))
    assert audformat.is_segmented_index(frame)
    assert set(frame.columns) == {"channel", "emotion", "confidence", "uncertain", *COLUMNS}
    if level == "segments":
        bounds = [(s.total_seconds(), e.total_seconds()) for _, s, e in frame.index[:3]]
        assert bounds == BOUNDS
        assert frame.emotion[:3].tolist() == NAMES


@of_audformat
def test_audformat_reads_times_over_an_hour_and_a_day(tmp_path: Path) -> None:
    long = timeline(segment(3_661.5, 90_061.000001, "sad"), seconds=100_000.0)
    frame = audformat.utils.read_csv(written("audformat", [long], tmp_path / "t.csv"))
    ((_, start, end),) = frame.index
    assert (start.total_seconds(), end.total_seconds()) == (3_661.5, 90_061.000001)


RTTM = ["type", "file", "channel", "start", "duration", "5", "6", "name", "8", "9"]


def test_rttm_has_ten_fields_though_names_hold_blanks() -> None:
    spaced = timeline(segment(1, 2, "angry"), source="my call/one 1.wav")
    content = text("rttm", CALL, LEFT, RIGHT, spaced)
    frame = pd.read_csv(io.StringIO(content), sep=r"\s+", names=RTTM, keep_default_na=False)
    assert set(frame.type) == {"SPEAKER"}
    assert frame.file.unique().tolist() == ["call", "my%20call/one%201"]
    assert frame.channel.tolist() == [1, 1, 1, 1, 1, 2, 1]
    assert frame["5"].tolist() == [*NAMES, "angry", "sad", "happy", "angry"]
    assert set(frame.name) == {"SPEECH"}
    assert (frame.start + frame.duration)[:3].tolist() == pytest.approx([3.2, 6.0, 12.346])


def test_the_table_says_where_there_is_no_speech() -> None:
    lines = text("table", CALL, SILENT).splitlines()
    assert lines[0].split() == [
        "recording",
        "emotion",
        "channel",
        "start",
        "end",
        "confidence",
        *EMOTIONS,
    ]
    assert lines[1].split() == [
        "call.wav",
        "angry",
        "mix",
        "0:00.50",
        "0:03.20",
        "0.90",
        "0.90",
        "0.05",
        "0.05",
    ]
    assert lines[-1].split() == ["silent.wav", "(no", "speech)", "mix", "0:00.00", "0:02.00"]


@pytest.mark.parametrize(("at", "clock"), [(59.999, "1:00.00"), (3_723.456, "1:02:03.46")])
def test_the_table_counts_minutes_and_hours(at: float, clock: str) -> None:
    assert clock in text("table", timeline(segment(0, at, "sad"), seconds=9_999.0))


# For the tools that show sound


@pytest.mark.parametrize("level", ["segments", "windows"])
def test_audacity_labels_are_three_columns_between_tabs(level: str) -> None:
    content = text("audacity", CALL, level=level)
    assert content.startswith("0.500000\t3.200000\tangry\n" if level == "segments" else "0.0000")
    frame = pd.read_csv(io.StringIO(content), sep="\t", names=["start", "end", "label"])
    assert len(frame) == (3 if level == "segments" else 9)
    if level == "segments":
        assert [*zip(frame.start, frame.end, strict=True)] == BOUNDS
        assert frame.label.tolist() == NAMES


def test_raven_finds_the_columns_that_it_needs() -> None:
    frame = pd.read_csv(io.StringIO(text("raven", LEFT, RIGHT)), sep="\t")
    assert list(frame)[:7] == [
        "Selection",
        "View",
        "Channel",
        "Begin Time (s)",
        "End Time (s)",
        "Low Freq (Hz)",
        "High Freq (Hz)",
    ]
    assert frame.Selection.tolist() == [1, 2, 3]
    assert frame.Channel.tolist() == [1, 1, 2]
    assert frame["Begin Time (s)"].tolist() == [1.0, 3.0, 2.0]
    assert frame.Emotion.tolist() == ["angry", "sad", "happy"]
    assert set(frame["Begin File"]) == {"call.wav"}


def intervals(grid: parselmouth.Data, tier: int) -> list[tuple[float, float, str]]:
    count = int(call(grid, "Get number of intervals", tier))
    return [
        (
            call(grid, "Get start time of interval", tier, place),
            call(grid, "Get end time of interval", tier, place),
            call(grid, "Get label of interval", tier, place),
        )
        for place in range(1, count + 1)
    ]


def test_praat_reads_a_tier_without_gaps(tmp_path: Path) -> None:
    grid = parselmouth.read(str(written("textgrid", [CALL], tmp_path / "t.TextGrid")))
    assert [call(grid, "Get tier name", tier) for tier in (1, 2, 3)] == [
        "emotion",
        "confidence",
        "uncertain",
    ]
    found = intervals(grid, 1)
    assert [label for *_, label in found] == ["", "angry", "happy", "", "sad"]
    assert (found[0][0], found[-1][1]) == (0, call(grid, "Get end time")) == (0, 12.345679)
    assert all(before[1] == after[0] for before, after in pairwise(found))
    assert [label for *_, label in intervals(grid, 2)] == ["", "0.90", "0.75", "", "0.60"]


def test_praat_reads_tiers_for_each_channel(tmp_path: Path) -> None:
    grid = parselmouth.read(str(written("textgrid", [LEFT, RIGHT], tmp_path / "t.TextGrid")))
    names = [call(grid, "Get tier name", tier) for tier in range(1, 7)]
    assert names == [
        "emotion left",
        "confidence left",
        "uncertain left",
        "emotion right",
        "confidence right",
        "uncertain right",
    ]
    assert (2.0, 3.0, "happy") in intervals(grid, 4)


def test_praat_reads_silence_and_any_label(tmp_path: Path) -> None:
    grid = parselmouth.read(str(written("textgrid", [SILENT], tmp_path / "s.TextGrid")))
    assert intervals(grid, 1) == [(0.0, 2.0, "")]
    odd = 'wütend "sehr"'
    one = Timeline("a.wav", "mix", 2.0, (odd,), (), (segment_named(odd),))
    grid = parselmouth.read(str(written("textgrid", [one], tmp_path / "o.TextGrid")))
    assert intervals(grid, 1)[1] == (0.5, 1.0, odd)


def segment_named(emotion: str) -> object:
    return type(segment(0, 1, "sad"))(0.5, 1.0, emotion, {emotion: 1.0})


def test_elan_reads_tiers_for_each_channel(tmp_path: Path) -> None:
    found = Eaf(str(written("eaf", [LEFT, RIGHT], tmp_path / "t.eaf")))
    names = ("emotion", "confidence", "uncertain")
    assert {*found.get_tier_names()} == {f"{n} {side}" for n in names for side in ("left", "right")}
    left = found.get_annotation_data_for_tier("emotion left")
    assert left == [(1_000, 2_000, "angry"), (3_000, 4_500, "sad")]
    assert found.get_annotation_data_for_tier("confidence right") == [(2_000, 3_000, "0.75")]
    (media,) = found.get_linked_files()
    assert media["MEDIA_URL"].startswith("file:///")
    assert media["MEDIA_URL"].endswith("/call.wav")


def test_elan_identifiers_are_unique() -> None:
    content = text("eaf", LEFT, RIGHT)
    for name in ("TIME_SLOT_ID", "ANNOTATION_ID"):
        found = [part.split('"')[1] for part in content.split(f" {name}=")[1:]]
        assert len(found) == len(set(found)) == 6


@pytest.mark.parametrize(("form", "read"), [("srt", webvtt.from_srt), ("vtt", webvtt.read)])
def test_players_read_subtitles(tmp_path: Path, form: str, read: object) -> None:
    path = written(form, [CALL], tmp_path / f"t.{form}")
    captions = list(read(str(path)))  # type: ignore[operator]
    assert [(one.start, one.end) for one in captions] == [
        ("00:00:00.500", "00:00:03.200"),
        ("00:00:03.200", "00:00:06.000"),
        ("00:00:07.250", "00:00:12.346"),
    ]
    assert [one.text for one in captions] == ["angry (90%)", "happy (75%)", "sad (60%)"]


def test_srt_has_commas_and_vtt_a_header_and_points() -> None:
    assert text("srt", CALL).startswith("1\n00:00:00,500 --> 00:00:03,200\nangry (90%)\n\n2\n")
    assert text("vtt", CALL).startswith(
        "WEBVTT\n\n00:00:00.500 --> 00:00:03.200\nangry (90%)\n\n00:00:03.200"
    )


def test_vtt_escapes_what_would_be_markup(tmp_path: Path) -> None:
    one = Timeline("a.wav", "mix", 2.0, ("a<b & c-->d",), (), (segment_named("a<b & c-->d"),))
    assert "a&lt;b &amp; c--&gt;d (100%)" in text("vtt", one)
    (caption,) = webvtt.read(str(written("vtt", [one], tmp_path / "t.vtt")))
    assert "a" in caption.text


# What is uncertain says so

SAID = {
    "audacity": ("\tangry\n", "\tsad (uncertain)\n"),
    "srt": ("angry (90%)\n", "sad (40%, uncertain)\n"),
    "vtt": ("angry (90%)\n", "sad (40%, uncertain)\n"),
    "csv": (",angry,0.9,false,", ",sad,0.4,true,"),
    "audformat": (",angry,0.9,false,", ",sad,0.4,true,"),
    "raven": ("\tangry\t0.90\tfalse\n", "\tsad\t0.40\ttrue\n"),
    "json": ('"confidence": 0.9, "uncertain": false', '"confidence": 0.4, "uncertain": true'),
    "jsonl": ('"confidence": 0.9, "uncertain": false', '"confidence": 0.4, "uncertain": true'),
}


@pytest.mark.parametrize("form", SAID)
def test_an_uncertain_segment_says_so_and_a_certain_one_does_not(form: str) -> None:
    certain, uncertain = SAID[form]
    content = text(form, DOUBTED)
    assert certain in content
    assert uncertain in content


def test_a_line_of_the_table_ends_with_the_word_of_predictions() -> None:
    _, certain, uncertain = text("table", DOUBTED).splitlines()
    assert not certain.endswith("uncertain")
    assert uncertain.endswith("0.40  uncertain")


def test_praat_and_elan_have_a_tier_for_what_is_uncertain(tmp_path: Path) -> None:
    grid = parselmouth.read(str(written("textgrid", [DOUBTED], tmp_path / "t.TextGrid")))
    assert [label for *_, label in intervals(grid, 1)] == ["", "angry", "sad", ""]
    assert intervals(grid, 3)[2] == (3.0, 6.0, "uncertain")
    assert [label for *_, label in intervals(grid, 3)] == ["", "", "uncertain", ""]
    eaf = Eaf(str(written("eaf", [DOUBTED], tmp_path / "t.eaf")))
    assert eaf.get_annotation_data_for_tier("uncertain") == [(3_000, 6_000, "uncertain")]
    assert len(eaf.get_annotation_data_for_tier("emotion")) == 2


@pytest.mark.parametrize("form", ["csv", "parquet", "audformat"])
def test_doubt_opens_as_true_and_false(tmp_path: Path, form: str) -> None:
    path = written(form, [DOUBTED], tmp_path / "t")
    frame = pd.read_parquet(path) if form == "parquet" else pd.read_csv(path)
    assert frame.uncertain.tolist() == [False, True]


# All of them


@pytest.mark.parametrize("form", TEXTS)
def test_a_recording_without_speech_is_well_formed(form: str) -> None:
    content = text(form, SILENT)
    assert content.endswith("\n") or (form in ("audacity", "srt", "rttm") and not content)


@pytest.mark.parametrize("form", ["table", "jsonl", "csv", "audformat", "rttm"])
def test_nothing_at_all_is_well_formed(form: str) -> None:
    assert text(form) == {
        "csv": "source,channel,start_seconds,end_seconds,emotion,confidence,uncertain\n",
        "audformat": "file,start,end,channel,emotion,confidence,uncertain\n",
    }.get(form, "")


@pytest.mark.parametrize("form", TIMELINE_FORMATS.values(), ids=TIMELINE_FORMATS)
def test_a_format_writes_the_same_bytes_every_time(form: Format) -> None:
    run = Run(content=SOUND)
    assert form.encode([CALL], run) == form.encode([CALL], run)


@pytest.mark.parametrize("form", [n for n in TEXTS if TIMELINE_FORMATS[n].holds != "all"])
def test_a_label_cannot_break_a_line(form: str) -> None:
    odd = "two\nlines\tand a tab"
    one = Timeline("a.wav", "mix", 2.0, (odd,), (), (segment_named(odd),))
    assert odd not in text(form, one)
    assert r"two\nlines\tand a tab" in text(form, one)


moments = st.lists(st.floats(0, 20), min_size=2, max_size=12).map(sorted)


@given(moments, st.floats(0.5, 20))
def test_rounding_never_makes_intervals_empty_or_overlap(times: list[float], last: float) -> None:
    parts = [segment(*pair, "sad") for pair in pairwise(times)]
    one = timeline(*parts, seconds=last)
    for form, width in (("audacity", 1e-6), ("rttm", 1e-3)):
        frame = (
            pd.read_csv(io.StringIO(text(form, one)), sep=r"\s+", header=None)
            if text(form, one)
            else pd.DataFrame(columns=range(10))
        )
        starts = frame[0 if form == "audacity" else 3].tolist()
        ends = (frame[1] if form == "audacity" else frame[3] + frame[4]).tolist()
        assert all(start < end for start, end in zip(starts, ends, strict=True))
        assert all(end <= start + width / 2 for end, start in zip(ends, starts[1:], strict=False))
        assert all(end <= last + width for end in ends)


@given(moments, st.floats(0.5, 20))
def test_a_textgrid_of_any_segments_has_no_gap(times: list[float], last: float) -> None:
    one = timeline(*(segment(*pair, "sad") for pair in pairwise(times)), seconds=last)
    bounds = [
        line.split(" = ")[1]
        for line in text("textgrid", one).splitlines()
        if line.startswith("            xm")
    ]
    tier = len(bounds) // 3
    pairs = [*zip(bounds[:tier:2], bounds[1:tier:2], strict=True)]
    assert bounds == 3 * bounds[:tier]
    assert all(float(start) < float(end) for start, end in pairs)
    assert all(before[1] == after[0] for before, after in pairwise(pairs))
    assert float(pairs[0][0]) == 0
    assert float(pairs[-1][1]) == pytest.approx(last, abs=1e-6)
