"""The page: strict headers, no file but its own, and the numbers of the command line."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from conftest import RATE_HZ, Run, voice
from support.services import EXAMPLE, Service, encode

import voxaffect as va
from voxaffect.corpora.own_table import read_table
from voxaffect.errors import AudioError
from voxaffect.outputs.formats import TIMELINE_FORMATS
from voxaffect.service.app import make_app
from voxaffect.service.errors import ServiceError
from voxaffect.service.jobs import Export, Limits
from voxaffect.service.page import work
from voxaffect.service.page.files import PATHS, ROOT, SECURITY, read_file
from voxaffect.service.settings import Settings
from voxaffect.service.state import State

TOKEN = "a-token-that-nobody-guesses"
STATIC = files("voxaffect.service.page") / "static"
TEXTS = [name for name, form in TIMELINE_FORMATS.items() if form.is_text and name != "html"]
LIMITS = Limits(max_seconds=60, max_channels=2, max_rate_hz=48_000, memory_bytes=4_000_000_000)


@lru_cache
def make_bare_app(**settings: Any) -> Any:
    return make_app(State(Settings(**settings)))


def ask(path: str, *, headers: dict[str, str] | None = None, **settings: Any) -> httpx.Response:
    """Answer of an application that has no workers."""

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(make_bare_app(**settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(get())


@pytest.mark.parametrize("path", sorted(PATHS))
def test_a_static_file_has_strict_headers(path: str) -> None:
    answer = ask(path, token=TOKEN)
    assert answer.status_code == 200
    assert answer.content == read_file(path).content
    assert {name: answer.headers[name] for name in SECURITY} == SECURITY
    assert answer.headers["cache-control"] == "no-cache"
    again = ask(path, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == SECURITY["Content-Security-Policy"]


def test_the_policy_allows_own_files_alone() -> None:
    policy = SECURITY["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "microphone=(self)" in SECURITY["Permissions-Policy"]


def test_the_page_names_no_other_host_and_has_nothing_inline() -> None:
    names = [one for one in STATIC.iterdir() if one.is_file()]
    for text in (one.read_text(encoding="utf-8") for one in names):
        addresses = re.findall(r"\bhttps?://[^\s\"'`<]+", text)
        assert {*addresses} <= {"http://www.w3.org/2000/svg", "http://127.0.0.1,"}
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*src=)", html)


def test_every_file_of_the_page_is_served_and_no_other() -> None:
    served = {path.removeprefix("/page/") for path in PATHS} - {ROOT} | {"index.html"}
    assert {one.name for one in STATIC.iterdir() if one.is_file()} <= served
    for path in sorted(PATHS):
        if path.endswith(".js"):
            imports = re.findall(r'from "([^"]+)"', read_file(path).content.decode())
            assert {*imports} <= PATHS, path


def test_each_sentence_and_identifier_that_a_script_names_is_in_the_page() -> None:
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    scripts = [one for one in STATIC.iterdir() if one.name.endswith(".js")]
    for text in (one.read_text(encoding="utf-8") for one in scripts):
        for name in re.findall(r'getSentence\("([\w-]+)"', text):
            assert f'data-name="{name}"' in html
        for name in re.findall(r'byId\("([\w-]+)"\)', text):
            assert f'id="{name}"' in html
        for code in re.findall(r'new Problem\("(\w+)"', text):
            assert f'data-code="{code}"' in html


def test_without_the_page_there_is_none() -> None:
    for path in (ROOT, "/page/main.js", "/page/about"):
        assert ask(path, page=False).status_code == 404
        assert ask(path, page=False, token=TOKEN).status_code == 401


def test_data_needs_the_token() -> None:
    assert ask("/page/about", token=TOKEN).status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/page/../settings.py",
        "/page/%2e%2e/settings.py",
        "/page/..%2fsettings.py",
        "/page/..%5c..%5csettings.py",
        "/page/static/index.html",
        "/page/index.html",
        "/page/main.js/",
        "/page/main.js%00.css",
        "/page//main.js",
        "//etc/passwd",
        "/page/%2fetc%2fpasswd",
        "/page/",
        "/page/work.py",
    ],
)
def test_no_path_leads_to_another_file(service: Service, path: str) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=60) as connection:
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    status = int(answer.split()[1])
    assert status in (404, 307), answer
    assert b"import" not in answer
    assert b"root:" not in answer


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two channels of synthesized speech, in the current folder."""
    monkeypatch.chdir(tmp_path)
    pair = [np.concatenate([voice(seed), voice(seed + 1, seconds=3)]) for seed in (1, 5)]
    soundfile.write("clip.wav", np.stack(pair, axis=1), RATE_HZ, subtype="PCM_16")
    return Path("clip.wav")


def examine(service: Service, content: bytes, name: str = "clip.wav", **fields: str) -> Any:
    with service.client() as client:
        answer = client.post("/page/recording", files={"file": (name, content)}, data=fields)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


@pytest.mark.parametrize("channels", ["mix", "each"])
def test_the_page_has_the_numbers_of_the_command_line(
    service: Service, clip: Path, run: Run, channels: str
) -> None:
    result = examine(service, clip.read_bytes(), channels=channels)
    options = ["--model", "fast", "--channels", channels, "--format", "json"]
    assert result["predictions"] == json.loads(run("predict", clip, *options).out)
    assert result["timelines"] == json.loads(run("timeline", clip, *options).out)
    doctor = json.loads(run("doctor", clip, "--model", "fast", "--format", "json").out)
    assert result["diagnosis"]["findings"] == doctor["results"][0]["findings"]
    view = result["view"]
    assert view["name"] == "clip.wav"
    assert len(view["lanes"]) == len(result["timelines"]["results"])


def test_every_download_is_what_timeline_writes(clip: Path, run: Run) -> None:
    results = [one.to_dict() for one in va.timeline(clip, model="fast")]
    run("timeline", clip, "--model", "fast", "--format", ",".join(TEXTS), "-o", "out")
    for name in TEXTS:
        form = TIMELINE_FORMATS[name]
        stem = "emotions" if form.holds == "all" else "clip"
        text = Path("out", f"{stem}{form.suffix}").read_text(encoding="utf-8")
        if name == "eaf":  # the server does not know where the recording is
            text = re.sub(r" *<MEDIA_DESCRIPTOR[^>]*>\n", "", text)
            text = re.sub(r"(<HEADER[^>]*)>\s*</HEADER>", r"\1 />", text)
        assert run_export(results, name) == text, name


@pytest.fixture(scope="module")
def original() -> dict[str, Any]:
    """Result of a timeline."""
    samples = np.concatenate([voice(1), np.zeros(RATE_HZ, np.float32), voice(2, seconds=3)])
    (timeline,) = va.timeline(samples, rate_hz=RATE_HZ, name="clip.wav", model="fast")
    return timeline.to_dict()


@pytest.fixture
def corrected(original: dict[str, Any]) -> list[dict[str, Any]]:
    """The result after a person corrected its first segment."""
    result: dict[str, Any] = json.loads(json.dumps(original))
    first = result["segments"][0]
    first["model_emotion"] = first["emotion"]
    first["emotion"] = "sad" if first["emotion"] != "sad" else "angry"
    first["uncertain"] = True
    return [result]


def run_export(results: Any, response_format: str, **fields: Any) -> str:
    body = {"results": results, "response_format": response_format, "model": "fast", **fields}
    job = Export(json.dumps(body).encode(), {"fast": "fast"})
    content: bytes = work.run(job, LIMITS).content
    return content.decode()


def test_a_page_of_a_recording_reads_no_file_that_a_client_names(
    corrected: list[dict[str, Any]], clip: Path
) -> None:
    own = change(corrected, "source", str(clip.absolute()))
    for sent in ("", base64.b64encode(b"no sound").decode()):
        with pytest.raises((ServiceError, AudioError)):
            run_export(own, "html", content=sent)
    mono = base64.b64encode(encode(voice(1))).decode()
    with pytest.raises(ServiceError, match="the sound has 1 channels"):
        run_export(change(own, "channel", "2"), "html", content=mono)
    html = run_export(change(own, "seconds", 50.0), "html", content=mono)
    assert "</html>" in html


def test_the_page_of_a_recording_is_that_of_the_command_line(clip: Path, run: Run) -> None:
    results = [one.to_dict() for one in va.timeline(clip, model="fast")]
    run("timeline", clip, "--model", "fast", "-o", "clip.html")
    sent = base64.b64encode(clip.read_bytes()).decode()
    expected = Path("clip.html").read_text(encoding="utf-8")
    assert run_export(results, "html", content=sent) == expected


@pytest.mark.parametrize(
    "name", [name for name in TEXTS if name not in ("rttm", "labelstudio_config", "summary_csv")]
)
def test_no_format_shows_a_correction_as_a_prediction(
    corrected: list[dict[str, Any]], name: str
) -> None:
    first = corrected[0]["segments"][0]
    text = run_export(corrected, name)
    assert re.search(f"model.?emotion|model: {first['model_emotion']}", text, re.IGNORECASE)
    assert first["emotion"] in text


def test_speakers_and_words_come_back_in_every_format(original: dict[str, Any]) -> None:
    first = {**original["segments"][0], "speaker": "Ann", "text": "<b>Not again.</b>"}
    start, end = first["start_seconds"], first["end_seconds"]
    shared = {"start_seconds": start, "end_seconds": end}
    turn = {**first, "overlap_seconds": 0.5}
    lone = {**turn, "emotion": None, "confidence": None, "probabilities": {}, "speaker": "Ben"}
    talk = {
        **original,
        "segments": [first],
        "turns": [turn, lone],
        "sentences": [turn],
        "overlaps": [{**shared, "speakers": ["Ann", "Ben"]}],
    }
    for name in (one for one in TEXTS if "labelstudio" not in one):
        assert "Ann" in run_export([talk], name), name
    assert "Ann, Ben" in run_export([talk], "eaf")
    assert "Ann: <b>Not again.</b> [" in run_export([talk], "srt")
    assert json.loads(run_export([talk], "json"))["results"][0]["turns"][1]["emotion"] is None
    for path in ("turns.0", "sentences.0", "overlaps.0"):
        with pytest.raises(ServiceError, match="within the recording"):
            run_export(change([talk], f"{path}.end_seconds", 1e9), "eaf")
    with pytest.raises(ServiceError, match="overlap_seconds"):
        run_export(change([talk], "turns.1.overlap_seconds", -1.0), "eaf")
    with pytest.raises(ServiceError, match="probabilities"):
        run_export(change([talk], "turns.0.probabilities", {"sad": 1.0}), "eaf")


def test_a_corrected_segment_keeps_the_probabilities(corrected: list[dict[str, Any]]) -> None:
    first = corrected[0]["segments"][0]
    document = json.loads(run_export(corrected, "json"))
    assert document["results"][0]["segments"][0] == {
        **first,
        "confidence": first["probabilities"][first["emotion"]],
        "uncertain": False,  # a person has decided
    }
    others = document["results"][0]["segments"][1:]
    assert not any("model_emotion" in segment for segment in others)
    assert run_export(document["results"], "json") == run_export(corrected, "json")


@pytest.mark.parametrize("is_checked", [False, True])
def test_labels_are_a_table_that_train_reads(
    corrected: list[dict[str, Any]], clip: Path, is_checked: bool
) -> None:
    table = clip.absolute().with_name("labels.csv")
    table.write_text(run_export(corrected, "training", with_unchanged=is_checked), encoding="utf-8")
    segments = corrected[0]["segments"]
    expected = segments if is_checked else segments[:1]
    assert [
        (one.path.name, one.start_seconds, one.end_seconds, one.emotion)
        for one in read_table(table).utterances
    ] == [
        ("clip.wav", one["start_seconds"], one["end_seconds"], one["emotion"]) for one in expected
    ]


def test_labels_of_several_channels_are_refused(corrected: list[dict[str, Any]]) -> None:
    second = {**corrected[0], "channel": "2"}
    with pytest.raises(ServiceError, match="mixes the channels"):
        run_export([corrected[0], second], "training")


def change(results: list[dict[str, Any]], path: str, value: Any) -> list[dict[str, Any]]:
    """Results with another value at a path such as ``segments.0.emotion``."""
    copy = json.loads(json.dumps(results))
    *keys, last = [int(key) if key.isdecimal() else key for key in path.split(".")]
    part: Any = copy[0]
    for key in keys:
        part = part[key]
    part[last] = value
    return list(copy)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("channel", "../../etc"),
        ("channel", "9" * 5_000),
        ("channel", "٣"),
        ("seconds", 1e300),
        ("seconds", -1.0),
        ("seconds", "long"),
        ("emotions", ["happy"]),
        ("emotions", []),
        ("segments.0.emotion", "<script>"),
        ("segments.0.model_emotion", "=HYPERLINK(1)"),
        ("segments.0.start_seconds", -1.0),
        ("segments.0.end_seconds", 0.0),
        ("segments.0.end_seconds", 1e9),
        ("segments.0.probabilities", {}),
        ("segments.0.probabilities", {"happy": 1.0}),
        ("segments.0.probabilities.happy", 1e308),
        ("segments.0.probabilities.happy", None),
        ("windows.0.probabilities.sad", -1e-9),
        ("windows.0.end_seconds", 1e9),
        ("segments", 5),
    ],
)
def test_a_hostile_document_is_refused(
    corrected: list[dict[str, Any]], path: str, value: Any
) -> None:
    with pytest.raises(ServiceError) as refused:
        run_export(change(corrected, path, value), "csv")
    assert refused.value.status == 400
    assert len(refused.value.message) < 1_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"null",
        b'{"results": [NaN]}',
        b'{"results": [], "response_format": "csv", "model": "fast"}',
        b'{"results": [], "response_format": "csv", "model": "/etc/passwd"}',
        b'{"results": [], "response_format": "csv", "model": "fast", "path": "/tmp/x"}',
    ],
)
def test_a_body_that_is_no_document_is_refused(body: bytes) -> None:
    with pytest.raises(ServiceError) as refused:
        work.run(Export(body, {"fast": "fast"}), LIMITS)
    assert refused.value.status == 400


@pytest.mark.parametrize("key", ["source", "channel_name"])
@pytest.mark.parametrize("value", ["../../x\n[evil].wav", "a" * 10_000, "\x1b[31m", ""])
def test_a_hostile_name_is_text_alone(
    corrected: list[dict[str, Any]], key: str, value: str
) -> None:
    for name in TEXTS:
        text = run_export(change(corrected, key, value), name)
        assert "\x1b" not in text
        assert "a" * 200 not in text


def test_an_unknown_format_and_too_many_lanes_are_refused(
    corrected: list[dict[str, Any]],
) -> None:
    for results, name in (
        (corrected, "exe"),
        (corrected, "table' --"),
        (corrected * 65, "csv"),
        ([corrected[0], {**corrected[0], "source": "other.wav"}], "csv"),
        ([corrected[0], {**corrected[0], "channel": "2"}], "srt"),
        (corrected, "html"),
    ):
        with pytest.raises(ServiceError) as refused:
            run_export(results, name)
        assert refused.value.status == 400


def test_a_recording_without_speech_is_answered_with_its_findings(service: Service) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 3 * RATE_HZ)
    result = examine(service, encode(noise))
    assert result["predictions"]["results"][0]["result"] == "no speech"
    topics = {one["topic"]: one["verdict"] for one in result["diagnosis"]["findings"]}
    assert topics["speech"] == "problem"


def test_errors_of_the_routes_are_objects(service: Service) -> None:
    with service.client() as client:
        refused = client.post("/page/recording", files={"file": ("a.txt", b"no sound")})
        unknown = client.post("/page/recording?vad=energy", content=EXAMPLE)
        empty = client.post("/page/export", content=b"")
        null = client.post("/page/export", content=b"null")
    assert (refused.status_code, refused.json()["error"]["code"]) == (415, "unsupported_format")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "invalid_option")
    assert (empty.status_code, null.status_code) == (400, 400)
    assert null.json()["error"]["code"] == "invalid_json"


def test_the_server_describes_itself_to_the_page(service: Service) -> None:
    with service.client() as client:
        about = client.get("/page/about").json()
    assert [model["id"] for model in about["models"]] == ["fast"]
    names = [emotion["name"] for emotion in about["models"][0]["emotions"]]
    assert names == list(va.load("fast").emotions)
    assert "Article 5(1)(f)" in about["notice"]
    assert {"csv", "srt", "textgrid"} <= {one["name"] for one in about["timeline_formats"]}
