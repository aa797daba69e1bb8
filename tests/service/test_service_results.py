"""The service gives what the command line and Python give, byte for byte."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, voice
from support.services import (
    EXAMPLE,
    Service,
    begin,
    encode,
    receive_all,
    run_service,
    to_pcm,
)

import voxaffect as va
from voxaffect.models.bundled import list_bundled
from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS
from voxaffect.recognition.channels import CHANNELS
from voxaffect.recognition.timelines.vad import VAD_METHODS
from voxaffect.service import jobs
from voxaffect.service.settings import Settings

TEXT_TIMELINES = [name for name, form in TIMELINE_FORMATS.items() if form.is_text and name != "eaf"]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Server with both bundled models."""
    models = {"models": ",".join(list_bundled()), "concurrency": 1}
    with run_service(tmp_path_factory.mktemp("service") / "log", **models) as running:
        yield running


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two channels of synthesized speech, in the current folder."""
    monkeypatch.chdir(tmp_path)
    pair = [np.concatenate([voice(seed), voice(seed + 1, seconds=3)]) for seed in (1, 5)]
    path = Path("clip.wav")
    soundfile.write(path, np.stack(pair, axis=1), RATE_HZ, subtype="PCM_16")
    return path


@pytest.mark.parametrize("model", list_bundled())
def test_an_upload_is_what_predict_writes(both: Service, model: str, clip: Path, run: Run) -> None:
    done = run("predict", clip, "--model", model, "--format", "json")
    assert both.post(clip.read_bytes(), "clip.wav", model=model).text == done.out


def test_the_example_is_that_of_the_command_and_of_python(both: Service, run: Run) -> None:
    answer = both.post(EXAMPLE, "example.wav")
    assert answer.text == run("predict", "--example", "--format", "json").out
    prediction = va.predict(EXAMPLE, name="example.wav")
    assert answer.json()["results"] == [prediction.to_dict()]


def test_each_channel_has_an_answer(service: Service, clip: Path, run: Run) -> None:
    options = ["--channels", "each", "--model", "fast", "--uncertain-below", "0.4"]
    done = run("predict", clip, *options, "--format", "csv")
    fields = {"channels": "each", "uncertain_below": 0.4, "response_format": "csv"}
    answer = service.post(clip.read_bytes(), "clip.wav", **fields)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.text == done.out
    assert len(done.out.splitlines()) == 3


@pytest.mark.parametrize("name", TEXT_TIMELINES)
def test_a_timeline_is_what_timeline_writes(
    service: Service, clip: Path, run: Run, name: str
) -> None:
    done = run("timeline", clip, "--model", "fast", "--format", name)
    answer = service.post(clip.read_bytes(), "clip.wav", response_format=name, timeline="true")
    assert answer.text == done.out


def test_a_file_for_elan_holds_no_path_of_the_server(service: Service) -> None:
    text = service.post(response_format="eaf").text
    assert "ALIGNABLE_ANNOTATION" in text
    assert "MEDIA_DESCRIPTOR" not in text
    assert str(Path.cwd()) not in text


def test_verbose_json_has_the_windows(service: Service, clip: Path) -> None:
    (timeline,) = va.timeline(clip, model="fast", name="clip.wav")
    answer = service.post(clip.read_bytes(), "clip.wav", response_format="verbose_json")
    assert answer.json()["results"] == [timeline.to_dict()]
    assert timeline.windows


@pytest.mark.parametrize("name", ["srt", "vtt", "textgrid"])
def test_a_format_of_timelines_implies_one(service: Service, name: str) -> None:
    implied = service.post(response_format=name)
    assert implied.status_code == 200
    assert implied.text == service.post(response_format=name, timeline="true").text


def test_a_raw_body_is_what_a_form_is(service: Service) -> None:
    with service.client() as client:
        raw = client.post("/v1/emotion?response_format=csv", content=EXAMPLE)
    assert raw.text == service.post(name="upload", response_format="csv").text


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_the_format_of_the_recording_is_found_by_its_content(service: Service, form: str) -> None:
    content = encode(voice(3, seconds=2), form=form)
    expected = va.predict(content, model="fast", name="x").to_dict()
    assert service.post(content, "x").json()["results"] == [expected]


@pytest.mark.parametrize("encoding", ["s16le", "f32le"])
@pytest.mark.parametrize("block", [1_111, 4_096])
def test_a_stream_gives_the_events_of_python(service: Service, block: int, encoding: str) -> None:
    samples = np.concatenate([voice(7, seconds=3), np.zeros(RATE_HZ, np.float32), voice(8)])
    pcm = np.frombuffer(to_pcm(samples), "<i2")
    if encoding == "f32le":
        pcm = (pcm / 32768).astype("<f4")
    stream = va.Stream("fast", rate_hz=RATE_HZ)
    expected = [event.to_event() for event in [*stream.push(pcm), *stream.finish()]]
    with service.connect() as connection:
        created = begin(connection, encoding=encoding)
        for start in range(0, len(pcm), block):
            connection.send(pcm[start : start + block].tobytes())
        connection.send('{"type": "CloseStream"}')
        events = receive_all(connection)
    assert created["model"] == "fast"
    assert created["emotions"] == list(va.load("fast").emotions)
    assert [_strip(event) for event in events if event["type"].startswith("emotion")] == expected
    assert events[-1] == {
        "type": "session.closed",
        "reason": "closed_by_client",
        "seconds": round(len(samples) / RATE_HZ, 6),
    }


def test_a_stream_gives_the_segments_of_an_upload(service: Service) -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(EXAMPLE), dtype="int16")
    uploaded = service.post(response_format="verbose_json").json()["results"][0]
    with service.connect() as connection:
        begin(connection, sample_rate=rate_hz, interim=False)
        connection.send(samples.astype("<i2").tobytes())
        connection.send('{"type": "CloseStream"}')
        events = receive_all(connection)
    segments = [_strip(event) for event in events if event["type"] == "emotion.segment"]
    for segment in segments:
        segment.pop("type")
        segment["start_seconds"] = segment.pop("start")
        segment["end_seconds"] = segment.pop("end")
    assert segments == uploaded["segments"]
    assert not any(event["type"] == "emotion.window" for event in events)


def _strip(event: dict[str, Any]) -> dict[str, Any]:
    assert event["channel_index"] == 0
    return {key: value for key, value in event.items() if key != "channel_index"}


def test_classification_has_the_shape_of_hugging_face(service: Service) -> None:
    prediction = va.predict(EXAMPLE, model="fast").to_dict()["probabilities"]
    with service.client() as client:
        raw = client.post("/v1/classify", content=EXAMPLE).json()
        inputs = base64.b64encode(EXAMPLE).decode()
        parameters = {"top_k": 2, "function_to_apply": "none"}
        body = {"inputs": inputs, "parameters": parameters}
        top = client.post("/v1/classify", json=body).json()
    assert {one["label"]: one["score"] for one in raw} == prediction
    assert [one["score"] for one in raw] == sorted(prediction.values(), reverse=True)
    assert [one["label"] for one in top] == [one["label"] for one in raw[:2]]
    assert np.exp([one["score"] for one in top]) == pytest.approx(
        [one["score"] for one in raw[:2]], abs=1e-5
    )


def test_models_state_emotions_license_and_threshold(both: Service) -> None:
    with both.client() as client:
        models = client.get("/v1/models").json()["data"]
    assert [model["id"] for model in models] == list(list_bundled())
    for model in models:
        loaded = va.load(model["id"])
        assert model["emotions"] == list(loaded.emotions)
        assert model["sha256"] == loaded.sha256
        assert model["threshold"] == pytest.approx(loaded.card.abstention["threshold"], abs=1e-6)
        assert model["use"].startswith("non-commercial")


def test_options_are_those_of_the_library() -> None:
    assert jobs.Channels.__args__ == CHANNELS
    assert set(jobs.Vad.__args__) == set(VAD_METHODS)
    assert Settings.model_fields["models"].default == list_bundled()


def test_every_format_of_predictions_is_answered(service: Service) -> None:
    for name in PREDICTION_FORMATS:
        answer = service.post(response_format=name)
        assert answer.status_code == 200, answer.text
        assert answer.content


def test_numbers_of_a_stream_are_finite_json(service: Service) -> None:
    with service.connect() as connection:
        begin(connection)
        connection.send(to_pcm(voice(2, seconds=2)))
        connection.send('{"type": "CloseStream"}')
        for text in connection:
            json.loads(text, parse_constant=pytest.fail)
