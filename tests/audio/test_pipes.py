"""Pipes, permissions and devices: read, pointed elsewhere, or refused, but never waited for."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import voice
from support.recordings import Coding, encoded, encoded_example, written

from voxaffect.audio import Samples, content, open_blocks, open_live, read
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


@pytest.mark.slow
@needs_pipes
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("predict", "-"),
        ("predict", "/dev/stdin"),
        ("predict", "/dev/fd/0"),
        ("listen --fast --input", "-"),
        ("listen --fast --input", "/dev/stdin"),
    ],
)
def test_commands_read_standard_input(name: str, command: str) -> None:
    sound = encoded_example(Coding("adts", "aac"))
    done = subprocess.run(
        [sys.executable, "-m", "voxaffect", *command.split(), name, "--model", "fast"],
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
    path.write_bytes(written(voice(1, seconds=40)))  # too long to be read at once

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


# --- sound that is heard while it is still being written ---------------------------------------

STREAMED = [
    Coding("wav", f"pcm_{name}", channels=2, is_piped=True)
    for name in ("u8", "s16le", "s24le", "s32le", "f32le", "f64le", "alaw", "mulaw")
]


def heard(sound: bytes, size: int = 10_007) -> tuple[list[Samples], int]:
    """Blocks, and the rate, of what a writer puts into a pipe in pieces."""
    outlet, inlet = os.pipe()

    def write() -> None:
        with os.fdopen(inlet, "wb", buffering=0) as stream:
            for start in range(0, len(sound), size):
                stream.write(sound[start : start + size])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with os.fdopen(outlet, "rb") as stream, open_live(stream, name="-") as blocks:
            return list(blocks), blocks.rate_hz
    finally:
        writer.join()


@pytest.mark.parametrize("coding", STREAMED, ids=str)
def test_a_wav_is_the_same_from_a_pipe_as_from_a_file(coding: Coding) -> None:
    sound = encoded(coding)
    with open_blocks(sound) as blocks:
        expected = np.concatenate(list(blocks))
    parts, rate_hz = heard(sound)
    assert (len(parts) > 10, rate_hz) == (True, coding.rate_hz)
    np.testing.assert_array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("coding", [Coding("flac", "flac"), Coding("ipod", "aac", 44_100)], ids=str)
def test_what_is_no_wav_is_read_to_its_end_first(coding: Coding) -> None:
    with open_blocks(encoded(coding)) as blocks:
        expected = np.concatenate(list(blocks))
    np.testing.assert_array_equal(np.concatenate(heard(encoded(coding))[0]), expected)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (CONTENT[:-1001], "cut short"),
        (CONTENT * 2, f"at byte {len(CONTENT)}"),
        (CONTENT[:44], "cut short"),
        (b"<html>", "web page"),
        (b"", "empty"),
        (written(np.zeros(0)), "holds no samples"),
    ],
)
def test_what_a_file_is_refused_for_a_pipe_is_too(sound: bytes, reason: str) -> None:
    with pytest.raises(AudioError, match=reason):
        read(sound)
    with pytest.raises(AudioError, match=f"-: .*{reason}"):
        heard(sound)


def test_chunks_behind_the_samples_are_no_sound() -> None:
    sound = CONTENT + b"LIST" + (1000).to_bytes(4, "little") + bytes(1000)
    with open_blocks(CONTENT) as blocks:
        np.testing.assert_array_equal(np.concatenate(heard(sound)[0]), np.concatenate(list(blocks)))


@pytest.mark.slow
@needs_pipes
@pytest.mark.parametrize("is_named", [False, True], ids=["standard input", "named pipe"])
def test_listen_shows_events_before_the_writer_ends_and_stops_at_ctrl_c(
    tmp_path: Path, is_named: bool
) -> None:
    name = "-"
    if is_named:
        name = str(tmp_path / "pipe")
        os.mkfifo(name)
    listen = ["listen", "--fast", "--input", name, "--model", "fast"]
    command = [sys.executable, "-u", "-m", "voxaffect", *listen]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with Path(name).open("wb", buffering=0) if is_named else process.stdin as writer:
            writer.write(encoded_example(Coding("wav", "pcm_s16le", is_piped=True)))
            writer.flush()
            assert process.stdout.readline().startswith(b"now ")
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert b" heard, " in process.stdout.read()
            assert process.wait(timeout=120) == 0
