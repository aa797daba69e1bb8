"""Data of the component: what it holds, in which order, and how large."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.timelines import CALL, DOUBTED, LEFT, RIGHT, TALK

from voxaffect.outputs.figures.palette import assign_styles
from voxaffect.outputs.recording.view import RecordingView, view_emotions, view_recording
from voxaffect.records.codec import check
from voxaffect.records.results import RecordingRecord

RATE_HZ = 8_000


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds whose right channel is four times as loud as the left."""
    path = tmp_path_factory.mktemp("view") / "call.wav"
    tone = 0.1 * np.sin(np.arange(12 * RATE_HZ))
    soundfile.write(path, np.stack([tone, 4 * tone], axis=1), RATE_HZ)
    return path


def test_the_json_of_a_view_follows_its_schema(recording: Path) -> None:
    plain = json.loads(view_recording([CALL], recording).to_json())
    record = check(plain, RecordingRecord)
    assert [emotion.name for emotion in record.emotions] == list(CALL.emotions)
    segment = record.lanes[0].segments[0]
    assert (segment.emotion, segment.confidence, segment.uncertain) == ("angry", 0.9, False)
    assert set(plain["lanes"][0]["windows"][0]) == {
        "start_seconds",
        "end_seconds",
        "probabilities",
    }


def test_the_loudest_lane_reaches_the_full_scale_and_the_others_keep_their_ratio(
    recording: Path,
) -> None:
    left, right = view_recording([LEFT, RIGHT], recording).lanes
    assert (left.name, right.name) == ("left", "right")
    assert (max(right.high), max(left.high)) == (127, 32)
    assert (min(right.low), min(left.low)) == (-127, -32)


def test_a_lane_has_the_name_of_its_channel(recording: Path) -> None:
    named = [replace(LEFT, channel_name="agent"), RIGHT]
    assert [lane.name for lane in view_recording(named, recording).lanes] == ["agent", "right"]


def test_a_view_from_bytes_is_that_of_the_file(recording: Path) -> None:
    assert view_recording([CALL], recording) == view_recording([CALL], recording.read_bytes())


def test_emotions_have_the_styles_of_the_figures() -> None:
    views = view_emotions(["joy", "sad"])
    styles = assign_styles(["joy", "sad"])
    assert [(one.name, one.color, one.pattern) for one in views] == [
        (name, style.color, style.hatch) for name, style in styles.items()
    ]


def test_the_waveform_of_a_long_recording_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(RATE_HZ * 200), RATE_HZ)
    lane = view_recording([DOUBTED], path).lanes[0]
    assert 5_000 < len(lane.low) <= 20_000
    assert set(lane.low) == {0}


def test_the_name_has_no_folder(recording: Path) -> None:
    view = view_recording([CALL], recording)
    assert isinstance(view, RecordingView)
    assert view.name == "call.wav"


@pytest.mark.parametrize("name", ["theme.css", "recording.css", "recording.js"])
def test_the_component_is_part_of_the_package(name: str) -> None:
    text = resources.files("voxaffect.outputs.recording").joinpath(name).read_text("utf-8")
    assert "http:" not in text
    assert "https:" not in text


def test_overlaps_have_the_words_that_nobody_speaks_alone(recording: Path) -> None:
    plain = json.loads(view_recording([TALK], recording).to_json())["lanes"][0]
    assert [one.get("text") for one in plain["overlaps"]] == [None, "SPEAKER_00: Hm."]
    assert plain["segments"][0]["speaker"] == "SPEAKER_00"
    assert "overlaps" not in json.loads(view_recording([CALL], recording).to_json())["lanes"][0]
