"""Speakers and words in every format, read back by a reader that others wrote."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import audformat
import pandas as pd
import parselmouth
import pytest
import webvtt
from parselmouth.praat import call
from pympi import Eaf
from support.timelines import ANN, BEN, CALL, EMOTIONS, LEFT, TALK, odds

from voxaffect.outputs.formats import TIMELINE_FORMATS, Run
from voxaffect.outputs.formats.html import _take_level
from voxaffect.outputs.formats.labels import clean_words, label_speech
from voxaffect.outputs.summary import format_clock, format_timeline_summary
from voxaffect.recognition import Overlap, Segment, Timeline, Utterance
from voxaffect.records.choices import Level

HOSTILE = [
    'say "hi"',
    "<script>alert(1)</script>",
    "a --> b",
    "two\nlines\r\n\n3\n00:00:00,000 --> 00:00:01,000\nX",
    "tab\there",
    "\u200f\u05e9\u05dc\u05d5\u05dd\u200f \u202eback",
    "x" * 10_000,
    "\x00\x1b[31m\udce4\ufffe",
    "50% & 'more'; #1",
    "None",
    "SPEAKER other 1 0.0 1.0 <NA> <NA> <NA>",
]
"""Names and words that break what does not expect them."""


def text(form: str, *timelines: Timeline, level: Level | None = None) -> str:
    run = Run(is_free=True) if level is None else Run(level)
    content = TIMELINE_FORMATS[form].encode(timelines, run)
    assert isinstance(content, str)
    return content


def save(form: str, path: Path, *timelines: Timeline, level: Level | None = None) -> Path:
    path.write_text(text(form, *timelines, level=level), encoding="utf-8", newline="")
    return path


def say(speaker: str, words: str) -> Timeline:
    """Conversation in which a person with this name speaks these words, in each kind of part."""
    sad = odds("sad", 0.81)
    spoken = Utterance(0.5, 1.5, "sad", sad, False, speaker, words)
    return Timeline(
        *("a.wav", "mix", 4.0, EMOTIONS, ()),
        (Segment(0.5, 1.5, "sad", sad, speaker=speaker, text=words),),
        turns=(spoken,),
        sentences=(spoken,),
        overlaps=(Overlap(2.0, 3.0, (speaker, "other")),),
    )


# RTTM

RTTM = ["type", "uri", "NA2", "start", "duration", "NA3", "NA4", "speaker", "NA5", "NA6"]


def load_rttm(content: str) -> pd.DataFrame:
    """Lines as pyannote.database 6.1.1 reads them (``load_rttm`` in ``database/util.py``)."""
    kinds = {"uri": str, "start": float, "duration": float, "speaker": str}
    stream = io.StringIO(content)
    return pd.read_csv(stream, names=RTTM, dtype=kinds, sep=r"\s+", keep_default_na=True)


def load_dscore(content: str) -> list[tuple[str, float, float, str]]:
    """Lines as dscore reads them (``scorelib/rttm.py``)."""
    turns = []
    for line in content.encode().splitlines():
        fields = line.decode("utf-8").strip().split()
        assert len(fields) >= 9
        onset, length = float(fields[3]), float(fields[4])
        assert onset >= 0
        assert length > 0
        turns.append((fields[1], onset, length, fields[7]))
    return turns


def test_rttm_holds_the_turns_of_speakers_with_the_emotion_in_the_field_of_the_words() -> None:
    content = text("rttm", TALK)
    assert content == (
        "SPEAKER talk 1 0.500 3.500 sad <NA> SPEAKER_00 <NA> <NA>\n"
        "SPEAKER talk 1 3.000 3.000 happy <NA> Ben%20<b> <NA> <NA>\n"
        "SPEAKER talk 1 7.000 0.500 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
    )
    frame = load_rttm(content)
    assert frame.speaker.tolist() == [ANN, "Ben%20<b>", ANN]
    assert (frame.start + frame.duration).tolist() == [4.0, 6.0, 7.5]
    assert [turn[3] for turn in load_dscore(content)] == frame.speaker.tolist()


def test_rttm_of_segments_has_a_line_for_each_emotion() -> None:
    frame = load_rttm(text("rttm", TALK, level="segments"))
    assert frame.speaker.tolist() == [ANN, ANN, "Ben%20<b>"]
    assert frame.NA3.tolist() == ["sad", "angry", "happy"]


def test_rttm_without_speakers_names_none_and_keeps_the_emotion() -> None:
    frame = load_rttm(text("rttm", CALL))
    assert set(frame.speaker) == {"SPEECH"}
    assert frame.NA3.tolist() == ["angry", "happy", "sad"]


@pytest.mark.parametrize("words", HOSTILE)
def test_rttm_keeps_its_fields_whatever_the_name(words: str) -> None:
    content = text("rttm", say(words, words), say("x", "y"))
    frame = load_rttm(content)
    assert len(frame) == len(load_dscore(content)) == 2
    assert frame.speaker.notna().all()
    # Field 7 has to be <NA>: NIST's md-eval refuses any other subtype of SPEAKER.
    assert {line.split()[6] for line in content.splitlines()} == {"<NA>"}
    assert [len(line.split(" ")) for line in content.splitlines()] == [10, 10]


def test_pyannote_reads_the_rttm(tmp_path: Path) -> None:
    util = pytest.importorskip("pyannote.database.util")
    annotation = util.load_rttm(str(save("rttm", tmp_path / "t.rttm", TALK)))["talk"]
    tracks = [(one.start, one.end, who) for one, _, who in annotation.itertracks(yield_label=True)]
    assert tracks == [(0.5, 4.0, ANN), (3.0, 6.0, "Ben%20<b>"), (7.0, 7.5, ANN)]


# Subtitles


def test_subtitles_are_sentences_where_there_are_any() -> None:
    assert text("srt", TALK) == (
        "1\n00:00:00,500 --> 00:00:02,250\nSPEAKER_00: Not again. [sad 81%]\n\n"
        "2\n00:00:02,250 --> 00:00:04,000\nSPEAKER_00: I told you! Well [angry 90%]\n\n"
        "3\n00:00:03,000 --> 00:00:06,000\nBen <b>: Me & you [happy 40%, uncertain]\n\n"
        "4\n00:00:07,000 --> 00:00:07,500\nSPEAKER_00: Hm. [several speakers]\n\n"
    )
    assert text("srt", replace(TALK, sentences=())).count("-->") == 3
    assert text("srt", TALK, level="turns").count("-->") == 3
    assert "SPEAKER_00: I told you! [angry 90%]" in text("srt", TALK, level="segments")


def test_vtt_has_a_voice_for_each_speaker(tmp_path: Path) -> None:
    captions = webvtt.read(str(save("vtt", tmp_path / "t.vtt", TALK)))
    assert [html.unescape(one.voice) for one in captions] == [ANN, ANN, BEN, ANN]
    assert [html.unescape(one.text) for one in captions] == [
        "Not again. [sad 81%]",
        "I told you! Well [angry 90%]",
        "Me & you [happy 40%, uncertain]",
        "Hm. [several speakers]",
    ]
    assert (captions[2].start, captions[2].end) == ("00:00:03.000", "00:00:06.000")
    assert "<v Ben &lt;b&gt;>Me &amp; you [" in text("vtt", TALK)


def test_words_without_speakers_and_speakers_without_words() -> None:
    part = TALK.segments[0]
    assert label_speech(part) == "SPEAKER_00: Not again. [sad 81%]"
    assert label_speech(replace(part, speaker=None)) == "Not again. [sad 81%]"
    assert label_speech(replace(part, text=None)) == "SPEAKER_00: [sad 81%]"
    fixed = replace(part, emotion="happy", model_emotion="sad", text=None)
    assert label_speech(fixed) == "SPEAKER_00: [happy, corrected; model: sad]"


@pytest.mark.parametrize("words", HOSTILE)
def test_subtitles_stay_apart_whatever_is_spoken(tmp_path: Path, words: str) -> None:
    spoken = say(words, words)
    for form, read in (("srt", webvtt.from_srt), ("vtt", webvtt.read)):
        (caption,) = read(str(save(form, tmp_path / f"t.{form}", spoken)))
        assert (caption.start, caption.end) == ("00:00:00.500", "00:00:01.500")
        assert html.unescape(caption.raw_text).endswith("[sad 81%]")
        assert len(caption.lines) == 1
    assert html.unescape(caption.voice) == clean_words(words)
    assert html.unescape(caption.text) == f"{clean_words(words)} [sad 81%]"
    assert not re.search("<(?!v )", text("vtt", spoken))


# Annotation programs


def read_grid(path: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Labels of the tiers of a TextGrid without the silences, as Praat reads them."""
    grid = parselmouth.read(str(path))
    tiers: dict[str, list[tuple[float, float, str]]] = {}
    for tier in range(1, int(call(grid, "Get number of tiers")) + 1):
        found = [
            tuple(
                call(grid, f"Get {what} of interval", tier, at)
                for what in ("start time", "end time", "label")
            )
            for at in range(1, int(call(grid, "Get number of intervals", tier)) + 1)
        ]
        assert all(before[1] == after[0] for before, after in pairwise(found))
        tiers[call(grid, "Get tier name", tier)] = [one for one in found if one[2]]
    return tiers


def read_eaf(path: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Annotations of the tiers of an ELAN document, as pympi reads them."""
    eaf = Eaf(str(path))
    return {
        name: [
            (a / 1000, b / 1000, label) for a, b, label in eaf.get_annotation_data_for_tier(name)
        ]
        for name in eaf.get_tier_names()
    }


TIERS = {
    f"text@{ANN}": [(0.5, 2.25, "Not again."), (2.25, 4.0, "I told you! Well"), (7.0, 7.5, "Hm.")],
    f"emotion@{ANN}": [(0.5, 2.25, "sad"), (2.25, 3.0, "angry")],
    f"confidence@{ANN}": [(0.5, 2.25, "0.81"), (2.25, 3.0, "0.90")],
    f"uncertain@{ANN}": [],
    f"text@{BEN}": [(3.0, 6.0, "Me & you")],
    f"emotion@{BEN}": [(4.0, 6.0, "happy")],
    f"confidence@{BEN}": [(4.0, 6.0, "0.40")],
    f"uncertain@{BEN}": [(4.0, 6.0, "uncertain")],
    "overlap": [(3.0, 4.0, f"{BEN}, {ANN}"), (7.0, 7.5, f"{BEN}, {ANN}")],
}


def test_praat_and_elan_have_tiers_for_each_speaker(tmp_path: Path) -> None:
    assert read_grid(save("textgrid", tmp_path / "t.TextGrid", TALK)) == TIERS
    path = save("eaf", tmp_path / "t.eaf", TALK)
    assert read_eaf(path) == TIERS
    who = {name: Eaf(str(path)).get_parameters_for_tier(name).get("PARTICIPANT") for name in TIERS}
    assert who == {name: name.partition("@")[2] or None for name in TIERS}


def test_turns_that_overlap_lie_in_tiers_of_their_own(tmp_path: Path) -> None:
    for form, read in (("textgrid", read_grid), ("eaf", read_eaf)):
        tiers = read(save(form, tmp_path / form, TALK, level="turns"))
        assert tiers[f"emotion@{ANN}"] == [(0.5, 4.0, "sad")]
        assert tiers[f"emotion@{BEN}"] == [(3.0, 6.0, "happy")]


def test_speakers_of_two_channels_have_their_own_tiers(tmp_path: Path) -> None:
    left = replace(TALK, channel="left")
    right = replace(LEFT, channel="right", seconds=TALK.seconds)
    tiers = read_eaf(save("eaf", tmp_path / "t.eaf", left, right))
    assert next(iter(tiers)) == f"text left@{ANN}"
    assert {"overlap left", "emotion right"} < {*tiers}


def test_words_of_an_unknown_speaker_have_a_tier(tmp_path: Path) -> None:
    (segment,) = say("x", "Not again.").segments
    spoken = Timeline("a.wav", "mix", 4.0, EMOTIONS, (), (replace(segment, speaker=None),))
    tiers = read_grid(save("textgrid", tmp_path / "t.TextGrid", spoken))
    assert [*tiers] == ["text", "emotion", "confidence", "uncertain"]
    assert tiers["text"] == [(0.5, 1.5, "Not again.")]


@pytest.mark.parametrize("words", HOSTILE)
def test_tiers_hold_any_words_of_anybody(tmp_path: Path, words: str) -> None:
    spoken = say(words, words)
    for form, read in (("textgrid", read_grid), ("eaf", read_eaf)):
        tiers = read(save(form, tmp_path / form, spoken))
        name = clean_words(words)
        assert tiers[f"text@{name}"] == [(0.5, 1.5, name)]
        assert tiers[f"emotion@{name}"] == [(0.5, 1.5, "sad")]
        assert tiers["overlap"] == [(2.0, 3.0, f"{name}, other")]


def test_two_names_that_look_alike_keep_two_tiers() -> None:
    both = [replace(say(name, "x").segments[0], speaker=name) for name in ("a b", "a  b")]
    spoken = Timeline("a.wav", "mix", 4.0, EMOTIONS, (), tuple(both))
    assert re.findall('TIER_ID="(emotion.*?)"', text("eaf", spoken)) == [
        "emotion@a b",
        "emotion@a b-2",
    ]


# Tables and labels


@pytest.mark.parametrize("words", HOSTILE)
def test_tables_of_labels_hold_any_words_of_anybody(words: str) -> None:
    spoken, name = say(words, words), clean_words(words)
    (line,) = text("audacity", spoken).splitlines()
    assert line.split("\t") == ["0.500000", "1.500000", f"{name}: {name} [sad 81%]"]
    raven = pd.read_csv(io.StringIO(text("raven", spoken)), sep="\t", keep_default_na=False)
    assert raven.Speaker.tolist() == raven.Text.tolist() == [name.replace('"', "'")]
    assert raven.Emotion.tolist() == ["sad"]


def test_columns_of_speakers_and_words_are_there_where_they_are_known() -> None:
    assert "Speaker" not in text("raven", CALL)
    frame = pd.read_csv(io.StringIO(text("raven", TALK, level="turns")), sep="\t")
    assert frame.Speaker.tolist() == [ANN, BEN, ANN]
    assert frame.Emotion.isna().tolist() == [False, False, True]


@pytest.mark.parametrize("form", ["audacity", "srt", "vtt", "textgrid", "eaf", "raven", "rttm"])
@pytest.mark.parametrize("level", ["segments", "turns", "sentences"])
def test_every_level_is_written_without_an_emotion_in_overlaps(form: str, level: Level) -> None:
    content = text(form, TALK, level=level)
    assert content
    assert "None" not in content


def write_all(forms: Sequence[str], timelines: Sequence[Timeline]) -> dict[str, str]:
    return {form: text(form, *timelines) for form in forms}


def test_a_correction_stays_visible_with_speakers() -> None:
    first = replace(TALK.segments[0], emotion="happy", model_emotion="sad")
    fixed = replace(TALK, segments=(first, *TALK.segments[1:]), turns=(), sentences=())
    for form, content in write_all(["srt", "vtt", "audacity", "eaf"], [fixed]).items():
        assert re.search("corrected; model: sad", content), form


def test_json_keeps_the_words_as_they_are() -> None:
    (line,) = text("jsonl", say(HOSTILE[3], HOSTILE[5])).splitlines()
    assert json.loads(line)["segments"][0]["speaker"] == HOSTILE[3]
    assert json.loads(line)["segments"][0]["text"] == HOSTILE[5]


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_audformat_reads_speakers_and_words(tmp_path: Path) -> None:
    frame = audformat.utils.read_csv(save("audformat", tmp_path / "t.csv", TALK))
    assert frame.speaker.tolist() == [ANN, ANN, BEN]
    assert frame.text.tolist()[2] == "Me & you"
    turns = audformat.utils.read_csv(save("audformat", tmp_path / "t.csv", TALK, level="turns"))
    assert turns.speaker.tolist() == [ANN, BEN, ANN]
    assert turns.emotion.isna().tolist() == [False, False, True]
    table = audformat.Table(turns.index)
    db = audformat.Database("calls")
    db.schemes["speaker"] = audformat.Scheme("str", labels=[ANN, BEN])
    db["turns"] = table
    db["turns"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["turns"]["speaker"].set(turns.speaker)
    assert db["turns"]["speaker"].get().tolist() == [ANN, BEN, ANN]


def test_an_annotation_of_pyannote_keeps_speakers_as_tracks() -> None:
    pytest.importorskip("pyannote.core")
    annotation = TALK.to_annotation()
    assert [
        (part.start, track, label) for part, track, label in annotation.itertracks(yield_label=True)
    ] == [(0.5, ANN, "sad"), (2.25, ANN, "angry"), (4.0, BEN, "happy")]


def test_the_summary_is_a_table_of_its_parts() -> None:
    table = pd.read_csv(io.StringIO(text("summary_csv", TALK)))
    summary = TALK.summary
    parts = [summary.whole, *summary.speakers, *summary.course]
    assert table["speaker"].fillna("").tolist() == [part.speaker or "" for part in parts]
    assert table["speech_seconds"].tolist() == pytest.approx(
        [one.speech_seconds for one in parts], abs=1e-6
    )
    assert table["share_sad"].fillna(0).tolist() == pytest.approx(
        [one.shares.get("sad", 0) for one in parts], abs=1e-6
    )
    assert [*table["period"].unique()] == ["whole", "first third", "second third", "last third"]
    assert table["period"].value_counts()["last third"] == 1 + len(summary.speakers)


def test_parquet_has_the_same_summary() -> None:
    pytest.importorskip("pyarrow")
    content = TIMELINE_FORMATS["summary_parquet"].encode([TALK])
    assert isinstance(content, bytes)
    table, other = pd.read_parquet(io.BytesIO(content)), text("summary_csv", TALK)
    assert [*table.columns] == other.splitlines()[0].split(",")
    assert len(table) == len(other.splitlines()) - 1


def test_label_studio_has_the_turns_that_have_an_emotion() -> None:
    (task,) = json.loads(text("labelstudio", TALK, level="turns"))
    regions = task["predictions"][0]["result"]
    turns = [one for one in TALK.turns if one.emotion is not None]
    assert [one["value"]["labels"] for one in regions] == [[one.emotion] for one in turns]
    assert [one["value"]["start"] for one in regions] == [one.start_seconds for one in turns]


def test_a_page_has_the_turns_that_have_an_emotion() -> None:
    shown = _take_level(TALK, "turns").segments
    turns = [one for one in TALK.turns if one.emotion is not None]
    assert [(one.start_seconds, one.speaker, one.emotion) for one in shown] == [
        (one.start_seconds, one.speaker, one.emotion) for one in turns
    ]
    assert _take_level(TALK, "segments") is TALK


def test_the_summary_counts_overlapped_speech() -> None:
    lines = format_timeline_summary(TALK)
    assert TALK.overlaps
    seconds = sum(one.end_seconds - one.start_seconds for one in TALK.overlaps)
    (line,) = (line for line in lines if "overlapped speech" in line)
    noun = "time" if len(TALK.overlaps) == 1 else "times"
    assert line == (
        f"  overlapped speech: {len(TALK.overlaps)} {noun}, {format_clock(seconds)}, "
        "without an emotion."
    )
