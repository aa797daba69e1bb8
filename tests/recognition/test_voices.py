"""Comparison of the voices of speakers, with vectors that are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from voxaffect.annotations import Turn
from voxaffect.diagnosis import diagnose
from voxaffect.diagnosis.speakers import describe_voices
from voxaffect.recognition.diarization import voices
from voxaffect.recognition.diarization.voices import Vectors, compare_vectors, compare_voices

RATE_HZ = 16_000
BASES = {"anna": 0, "bert": 1, "carl": 2}


def speak(voice: str, count: int, seed: int = 0) -> Vectors:
    """Return vectors of a voice, which differ a little."""
    rows = np.random.default_rng(seed).normal(0, 0.02, (count, 192))
    rows[:, BASES[voice]] += 1.0
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_a_voice_for_each_name_is_no_finding() -> None:
    report = compare_vectors({"anna": speak("anna", 20), "bert": speak("bert", 20)})
    assert (report.mixed, report.same) == ((), ())
    finding = describe_voices(report)
    assert (finding.verdict, finding.text) == ("ok", "2 names, a voice each")


def test_two_voices_under_a_name_and_two_names_of_a_voice_are_named() -> None:
    report = compare_vectors(
        {
            "anna": speak("anna", 20),
            "anne": speak("anna", 8, seed=1),
            "bert": np.vstack([speak("bert", 20), speak("carl", 8)]),
        },
        unknown=("dora",),
    )
    assert report.mixed == ("bert",)
    assert report.same == (("anna", "anne"),)
    finding = describe_voices(report)
    assert finding.verdict == "warning"
    assert finding.trust == "high"
    assert "bert seems to be two voices" in finding.text
    assert "anna and anne seem to be one voice" in finding.text
    assert finding.text.endswith("too little speech alone to compare: dora")
    assert finding.remedy == "Listen to their turns, and mend the names."


def test_a_few_windows_are_no_second_voice() -> None:
    vectors = np.vstack([speak("bert", 20), speak("carl", 5)])
    assert compare_vectors({"bert": vectors}).mixed == ()


@pytest.fixture
def spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech everywhere; Anna speaks in the first minute, Bert in the second."""

    def compute(_: Any, windows: Sequence[tuple[float, float]]) -> Vectors:
        return np.vstack([speak("anna" if end <= 60 else "bert", 1) for _, end in windows])

    monkeypatch.setattr(voices, "find_stretches", lambda *_: [(0.0, 120.0)])
    monkeypatch.setattr(voices, "compute_speaker_vectors", compute)


@pytest.mark.usefixtures("spoken")
def test_voices_are_compared_where_one_speaks_alone() -> None:
    silence = np.zeros(1, np.float32)
    right = [Turn(0, 60, "x"), Turn(60, 120, "y"), Turn(50, 70, "z")]
    report = compare_voices(silence, RATE_HZ, right)
    assert (report.mixed, report.same, report.unknown) == ((), (), ("z",))
    wrong = [Turn(0, 30, "x"), Turn(30, 60, "w"), Turn(60, 120, "y")]
    assert compare_voices(silence, RATE_HZ, wrong).same == (("w", "x"),)
    assert compare_voices(silence, RATE_HZ, [Turn(0, 120, "x")]).mixed == ("x",)


@pytest.mark.usefixtures("spoken")
def test_doctor_compares_the_voices_of_given_turns(tmp_path: Path, run: Callable[..., Any]) -> None:
    sound = np.random.default_rng(0).normal(0, 0.01, 120 * 8_000).astype(np.float32)
    path = tmp_path / "call.wav"
    soundfile.write(path, sound, 8_000)
    turns = tmp_path / "call.rttm"
    turns.write_text("SPEAKER call 1 0 120 <NA> <NA> anna <NA> <NA>\n")
    done = run("doctor", path, "--model", "fast", "--speakers", turns)
    assert "anna seems to be two voices" in done.out
    named = [one for one in diagnose(path, model="fast").findings if one.topic == "speakers"]
    assert named == []
    done = run("doctor", path, "--speakers", tmp_path / "none.rttm")
    assert "no such file or folder of speakers" in done.err
