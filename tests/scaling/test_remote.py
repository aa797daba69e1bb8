"""Recordings and datasets in stores that fsspec opens, such as S3."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import numpy as np
import pytest
import soundfile
from pyarrow import parquet

import voxaffect as va
from voxaffect.errors import CredentialsError, StorageError
from voxaffect.scaling import find_remote, storage, write_dataset

fsspec = pytest.importorskip("fsspec")
memory = pytest.importorskip("fsspec.implementations.memory")
EXAMPLE = (files("voxaffect") / "data" / "example.wav").read_bytes()
MODEL = "fast"


@pytest.fixture
def store() -> Iterator[Any]:
    """Store in memory with two recordings, something else, and a manifest."""
    system = fsspec.filesystem("memory")
    for name in ("a.wav", "b.wav", "notes.txt"):
        system.pipe_file(f"/calls/in/{name}", EXAMPLE)
    system.pipe_file("/calls/in/m.csv", b"path,who\na.wav,Ann\nmissing.wav,Bo\nb.wav,Cy\n")
    yield system
    system.rm("/calls", recursive=True)


def read(system: Any, folder: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(folder, filesystem=system).to_pylist()
    return sorted(rows, key=lambda row: row["row"])


def test_a_remote_manifest_becomes_a_remote_dataset(store: Any) -> None:
    source, output = "memory://calls/in/m.csv", "memory://calls/out/"
    report = write_dataset(source, output, model=MODEL, part_rows=2, workers=1)
    assert (report.recordings, report.failed) == (2, 1)
    assert "missing.wav: no such file" in report.reasons[0]
    rows = read(store, "/calls/out")
    assert [row["source"] for row in rows] == [f"memory://calls/in/{name}.wav" for name in "ab"]
    expected = va.predict(EXAMPLE, model=MODEL)
    assert {row["emotion"] for row in rows} == {expected.emotion}
    again = write_dataset(source, output, model=MODEL, part_rows=2, workers=1)
    assert (again.recordings, again.kept, again.failed) == (0, 2, 1)
    store.pipe_file("/calls/in/missing.wav", EXAMPLE)
    again = write_dataset(source, output, model=MODEL, part_rows=2, workers=1)
    assert (again.recordings, again.kept, again.failed) == (2, 1, 0)
    assert [row["row"] for row in read(store, "/calls/out")] == [1, 2, 3]
    assert not store.exists("/calls/out/_failures") or not store.find("/calls/out/_failures")


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("address", ["memory://calls/in", "memory://calls/in/*.wav"])
def test_folders_and_patterns_name_the_recordings_in_them(address: str) -> None:
    assert [one.rpartition("/")[2] for one in find_remote(address)] == ["a.wav", "b.wav"]


def test_the_name_of_a_file_is_no_pattern(store: Any) -> None:
    store.pipe_file("/calls/in/a[1].wav", EXAMPLE)
    assert find_remote("memory://calls/in/a[1].wav") == ["memory://calls/in/a[1].wav"]


def test_unknown_stores_and_missing_libraries_are_named() -> None:
    with pytest.raises(StorageError, match="nowhere://calls: no such kind of storage"):
        find_remote("nowhere://calls")


class CountingStore(memory.MemoryFileSystem):
    """Store in memory of which ranges are fetched, and counted."""

    protocol = "counting"
    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    fetched: ClassVar[list[int]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("counting://", "memory://")))

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb" or "cache_type" not in options:
            return super()._open(path, mode, **options)
        return CountedFile(self, path, mode, size=self.size(path), **options)


class CountedFile(fsspec.spec.AbstractBufferedFile):
    def _fetch_range(self, start: int, end: int) -> bytes:
        CountingStore.fetched.append(end - start)
        content: bytes = self.fs.cat_file(self.path)
        return content[start:end]


@pytest.mark.parametrize("form", ["WAV", "FLAC"])
def test_a_part_of_a_long_remote_recording_is_that_of_a_local_one(
    tmp_path: Path, form: str
) -> None:
    fsspec.register_implementation("counting", CountingStore, clobber=True)
    speech, rate_hz = soundfile.read(files("voxaffect") / "data" / "example.wav", dtype="int16")
    minutes = np.tile(speech, 400 * rate_hz // len(speech))
    minutes += np.random.default_rng(9).integers(-400, 400, len(minutes), np.int16)
    name = f"long.{form.lower()}"
    soundfile.write(tmp_path / name, minutes, rate_hz, format=form)
    content = (tmp_path / name).read_bytes()
    system = fsspec.filesystem("counting")
    system.pipe_file(f"/calls/{name}", content)
    for folder, path in (("remote", f"counting://calls/{name}"), ("local", tmp_path / name)):
        (tmp_path / f"{folder}.csv").write_text(f"path,start,end\n{path},300,303\n")
    CountingStore.fetched.clear()
    source, output = str(tmp_path / "remote.csv"), tmp_path / "remote"
    assert write_dataset(source, output, model=MODEL, workers=1).recordings == 1
    assert len(content) > 6 << 20
    assert sum(CountingStore.fetched) < 1 << 20
    assert bool(CountingStore.fetched) == (form == "WAV")  # all of a FLAC file is needed
    write_dataset(tmp_path / "local.csv", tmp_path / "local", model=MODEL, workers=1)
    (remote,), (local,) = (
        parquet.read_table(tmp_path / place).to_pylist() for place in ("remote", "local")
    )
    assert {**remote, "source": ""} == {**local, "source": ""}


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_fault_in_a_part_is_no_end_of_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_ranges: bool
) -> None:
    fsspec.register_implementation("counting", CountingStore, clobber=True)
    speech, rate_hz = soundfile.read(files("voxaffect") / "data" / "example.wav", dtype="int16")
    soundfile.write(tmp_path / "a.wav", np.tile(speech, 60), rate_hz)
    fsspec.filesystem("counting").pipe_file("/calls/a.wav", (tmp_path / "a.wav").read_bytes())
    (tmp_path / "m.csv").write_text("path,start,end\ncounting://calls/a.wav,99,102\n")
    fetch = CountedFile._fetch_range

    def fail(self: Any, start: int, end: int) -> bytes:
        if not has_ranges or (start > 1 << 20 and end < self.size):
            raise ConnectionError("the line was cut")
        return fetch(self, start, end)

    monkeypatch.setattr(CountedFile, "_fetch_range", fail)
    monkeypatch.setattr(storage, "_UNSURE", () if has_ranges else ("counting",))
    report = write_dataset(tmp_path / "m.csv", tmp_path / "out", model=MODEL, workers=1)
    assert (report.recordings, report.failed) == ((0, 1) if has_ranges else (1, 0))
    assert not has_ranges or "cannot be read (ConnectionError: the line was" in report.reasons[0]


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """S3 service on the loopback, with the bucket ``calls``."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        system = s3fs.S3FileSystem(skip_instance_cache=True)
        system.mkdir("calls")
        for name in ("a.wav", "b.wav", "c.wav"):
            system.pipe_file(f"calls/in/{name}", EXAMPLE)
        yield system
    server.stop()


def run_cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "voxaffect", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


@pytest.mark.slow
def test_the_command_reads_and_writes_s3(bucket: Any, tmp_path: Path) -> None:
    common = ("--dataset", "--model", MODEL, "--part-rows", "2", "-o")
    ended = run_cli("predict", "s3://calls/in/", *common, "s3://calls/out")
    assert ended.returncode == 0, ended.stderr
    rows = read(bucket, "calls/out")
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).write_bytes(EXAMPLE)
    write_dataset([*map(str, sorted(tmp_path.glob("*.wav")))], tmp_path / "out", model=MODEL)
    local = parquet.read_table(tmp_path / "out").to_pylist()
    assert [{**row, "source": ""} for row in rows] == [{**row, "source": ""} for row in local]


@pytest.mark.slow
@pytest.mark.usefixtures("bucket")
def test_a_recording_costs_two_requests_and_one_when_it_is_done_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3fs = pytest.importorskip("s3fs")
    requests: Counter[str] = Counter()
    call = s3fs.S3FileSystem._call_s3

    async def count(self: Any, method: str, *arguments: Any, **options: Any) -> Any:
        requests[method] += 1
        return await call(self, method, *arguments, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", count)
    calls = [f"s3://calls/in/{name}.wav" for name in "abc"]
    assert write_dataset(calls, tmp_path / "out", model=MODEL, workers=1).recordings == 3
    assert requests == {"head_object": 3, "get_object": 3}
    requests.clear()
    assert write_dataset(calls, tmp_path / "out", model=MODEL, workers=1).kept == 3
    assert requests == {"head_object": 3}


@pytest.mark.slow
@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("environment", "source", "message"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "s3://calls/in/", "cannot be listed"),
        ({}, "s3://nothing/in/", "no recordings there"),
        ({}, "s3://calls/in/m.csv", "m.csv: no such file"),
    ],
)
def test_a_store_that_does_not_answer_gives_one_clear_line(
    environment: dict[str, str], source: str, message: str
) -> None:
    ended = run_cli("predict", source, "--dataset", "-o", "s3://calls/other", **environment)
    assert ended.returncode == 1
    (line,) = ended.stderr.strip().splitlines()
    assert line.startswith("StorageError: ")
    assert message in line


class Store(BaseHTTPRequestHandler):
    """S3 service that sends one recording for each key, and refuses what is not allowed."""

    refusal: ClassVar[str] = ""
    allowed: ClassVar[int] = 0

    def do_GET(self) -> None:
        if Store.allowed:
            Store.allowed -= 1
            self.answer(200, EXAMPLE, ETag='"one"')
            return
        text = f"<Error><Code>{self.refusal}</Code><Message>no entry</Message></Error>"
        self.answer(403, text.encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def answer(self, status: int, content: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Store]]:
    s3fs = pytest.importorskip("s3fs")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    Thread(target=server.serve_forever, daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "wrong")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")

    def forget() -> None:
        s3fs.S3FileSystem.clear_instance_cache()
        storage._open_root.cache_clear()

    forget()
    monkeypatch.setattr(Store, "allowed", 0)
    yield Store
    forget()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_wrong_credentials_stop_the_run_with_their_names(
    refusing: type[Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    monkeypatch.setattr(refusing, "refusal", code)
    message = rf"s3://calls/.*the store refuses it \({code}: no entry\).*AWS_SECRET_ACCESS_KEY"
    with pytest.raises(CredentialsError, match=message) as raised:
        find_remote("s3://calls/in/")
    assert "\n" not in str(raised.value)
    with pytest.raises(CredentialsError, match=message):  # of a table elsewhere, too
        write_dataset(["s3://calls/a.wav"], tmp_path / "whole", model=MODEL, workers=1)
    (tmp_path / "m.csv").write_text("path,start\ns3://calls/a.wav,1\n")
    with pytest.raises(CredentialsError, match=message):
        write_dataset(tmp_path / "m.csv", tmp_path / "part", model=MODEL, workers=1)


@pytest.mark.slow
def test_credentials_that_expire_in_mid_run_leave_what_is_done(
    refusing: type[Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(refusing, "refusal", "ExpiredToken")
    calls = [f"s3://calls/{number}.wav" for number in range(6)]
    options = {"model": MODEL, "part_rows": 2, "workers": 1}
    refusing.allowed = 6  # of a part two for signatures, and two for recordings
    with pytest.raises(CredentialsError, match="ExpiredToken"):
        write_dataset(calls, tmp_path / "out", **options)
    assert len([*(tmp_path / "out").glob("part-*")]) == 1
    refusing.allowed = 100
    report = write_dataset(calls, tmp_path / "out", **options)
    assert (report.kept, report.recordings, report.failed) == (2, 4, 0)


def test_one_recording_that_the_store_refuses_fails_alone(
    refusing: type[Store], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(refusing, "refusal", "AccessDenied")
    refusing.allowed = 2
    report = write_dataset(
        ["s3://calls/a.wav", "s3://calls/b.wav"], tmp_path / "out", model=MODEL, workers=1
    )
    assert (report.recordings, report.failed) == (0, 2)
    assert "the store refuses it (AccessDenied: no entry)" in report.reasons[0]


class SlowDownError(Exception):
    """Error of a library of a store, which voxaffect does not know."""


def test_a_recording_that_the_store_does_not_give_fails_alone(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = memory.MemoryFileSystem.cat_file

    def refuse(self: Any, path: str, *arguments: Any, **options: Any) -> bytes:
        if path.endswith("a.wav"):
            raise SlowDownError("503: reduce your request rate")
        content: bytes = fetch(self, path, *arguments, **options)
        return content

    source, output = "memory://calls/in/m.csv", "memory://calls/throttled"
    with monkeypatch.context() as patch:
        patch.setattr(memory.MemoryFileSystem, "cat_file", refuse)
        report = write_dataset(source, output, model=MODEL, workers=1)
    assert (report.recordings, report.failed) == (1, 2)
    assert (
        "a.wav: cannot be read (SlowDownError: 503: reduce your request rate)"
        in (report.reasons[0])
    )
    again = write_dataset(source, output, model=MODEL, workers=1, retry_failed=True)
    assert (again.recordings, again.kept, again.failed) == (1, 1, 1)
    assert [row["row"] for row in read(store, "/calls/throttled")] == [1, 3]


@pytest.mark.usefixtures("store")
def test_a_part_that_the_store_does_not_take_stops_the_run_and_is_done_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put = memory.MemoryFileSystem.pipe_file

    def refuse(self: Any, path: str, *arguments: Any, **options: Any) -> None:
        if "/part-" in path:
            raise ConnectionResetError("the connection was dropped")
        put(self, path, *arguments, **options)

    source, output = "memory://calls/in/m.csv", "memory://calls/dropped"
    with monkeypatch.context() as patch:
        patch.setattr(memory.MemoryFileSystem, "pipe_file", refuse)
        with pytest.raises(StorageError, match=r"cannot be written \(ConnectionResetError: the"):
            write_dataset(source, output, model=MODEL, workers=1)
    assert write_dataset(source, output, model=MODEL, workers=1).recordings == 2
