"""Live sound: a microphone, or a file that is played in its place."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any, BinaryIO

import numpy as np

from voxaffect.audio import MAX_RATE_HZ, MIN_RATE_HZ, Blocks, Mixer, Samples, open_live
from voxaffect.errors import AudioError, MissingExtraError, extra

BLOCK_SECONDS = 0.1
QUEUE_BLOCKS = 300
PATIENCE_SECONDS = 0.25

_PORTAUDIO = (
    "PortAudio, which sounddevice needs to hear a microphone, is not installed. Install it with: "
    "apt install libportaudio2 (Debian, Ubuntu), dnf install portaudio (Fedora) or brew install "
    "portaudio (macOS). A file needs none: voxaffect listen --input FILE"
)


@dataclass(frozen=True, eq=False)
class LiveSource:
    """Endless mono sound in small blocks.

    Parameters
    ----------
    name : str
    rate_hz : int
    blocks : iterator of ndarray, shape (n,), float32
        About 0.1 s each. An empty one says that nothing came for a while. A microphone
        starts when the first block is asked for.
    drain : callable
        Returns the blocks that were recorded and not yet taken, for the end of a session.
    """

    name: str
    rate_hz: int
    blocks: Iterator[Samples]
    drain: Callable[[], Iterable[Samples]] = tuple


@contextmanager
def play_file(
    path: str | Path, *, is_real_time: bool = True, max_seconds: float | None = None
) -> Iterator[LiveSource]:
    """Play a recording, mixed down, as if somebody spoke it now.

    Parameters
    ----------
    path : str or Path
        ``-`` is standard input. WAV from a pipe is played as it comes; another format is read to
        its end first.
    is_real_time : bool
        Play it at its own speed; otherwise as fast as it is recognized.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    """
    source: str | Path | BinaryIO = path
    if str(path) == "-":
        if sys.stdin is None or sys.stdin.closed:
            raise AudioError("-: standard input is closed. Pipe a recording into it.")
        source = sys.stdin.buffer
    with open_live(source, name=str(path), max_seconds=max_seconds) as recording:
        blocks = _split_blocks(recording)
        if is_real_time:
            blocks = _delay_blocks(blocks, recording.rate_hz)
        yield LiveSource(recording.name, recording.rate_hz, blocks)


def _split_blocks(recording: Blocks) -> Iterator[Samples]:
    size = round(BLOCK_SECONDS * recording.rate_hz)
    mixer = Mixer()
    for block in recording:
        mono = mixer.mix(block)
        for start in range(0, max(1, len(mono)), size):  # an empty block is kept
            yield mono[start : start + size]
    mixer.check(recording.name)


def _delay_blocks(blocks: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    """Blocks, each at the moment at which its last sample would be spoken."""
    due = time.monotonic()
    for block in blocks:
        due += len(block) / rate_hz
        time.sleep(max(0.0, due - time.monotonic()))
        yield block


def _import_sounddevice() -> Any:
    try:
        with extra("live"):
            import sounddevice
    except OSError as error:  # the library's own message does not say what to install
        raise MissingExtraError(_PORTAUDIO) from error
    return sounddevice


def describe_devices() -> tuple[str, ...]:
    """Devices that can record: number, name, channels and rate."""
    return tuple(
        f"{number:3}  {device['name']}: {device['max_input_channels']} channels, "
        f"{device['default_samplerate']:.0f} Hz"
        for number, device in enumerate(_import_sounddevice().query_devices())
        if device["max_input_channels"] > 0
    )


@contextmanager
def open_microphone(device: str | None = None) -> Iterator[LiveSource]:
    """Listen to a microphone, at its own rate.

    Blocks that are not taken within 30 s are lost, so that a slow machine does not fill its
    memory.

    Parameters
    ----------
    device : str, optional
        Its number or a part of its name, as `describe_devices` lists them; the system's by default.

    Raises
    ------
    AudioError
        If there is no such device, or it cannot be opened.
    MissingExtraError
        If sounddevice or PortAudio is not installed.
    """
    sounddevice = _import_sounddevice()
    wanted = int(device) if device is not None and device.isdigit() else device
    queue: Queue[Samples] = Queue(QUEUE_BLOCKS)

    def enqueue(block: Any, *_: Any) -> None:
        try:
            queue.put_nowait(np.array(block[:, 0], dtype=np.float32))
        except Full:
            queue.get_nowait()  # the oldest: a live view shall not fall behind
            queue.put_nowait(np.array(block[:, 0], dtype=np.float32))

    try:
        details = sounddevice.query_devices(wanted, "input")
        rate_hz = min(max(round(details["default_samplerate"]), MIN_RATE_HZ), MAX_RATE_HZ)
        stream = sounddevice.InputStream(
            device=wanted,
            channels=1,
            samplerate=rate_hz,
            dtype="float32",
            blocksize=round(BLOCK_SECONDS * rate_hz),
            callback=enqueue,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise _device_error(device, error) from error

    def blocks() -> Iterator[Samples]:
        # Not earlier: an early Ctrl-C would lose what is recorded while a model loads.
        try:
            stream.start()
        except sounddevice.PortAudioError as error:
            raise _device_error(device, error) from error
        yield from _take_blocks(queue)

    with closing(stream):
        yield LiveSource(
            str(details["name"]),
            rate_hz,
            blocks(),
            drain=lambda: [queue.get() for _ in range(queue.qsize())],
        )


def _device_error(device: str | None, error: Exception) -> AudioError:
    name = "the default microphone" if device is None else f"microphone {device!r}"
    return AudioError(
        f"{name}: cannot be opened ({str(error).splitlines()[0]}). Is one plugged in, and may "
        "this program use it? See them all with: voxaffect listen --list-devices"
    )


def _take_blocks(queue: Queue[Samples]) -> Iterator[Samples]:
    """Blocks as they come; an empty one after a pause, so that Ctrl-C can end the wait."""
    while True:
        try:
            yield queue.get(timeout=PATIENCE_SECONDS)
        except Empty:
            yield np.zeros(0, dtype=np.float32)
