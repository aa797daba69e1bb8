"""Downloads from servers that are hostile, slow or broken, and several at once."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from support.servers import serve

from voxaffect.corpora import CORPORA, Download
from voxaffect.corpora.download import download
from voxaffect.corpora.transfer import Transfer, fetch_small
from voxaffect.corpora.unpacking import LIST_NAME, find_missing, unpack
from voxaffect.errors import DownloadError
from voxaffect.files import lock_folder

Answer = Callable[[BaseHTTPRequestHandler], object]


def _zip(count: int, *, size: int = 2_000) -> bytes:
    buffer, numbers = io.BytesIO(), random.Random(count)
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(count):
            archive.writestr(f"wav/{number:03}a01Fa.wav", numbers.randbytes(size))
    return buffer.getvalue()


ARCHIVE = _zip(40)


@dataclass
class Server:
    """A server that gives one answer to all."""

    address: str = ""
    answer: Answer = lambda handler: handler.send_error(500)
    count: int = 0

    def archive(self, content: bytes = ARCHIVE, **changes: object) -> Download:
        given = {
            "url": self.address,
            "file": "emodb.zip",
            "size": len(content),
            "checksum": "md5:" + hashlib.md5(content).hexdigest(),
        }
        return Download(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        state.count += 1
        state.answer(handler)

    with serve(answer) as address:
        state.address = f"{address}/emodb.zip"
        yield state


def _send(content: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(int(headers.get("status", "200")))
        for name, value in headers.items():
            if name != "status":
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def _endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(bytes(1 << 16))


def _drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while True:
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.02)


def _drip_headers(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n")
    for number in range(200):
        handler.wfile.write(f"X-{number}: 1\r\n".encode())
        handler.wfile.flush()
        time.sleep(0.02)


def _break_off(handler: BaseHTTPRequestHandler) -> None:
    start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Range", f"bytes {start}-9999/10000")
    handler.send_header("Content-Length", str(10_000 - start))
    handler.end_headers()
    handler.wfile.write(b"x")


def _fetch(server: Server, part: Path, **how: object) -> bytes:
    given = {"progress": False, "pause_seconds": 0.01, "slow_seconds": 0.3} | how
    Transfer(server.address, part, **given).fetch(part.with_name("output"))  # type: ignore[arg-type]
    return part.with_name("output").read_bytes()


# Too much


def test_more_than_the_stated_size_is_refused_at_once(server: Server, tmp_path: Path) -> None:
    server.answer = _endless
    part = tmp_path / "a.part"
    with pytest.raises(DownloadError, match="sends more than the 100,000 bytes that it should"):
        _fetch(server, part, size=100_000)
    assert not part.exists()
    assert server.count == 1


@pytest.mark.parametrize("length", [len(ARCHIVE) - 1, 10**12])
def test_another_size_than_the_stated_is_refused_before_the_transfer(
    server: Server, tmp_path: Path, length: int
) -> None:
    server.answer = _send(b"", Content_Length=str(length))
    message = f"announces {length:,} bytes, expected {len(ARCHIVE):,}"
    with pytest.raises(DownloadError, match=message):
        download("emodb", tmp_path, downloads=[server.archive()], progress=False)
    assert server.count == 1


def test_a_record_without_end_is_refused(server: Server) -> None:
    server.answer = _endless
    with pytest.raises(DownloadError, match="sends more than 5,000 bytes, expected a short record"):
        fetch_small(server.address, limit=5_000)


# Too slow


@pytest.mark.parametrize("answer", [_drip, _drip_headers, _break_off])
def test_a_server_that_drips_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr("voxaffect.corpora.transfer._TIMEOUT_SECONDS", 0.5)
    server.answer = answer
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"too slow, .* it will resume"):
        _fetch(server, tmp_path / "a.part", size=10_000)
    assert time.monotonic() - start < 60  # an endless answer


@pytest.mark.parametrize("answer", [_drip, _drip_headers])
def test_a_record_that_drips_is_given_up(server: Server, answer: Answer) -> None:
    server.answer = answer
    with pytest.raises(DownloadError, match="too slow, no answer in"):
        fetch_small(server.address, limit=10**6, seconds=0.4)


def test_a_slow_server_that_brings_enough_is_waited_for(server: Server, tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "8000")
        handler.end_headers()
        for _ in range(8):
            handler.wfile.write(bytes(1000))
            handler.wfile.flush()
            time.sleep(0.1)

    server.answer = answer
    assert _fetch(server, tmp_path / "a.part") == bytes(8000)


# Wrong


@pytest.mark.parametrize(
    "record",
    [
        b"[" * 200_000,
        b'{"files": ' + b"[" * 200_000,
        b'{"files": 3}',
        b"\xff\xfe",
        b"null",
        b'{"files": [{"key": "emodb.zip", "size": 1e400, "checksum": "md5:%s"}]}' % (b"0" * 32),
        b'{"files": [{"key": "emodb.zip", "size": -5, "checksum": "md5:%s"}]}' % (b"0" * 32),
        b'{"files": [{"key": "emodb.zip", "size": true, "checksum": "md5:%s"}]}' % (b"0" * 32),
        b'{"files": [{"key": "emodb.zip", "size": 5, "checksum": "md5:x"}]}',
        b'{"files": [{"key": "emodb.zip", "size": 5, "checksum": 7}]}',
        b'{"files": [{"key": [], "size": 5}]}',
    ],
    ids=range(11),
)
def test_a_record_that_is_none_is_explained(server: Server, tmp_path: Path, record: bytes) -> None:
    server.answer = _send(record)
    archive = server.archive(checksum=None, size=None, listing=server.address)
    with pytest.raises(DownloadError, match=r"does not state size and checksum of emodb\.zip"):
        download("emodb", tmp_path, downloads=[archive], progress=False)


@pytest.mark.parametrize("length", ["abc", "-5", "1.5", "1" * 30, "²"])
def test_a_length_that_is_no_number_is_named(server: Server, tmp_path: Path, length: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: %s\r\n\r\n" % length.encode())

    server.answer = answer
    with pytest.raises(DownloadError, match=r"states the length '.*', expected a number of bytes"):
        _fetch(server, tmp_path / "a.part")


def test_a_refused_range_that_nobody_asked_for_is_named(server: Server, tmp_path: Path) -> None:
    server.answer = _send(b"", status="416")
    with pytest.raises(DownloadError, match="the server answered 416"):
        _fetch(server, tmp_path / "a.part")


def test_a_part_that_the_server_refuses_is_begun_again(server: Server, tmp_path: Path) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        is_part = "Range" in handler.headers
        (_send(b"", status="416") if is_part else _send(ARCHIVE))(handler)

    server.answer = answer
    part = tmp_path / "a.part"
    part.write_bytes(b"x" * 10)
    assert _fetch(server, part, size=len(ARCHIVE)) == ARCHIVE


def test_an_empty_archive_is_refused(server: Server, tmp_path: Path) -> None:
    empty = _zip(0)
    server.answer = _send(empty)
    with pytest.raises(DownloadError, match="holds no file"):
        download("emodb", tmp_path, downloads=[server.archive(empty)], progress=False)
    assert not (tmp_path / "emodb").exists()


def test_an_archive_of_folders_alone_is_empty_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.mkdir("wav")
    with pytest.raises(DownloadError, match="holds no file"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


# Two at once


def test_downloads_at_once_leave_one_whole_folder(server: Server, tmp_path: Path) -> None:
    server.answer = _send(ARCHIVE, Content_Length=str(len(ARCHIVE)))

    def act(_: int) -> Path:
        return download("emodb", tmp_path, downloads=[server.archive()], progress=False)

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(act, range(6))) == {tmp_path}
    assert server.count == 1
    assert len(list((tmp_path / "emodb").rglob("*.wav"))) == 40
    assert [path.name for path in tmp_path.iterdir()] == ["emodb"]


_PROGRAM = """
import sys
from pathlib import Path
from voxaffect.corpora import Download
from voxaffect.corpora.download import download
url, checksum, folder = sys.argv[1:]
archive = Download(url=url, file="emodb.zip", checksum=checksum)
download("emodb", folder, downloads=[archive], progress=False)
"""


def test_processes_at_once_leave_one_whole_folder(server: Server, tmp_path: Path) -> None:
    server.answer = _send(ARCHIVE, Content_Length=str(len(ARCHIVE)))
    archive = server.archive()
    command = [sys.executable, "-c", _PROGRAM, archive.url, str(archive.checksum), str(tmp_path)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    assert len(list((tmp_path / "emodb").rglob("*.wav"))) == 40
    assert server.count == 1


@pytest.mark.parametrize("damage", ["missing", "short", "a folder"])
def test_an_incomplete_folder_is_repaired(server: Server, tmp_path: Path, damage: str) -> None:
    server.answer = _send(ARCHIVE)
    archive = server.archive()
    download("emodb", tmp_path, downloads=[archive], progress=False)
    victim = tmp_path / "emodb" / "wav" / "007a01Fa.wav"
    content = victim.read_bytes()
    (tmp_path / "emodb" / "notes.txt").write_text("mine")
    victim.unlink()
    if damage == "short":
        victim.write_bytes(content[:100])
    elif damage == "a folder":
        (victim.with_name("038a01Fa.wav")).unlink()
    assert find_missing(tmp_path / "emodb")
    download("emodb", tmp_path, downloads=[archive], progress=False)
    assert victim.read_bytes() == content
    assert not find_missing(tmp_path / "emodb")
    assert (tmp_path / "emodb" / "notes.txt").read_text() == "mine"
    download("emodb", tmp_path, downloads=[archive], progress=False)
    assert server.count == 2


def test_an_official_folder_of_another_size_is_repaired(server: Server, tmp_path: Path) -> None:
    """An older voxaffect kept no list, and could leave a part of the corpus."""
    server.answer = _send(ARCHIVE)
    name = CORPORA["emodb"].downloads[0].file
    folder = tmp_path / Path(name).stem / "wav"
    folder.mkdir(parents=True)
    (folder / "000a01Fa.wav").touch()
    download("emodb", tmp_path, downloads=[server.archive(file=name)], progress=False)
    assert len(list(folder.glob("*.wav"))) == 40
    assert (folder / "000a01Fa.wav").stat().st_size == 2_000


@pytest.mark.parametrize(
    "content", ["", "{}", '{"files": {}}', '{"files": {"a": "x"}}', "[" * 9999]
)
def test_a_list_of_files_that_is_none_tells_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / LIST_NAME).write_text(content)
    assert find_missing(tmp_path) is None


def test_the_list_names_every_file_with_its_size(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    unpack(tmp_path / "a.zip", tmp_path / "out")
    files = json.loads((tmp_path / "out" / LIST_NAME).read_text())["files"]
    assert len(files) == 40
    assert set(files.values()) == {2_000}


def test_litter_of_killed_runs_is_removed(server: Server, tmp_path: Path) -> None:
    server.answer = _send(ARCHIVE)
    (tmp_path / ".unpacking-emodb-x").mkdir()
    (tmp_path / ".unpacking-emodb-x" / "a.wav").touch()
    download("emodb", tmp_path, downloads=[server.archive()], progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["emodb"]


def test_a_lock_is_waited_for_and_said_so(tmp_path: Path) -> None:
    order: list[str] = []
    is_waiting = threading.Event()

    def wait() -> None:
        with lock_folder(tmp_path, is_waiting.set):
            order.append("second")

    with lock_folder(tmp_path):
        thread = threading.Thread(target=wait)
        thread.start()
        assert is_waiting.wait(5)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert os.listdir(tmp_path) == []  # noqa: PTH208
