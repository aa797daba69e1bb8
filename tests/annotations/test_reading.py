"""Reading of RTTM, JSON of whisperX, and SRT."""

import json
from pathlib import Path

import pytest
from pyannote.core import Annotation, Segment

from voxaffect.annotations import (
    Sentence,
    Turn,
    Word,
    find_overlaps,
    read_transcript,
    read_turns,
)
from voxaffect.errors import AnnotationError

RTTM = "SPEAKER {} 1 {:.3f} {:.3f} <NA> <NA> {} <NA> <NA>\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_turns_of_pyannote_are_read_from_its_rttm(tmp_path: Path) -> None:
    annotation = Annotation(uri="call")
    annotation[Segment(4.5, 6.25)] = "SPEAKER_01"
    annotation[Segment(0.25, 5.0)] = "SPEAKER_00"
    path = write(tmp_path, "turns.rttm", annotation.to_rttm())
    assert read_turns(path) == (Turn(0.25, 5.0, "SPEAKER_00"), Turn(4.5, 6.25, "SPEAKER_01"))


def test_rttm_may_hold_comments_other_types_and_several_recordings(tmp_path: Path) -> None:
    # NIST's RTTM of 2009: SPKR-INFO names a speaker, LEXEME a word, and ;; begins a comment.
    content = (
        ";; made by hand\r\n\r\n"
        "SPKR-INFO one 1 <NA> <NA> <NA> unknown anna <NA> <NA>\r\n"
        "SPEAKER\tone 1 3.0 1.5 <NA> <NA> anna <NA>\r\n"
        "LEXEME one 1 3.0 0.2 hello lex anna 0.5 <NA>\r\n"
        "SPEAKER two 1 0.5 0.25 <NA> <NA> bert <NA> <NA>\r\n"
    )
    path = write(tmp_path, "all.rttm", content)
    assert read_turns(path, recording="one.wav") == (Turn(3.0, 4.5, "anna"),)
    assert read_turns(path, recording="calls/two.flac") == (Turn(0.5, 0.75, "bert"),)
    with pytest.raises(AnnotationError, match=r"all\.rttm: has 2 recordings \(one, two\)\. Choose"):
        read_turns(path)
    with pytest.raises(AnnotationError, match=r"no turns of 'three\.wav'; it has one, two"):
        read_turns(path, recording="three.wav")


def test_a_turn_that_follows_another_does_not_overlap_it(tmp_path: Path) -> None:
    lines = [RTTM.format("a", 0.1, 0.2, "anna"), RTTM.format("a", 0.3, 0.6, "bert")]
    turns = read_turns(write(tmp_path, "a.rttm", "".join(lines)))
    assert 0.1 + 0.2 > 0.3  # in floating point
    assert find_overlaps(turns) == ()


def test_equal_turns_are_one_and_turns_without_length_none(tmp_path: Path) -> None:
    lines = [RTTM.format("a", *one) for one in [(1, 1, "x"), (1, 1, "x"), (3, 0, "x"), (0, 2, "y")]]
    path = write(tmp_path, "a.rttm", "".join(lines))
    assert read_turns(path) == (Turn(0, 2, "y"), Turn(1, 2, "x"))


# As whisperx.utils.WriteJSON writes what whisperx.diarize.assign_word_speakers returns.
WHISPERX = {
    "segments": [
        {
            "start": 0.5,
            "end": 2.5,
            "text": " Hello there 4.",
            "words": [
                {"word": "Hello", "start": 0.5, "end": 1.0, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "there", "start": 1.0, "end": 1.5, "score": 0.9, "speaker": "SPEAKER_00"},
                {"word": "4."},
            ],
            "speaker": "SPEAKER_00",
        },
        {
            "start": 3.0,
            "end": 5.0,
            "text": " Yes no",
            "words": [
                {"word": "Yes", "start": 3.0, "end": 3.5, "score": 0.9, "speaker": "SPEAKER_01"},
                {"word": "no", "start": 4.0, "end": 5.0, "score": 0.9, "speaker": "SPEAKER_00"},
            ],
            "speaker": "SPEAKER_00",
        },
        {"start": 6.0, "end": 7.0, "text": " Nobody.", "words": []},
    ],
    "word_segments": [],
    "language": "en",
}


def test_turns_of_whisperx_follow_the_speakers_of_its_words(tmp_path: Path) -> None:
    path = write(tmp_path, "call.json", json.dumps(WHISPERX, ensure_ascii=False))
    assert read_turns(path) == (
        Turn(0.5, 2.5, "SPEAKER_00"),
        Turn(3.0, 3.5, "SPEAKER_01"),
        Turn(4.0, 5.0, "SPEAKER_00"),
    )


def test_transcript_of_whisperx_has_speakers_and_words(tmp_path: Path) -> None:
    path = write(tmp_path, "call.json", json.dumps(WHISPERX))
    first, second, third = read_transcript(path)
    words = (Word(0.5, 1.0, "Hello"), Word(1.0, 1.5, "there"))
    assert first == Sentence(0.5, 2.5, "Hello there 4.", "SPEAKER_00", words)
    assert second.speaker == "SPEAKER_00"
    assert third == Sentence(6.0, 7.0, "Nobody.")


# As whisperx.utils.WriteSRT writes it.
SRT = """1
00:00:00,500 --> 00:00:02,500
[SPEAKER_00]: Hello there.

2
00:01:03,000 --> 01:00:05,000
SPEAKER_01: Yes: <i>no</i>
on two lines

"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_srt_is_read_in_every_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "call.srt", SRT.replace("\n", "\r\n").encode(encoding))
    assert read_transcript(path) == (
        Sentence(0.5, 2.5, "Hello there.", "SPEAKER_00"),
        Sentence(63.0, 3605.0, "Yes: no on two lines", "SPEAKER_01"),
    )
    assert read_turns(path) == (Turn(0.5, 2.5, "SPEAKER_00"), Turn(63.0, 3605.0, "SPEAKER_01"))


def test_srt_without_blank_lines_keeps_the_numbers_out_of_the_text(tmp_path: Path) -> None:
    content = "1\n00:00:01,000 --> 00:00:02,000\nOne\n2\n00:00:02,000 --> 00:00:03,000\n2\n"
    path = write(tmp_path, "a.srt", content)
    assert [one.text for one in read_transcript(path)] == ["One", "2"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"x: empty, expected a file of turns"),
        (" \n\n", r"x: empty, expected a file of turns"),
        (b"RIFF\0\0\0\0WAVE", r"x: is a recording \(WAV\), expected a file of turns"),
        (b"\x89PNG\r\n\x1a\n", r"x: is a picture \(PNG\), expected a file of turns"),
        ("SPEAKER a 1 0.0 1.0\n", r"line 1: expected SPEAKER, file, channel, .* found 5 fields"),
        (RTTM.format("a", 1, -0.5, "x"), r"line 1: a turn ends at 0\.5 s, before its start at 1 s"),
        (RTTM.format("a", -1, 2, "x"), r"line 1: a turn starts at -1 s, expected 0 or more"),
        (RTTM.format("a", 1, float("nan"), "x"), r"expected the duration in seconds, found 'nan'"),
        (RTTM.format("a", 1e9, 1, "x"), r"expected the start in seconds, found '1000000000.000'"),
        (
            "SPEAKER a 1 1_0 4 <NA> <NA> x <NA> <NA>\n",
            r"expected the start in seconds, found '1_0'",
        ),
        (RTTM.format("a", 0, 1, "<NA>"), r"line 1: no name of a speaker"),
        (RTTM.format("a", 0, 0, "x"), r"x: no turn has a length, expected an end"),
        ('{"segments": [}', r"line 1: broken JSON \(expecting value, column 15\)"),
        ("[" * 100000, r"JSON with a nesting or a number"),
        ('{"emotions": []}', r"JSON without turns of speakers: .* found \['emotions'\]"),
        ('{"segments": [3]}', r"segments\[0\]: expected an object, found 3"),
        ('{"segments": [{"start": 1}]}', r"segments\[0\]: no 'end', expected a time"),
        ('{"segments": [{"start": NaN, "end": 1}]}', r"segments\[0\]\.start: .* found nan"),
        ('{"segments": [{"start": 2, "end": 1, "speaker": "a"}]}', r"segments\[0\]: a turn ends"),
        ('{"segments": [{"start": 0, "end": 1, "text": "a"}]}', r"no turn of a speaker in this"),
        ("1\n00:00:01,000 --> 00:99:02,000\nOne\n", r"line 2: expected times such as"),
        ("1\n00:00:03,000 --> 00:00:02,000\n[a]: One\n", r"line 2: a turn ends at 2 s, before"),
        ("Der M\xe4rz\n".encode("latin-1"), r"not readable as text in UTF-8 or UTF-16 \(byte 5"),
        ("hello world\n", r"no format of a file of turns .* begins with 'hello world'"),
    ],
)
def test_bad_files_of_turns_get_one_line(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = write(tmp_path, "x", content)
    with pytest.raises(AnnotationError, match=message) as info:
        read_turns(path)
    assert str(info.value).startswith(str(path))
    assert "\n" not in str(info.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no such file, expected a file of turns"):
        read_turns(tmp_path / "x")
    with pytest.raises(AnnotationError, match="is a folder, expected a transcript"):
        read_transcript(tmp_path)


def test_more_speakers_than_any_recording_has_are_refused(tmp_path: Path) -> None:
    lines = [RTTM.format("a", index, 2, f"s{index}") for index in range(1_001)]
    with pytest.raises(AnnotationError, match="has 1,001 speakers, expected at most 1,000"):
        read_turns(write(tmp_path, "a.rttm", "".join(lines)))
    assert len(read_turns(write(tmp_path, "a.rttm", "".join(lines[1:])))) == 1_000


def test_rttm_is_no_transcript(tmp_path: Path) -> None:
    path = write(tmp_path, "a.rttm", RTTM.format("a", 0, 1, "x"))
    with pytest.raises(AnnotationError, match="is RTTM, which has no text"):
        read_transcript(path)


@pytest.mark.parametrize(
    ("content", "channels"),
    [
        (
            "SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\nSPEAKER a 2 1 1 <NA> <NA> y <NA> <NA>",
            ["1", "2"],
        ),
        ("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\nSPEAKER a 1 1 1 <NA> <NA> y <NA> <NA>", ["", ""]),
        ("SPEAKER a 2 0 1 <NA> <NA> x <NA> <NA>", ["2"]),
        ("start,end,speaker,channel\n0,1,x,left\n1,2,y,right", ["1", "2"]),
        ("start,end,speaker,channel\n0,1,x,mix\n1,2,y,mix", ["", ""]),
    ],
)
def test_turns_have_channels_where_a_file_names_several(content: str, channels: list[str]) -> None:
    assert [turn.channel for turn in read_turns(content.encode())] == channels
