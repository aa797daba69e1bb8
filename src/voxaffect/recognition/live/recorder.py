"""Recorder of a live session: sound and events, written as they come."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from voxaffect.audio import Samples
from voxaffect.errors import VoxaffectError
from voxaffect.files import escape_control, escape_surrogates, name_errors
from voxaffect.recognition import AdaptationDecision, Event
from voxaffect.records.codec import round_numbers

SOUND, EVENTS = "audio.wav", "timeline.jsonl"
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_LARGEST = 0xFFFF_FFFF
"""Bytes that a WAV's header can state."""


class WavWriter:
    """Writer of a mono WAV of 16 bits that is whole after every block.

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
        """Add a block of sound; samples over full scale are clipped."""
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


class SessionRecorder:
    """Writer of sound and events; made by `open_recorder`.

    Parameters
    ----------
    folder : str
        Its name in messages.
    sound : WavWriter
    events : binary stream
    """

    def __init__(self, folder: str, sound: WavWriter, events: BinaryIO) -> None:
        self._folder, self._sound, self._events = folder, sound, events

    def write_sound(self, block: Samples) -> None:
        """Write a block of sound; samples over full scale are clipped."""
        with _name_errors(self._folder):
            self._sound.write(block)

    def write_events(self, events: Sequence[Event]) -> None:
        """Write events, one line each."""
        with _name_errors(self._folder):
            for event in events:
                self._events.write(_format_line(to_record(event)))
            self._events.flush()


def _name_errors(folder: str) -> AbstractContextManager[None]:
    return name_errors(folder, "cannot be written")


def to_record(event: Event) -> dict[str, Any]:
    """JSON object of an event; numbers have six decimals."""
    fields = round_numbers(asdict(event))
    probabilities = fields.pop("probabilities")
    kind = type(event).__name__.lower()
    return {"event": kind, **fields, "probabilities": probabilities}


@contextmanager
def open_recorder(
    folder: Path,
    *,
    name: str,
    rate_hz: int,
    emotions: Sequence[str],
    adaptation: AdaptationDecision | None = None,
) -> Iterator[SessionRecorder]:
    """Open a folder for a session: ``audio.wav`` and ``timeline.jsonl``.

    Parameters
    ----------
    folder : Path
        Made if it does not exist; must not hold a session.
    name : str
        Of the sound source.
    rate_hz : int
    emotions : sequence of str
    adaptation : AdaptationDecision, optional
        Of the stream, if one was asked for.

    Yields
    ------
    SessionRecorder

    Raises
    ------
    VoxaffectError
        If it holds a session already, or cannot be written to.
    """
    name_shown = str(folder)
    with ExitStack() as stack:
        with _name_errors(name_shown):
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / EVENTS).exists() or (folder / SOUND).exists():
                raise VoxaffectError(
                    f"{escape_control(name_shown)}: holds a session already. Name another folder."
                )
            events = stack.enter_context(_open(folder / EVENTS))
            sound = WavWriter(stack.enter_context(_open(folder / SOUND)), rate_hz)
            heading = {
                "event": "start",
                "source": name,
                "rate_hz": rate_hz,
                "emotions": list(emotions),
                **({"adaptation": adaptation.to_dict()} if adaptation else {}),
            }
            events.write(_format_line(heading))
            events.flush()
        yield SessionRecorder(name_shown, sound, events)


def _format_line(value: Any) -> bytes:
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
