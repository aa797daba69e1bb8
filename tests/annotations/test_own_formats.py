"""Conversations that voxaffect writes are read back: turns, speakers and words."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.timelines import ANN, BEN, CALL, TALK

from voxaffect.annotations import Sentence, Turn, find_stretches, read_transcript, read_turns
from voxaffect.errors import AnnotationError
from voxaffect.outputs.formats import TIMELINE_FORMATS, Run
from voxaffect.recognition import Timeline
from voxaffect.records.choices import Level

SENTENCES = tuple(
    Sentence(one.start_seconds, one.end_seconds, one.text or "", one.speaker)
    for one in TALK.sentences
)
TURNS = tuple(Turn(one.start_seconds, one.end_seconds, one.speaker or "") for one in TALK.turns)


def save(folder: Path, form: str, timeline: Timeline, level: Level | None = None) -> Path:
    run = Run(is_free=True) if level is None else Run(level)
    content = TIMELINE_FORMATS[form].encode([timeline], run)
    path = folder / "talk"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_turns_of_rttm_are_read_back(tmp_path: Path) -> None:
    assert read_turns(save(tmp_path, "rttm", TALK, "turns")) == TURNS


@pytest.mark.parametrize("form", ["csv", "audformat"])
def test_turns_of_tables_are_read_back(tmp_path: Path, form: str) -> None:
    assert read_turns(save(tmp_path, form, TALK, "turns")) == TURNS


@pytest.mark.parametrize("form", ["srt", "vtt", "eaf", "textgrid", "audacity", "csv", "audformat"])
def test_sentences_are_read_back(tmp_path: Path, form: str) -> None:
    sentences = read_transcript(save(tmp_path, form, TALK, "sentences"))
    if form == "srt":  # SRT knows no escapes: <b> is bold text
        sentences = tuple(
            replace(one, speaker=BEN) if one.speaker == "Ben" else one for one in sentences
        )
    assert sentences == SENTENCES


@pytest.mark.parametrize("form", ["eaf", "textgrid", "vtt"])
@pytest.mark.parametrize("level", ["segments", "turns", "sentences"])
def test_who_speaks_when_is_read_back(tmp_path: Path, form: str, level: Level) -> None:
    """The emotion of overlapping speech is empty, but its words are there."""
    turns = read_turns(save(tmp_path, form, TALK, level))
    assert {turn.speaker for turn in turns} == {ANN, BEN}
    if form != "vtt":
        assert find_stretches(turns) == find_stretches(TURNS)


@pytest.mark.parametrize("form", ["rttm", "eaf", "textgrid", "csv", "srt", "vtt", "audacity"])
def test_emotions_without_speakers_are_no_turns(tmp_path: Path, form: str) -> None:
    with pytest.raises(AnnotationError, match="speaker"):
        read_turns(save(tmp_path, form, CALL, "segments"))
