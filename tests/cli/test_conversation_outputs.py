"""Formats of a conversation on the command line: the level that their readers expect."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

TURNS = """SPEAKER call 1 0.0 2.0 <NA> <NA> Ann <NA> <NA>
SPEAKER call 1 1.5 2.0 <NA> <NA> Ben <NA> <NA>
"""
WORDS = """1
00:00:00,000 --> 00:00:01,400
Not again.

2
00:00:02,100 --> 00:00:03,400
Yes & no
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Command that recognizes a recording with turns and a transcript."""
    (tmp_path / "call.wav").write_bytes((files("voxaffect") / "data" / "example.wav").read_bytes())
    (tmp_path / "turns.rttm").write_text(TURNS, encoding="utf-8")
    (tmp_path / "words.srt").write_text(WORDS, encoding="utf-8")
    names = [str(tmp_path / name) for name in ("call.wav", "turns.rttm", "words.srt")]
    return [
        "timeline",
        names[0],
        "--speakers",
        names[1],
        "--transcript",
        names[2],
        "--model",
        "fast",
    ]


def test_subtitles_are_sentences_and_rttm_has_turns_unless_a_level_is_set(
    command: list[str], run: Callable[..., Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(*command, "--format", "srt,rttm,vtt,eaf", "-o", str(out))
    assert (out / "emotions.rttm").read_text().splitlines()[1].split()[3:5] == ["1.500", "2.000"]
    assert "Ann: Not again. [" in (out / "call.srt").read_text(encoding="utf-8")
    assert "<v Ben>Yes &amp; no [" in (out / "call.vtt").read_text(encoding="utf-8")
    assert 'PARTICIPANT="Ben"' in (out / "call.eaf").read_text(encoding="utf-8")
    run(*command, "--format", "rttm", "--level", "segments", "-o", str(out))
    lines = (out / "emotions.rttm").read_text().splitlines()
    assert all(float(line.split()[3]) != 1.5 for line in lines)


def test_a_level_that_a_format_does_not_hold_is_refused(
    command: list[str], run: Callable[..., Any]
) -> None:
    result = run(*command, "--format", "summary_csv", "--level", "turns")
    assert result.code == 2
    assert "summary_csv holds segments, not turns" in result.err
