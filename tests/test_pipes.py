"""Pipes, permissions and devices: read, pointed elsewhere, or refused, but never waited for."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import voice
from recordings import Coding, encoded, encoded_example, written

from voxaffect.audio import content, open_blocks, read
from voxaffect.errors import AudioError

CONTENT = written(voice(1))
needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")


@needs_pipes
@pytest.mark.parametrize("sound", [CONTENT, encoded(Coding("ipod", "aac", 44_100))])
def test_a_pipe_with_a_name_is_read_to_its_end(tmp_path: Path, sound: bytes) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for source in (pipe, str(pipe)):
        writer = threading.Timer(0.2, pipe.write_bytes, (sound,))
        writer.start()
        assert (read(source).samples == read(sound).samples).all()
        writer.join()


@needs_pipes
@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/0", "-"])
@pytest.mark.parametrize("command", [["predict"], ["listen", "--fast", "--input"]])
def test_commands_read_standard_input(name: str, command: list[str]) -> None:
    sound = encoded_example(Coding("adts", "aac"))
    done = subprocess.run(
        [sys.executable, "-m", "voxaffect", *command, name],
        input=sound,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no devices with names")
def test_an_endless_device_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.wav").symlink_to("/dev/zero")
    for source in ("/dev/zero", tmp_path / "link.wav"):
        with pytest.raises(AudioError, match="is a device, expected a file or a pipe"):
            read(source)


class _Endless(io.RawIOBase):
    def read(self, count: int = -1) -> bytes:
        assert count > 0
        return bytes(count)


def test_an_endless_stream_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MAX_STREAM_BYTES", 10_000_000)
    with pytest.raises(AudioError, match=r"more than 10,000,000 bytes came\. Save it"):
        read(_Endless())


def test_no_permission_is_called_that_by_every_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.wav"
    path.write_bytes(CONTENT)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as root, who may read all
    for door in (read, lambda source: open_blocks(source).__enter__()):
        with pytest.raises(AudioError, match=r"mine\.wav: no permission to read it\. Change"):
            door(path)


def test_an_error_of_the_disk_is_called_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(written(voice(1, seconds=9)))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with open_blocks(path) as blocks:
        next(blocks.blocks)
        monkeypatch.setattr(content.Content, "read_into", fail)
        with pytest.raises(AudioError, match=r"a\.wav: cannot be read \(Input/output error\)"):
            list(blocks)
    assert capfd.readouterr() == ("", "")


def test_a_file_of_a_terabyte_is_read_as_far_as_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "sparse.wav"
    path.write_bytes(CONTENT[:40] + b"\xff\xff\xff\xff")  # to the end, however far
    os.truncate(path, 1 << 40)
    with pytest.raises(AudioError, match="longer than the limit of 60 s"):
        read(path, max_seconds=60)
