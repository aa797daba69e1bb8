"""The scripts of the benchmarks, on small data of their own."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

from voxaffect.annotations import Turn
from voxaffect.corpora import Utterance
from voxaffect.features import get_feature_spec
from voxaffect.recognition import Segment
from voxaffect.training import Dataset

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def load_script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import scripts by name; they import each other."""
    monkeypatch.syspath_prepend(FOLDER)

    def load(name: str) -> ModuleType:
        return __import__(name)

    return load


@pytest.fixture
def data() -> Dataset:
    """Draw features of three corpora, whose two emotions lie apart."""
    rng, emotions = np.random.default_rng(0), ("angry", "sad")
    utterances = [
        Utterance(Path(f"{corpus}/{speaker}/{number}.wav"), corpus, emotion, speaker=speaker)
        for corpus in ("one", "two", "three")
        for speaker in ("a", "b")
        for number, emotion in enumerate(emotions * 10)
    ]
    means = np.array([[emotions.index(u.emotion)] for u in utterances])
    matrix = (means + rng.normal(0, 0.3, (len(utterances), 12))).astype(np.float32)
    spec = get_feature_spec("classic", groups=("chroma",), rate_hz=16_000)
    return Dataset(tuple(utterances), matrix, spec)


def test_an_entry_states_its_origin_and_leaves_the_others(load_script: Any, tmp_path: Path) -> None:
    entries, output = load_script("entries"), tmp_path / "results.json"
    output.write_text('{"other": {"uar": 0.5}}')
    options = {"start": time.monotonic(), "seed": 9, "libraries": ["numpy"]}
    entries.write_entry(output, "mine", {"uar": 0.25}, **options)
    document = json.loads(output.read_text())
    assert document["other"] == {"uar": 0.5}
    mine = document["mine"]
    assert (mine["uar"], mine["seed"]) == (0.25, 9)
    assert mine["versions"] == {"numpy": np.__version__}
    assert len(mine["commit"]) == 40


def test_the_figures_of_adaptation_become_text(load_script: Any, data: Dataset) -> None:
    groups = load_script("adaptation").measure(data)
    assert groups["all of a speaker"]["groups"] == 6
    assert groups["one emotion"]["groups"] == 12
    assert groups["one emotion"]["share applied"] == 0
    one = groups["one emotion"]
    assert one["accuracy with, where applied"] == one["accuracy without"] > one["accuracy with"]
    text = load_script("tables").adaptation_text({"encoder": {"groups": groups}})
    harm = one["accuracy with"] - one["accuracy without"]
    assert f"changes accuracy by {harm:+.2f}; with\nthe checks by +0.00." in text
    assert "| all of a speaker | 6 | 1.000 |" in text
    assert load_script("entries").count_utterances(data) == {"one": 40, "three": 40, "two": 40}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_server_is_soon_ready(load_script: Any) -> None:
    """A second and a half, as its busiest process counts it: others share the processors."""
    ready = load_script("serve").measure_ready(3)
    assert 0 < ready["least"] <= ready["median"] <= ready["most"]
    assert ready["processor_ms"] <= 1_500


def test_a_conversation_is_known_and_the_same_for_a_seed(load_script: Any, tmp_path: Path) -> None:
    rng, utterances = np.random.default_rng(0), []
    for speaker in "abcde":
        for number, emotion in enumerate(("angry", "sad") * 2):
            path = tmp_path / f"{speaker}{number}.wav"
            soundfile.write(path, 0.1 * rng.standard_normal(8_000), 16_000)
            utterances.append(Utterance(path, "one", emotion, speaker=speaker))
    make = load_script("conversations").make_conversation
    talk, again = make(utterances, 3, seconds=30.0), make(utterances, 3, seconds=30.0)
    np.testing.assert_array_equal(talk.mixed, again.mixed)
    assert (talk.spoken, len(talk.speakers)) == (again.spoken, 4)
    assert talk.two_channels.shape == (len(talk.mixed), 2)
    for turn in {one.turn for one in talk.spoken}:
        members = [one for one in talk.spoken if one.turn == turn]
        assert len({(one.speaker, one.emotion) for one in members}) == 1
        assert len(members) <= 3


def test_the_diarization_error_rate_of_a_known_case(load_script: Any) -> None:
    conversations, script = load_script("conversations"), load_script("conversation")
    spoken = (
        conversations.Spoken("a", "sad", "", 0.0, 4.0, 0),
        conversations.Spoken("b", "sad", "", 3.0, 7.0, 1),
    )
    sound = np.zeros((4, 160_000), np.float32)
    talk = conversations.Conversation("call", sound, sound[:2], ("a", "b"), spoken)
    turns = [Turn(0.0, 5.0, "x"), Turn(5.0, 8.0, "y")]
    figures = script.score_diarization(talk, turns)
    # Of 8 s of speech, 1 s is missed, 1 s is no speech, and 1 s of b is taken for a.
    expected = {"error rate": 3 / 8, "missed": 1 / 8, "false alarm": 1 / 8, "confused": 1 / 8}
    assert figures == pytest.approx({**expected, "speakers": 2}, abs=1e-3)


def test_segments_are_averaged_over_turns_by_time(load_script: Any) -> None:
    def make(start: float, end: float, angry: float) -> Segment:
        probabilities = {"angry": angry, "sad": 1 - angry}
        return Segment(start, end, max(probabilities, key=probabilities.get), probabilities)

    segments = [make(0.0, 3.0, 0.6), make(3.0, 4.0, 0.0), make(6.0, 9.0, 0.9)]
    turns = [Turn(0.0, 4.0, "a"), Turn(2.5, 4.0, "a"), Turn(4.0, 6.2, "a"), Turn(6.0, 8.0, "a")]
    parts = load_script("conversation").average_in_turns(segments, turns, 0.7)
    assert parts == [
        (0.0, 4.0, "sad", False),  # .6 for 3 s and 0 for 1 s are .45
        (2.5, 4.0, "sad", True),  # .6 for .5 s and 0 for 1 s are .2
        (6.0, 8.0, "angry", True),
    ]
