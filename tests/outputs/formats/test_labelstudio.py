"""Tasks for Label Studio, and the labeling configuration that fits them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from support.timelines import CALL, DOUBTED, EMOTIONS, LEFT, RIGHT, SILENT, odds, timeline

from voxaffect.errors import VoxaffectError
from voxaffect.outputs.formats import (
    PREDICTION_FORMATS,
    TIMELINE_FORMATS,
    AudioAddress,
    Run,
)
from voxaffect.recognition import Prediction

SURE, DOUBTFUL = (
    Prediction(f"{name}.wav", name, odds(name, confidence), uncertain)
    for name, confidence, uncertain in (("angry", 0.9, False), ("sad", 0.95, True))
)
WEAK = Prediction("weak.wav", "happy", odds("happy", 0.5))
NOTHING = Prediction("nothing.wav", None, {}, uncertain=True, emotions=EMOTIONS)


def tasks(kind: str, *results: Any, run: Run | None = None) -> list[dict[str, Any]]:
    formats = {"predict": PREDICTION_FORMATS, "timeline": TIMELINE_FORMATS}[kind]
    return json.loads(formats["labelstudio"].encode(results, run))  # type: ignore[no-any-return]


def config(kind: str, *results: Any) -> Xml.Element:
    formats = {"predict": PREDICTION_FORMATS, "timeline": TIMELINE_FORMATS}[kind]
    return Xml.fromstring(formats["labelstudio_config"].encode(results))


def test_the_most_uncertain_recording_is_the_first_task() -> None:
    shown = tasks("predict", SURE, NOTHING, WEAK, DOUBTFUL)
    names = ["sad.wav", "weak.wav", "angry.wav", "nothing.wav"]
    assert [one["data"]["source"] for one in shown] == names
    assert [one["predictions"][0]["score"] for one in shown[:3]] == [0.95, 0.5, 0.9]
    assert shown[3]["predictions"] == []


def test_a_timeline_scores_by_its_mean_confidence_over_time() -> None:
    shown = tasks("timeline", CALL, replace(DOUBTED, source="b.wav"), SILENT)
    assert [one["data"]["source"] for one in shown] == ["b.wav", "call.wav", "silent.wav"]
    mean = (2.5 * 0.9 + 3.0 * 0.4) / 5.5
    assert shown[0]["predictions"][0]["score"] == pytest.approx(mean, abs=1e-6)


def test_a_region_has_the_fields_that_label_studio_documents() -> None:
    (task,) = tasks("timeline", CALL)
    assert task["predictions"][0]["result"][0] == {
        "id": "1-1",
        "original_length": 12.345679,
        "from_name": "emotion",
        "to_name": "audio",
        "type": "labels",
        "score": 0.9,
        "value": {"start": 0.5, "end": 3.2, "channel": 0, "labels": ["angry"]},
    }


def test_every_id_is_there_once() -> None:
    shown = tasks("timeline", CALL, replace(DOUBTED, source="b.wav"))
    ids = [region["id"] for one in shown for region in one["predictions"][0]["result"]]
    assert len({*ids}) == len(ids) == 5


def test_channels_of_one_recording_are_one_task() -> None:
    (task,) = tasks("timeline", LEFT, RIGHT)
    regions = task["predictions"][0]["result"]
    assert [one["value"]["channel"] for one in regions] == [0, 0, 1]
    assert task["data"]["channel"] == "left, right"
    assert config("timeline", LEFT, RIGHT).find("Audio").get("splitchannels") == "true"  # type: ignore[union-attr]
    assert config("timeline", CALL).find("Audio").get("splitchannels") is None  # type: ignore[union-attr]


def test_a_doubtful_segment_says_so_in_its_note() -> None:
    (task,) = tasks("timeline", DOUBTED)
    first, second = task["predictions"][0]["result"]
    assert "meta" not in first
    assert second["meta"] == {"text": ["uncertain"]}


def test_the_note_of_a_region_names_its_speaker() -> None:
    first, *others = CALL.segments
    named = replace(first, speaker="anna", uncertain=True)
    (task,) = tasks("timeline", replace(CALL, segments=(named, *others)))
    notes = [one.get("meta") for one in task["predictions"][0]["result"]]
    assert notes == [{"text": ["speaker: anna", "uncertain"]}, None, None]


@pytest.mark.parametrize(
    ("kind", "result", "control", "option"),
    [("predict", SURE, "Choices", "Choice"), ("timeline", CALL, "Labels", "Label")],
)
def test_the_configuration_fits_the_tasks(
    kind: str, result: Any, control: str, option: str
) -> None:
    (task,) = tasks(kind, result)
    root = config(kind, replace(result, emotions=EMOTIONS))
    tag, player = root.find(control), root.find("Audio")
    assert tag is not None
    assert player is not None
    assert [one.get("value") for one in tag.findall(option)] == list(EMOTIONS)
    assert player.get("value") == "$audio"
    assert "audio" in task["data"]
    for one in task["predictions"][0]["result"]:
        assert one["from_name"] == tag.get("name")
        assert one["to_name"] == tag.get("toName") == player.get("name")
        assert one["type"] == control.lower()
        assert set(one["value"][control.lower()]) <= set(EMOTIONS)


def test_an_address_is_percent_encoded_and_begins_as_asked(tmp_path: Path) -> None:
    source = str(tmp_path / "in" / "50 % & ü.wav")
    one = timeline(source=source)
    (task,) = tasks("timeline", one, run=Run(audio=AudioAddress(folder=tmp_path)))
    assert task["data"]["audio"] == "/data/local-files/?d=in/50%20%25%20%26%20%C3%BC.wav"
    web = AudioAddress("https://example.com/x", tmp_path)
    (task,) = tasks("timeline", one, run=Run(audio=web))
    assert task["data"]["audio"] == "https://example.com/x/in/50%20%25%20%26%20%C3%BC.wav"


def test_a_recording_outside_of_the_root_has_no_address(tmp_path: Path) -> None:
    address = AudioAddress(folder=tmp_path / "in")
    with pytest.raises(VoxaffectError, match=r"out.wav: is not under .*--audio-root"):
        address.locate(str(tmp_path / "out.wav"))


def test_no_recording_makes_no_task() -> None:
    assert tasks("predict") == tasks("timeline") == []
