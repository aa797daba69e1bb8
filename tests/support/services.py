"""Servers of voxaffect on free ports, and sounds that are sent to them."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from websockets.sync.client import ClientConnection, connect

EXAMPLE = (files("voxaffect") / "data" / "example.wav").read_bytes()
START_SECONDS = 120.0
RATE_HZ = 16_000
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Of clients that speak no TLS: httpx would read all certificates for each of them."""


@dataclass
class Service:
    """A server that runs."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **options: Any) -> httpx.Client:
        plain = {"timeout": 120, "trust_env": False, "verify": _NO_TLS}
        return httpx.Client(base_url=self.url, **plain, **options)

    def post(self, content: bytes = EXAMPLE, name: str = "a.wav", **fields: object) -> Any:
        """Answer to an upload as a form."""
        texts = {key: str(value) for key, value in fields.items()}
        with self.client() as client:
            return client.post("/v1/emotion", files={"file": (name, content)}, data=texts)

    def connect(self, **options: Any) -> ClientConnection:
        url = f"ws://127.0.0.1:{self.port}/v1/emotion/stream"
        return connect(url, proxy=None, open_timeout=180, **options)

    def get_metric(self, name: str) -> float:
        with self.client() as client:
            text = client.get("/metrics").text
        match = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(match[1]) if match else 0.0

    @property
    def workers(self) -> list[int]:
        """Identifiers of the worker processes."""
        paths = Path(f"/proc/{self.process.pid}/task").glob("*/children")  # of each thread
        children = " ".join(path.read_text(encoding="ascii") for path in paths).split()
        commands = {int(child): Path(f"/proc/{child}/cmdline") for child in children}
        return [
            child for child, path in commands.items() if b"runtime.processes" in path.read_bytes()
        ]

    def stop(self, seconds: float = 180) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def run_service(
    log: Path, *flags: object, under: Sequence[object] = (), **settings: object
) -> Iterator[Service]:
    """Server with the model ``fast``, unless settings name others; ``under`` is such as strace."""
    values = {"models": "fast", "concurrency": 2, **settings}
    environment = {f"VOXAFFECT_SERVE_{name.upper()}": str(v) for name, v in values.items()}
    command = [*under, sys.executable, "-m", "voxaffect", "serve", "--port", "0", *flags]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*map(str, command)], stderr=stream, env={**os.environ, **environment}
        )
    try:
        service = Service(process, _read_port(process, log), log)
        _wait_until_ready(service)
        yield service
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _read_port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if match := re.search(r"listening on http://\S+:(\d+)", log.read_text(encoding="utf-8")):
            return int(match[1])
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))


def _wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and service.process.poll() is None:
        with suppress(httpx.HTTPError), service.client() as client:
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError(service.log.read_text(encoding="utf-8"))


def read_processor(process: int) -> float:
    """Time of processors that a process has spent, in seconds."""
    text = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    return sum(map(int, text.rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def encode(samples: Any, rate_hz: int = RATE_HZ, form: str = "WAV") -> bytes:
    """Recording of samples."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate_hz, format=form)
    return buffer.getvalue()


def to_pcm(samples: Any) -> bytes:
    """Samples as s16le."""
    return np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def begin(connection: ClientConnection, **settings: object) -> dict[str, Any]:
    """First event of a stream, after its settings were sent."""
    update = {"type": "session.update", "sample_rate": RATE_HZ, "encoding": "s16le", **settings}
    connection.send(json.dumps(update))
    return receive(connection)


def receive(connection: ClientConnection) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(connection.recv(timeout=180))
    return event


def receive_all(connection: ClientConnection) -> list[dict[str, Any]]:
    """Events to the end of the stream."""
    return [json.loads(text) for text in connection]
