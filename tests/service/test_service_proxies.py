"""The proxies of docs/in-a-service.md, in front of a real server."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import voice
from support.services import EXAMPLE, Service, begin, receive_all, run_service, to_pcm
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

PAGE = Path(__file__).parents[2] / "docs" / "in-a-service.md"
NAME, ADDRESS = "voice.example.org", "127.0.0.1:8000"
BLOCKS = dict(
    re.findall(
        r"^```(nginx|caddyfile)\n(.*?)^```",
        PAGE.read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
)
pytestmark = pytest.mark.slow


class Proxy:
    """A proxy that listens for ``https://voice.example.org`` on a port of the loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def post(self, **options: Any) -> httpx.Response:
        """Answer to an upload that names the host."""
        url = f"https://127.0.0.1:{self.port}/v1/emotion"
        headers = {"Host": NAME, **options.pop("headers", {})}
        with httpx.Client(verify=self.context, trust_env=False, timeout=120) as client:
            server_name = {"sni_hostname": NAME}
            return client.post(url, headers=headers, extensions=server_name, **options)

    def connect(self, origin: str) -> ClientConnection:
        opened = socket.create_connection(("127.0.0.1", self.port))
        url = f"wss://{NAME}/v1/emotion/stream"
        return connect(url, sock=opened, ssl=self.context, origin=origin, open_timeout=60)  # type: ignore[arg-type]


def find_program(name: str) -> str:
    path = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if path is None or shutil.which("openssl") is None:
        pytest.skip(f"needs {name} and openssl")
    return path


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def write_certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "proxy.pem", folder / "proxy.key"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    files = ["-subj", f"/CN={NAME}", "-out", certificate, "-keyout", key]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return certificate, key


def write_nginx(folder: Path, block: str, port: int) -> list[object]:
    """Command that runs nginx with the block of the page."""
    certificate, key = write_certificate(folder)
    block = block.replace("listen 443", f"listen 127.0.0.1:{port}")
    block = block.replace(f"/etc/ssl/{NAME}.pem", str(certificate))
    block = block.replace(f"/etc/ssl/{NAME}.key", str(key))
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in names)
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{paths}{block}}}"
    )
    command = [find_program("nginx"), "-p", folder, "-e", "stderr", "-c", path]
    subprocess.run([*map(str, command), "-t"], check=True, capture_output=True)
    return command


def write_caddy(folder: Path, block: str, port: int) -> list[object]:
    """Command that runs Caddy with the block of the page, and a certificate of its own."""
    address = f"{NAME}:{port} {{\n\ttls internal"
    path = folder / "Caddyfile"
    options = "admin off\n\tauto_https disable_redirects\n\tskip_install_trust"
    options += f"\n\tdefault_bind 127.0.0.1\n\tstorage file_system {folder}/caddy"
    path.write_text(f"{{\n\t{options}\n}}\n" + block.replace(f"{NAME} {{", address))
    command = [find_program("caddy"), "run", "--adapter", "caddyfile", "--config", path]
    check = [find_program("caddy"), "validate", *command[2:]]
    subprocess.run([*map(str, check)], check=True, capture_output=True, env=make_home(folder))
    return command


def make_home(folder: Path) -> dict[str, str]:
    return {"HOME": str(folder), "PATH": "/usr/bin:/bin"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with run_service(tmp_path_factory.mktemp("server") / "log", allowed_hosts=NAME) as running:
        yield running


@pytest.fixture(scope="module", params=["nginx", "caddyfile"])
def proxy(
    server: Service, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxy]:
    folder, port = tmp_path_factory.mktemp("proxy"), find_port()
    block = BLOCKS[request.param]
    assert block.count(ADDRESS) == 1
    block = block.replace(ADDRESS, f"127.0.0.1:{server.port}")
    write = {"nginx": write_nginx, "caddyfile": write_caddy}[request.param]
    command = [*map(str, write(folder, block, port))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=make_home(folder))
    try:
        wait_for_port(port, process)
        yield Proxy(port)
    finally:
        process.terminate()
        process.wait(30)


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with closing(socket.socket()) as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"the proxy does not listen on {port}")


def test_an_upload_passes(proxy: Proxy) -> None:
    sound = {"file": ("call.wav", EXAMPLE)}
    for origin in ({}, {"Origin": f"https://{NAME}"}):  # of a page of the same name
        answer = proxy.post(files=sound, headers=origin)
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][0]["emotion"] == "neutral"
    assert proxy.post(files=sound, headers={"Origin": "https://evil.example"}).status_code == 403


def test_a_body_without_a_length_passes(proxy: Proxy) -> None:
    parts = (EXAMPLE[start : start + 10_000] for start in range(0, len(EXAMPLE), 10_000))
    assert proxy.post(content=parts).status_code == 200


def test_a_body_that_is_too_large_is_refused_when_it_begins(proxy: Proxy) -> None:
    head = f"POST /v1/emotion HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 2000000000\r\n\r\n"
    opened, sent, answer = socket.create_connection(("127.0.0.1", proxy.port)), 0, b""
    with proxy.context.wrap_socket(opened, server_hostname=NAME) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.05)
        while not answer and sent < 10_000_000:
            connection.sendall(bytes(10_000))  # as clients do, until they are refused
            sent += 10_000
            with suppress(TimeoutError):
                answer = connection.recv(100)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_stream_passes(proxy: Proxy) -> None:
    with proxy.connect(f"https://{NAME}") as stream:
        assert begin(stream)["type"] == "session.created"
        stream.send(to_pcm(voice(1, seconds=3)))
        stream.send(json.dumps({"type": "CloseStream"}))
        events = receive_all(stream)
    assert [event["type"] for event in events].count("emotion.segment") >= 1
    assert events[-1]["reason"] == "closed_by_client"


def test_a_stream_of_another_site_is_refused(proxy: Proxy) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        proxy.connect("https://evil.example")
