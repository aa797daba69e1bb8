"""Streams end in order, whatever the client does."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RATE_HZ, voice
from support.services import (
    Service,
    begin,
    receive,
    receive_all,
    run_service,
    to_pcm,
)
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

TOKEN = "a-token-that-nobody-guesses"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Server with small limits and a token."""
    settings = {
        "concurrency": 1,
        "max_streams": 2,
        "stream_buffer_seconds": 2,
        "stream_minutes": 0.5,
        "token": TOKEN,
    }
    with run_service(tmp_path_factory.mktemp("strict") / "log", **settings) as running:
        yield running


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Server that waits little for messages: only for tests of that, as a busy machine is slow."""
    log = tmp_path_factory.mktemp("impatient") / "log"
    with run_service(log, concurrency=1, stream_idle_seconds=4) as running:
        yield running


def connect(service: Service) -> ClientConnection:
    return service.connect(additional_headers={"Authorization": f"Bearer {TOKEN}"})


def end(connection: ClientConnection) -> tuple[list[dict[str, Any]], int | None]:
    """Events to the end, and the code of closing."""
    events = []
    try:
        while True:
            events.append(json.loads(connection.recv(timeout=180)))
    except ConnectionClosed as closed:
        return events, closed.rcvd.code if closed.rcvd else None


def assert_error(events: list[dict[str, Any]], code: str) -> None:
    *_, error, closed = events
    assert error["type"] == "error"
    assert error["error"]["code"] == code
    assert closed["type"] == "session.closed"
    assert closed["reason"] == code


@pytest.mark.slow
def test_a_client_that_never_speaks_is_sent_away(impatient: Service) -> None:
    with impatient.connect() as connection:
        events, code = end(connection)
    assert_error(events, "idle_timeout")
    assert code == 4408


@pytest.mark.slow
def test_silence_after_the_settings_is_idle_but_a_sign_of_life_is_not(impatient: Service) -> None:
    with impatient.connect() as connection:
        begin(connection)
        start = time.monotonic()
        for _ in range(4):
            time.sleep(1)
            connection.send('{"type": "KeepAlive"}')
        events, code = end(connection)
    assert_error(events, "idle_timeout")
    assert code == 4408
    assert time.monotonic() - start > 7  # 4 s of signs, then 4 s of silence


@pytest.mark.slow
def test_a_stream_ends_at_the_limit_of_time(strict: Service) -> None:
    with connect(strict) as connection:
        begin(connection)
        try:
            for _ in range(90):
                connection.send('{"type": "KeepAlive"}')
                time.sleep(0.5)
        except ConnectionClosed:
            pass
        events, code = end(connection)
    assert_error(events, "time_limit")
    assert code == 4410


@pytest.mark.parametrize(
    "message",
    ["hello", "{}", "[1]", '{"type": "Sing"}', '{"type": "KeepAlive"}', b"\0\0", "[" * 10_000],
)
def test_a_stream_begins_with_its_settings(service: Service, message: str | bytes) -> None:
    with service.connect() as connection:
        connection.send(message)
        events, code = end(connection)
    is_known = message in (b"\0\0", '{"type": "KeepAlive"}')
    assert_error(events, "session_update_expected" if is_known else "invalid_message")
    assert code == 4400


@pytest.mark.parametrize(
    "settings",
    [
        {"sample_rate": 7_999},
        {"sample_rate": 192_001},
        {"encoding": "mulaw"},
        {"channels": 0},
        {"channels": 9},
        {"rate": 16_000},
        {"uncertain_below": 2},
    ],
)
def test_settings_out_of_range_are_refused(service: Service, settings: dict[str, Any]) -> None:
    with service.connect() as connection:
        event = begin(connection, **settings)
        assert event["error"]["code"] == "invalid_message"


def test_an_unknown_model_is_refused(service: Service) -> None:
    with service.connect() as connection:
        assert begin(connection, model="/etc/passwd")["error"]["code"] == "invalid_option"


def test_text_for_sound_is_refused(service: Service) -> None:
    with service.connect() as connection:
        begin(connection)
        connection.send("UklGRg==")
        events, code = end(connection)
    assert_error(events, "invalid_message")
    assert code == 4400


def test_half_a_sample_is_refused(service: Service) -> None:
    with service.connect() as connection:
        begin(connection, channels=2)
        connection.send(bytes(6))
        events, code = end(connection)
    assert_error(events, "broken_frame")
    assert code == 4400


def test_sound_that_is_no_number_is_refused(service: Service) -> None:
    with service.connect() as connection:
        begin(connection, encoding="f32le")
        connection.send(np.full(16_000, np.nan, "<f4").tobytes())
        events, code = end(connection)
    assert_error(events, "unusable")
    assert code == 4422


@pytest.mark.slow
def test_sound_ahead_of_real_time_ends_the_stream(strict: Service) -> None:
    with connect(strict) as connection:
        begin(connection)
        try:
            for _ in range(100):
                connection.send(bytes(2 * RATE_HZ))
        except ConnectionClosed:
            pass
        events, code = end(connection)
    assert_error(events, "ahead_of_real_time")
    assert code == 4429


@pytest.mark.slow
def test_a_flood_of_messages_ends_the_stream(service: Service) -> None:
    with service.connect() as connection:
        begin(connection)
        try:
            for _ in range(200_000):
                connection.send('{"type": "KeepAlive"}')
        except ConnectionClosed:
            pass
        events, code = end(connection)
    assert_error(events, "too_many_messages")
    assert code == 4429
    assert service.post().status_code == 200


def test_a_huge_message_ends_the_stream(service: Service) -> None:
    with service.connect() as connection:
        begin(connection)
        with suppress(ConnectionClosed):
            connection.send(bytes(5_000_000))
        assert end(connection)[1] in (1009, None)  # None where the reset came first
    assert service.post().status_code == 200


def test_more_streams_than_allowed_are_refused(strict: Service) -> None:
    with connect(strict) as first, connect(strict) as second:
        assert begin(first, channels=2)["type"] == "session.created"
        assert begin(second)["error"]["code"] == "overloaded"
        assert end(second)[1] == 4503
        first.send('{"type": "CloseStream"}')
        receive_all(first)
    with connect(strict) as third:
        assert begin(third)["type"] == "session.created"


def test_the_token_is_needed(strict: Service) -> None:
    with pytest.raises(InvalidStatus) as refused, strict.connect():
        pass
    assert refused.value.response.status_code == 401
    assert b"missing_token" in (refused.value.response.body or b"")
    with strict.connect(subprotocols=["voxaffect", f"bearer.{TOKEN}"]) as connection:
        assert connection.subprotocol == "voxaffect"


def test_pages_of_other_sites_are_refused(service: Service) -> None:
    with pytest.raises(InvalidStatus) as refused, service.connect(origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_finalize_gives_what_is_decided_and_goes_on(service: Service) -> None:
    sound = to_pcm(voice(4, seconds=2))
    with service.connect() as connection:
        begin(connection, interim=False)
        finals = []
        for _ in range(2):
            connection.send(sound)
            connection.send('{"type": "Finalize"}')
            while (event := receive(connection))["type"] != "session.finalized":
                finals.append(event)
        connection.send('{"type": "CloseStream"}')
        events, code = end(connection)
    segments = [event for event in finals if event["type"] == "emotion.segment"]
    length = len(sound) / 2 / RATE_HZ
    assert event["seconds"] == pytest.approx(2 * length)
    assert segments[0]["end"] <= length <= segments[-1]["start"] + 0.5
    assert segments[-1]["end"] <= 2 * length
    assert (events[-1]["reason"], code) == ("closed_by_client", 1000)


def test_each_channel_is_recognized_by_itself(service: Service) -> None:
    pair = np.stack([voice(4, seconds=3), np.zeros(3 * RATE_HZ)], axis=1)
    with service.connect() as connection:
        begin(connection, channels=2)
        connection.send(to_pcm(pair))
        connection.send('{"type": "CloseStream"}')
        events = receive_all(connection)
    kinds = [event["type"] for event in events]
    assert {event["channel_index"] for event in events[:-1]} == {0}
    assert kinds.index("speech.started") < kinds.index("emotion.window")
    assert kinds.index("speech.ended") > kinds.index("emotion.window")


@pytest.mark.slow
def test_a_signal_ends_streams_with_their_last_events(tmp_path: Path) -> None:
    with run_service(tmp_path / "log", concurrency=1) as running, running.connect() as connection:
        begin(connection, interim=False)
        connection.send(to_pcm(voice(4, seconds=3)))
        while running.get_metric('voxaffect_sound_seconds_total{kind="stream"}') < 2.9:
            time.sleep(0.05)
        running.process.send_signal(signal.SIGTERM)
        events, code = end(connection)
        assert running.process.wait(180) == 0
    assert [event["type"] for event in events if "emotion" in event["type"]] == ["emotion.segment"]
    assert events[-1]["reason"] == "shutdown"
    assert code == 1012


def test_a_client_that_vanishes_leaves_nothing(service: Service) -> None:
    with service.connect() as connection:
        begin(connection)
        connection.send(to_pcm(voice(4, seconds=1)))
        connection.socket.shutdown(socket.SHUT_RDWR)
    deadline = time.monotonic() + 60
    while service.get_metric("voxaffect_streams") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert service.get_metric("voxaffect_streams") == 0


@pytest.mark.slow
@LINUX
def test_a_killed_worker_ends_its_streams_and_the_next_one_runs(tmp_path: Path) -> None:
    with run_service(tmp_path / "log", concurrency=1) as running:
        before = set(running.workers)
        with running.connect() as first, running.connect() as second:
            begin(first)
            begin(second)
            (worker,) = set(running.workers) - before
            os.kill(worker, signal.SIGKILL)
            for connection in (first, second):
                connection.send(to_pcm(voice(4, seconds=1)))
                events, code = end(connection)
                assert_error(events, "internal_error")
                assert code == 1011
        with running.connect() as third:
            assert begin(third)["type"] == "session.created"
        assert "Traceback" not in running.log.read_text(encoding="utf-8")


def test_messages_are_never_compressed(service: Service) -> None:
    with service.connect(compression="deflate") as connection:
        assert connection.protocol.extensions == []  # so no small message expands to a large one


def test_a_stream_outlives_a_flood_of_pings(service: Service) -> None:
    with service.connect() as connection:
        for _ in range(2_000):
            connection.ping()
        assert begin(connection)["type"] == "session.created"
        connection.send('{"type": "CloseStream"}')
        assert receive_all(connection)[-1]["reason"] == "closed_by_client"
