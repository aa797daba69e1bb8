"""What a live session leaves behind: the sound and the events, written as they come."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from voxaffect.audio import Samples
from voxaffect.errors import VoxaffectError
from voxaffect.files import escape_control, escape_surrogates, name_errors
from voxaffect.recognition import Event, Update, Window

SOUND, EVENTS = "audio.wav", "timeline.jsonl"
_DECIMALS = 6
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_LARGEST = 0xFFFF_FFFF
"""Bytes that a WAV's header can state."""


class Sound:
    """Sound file of mono, 16 bits, that is whole after every block: WAV.

    Parameters
    ----------
    stream : binary stream
        New, and open to write.
    rate_hz : int
    """

    def __init__(self, stream: BinaryIO, rate_hz: int) -> None:
        self._stream, self._rate_hz, self._bytes = stream, rate_hz, 0
        self._write_header()

    def write(self, block: Samples) -> None:
        """Add a block of sound; what is over full scale is clipped."""
        scaled = np.clip(np.round(block * np.float32(32_768)), -32_768, 32_767)
        content = scaled.astype("<i2").tobytes()
        self._stream.seek(0, os.SEEK_END)
        self._stream.write(content)
        self._bytes += len(content)
        self._write_header()

    def _write_header(self) -> None:
        """Bring the header up to date, so that a kill loses no more than a block."""
        held = min(self._bytes, _LARGEST - _HEADER.size)  # of a longer file, read what is there
        self._stream.seek(0)
        self._stream.write(
            _HEADER.pack(
                b"RIFF",
                held + _HEADER.size - 8,
                b"WAVE",
                b"fmt ",
                16,
                1,
                1,
                self._rate_hz,
                2 * self._rate_hz,
                2,
                16,
                b"data",
                held,
            )
        )
        self._stream.flush()


class Keeper:
    """Writes sound and events as they come; made by `kept_in`.

    Parameters
    ----------
    folder : str
        What messages call it.
    sound : Sound
    events : binary stream
    """

    def __init__(self, folder: str, sound: Sound, events: BinaryIO) -> None:
        self._folder, self._sound, self._events = folder, sound, events

    def hear(self, block: Samples) -> None:
        """Keep a block of sound; what is over full scale is clipped."""
        with _writing(self._folder):
            self._sound.write(block)

    def note(self, events: Sequence[Event]) -> None:
        """Keep events, one line each."""
        with _writing(self._folder):
            for event in events:
                self._events.write(_line(record(event)))
            self._events.flush()


def _writing(folder: str) -> AbstractContextManager[None]:
    return name_errors(folder, "cannot be written")


def record(event: Event) -> dict[str, Any]:
    """Return an event as the JSON object of its line, times rounded to a microsecond."""
    probabilities = {name: round(p, _DECIMALS) for name, p in event.probabilities.items()}
    if isinstance(event, Update):
        return {
            "event": "update",
            "seconds": round(event.seconds, _DECIMALS),
            "emotion": event.emotion,
            "uncertain": event.uncertain,
            "probabilities": probabilities,
        }
    times = {
        "start_seconds": round(event.start_seconds, _DECIMALS),
        "end_seconds": round(event.end_seconds, _DECIMALS),
    }
    if isinstance(event, Window):
        said: dict[str, Any] = {"event": "window", **times}
    else:
        said = {"event": "segment", **times, "emotion": event.emotion}
    return {**said, "uncertain": event.uncertain, "probabilities": probabilities}


@contextmanager
def kept_in(folder: Path, *, name: str, rate_hz: int, emotions: Sequence[str]) -> Iterator[Keeper]:
    """Open a folder for a session: ``audio.wav`` and ``timeline.jsonl``.

    Parameters
    ----------
    folder : Path
        Made if it does not exist; must not hold a session.
    name : str
        Of the feed.
    rate_hz : int
    emotions : sequence of str

    Yields
    ------
    Keeper

    Raises
    ------
    VoxaffectError
        If it holds a session already, or cannot be written to.
    """
    name_shown = str(folder)
    with ExitStack() as stack:
        with _writing(name_shown):
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / EVENTS).exists() or (folder / SOUND).exists():
                raise VoxaffectError(
                    f"{escape_control(name_shown)}: holds a session already. Name another folder."
                )
            events = stack.enter_context(_open(folder / EVENTS))
            sound = Sound(stack.enter_context(_open(folder / SOUND)), rate_hz)
            heading = {
                "event": "start",
                "source": name,
                "rate_hz": rate_hz,
                "emotions": list(emotions),
            }
            events.write(_line(heading))
            events.flush()
        yield Keeper(name_shown, sound, events)


def _line(value: Any) -> bytes:
    return f"{escape_surrogates(json.dumps(value, ensure_ascii=False, allow_nan=False))}\n".encode()


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """Open a new file; closing it replaces no error, for what could be written was written."""
    stream = path.open("xb")
    try:
        yield stream
    finally:
        with suppress(OSError):
            stream.close()
