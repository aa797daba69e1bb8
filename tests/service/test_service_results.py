"""The service gives what the command line and Python give, byte for byte."""

from __future__ import annotations

import base64
import gc
import io
import json
import time
from collections.abc import Iterator
from http.client import HTTPConnection
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
from voxaffect.recognition.timelines.vad import VAD_METHODS
from voxaffect.records.choices import VADS
from voxaffect.service import computing
from voxaffect.service.jobs import Prepare
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


@pytest.mark.parametrize("form", ["json", "csv", "table"])
@pytest.mark.parametrize("command", ["predict", "timeline"])
def test_channels_have_the_names_that_were_given(
    service: Service, clip: Path, run: Run, command: str, form: str
) -> None:
    names = "agent, customer"
    options = ["--model=fast", "--channels=each", "--channel-names", names, "--format", form]
    table, _, _ = run(command, clip, *options).out.partition("\n\n")  # a summary follows a table
    timeline = str(command == "timeline").lower()
    fields = {"channels": "each", "response_format": form, "timeline": timeline}
    answer = service.post(clip.read_bytes(), "clip.wav", channel_names=names, **fields)
    assert answer.text.rstrip("\n") == table.rstrip("\n")
    assert "customer" in answer.text


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"channel_names": "agent,customer"}, 400, "found mix, which has no names"),
        ({"channels": "each", "channel_names": "agent,agent"}, 400, "found one twice"),
        ({"channels": "left", "channel_names": "agent"}, 422, "has 2 channels, expected 1"),
    ],
)
def test_names_that_do_not_fit_the_channels_are_refused(
    service: Service, clip: Path, fields: dict[str, str], status: int, message: str
) -> None:
    answer = service.post(clip.read_bytes(), "clip.wav", **fields)
    assert answer.status_code == status
    assert message in answer.json()["error"]["message"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_answers_are_limited_to_labels(service: Service, clip: Path, run: Run, form: str) -> None:
    labels = "angry, neutral"
    done = run("predict", clip, "--model=fast", "--labels", labels, "--format", form)
    answer = service.post(clip.read_bytes(), "clip.wav", labels=labels, response_format=form)
    assert answer.text == done.out
    assert "calibrated" in done.out
    answer = service.post(clip.read_bytes(), "clip.wav", labels="angry,proud")
    assert answer.status_code == 400
    assert "knows no 'proud'" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", TEXT_TIMELINES)
def test_a_timeline_is_what_timeline_writes(
    service: Service, clip: Path, run: Run, name: str
) -> None:
    done = run("timeline", clip, "--model", "fast", "--format", name)
    answer = service.post(clip.read_bytes(), "clip.wav", response_format=name, timeline="true")
    table, _, _ = done.out.partition("\n\n")  # a summary follows a table
    out = f"{table}\n" if name == "table" else done.out
    assert answer.text == out


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


@pytest.mark.slow
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


def test_a_classification_is_limited_to_labels(service: Service) -> None:
    limited = va.predict(EXAMPLE, model="fast", labels=["angry", "sad"]).to_dict()["probabilities"]
    inputs = base64.b64encode(EXAMPLE).decode()
    body = {"inputs": inputs, "parameters": {"labels": "angry,sad"}}
    with service.client() as client:
        raw = client.post("/v1/classify?labels=angry,sad", content=EXAMPLE).json()
        assert client.post("/v1/classify", json=body).json() == raw
        ignored = [
            client.post("/v1/classify?label=sad", content=EXAMPLE),
            client.post("/v1/classify?labels=sad", json=body),
        ]
    assert {one["label"]: one["score"] for one in raw} == limited
    assert [answer.status_code for answer in ignored] == [400, 400]
    assert [answer.json()["error"]["param"] for answer in ignored] == ["label", "labels"]


def test_an_option_given_twice_is_refused(service: Service) -> None:
    with service.client() as client:
        answers = [
            client.post("/v1/emotion?labels=angry&labels=sad", content=EXAMPLE),
            client.post(
                "/v1/emotion?labels=angry", files={"file": EXAMPLE}, data={"labels": "sad"}
            ),
            client.post("/v1/emotion", files=[("file", EXAMPLE), ("file", EXAMPLE)]),
        ]
    assert [answer.status_code for answer in answers] == [400, 400, 400]
    errors = [answer.json()["error"] for answer in answers]
    assert [error["param"] for error in errors] == ["labels", "labels", "file"]
    assert errors[0]["message"] == "labels: is given twice. Give it once; a list takes commas."


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
    assert tuple(VAD_METHODS) == VADS
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


def test_an_answer_is_sent_at_once(service: Service) -> None:
    connection = HTTPConnection("127.0.0.1", service.port, timeout=120)
    seconds = []
    for _ in range(30):  # the system is quicker on the first ones
        start = time.monotonic()
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        seconds.append(time.monotonic() - start)
    connection.close()
    assert min(seconds[-10:]) < 0.03  # 0.04 where the body waits for the client to confirm the head


def test_what_a_worker_has_loaded_is_not_collected() -> None:
    assert computing._prepare(Prepare("fast", is_used=True)) == "fast"
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    assert frozen > 1_000


# Conversations.


RTTM = (
    b"SPEAKER clip 1 0 0.6 <NA> <NA> anna <NA> <NA>\n"
    b"SPEAKER clip 1 0.6 3 <NA> <NA> bert <NA> <NA>\n"
)
NAMELESS = b"1\n00:00:01,000 --> 00:00:02,000\nHello.\n"
SRT = b"1\n00:00:00,100 --> 00:00:00,500\nHello.\n\n2\n00:00:01,000 --> 00:00:03,000\nNot again.\n"


def send(service: Service, path: str, clip: Path, **fields: str | bytes) -> Any:
    files = {key: (key, value) for key, value in fields.items() if isinstance(value, bytes)}
    files["file"] = ("clip.wav", clip.read_bytes())
    texts = {key: value for key, value in fields.items() if isinstance(value, str)}
    with service.client() as client:
        return client.post(path, files=files, data=texts)


def test_speakers_and_a_transcript_are_those_of_the_command_line(
    both: Service, clip: Path, run: Run
) -> None:
    Path("clip.rttm").write_bytes(RTTM)
    Path("clip.srt").write_bytes(SRT)
    command = ("timeline", "clip.wav", "--speakers", "clip.rttm", "--transcript", "clip.srt")
    for form, level in (("json", "segments"), ("csv", "turns"), ("csv", "sentences")):
        expected = run(*command, "--format", form, "--level", level)
        answer = send(
            both,
            "/v1/emotion",
            clip,
            speakers=RTTM,
            transcript=SRT,
            response_format=form,
            level=level,
        )
        assert answer.status_code == 200, answer.text
        assert answer.text == expected.out


def test_a_transcription_is_openais_with_emotions(both: Service, clip: Path) -> None:
    path = "/v1/audio/transcriptions"
    asked = {"speakers": RTTM, "transcript": SRT, "model": "whisper-1", "language": "en"}
    assert send(both, path, clip, **asked).json() == {"text": "Hello. Not again."}
    plain = send(both, path, clip, response_format="text", **asked)
    assert plain.text == "Hello. Not again.\n"
    assert "Not again." in send(both, path, clip, response_format="srt", **asked).text
    document = send(both, path, clip, response_format="diarized_json", **asked).json()
    assert document["task"] == "transcribe"
    assert document["duration"] == pytest.approx(3.6)
    first, second = document["segments"]
    assert first["speaker"], second["speaker"] == ("anna", "bert")
    assert (second["start"], second["end"], second["text"]) == (1.0, 3.0, "Not again.")
    assert second["id"] == "seg_1"
    assert second["probabilities"][second["emotion"]] == second["confidence"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"speakers": b"no turns"}, "invalid_annotation"),
        ({"speakers": RTTM, "timeline": "false"}, "invalid_option"),
        ({"level": "turns", "timeline": "true"}, "invalid_option"),
        ({"level": "turns", "transcript": NAMELESS}, "invalid_annotation"),
        ({"level": "windows"}, "invalid_option"),
        ({"level": "sentences", "speakers": RTTM}, "invalid_option"),
        ({"level": "foo"}, "invalid_option"),
        ({"speakers": RTTM.replace(b"0.6 3", b"0.6 300")}, "invalid_annotation"),
    ],
)
def test_bad_files_of_speakers_are_refused(
    both: Service, clip: Path, fields: dict[str, str | bytes], code: str
) -> None:
    answer = send(both, "/v1/emotion", clip, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code
