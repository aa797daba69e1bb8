"""What a live session leaves behind: the sound and the events, written as they come."""

from __future__ import annotations

import json
import wave
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from voxaffect.audio import Samples
from voxaffect.errors import VoxaffectError
from voxaffect.files import encodable, printable
from voxaffect.recognizer import Event, Update, Window

SOUND, EVENTS = "audio.wav", "timeline.jsonl"
_DECIMALS = 6


class Keeper:
    """Writes sound and events as they come; made by `kept_in`.

    Parameters
    ----------
    folder : str
        What messages call it.
    sound : wave.Wave_write
        Open for mono, 16 bits.
    events : text stream
    """

    def __init__(self, folder: str, sound: wave.Wave_write, events: TextIO) -> None:
        self._folder, self._sound, self._events = folder, sound, events

    def hear(self, block: Samples) -> None:
        """Keep a block of sound; what is over full scale is clipped."""
        scaled = np.clip(np.round(block * np.float32(32_768)), -32_768, 32_767)
        # This also brings the header up to date, which soundfile does only at the end: a
        # recording survives a kill.
        with _writing(self._folder):
            self._sound.writeframes(scaled.astype("<i2").tobytes())

    def note(self, events: Sequence[Event]) -> None:
        """Keep events, one line each."""
        with _writing(self._folder):
            for event in events:
                self._events.write(json.dumps(record(event), ensure_ascii=False) + "\n")
            self._events.flush()


@contextmanager
def _writing(folder: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise VoxaffectError(f"{folder}: cannot be written ({error.strerror}).") from error


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
    place = printable(str(folder))
    with ExitStack() as stack:
        with _writing(place):
            folder.mkdir(parents=True, exist_ok=True)
            if (folder / EVENTS).exists() or (folder / SOUND).exists():
                raise VoxaffectError(f"{place}: holds a session already. Name another folder.")
            events = (folder / EVENTS).open("x", encoding="utf-8", newline="\n")
            stack.enter_context(events)
            sound = stack.enter_context(
                wave.open(stack.enter_context((folder / SOUND).open("xb")), "wb")
            )
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        heading = {"event": "start", "source": encodable(name), "rate_hz": rate_hz,
                   "emotions": list(emotions)}  # fmt: skip
        events.write(json.dumps(heading, ensure_ascii=False) + "\n")
        yield Keeper(place, sound, events)
