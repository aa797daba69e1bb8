"""Streams within a worker process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.models import Model
from voxaffect.recognition import Event, Stream, Update, Window
from voxaffect.service.errors import internal_error
from voxaffect.service.jobs import DropStream, FlushStream, OpenStream, PushStream

_TYPES: dict[str, np.dtype[Any]] = {"s16le": np.dtype("<i2"), "f32le": np.dtype("<f4")}
Plain = dict[str, Any]


@dataclass
class _Channel:
    """One channel of a stream."""

    stream: Stream
    is_speaking: bool = False


class _Session:
    """All channels of a stream, each recognized by itself."""

    def __init__(self, job: OpenStream, model: Model) -> None:
        self._job, self._model = job, model
        self._start_seconds = 0.0
        self._channels = [_Channel(self._make_stream()) for _ in range(job.channels)]

    def _make_stream(self) -> Stream:
        return Stream(
            self._model, rate_hz=self._job.rate_hz, uncertain_below=self._job.uncertain_below
        )

    def push(self, content: bytes) -> list[Plain]:
        """Events of the next sound."""
        samples = np.frombuffer(content, _TYPES[self._job.encoding])
        frames = samples.reshape(-1, self._job.channels)
        return [
            plain
            for index, channel in enumerate(self._channels)
            for event in channel.stream.push(_take(frames, index))
            for plain in self._describe(index, event)
        ]

    def flush(self) -> list[Plain]:
        """Last events of all that was pushed; more sound may follow."""
        events: list[Plain] = []
        for index, channel in enumerate(self._channels):
            for event in channel.stream.finish():
                events += self._describe(index, event)
        self._start_seconds += self._channels[0].stream.seconds
        for channel in self._channels:
            channel.stream, channel.is_speaking = self._make_stream(), False
        return events

    def _describe(self, index: int, event: Event) -> Iterator[Plain]:
        """Messages of an event: itself, and the start or end of speech that it shows."""
        channel = self._channels[index]
        if isinstance(event, Update):
            event = replace(event, seconds=event.seconds + self._start_seconds)
        else:
            start, end = event.start_seconds, event.end_seconds
            event = replace(
                event,
                start_seconds=start + self._start_seconds,
                end_seconds=end + self._start_seconds,
            )
        if isinstance(event, Window) and not channel.is_speaking:
            channel.is_speaking = True
            seconds = round(event.start_seconds, 6)
            yield {"type": "speech.started", "seconds": seconds, "channel_index": index}
        yield event.to_event() | {"channel_index": index}
        if isinstance(event, Update) and event.emotion is None:
            channel.is_speaking = False
            seconds = round(event.seconds, 6)
            yield {"type": "speech.ended", "seconds": seconds, "channel_index": index}


def _take(frames: NDArray[Any], index: int) -> NDArray[Any]:
    column = np.ascontiguousarray(frames[:, index])
    return column if column.dtype.isnative else column.astype(column.dtype.newbyteorder("="))


_sessions: dict[str, _Session] = {}


def run_stream(
    job: OpenStream | PushStream | FlushStream | DropStream, open_model: Callable[[str], Model]
) -> list[Plain]:
    """Do one job of a stream; return its events."""
    if isinstance(job, OpenStream):
        _sessions[job.identifier] = _Session(job, open_model(job.model))
        return []
    if isinstance(job, DropStream):
        _sessions.pop(job.identifier, None)
        return []
    session = _sessions.get(job.identifier)
    if session is None:  # it was in a process that has ended
        raise internal_error()
    if isinstance(job, PushStream):
        return session.push(job.content)
    events = session.flush()
    if job.is_last:
        _sessions.pop(job.identifier)
    return events
