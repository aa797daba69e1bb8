"""Any bytes: each reader gives a result or one line, whatever it is given."""

import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings, strategies as st

from voxaffect.annotations import Sentence, Turn, read_transcript, read_turns
from voxaffect.errors import AnnotationError

RTTM = "SPEAKER a 1 0.5 1.5 <NA> <NA> anna <NA> <NA>\n"
SRT = "1\n00:00:00,500 --> 00:00:02,000\n[anna]: Hello\n\n"
VTT = "WEBVTT\n\nNOTE x\n\n00:00.500 --> 00:02.000\n<v anna>Hello</v> &amp;\n\n"
GRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 9\ntiers? <exists>\n'
    'size = 1\nitem []:\nclass = "IntervalTier"\nname = "anna"\nxmin = 0\nxmax = 9\n'
    'intervals: size = 1\nintervals [1]:\nxmin = 0\nxmax = 9\ntext = "a ""b"""\n'
)
EAF = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT>'
    '<HEADER TIME_UNITS="milliseconds"/>'
    '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/><TIME_SLOT TIME_SLOT_ID="t2" '
    'TIME_VALUE="900"/></TIME_ORDER><TIER TIER_ID="anna"><ANNOTATION><ALIGNABLE_ANNOTATION '
    'ANNOTATION_ID="a1" TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>hello'
    "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
    "<TIER TIER_ID='tx@b'><ANNOTATION>"
    '<REF_ANNOTATION ANNOTATION_ID="a2" ANNOTATION_REF="a1"/></ANNOTATION></TIER>'
    "</ANNOTATION_DOCUMENT>"
)
JSON = (
    '{"segments": [{"start": 0.5, "end": 2.0, "text": " Hello", "speaker": "anna", "words": '
    '[{"word": "Hello", "start": 0.5, "end": 1.0, "speaker": "bert"}]}], "words": [], '
    '"language": "en"}'
)
CPP = (
    '{"transcription": [{"offsets": {"from": 0, "to": 900}, "text": " a", "speaker": "1", '
    '"tokens": [{"text": " a", "offsets": {"from": 0, "to": 900}}]}]}'
)
PYANNOTE = '{"output": {"diarization": [{"speaker": "a", "start": 0, "end": 1}]}}'
TABLE = "file,start,end,speaker,text\na.wav,0 days 00:00:00.5,1.5,anna,hello\n"
LABELS = "0.5\t1.5\tanna\n\\\t20\t400\n"
SEEDS = [RTTM, SRT, VTT, GRID, EAF, JSON, CPP, PYANNOTE, TABLE, LABELS]
PIECES = st.sampled_from(
    [
        *("SPEAKER", "<NA>", "-->", "WEBVTT\n", "\n\n", "NOTE\n", "<v a>", "</v>", "&lt;", "\t"),
        *('"', '""', "<exists>", '"IntervalTier"', "start,end,speaker\n", "[", "]", "{", "}", ":"),
        *("00:00:01,000", "1e999", "-1", "NaN", "nan", "inf", "null", "true", "0", "9" * 400),
        *("<!DOCTYPE a>", "<a>", "</a>", "&a;", "\ufeff", "\u202e", "\ud800", "\0", "\x1b", "٣"),
        *('{"segments": [', '{"start": 0, "end": 1,', '"speaker": "a"}', '"text": "b"}', "]}"),
    ]
)


def check_reading(content: bytes) -> None:
    """Both readers give a result that can be, or an error of one line."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(content)
        for read in (read_turns, read_transcript):
            try:
                parts, message = read(path), ""
            except AnnotationError as error:
                parts, message = (), str(error)
            if message:
                assert message.startswith(str(path))
                assert message.isprintable()
            else:
                assert parts
                starts = [part.start_seconds for part in parts]
                assert starts == sorted(starts)
                for part in parts:
                    check_part(part)


def check_part(part: Turn | Sentence) -> None:
    """Its times are in order, and its names and texts are text on one line."""
    assert 0 <= part.start_seconds < part.end_seconds < 3e7
    texts = [part.text, *(word.text for word in part.words)] if isinstance(part, Sentence) else []
    for text in [*texts, part.speaker]:
        assert text is None or (text.encode() and text == " ".join(text.split()))


@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    check_reading(content)


@given(st.lists(st.one_of(PIECES, st.text(max_size=8)), max_size=30).map("".join))
def test_any_pieces_of_the_formats(text: str) -> None:
    check_reading(text.encode("utf-8", "surrogatepass"))


@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False), PIECES)
@settings(max_examples=300)
def test_any_damage_of_a_good_file(seed: str, chance: random.Random, piece: str) -> None:
    content = bytearray(seed.encode())
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content) + 1)
        end = min(len(content), start + chance.choice([0, 0, 1, 3, 20]))
        inserted = chance.choice([b"", piece.encode("utf-8", "surrogatepass"), content[start:end]])
        content[start:end] = inserted
    check_reading(bytes(content))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_every_format_is_read_in_every_unicode_encoding(
    tmp_path: Path, seed: str, encoding: str
) -> None:
    path = tmp_path / "x"
    path.write_text(seed, encoding="utf-8")
    expected = read_turns(path)
    path.write_bytes(seed.replace("\n", "\r\n").encode(encoding))
    assert read_turns(path) == expected


SIZE = 1 << 20
LARGE = {
    "depth of JSON": "[" * SIZE,
    "digits of JSON": '{"segments": [{"start": ' + "9" * SIZE + "}]}",
    "depth of XML": "<ANNOTATION_DOCUMENT>" + "<a>" * (SIZE // 3),
    "opened tags": "<" * SIZE,
    "quotes of Praat": GRID[:60] + '"' * (SIZE + 1),
    "tiers of Praat": GRID.replace("size = 1", "size = 999999999", 1),
    "blanks in a voice": "WEBVTT\n\n00:00.000 --> 00:01.000\n<v" + " " * SIZE,
    "comments": "WEBVTT\n\n" + "NOTE\n\n" * (SIZE // 6),
    "arrows": "-->\n" * (SIZE // 4),
    "braces": SRT[:35] + "{\\" * (SIZE // 2),
    "brackets": SRT[:35] + "[" * SIZE,
    "comments of RTTM": ";;\n" * (SIZE // 3),
    "cells": "start,end,speaker\n0,1," + "a" * SIZE,
    "columns": "start,end,speaker" + "," * SIZE,
    "blanks between times": "0 " + " " * SIZE + "1",
    "words without a pause": '{"words": ['
    + ", ".join(f'{{"text": "a", "start": {n / 9}, "end": {n / 9}}}' for n in range(SIZE // 40))
    + "]}",
    "digits of a label": "1." * (SIZE // 2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_no_file_takes_long(name: str) -> None:
    start = time.process_time()
    check_reading(LARGE[name].encode())
    assert time.process_time() - start < 20  # a second is usual; quadratic time would be hours


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as stream:
        stream.truncate((1 << 25) + 1)
    with pytest.raises(AnnotationError, match=r"x\.json: too large: expected a file of turns"):
        read_turns(path)
