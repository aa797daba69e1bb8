"""Where live sound comes from: a microphone, or a file that is played through the same path."""

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
class Feed:
    """Endless mono sound in small blocks.

    Parameters
    ----------
    name : str
    rate_hz : int
    blocks : iterator of ndarray, shape (n,), float32
        About 0.1 s each. An empty one says that nothing has come for a while. A microphone
        is silent until the first is asked for.
    take_rest : callable
        Blocks that were recorded and not yet fetched, for whoever stops.
    """

    name: str
    rate_hz: int
    blocks: Iterator[Samples]
    take_rest: Callable[[], Iterable[Samples]] = tuple


@contextmanager
def played(
    path: str | Path, *, paced: bool = True, max_seconds: float | None = None
) -> Iterator[Feed]:
    """Play a recording, mixed down, as if it were spoken now.

    Parameters
    ----------
    path : str or Path
        ``-`` is standard input. WAV from a pipe is heard as it comes; another format is read to
        its end first.
    paced : bool
        In its own time; otherwise as fast as it is recognized.
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Yields
    ------
    Feed

    Raises
    ------
    AudioError
        If it cannot be read.
    """
    source = _standard_input() if str(path) == "-" else path
    with open_live(source, name=str(path), max_seconds=max_seconds) as recording:
        blocks = _small(recording)
        paces = _paced(blocks, recording.rate_hz) if paced else blocks
        yield Feed(recording.name, recording.rate_hz, paces)


def _standard_input() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise AudioError("-: standard input is closed. Pipe a recording into it.")
    return sys.stdin.buffer


def _small(recording: Blocks) -> Iterator[Samples]:
    size = round(BLOCK_SECONDS * recording.rate_hz)
    mixer = Mixer()
    for block in recording:
        mono = mixer.mix(block)
        for start in range(0, max(1, len(mono)), size):  # an empty block stays one
            yield mono[start : start + size]
    mixer.check(recording.name)


def _paced(blocks: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    """Give each block when it would have been spoken to its end."""
    due = time.monotonic()
    for block in blocks:
        due += len(block) / rate_hz
        time.sleep(max(0.0, due - time.monotonic()))
        yield block


def _sounddevice() -> Any:
    try:
        with extra("live"):
            import sounddevice
    except OSError as error:  # the library's own message does not say what to install
        raise MissingExtraError(_PORTAUDIO) from error
    return sounddevice


def devices() -> tuple[str, ...]:
    """Every device that can record: its number, name, channels and rate.

    Raises
    ------
    MissingExtraError
        If sounddevice or PortAudio is not installed.
    """
    return tuple(
        f"{number:3}  {found['name']}: {found['max_input_channels']} channels, "
        f"{found['default_samplerate']:.0f} Hz"
        for number, found in enumerate(_sounddevice().query_devices())
        if found["max_input_channels"] > 0
    )


@contextmanager
def microphone(device: str | None = None) -> Iterator[Feed]:
    """Listen to a microphone, at its own rate.

    What is not fetched in 30 s is lost: a machine too slow to recognize in time shall not fill
    its memory.

    Parameters
    ----------
    device : str, optional
        Its number or a part of its name, as `devices` lists them; the system's by default.

    Yields
    ------
    Feed

    Raises
    ------
    AudioError
        If there is no such device, or it cannot be opened.
    MissingExtraError
        If sounddevice or PortAudio is not installed.
    """
    sounddevice = _sounddevice()
    wanted = int(device) if device is not None and device.isdigit() else device
    queue: Queue[Samples] = Queue(QUEUE_BLOCKS)

    def take(block: Any, *_: Any) -> None:
        try:
            queue.put_nowait(np.array(block[:, 0], dtype=np.float32))
        except Full:
            queue.get_nowait()  # the oldest: a live view shall not fall behind
            queue.put_nowait(np.array(block[:, 0], dtype=np.float32))

    try:
        found = sounddevice.query_devices(wanted, "input")
        rate_hz = _supported(round(found["default_samplerate"]))
        stream = sounddevice.InputStream(
            device=wanted,
            channels=1,
            samplerate=rate_hz,
            dtype="float32",
            blocksize=round(BLOCK_SECONDS * rate_hz),
            callback=take,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise _cannot_open(device, error) from error

    def blocks() -> Iterator[Samples]:
        # Not before: what the card hears while a model is loaded would be lost to an early Ctrl-C.
        try:
            stream.start()
        except sounddevice.PortAudioError as error:
            raise _cannot_open(device, error) from error
        yield from _fetched(queue)

    with closing(stream):
        yield Feed(str(found["name"]), rate_hz, blocks(), lambda: _rest(queue))


def _cannot_open(device: str | None, error: Exception) -> AudioError:
    name = "the default microphone" if device is None else f"microphone {device!r}"
    return AudioError(
        f"{name}: cannot be opened ({str(error).splitlines()[0]}). Is one plugged in, and may "
        "this program use it? See them all with: voxaffect listen --list-devices"
    )


def _supported(rate_hz: int) -> int:
    return min(max(rate_hz, MIN_RATE_HZ), MAX_RATE_HZ)


def _fetched(queue: Queue[Samples]) -> Iterator[Samples]:
    """Blocks as they come; an empty one now and then, so that a wait can be broken off."""
    while True:
        try:
            yield queue.get(timeout=PATIENCE_SECONDS)
        except Empty:
            yield np.zeros(0, dtype=np.float32)


def _rest(queue: Queue[Samples]) -> Iterator[Samples]:
    """Blocks that wait now; the microphone may go on."""
    for _ in range(queue.qsize()):
        yield queue.get()
