"""Whatever strangers send, the service answers with an error of theirs, and goes on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import httpx
import numpy as np
import pytest
from conftest import voice
from support.services import EXAMPLE, Service, encode, read_processor, run_service
from uvicorn import Config
from uvicorn.server import ServerState

from voxaffect.service.protocols import HEAD_SECONDS, READ_SECONDS, HttpProtocol

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
TOKEN = "a-token-that-nobody-guesses"
HEAD = "POST /v1/emotion HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: audio/wav\r\n"


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Server with small limits and a token."""
    settings = {
        "concurrency": 1,
        "queue": 2,
        "max_body_bytes": "2MB",
        "max_seconds": 20,
        "max_channels": 2,
        "upload_seconds": 1,
        "max_connections": 40,
        "token": TOKEN,
        "cors_origins": "https://app.example",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
        with run_service(tmp_path_factory.mktemp("strict") / "log", **settings) as running:
            yield running


def post(service: Service, content: bytes, **headers: Any) -> httpx.Response:
    with service.client() as client:
        own = {"Authorization": f"Bearer {TOKEN}", **headers}
        return client.post("/v1/emotion", content=content, headers=own)


def get_code(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert set(error) == {"type", "code", "message", "param"}
    return str(error["code"])


def exchange(service: Service, text: str, *, closes: bool = False) -> str:
    """Answer to bytes on a connection, up to its end."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=180) as connection:
        connection.sendall(text.encode())
        if closes:
            connection.shutdown(socket.SHUT_WR)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
    return b"".join(parts).decode()


def test_two_gigabytes_are_refused_before_they_are_sent(service: Service) -> None:
    start = time.monotonic()
    answer = exchange(service, f"{HEAD}Content-Length: 2000000000\r\n\r\n")
    assert answer.startswith("HTTP/1.1 413")
    assert '"code": "body_too_large"' in answer
    assert time.monotonic() - start < 60


def test_a_client_that_waits_for_permission_gets_the_refusal(service: Service) -> None:
    head = f"{HEAD}Content-Length: 2000000000\r\nExpect: 100-continue\r\n\r\n"
    assert exchange(service, head).startswith("HTTP/1.1 413")


def test_a_body_without_a_length_stops_at_the_limit(strict: Service) -> None:
    sent = 0

    def send() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(200_000):
            sent += 100_000
            yield bytes(100_000)

    with strict.client() as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = client.post("/v1/emotion", content=send(), headers=headers)
    assert (answer.status_code, get_code(answer)) == (413, "body_too_large")
    assert sent < 20_000_000_000


@pytest.mark.parametrize("query", ["", "?timeline=true"])
def test_hours_of_silence_in_a_small_file_are_refused(strict: Service, query: str) -> None:
    bomb = encode(np.zeros(2 * 3_600 * 8_000, np.int16), 8_000, "FLAC")
    assert len(bomb) < 2_000_000
    with strict.client() as client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        answer = client.post(f"/v1/emotion{query}", content=bomb, headers=headers)
    assert (answer.status_code, get_code(answer)) == (413, "too_long")


def test_too_many_channels_are_refused(strict: Service) -> None:
    answer = post(strict, encode(np.zeros((8_000, 3))))
    assert (answer.status_code, get_code(answer)) == (413, "too_large")


@pytest.mark.slow
def test_a_slow_client_is_sent_away(strict: Service) -> None:
    head = f"{HEAD}Authorization: Bearer {TOKEN}\r\nContent-Length: 1000\r\n\r\nRIFF"
    answer = exchange(strict, head)
    assert answer.startswith("HTTP/1.1 408")
    assert post(strict, EXAMPLE).status_code == 200


def test_idle_connections_beyond_the_limit_are_closed(strict: Service) -> None:
    address = ("127.0.0.1", strict.port)
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(address, timeout=60)) for _ in range(200)
        ]
        for connection in connections:
            connection.setblocking(False)
        deadline = time.monotonic() + 5  # less than a head may take
        while (closed := sum(map(is_closed, connections))) < 90 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert 90 <= closed < 200
    assert post(strict, EXAMPLE).status_code == 200


def is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(("step", "is_closed"), [(0, True), (1, False)])
def test_a_client_that_reads_nothing_is_sent_away(step: int, is_closed: bool) -> None:
    transport = Mock()
    protocol = HttpProtocol(
        Config(Mock(), interface="asgi3", log_config=None), ServerState(), {}, Mock()
    )
    protocol.transport, protocol.cycle = transport, Mock(response_complete=False)
    for number in range(int(READ_SECONDS / HEAD_SECONDS) + 1):
        transport.get_write_buffer_size.return_value = 1_000 - step * number
        protocol._check_head()
    assert transport.abort.called == is_closed


@pytest.mark.slow
def test_a_client_that_sends_no_whole_head_is_cut_off(service: Service) -> None:
    start = time.monotonic()
    assert exchange(service, "POST /v1/emotion HTTP/1.1\r\nHost: 127") == ""
    assert 5 < time.monotonic() - start < 50


def test_a_refused_upload_that_was_sent_is_answered_to_its_end(service: Service) -> None:
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        answer = exchange(service, f"{HEAD}Content-Length: 4\r\n\r\nRIFF")
        assert answer.startswith("HTTP/1.1 4")
        seconds.append(time.monotonic() - start)
    assert min(seconds) < 0.9  # at least a second, if more were waited for


def test_a_half_closed_upload_holds_nothing(service: Service) -> None:
    answer = exchange(service, f"{HEAD}Content-Length: 1000\r\n\r\nRIFF", closes=True)
    assert answer == "" or answer.startswith("HTTP/1.1 4")
    assert service.get_metric("voxaffect_pending_bytes") == 0
    assert service.post().status_code == 200


@pytest.mark.parametrize(
    "lengths",
    [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 6\r\nContent-Length: 5",
        "Content-Length: +6",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Content-Length : 6",
    ],
)
def test_a_length_that_a_proxy_may_read_otherwise_is_refused(
    service: Service, lengths: str
) -> None:
    hidden = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    answers = exchange(service, f"{HEAD}{lengths}\r\n\r\n0\r\n\r\n{hidden}")
    assert answers.startswith("HTTP/1.1 400")
    assert answers.count("HTTP/1.1") == 1  # the request within the body is none


@pytest.mark.parametrize(
    "part",
    [
        "X: y\r\n" * 100_000,
        'Content-Disposition: form-data; name="x"\r\n\r\nv\r\n--b\r\n' * 20_000,
        f'Content-Disposition: form-data; name="file"; filename="{"n" * 1_000_000}"',
        "\r\n" * 1_000_000,
    ],
)
def test_a_form_that_floods_is_refused(service: Service, part: str) -> None:
    body = f"--b\r\n{part}\r\n\r\nv\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    with service.client() as client:
        answer = client.post("/v1/emotion", content=body.encode(), headers=kind)
    assert (answer.status_code, get_code(answer)) == (400, "invalid_form")


@pytest.mark.parametrize(
    "flood", ["X: y\r\n" * 100_000, f"X: {'y' * 1_000_000}", f"X: {'y' * 70_000}\r\n\r\n"]
)
def test_a_head_that_floods_is_cut_off(service: Service, flood: str) -> None:
    with suppress(ConnectionError):  # of what was sent in vain
        assert exchange(service, f"GET /healthz HTTP/1.1\r\n{flood}")[:12] in ("", "HTTP/1.1 400")
    assert service.post().status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"PK\3\4" + bytes(5_000), 415, "unsupported_format"),
        (b"%PDF-1.7 " + bytes(5_000), 415, "unsupported_format"),
        (b"", 400, "missing_file"),
        (encode(np.zeros(16_000)), 422, "silent"),
        (encode(voice(1, seconds=0.1)), 422, "too_short"),
        (EXAMPLE[: len(EXAMPLE) // 2], 422, "cut_short"),
        (encode(np.sin(np.arange(48_000) / 5) * 0.3), 422, "no_speech"),
        (bytes(range(1, 250)) * 20, 415, "unsupported_format"),
    ],
)
def test_what_cannot_be_used_is_named(
    service: Service, content: bytes, status: int, code: str
) -> None:
    with service.client() as client:
        answer = client.post("/v1/emotion", content=content)
    assert (answer.status_code, get_code(answer)) == (status, code)
    message = answer.json()["error"]["message"]
    assert "\n" not in message
    if code == "unsupported_format":
        assert "not readable" in message
        assert "flac" in message  # what is read
    if code == "no_speech":
        assert "Listen to it" in message  # the advice of doctor


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_is_no_recording_is_refused(service: Service, kind: str) -> None:
    with service.client() as client:
        answer = client.post("/v1/emotion", content=b"{}", headers={"Content-Type": kind})
    assert (answer.status_code, get_code(answer)) == (415, "unsupported_body")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\windows\\call.wav", "call.wav"),
        ("/", "upload"),
        ("a\u202egnp.wav", "a\\u202egnp.wav"),
        ("x" * 500, "x" * 100),
        ("$(reboot).wav", "$(reboot).wav"),
        ("-", "-"),
        ("http://example.org/a.wav", "a.wav"),
    ],
)
def test_a_file_name_is_only_a_name(service: Service, name: str, source: str) -> None:
    (result,) = service.post(EXAMPLE, name).json()["results"]
    assert result["source"] == source
    assert service.post(EXAMPLE, name, response_format="eaf").status_code == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"channels": "both"}, "channels"),
        ({"uncertain_below": "nan"}, "uncertain_below"),
        ({"uncertain_below": "2"}, "uncertain_below"),
        ({"response_format": "../srt"}, "response_format"),
        ({"response_format": "srt", "timeline": "false"}, "response_format"),
        ({"response_format": "srt", "channels": "each"}, "channels"),
        ({"response_format": "srt", "level": "windows"}, "level"),
        ({"model": "/etc/passwd"}, "model"),
        ({"modell": "fast"}, "modell"),
    ],
)
def test_an_option_at_fault_is_named(service: Service, fields: dict[str, str], param: str) -> None:
    answer = service.post(**fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"inputs": 5}', b'{"inputs": "A"}', b"[" * 100_000, b'{"inputs": "QUJD"}'],
)
def test_a_classification_of_anything_is_no_fault_of_the_server(
    service: Service, body: bytes
) -> None:
    with service.client() as client:
        headers = {"Content-Type": "application/json"}
        answer = client.post("/v1/classify", content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    get_code(answer)


def test_the_token_is_needed_and_compared(strict: Service) -> None:
    headers: list[tuple[Any, str]] = [
        ("", "missing_token"),
        ("Bearer wrong", "wrong_token"),
        ("Bearer \xff\xe9".encode("latin-1"), "wrong_token"),
    ]
    for header, code in headers:
        answer = post(strict, EXAMPLE, Authorization=header)
        assert (answer.status_code, get_code(answer)) == (401, code)
        assert answer.headers["www-authenticate"] == "Bearer"
    with strict.client() as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/metrics").status_code == 401
        assert client.get("/nowhere").status_code == 401


def test_nothing_is_sent_to_a_collector(strict: Service) -> None:
    assert "telemetry" not in strict.log.read_text(encoding="utf-8")  # FastAPI has not tried it


@pytest.mark.parametrize("origin", ["https://evil.example", "http://[", "null", "http://[::1]:x"])
def test_other_sites_are_refused(strict: Service, origin: str) -> None:
    assert get_code(post(strict, EXAMPLE, Origin=origin)) == "origin_not_allowed"


def test_a_named_site_is_allowed(strict: Service) -> None:
    answer = post(strict, EXAMPLE, Origin="https://app.example")
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


def test_a_foreign_name_for_this_machine_is_refused(service: Service) -> None:
    with service.client() as client:
        answer = client.get("/v1/models", headers={"Host": "rebound.example"})
        assert (answer.status_code, get_code(answer)) == (403, "host_not_allowed")
        for path in ("/healthz", "/readyz"):  # probes ask by any address
            assert client.get(path, headers={"Host": "10.0.0.9"}).status_code == 200
        assert "access-control-allow-origin" not in client.get("/v1/models").headers


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/v1/emotion", 405)]
)
def test_an_unknown_path_or_method_is_an_error_object(
    service: Service, method: str, path: str, status: int
) -> None:
    with service.client() as client:
        answer = client.request(method, path)
    assert answer.status_code == status
    get_code(answer)


def test_transcriptions_are_not_faked(service: Service) -> None:
    with service.client() as client:
        answer = client.post("/v1/audio/transcriptions", files={"file": EXAMPLE})
    assert (answer.status_code, get_code(answer)) == (501, "not_implemented")


def test_of_65_clients_at_once_each_has_an_answer(service: Service) -> None:
    barrier = threading.Barrier(65)

    def ask(_: int) -> httpx.Response:
        with service.client() as client:
            barrier.wait(120)
            answer: Any = client.post("/v1/emotion", content=EXAMPLE)
            return answer

    with ThreadPoolExecutor(65) as executor:
        answers = list(executor.map(ask, range(65)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert sum(answer.status_code == 200 for answer in answers) >= 18  # workers and queue
    assert all(a.headers["retry-after"] for a in answers if a.status_code == 503)
    assert service.post().status_code == 200


def has_ended(process: int) -> bool:
    """True if no thread of a process runs any more; its parent need not have noticed."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except OSError:
        return True
    return len(threads) == 1 and text.rpartition(")")[2].split()[0] == "Z"


@LINUX
def test_a_worker_killed_while_idle_costs_no_answer(tmp_path: Path) -> None:
    with run_service(tmp_path / "log", concurrency=1) as running:
        assert running.post().status_code == 200
        (worker,) = running.workers
        os.kill(worker, signal.SIGKILL)
        while not has_ended(worker):
            time.sleep(0.02)
        assert running.post().status_code == 200
        assert running.get_metric("voxaffect_worker_deaths") == 1


@pytest.mark.slow
@LINUX
def test_a_killed_worker_costs_one_answer(tmp_path: Path) -> None:
    speech = encode(np.tile(voice(1, seconds=3), 100))
    with run_service(tmp_path / "log", concurrency=1) as running, ThreadPoolExecutor(1) as executor:
        running.post()  # the worker is warm then
        (worker,) = running.workers
        begin = read_processor(worker)
        answer = executor.submit(running.post, speech, timeline="true")
        while read_processor(worker) < begin + 0.1:  # it is at work
            time.sleep(0.02)
        os.kill(worker, signal.SIGKILL)
        broken = answer.result()
        assert (broken.status_code, get_code(broken)) == (500, "internal_error")
        assert running.post().status_code == 200
        assert running.get_metric("voxaffect_worker_deaths") == 1
        assert running.stop() == 0
        log = running.log.read_text(encoding="utf-8")
    assert "a worker process was ended by SIGKILL" in log
    assert "Traceback" not in log
    assert "a.wav" not in log  # nothing of an upload


@LINUX
@pytest.mark.parametrize("seconds", [0, 0.1, 0.4])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_at_the_start_ends_the_server(number: int, seconds: float) -> None:
    command = [sys.executable, "-m", "voxaffect", "serve", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "listening" in process.stderr.readline()
        time.sleep(seconds)
        process.send_signal(number)
        try:
            assert process.wait(60) == 0
            assert "Traceback" not in process.stderr.read()
        finally:
            process.kill()


@pytest.mark.slow
def test_a_recording_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    speech = encode(np.tile(voice(1, seconds=3), 200))
    with run_service(tmp_path / "log", concurrency=1, request_seconds=1) as running:
        answer = running.post(speech, timeline="true")
        assert (answer.status_code, get_code(answer)) == (504, "timeout")
        assert running.post(name="b.wav", response_format="csv").status_code in (200, 504)


@pytest.mark.slow
def test_a_signal_under_load_loses_no_accepted_request(tmp_path: Path) -> None:
    with run_service(tmp_path / "log", concurrency=1) as running, ThreadPoolExecutor(5) as executor:
        speech = encode(np.tile(voice(1, seconds=3), 3))
        answers = [executor.submit(running.post, speech, timeline="true") for _ in range(5)]
        while running.get_metric("voxaffect_active_requests") < 6:  # and this one
            assert not any(answer.done() for answer in answers), "too fast for this test"
        for _ in range(2):  # the second one changes nothing
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        assert [answer.result().status_code for answer in answers] == [200] * 5
        assert running.process.wait(180) == 0
        assert "Traceback" not in running.log.read_text(encoding="utf-8")


@pytest.mark.slow
@LINUX
def test_nothing_is_left_behind(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {"TMPDIR": str(folder)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", environment["TMPDIR"])
        with run_service(tmp_path / "log") as running:
            large = encode(np.tile(voice(1, seconds=3), 15))
            assert len(large) > 1 << 20  # more than parsers of forms usually hold in memory
            assert running.post(large).status_code == 200
            assert running.post(large[:-9]).status_code == 422
            assert list(folder.iterdir()) == []
            workers = running.workers
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
