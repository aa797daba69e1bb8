"""WebSocket streams: sound in, events out, never faster than real time for long."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from msgspec import Meta, Struct

from voxaffect.records.codec import to_line
from voxaffect.records.results import SCHEMA_VERSION
from voxaffect.service.errors import ServiceError, internal_error
from voxaffect.service.guard import describe_failure
from voxaffect.service.jobs import (
    Describe,
    DropStream,
    FlushStream,
    Job,
    OpenStream,
    Probability,
    PushStream,
)
from voxaffect.service.state import State

router = APIRouter()

SUBPROTOCOL: Final = "voxaffect"
NORMAL, SHUTDOWN, FAILED = 1000, 1012, 1011
BAD_MESSAGE, BAD_SOUND, IDLE, TOO_LONG, TOO_FAST, OVERLOADED = 4400, 4422, 4408, 4410, 4429, 4503
"""Codes of closing: the statuses of HTTP for the same reasons, plus 4000."""
_BATCH_SECONDS = 0.2
_MESSAGES_PER_SECOND, _MESSAGE_BURST = 1_000, 1_000
_WIDTHS = {"s16le": 2, "f32le": 4}


class SessionUpdate(Struct, tag_field="type", tag="session.update", forbid_unknown_fields=True):
    """First message of a client."""

    sample_rate: Annotated[int, Meta(ge=8_000, le=192_000)]
    encoding: Literal["s16le", "f32le"]
    channels: Annotated[int, Meta(ge=1)] = 1
    model: str = ""
    uncertain_below: Probability | None = None
    interim: bool = True


class Finalize(Struct, tag_field="type", tag="Finalize"):
    """Give the events of all sound so far; more may follow."""


class KeepAlive(Struct, tag_field="type", tag="KeepAlive"):
    """Say nothing, but do not count as idle."""


class CloseStream(Struct, tag_field="type", tag="CloseStream"):
    """Give the last events, and close."""


ClientMessage = SessionUpdate | Finalize | KeepAlive | CloseStream


@dataclass(frozen=True)
class _End:
    """End of a stream.

    Parameters
    ----------
    close_code : int
    code : str
        Kind of the end, for programs.
    message : str
        Sent as an error, unless empty.
    is_orderly : bool
        Whether the last events are sent.
    """

    close_code: int
    code: str
    message: str = ""
    is_orderly: bool = False


class _EndError(Exception):
    """End of a stream, on its way to where it is closed."""

    def __init__(self, end: _End) -> None:
        super().__init__(end.code)
        self.end = end


_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


@router.websocket("/v1/emotion/stream")
async def stream_emotion(websocket: WebSocket) -> None:
    """Recognize emotion while sound comes in."""
    state: State = websocket.app.state.voxaffect
    offered = websocket.scope.get("subprotocols", [])
    await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
    session = _Session(websocket, state)
    with suppress(WebSocketDisconnect, RuntimeError):  # the client has gone
        try:
            end = await session.run()
        except _EndError as error:
            end = error.end
        except ServiceError as error:
            close_code = BAD_SOUND if error.status < 500 else FAILED
            close_code = OVERLOADED if error.status == 503 else close_code
            end = _End(close_code, error.code, error.message)
        except TimeoutError:  # it reads nothing
            end = _End(IDLE, "slow_reader", "The client does not read its events.")
        except (WebSocketDisconnect, RuntimeError):
            raise
        except Exception as error:
            answer = describe_failure(error)
            end = _End(FAILED, answer.code, answer.message)
        await session.close(end)


class _Session:
    """One stream: a reader that takes messages, and a pump that has them recognized."""

    def __init__(self, websocket: WebSocket, state: State) -> None:
        self._socket, self._state = websocket, state
        self._settings = state.settings
        self._identifier = secrets.token_hex(8)
        self._items: deque[bytes | Finalize | _End] = deque()
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._pending = 0
        self._received = 0
        self._messages = 0
        self._began = monotonic()
        self._first_sound: float | None = None
        self._bytes_per_second = 1
        self._frame_bytes = 1
        self._is_interim = True

    async def run(self) -> _End:
        """Serve the stream; return how it ended."""
        update = await self._receive_update()
        state, channels = self._state, update.channels
        if state.streams + channels > self._settings.max_streams:
            message = f"The server has {state.streams} streams already."
            raise _EndError(_End(OVERLOADED, "overloaded", message))
        state.streams += channels
        try:
            async with state.pool.assign_stream() as compute:
                return await self._run(update, compute)
        finally:
            state.streams -= channels

    async def _run(self, update: SessionUpdate, compute: Callable[[Job], Awaitable[Any]]) -> _End:
        model = self._state.choose_model(update.model, self._settings.default_stream_model)
        self._frame_bytes = _WIDTHS[update.encoding] * update.channels
        self._bytes_per_second = update.sample_rate * self._frame_bytes
        self._is_interim = update.interim
        await compute(
            OpenStream(
                self._identifier,
                self._state.models[model],
                update.sample_rate,
                update.encoding,
                update.channels,
                update.uncertain_below,
            )
        )
        reader = asyncio.create_task(self._read())
        try:
            about = await compute(Describe({model: self._state.models[model]}))
            await self._send_created(update, about["models"][0])
            return await self._pump(compute)
        finally:
            reader.cancel()
            with suppress(ServiceError):
                await compute(DropStream(self._identifier))

    async def _send_created(self, update: SessionUpdate, about: dict[str, Any]) -> None:
        event = {
            "type": "session.created",
            "schema_version": SCHEMA_VERSION,
            "id": self._identifier,
            **{key: value for key, value in msgspec.to_builtins(update).items() if key != "type"},
            "model": about["id"],
            "emotions": about["emotions"],
            "buffer_seconds": self._settings.stream_buffer_seconds,
        }
        await self._send(event)

    async def _receive_update(self) -> SessionUpdate:
        message = await self._receive()
        if not isinstance(message, SessionUpdate):
            if isinstance(message, _End):
                raise _EndError(message)
            text = "The first message must be a session.update."
            raise _EndError(_End(BAD_MESSAGE, "session_update_expected", text))
        if message.channels > self._settings.max_channels:
            text = f"channels: at most {self._settings.max_channels} are accepted."
            raise _EndError(_End(BAD_MESSAGE, "invalid_message", text))
        return message

    async def _read(self) -> None:
        """Take messages to the end; what they hold waits for the pump."""
        while True:
            while self._pending > self._settings.stream_buffer_seconds * self._bytes_per_second:
                self._drained.clear()
                await self._drained.wait()
            message = await self._receive()
            if isinstance(message, bytes):
                message = self._check_sound(message)
            if isinstance(message, SessionUpdate):
                text = "A session.update must be the first message."
                message = _End(BAD_MESSAGE, "invalid_message", text)
            if isinstance(message, CloseStream):
                message = _End(NORMAL, "closed_by_client", is_orderly=True)
            if not isinstance(message, KeepAlive):
                self._items.append(message)
                self._changed.set()
            if isinstance(message, _End):
                return

    async def _receive(self) -> bytes | ClientMessage | _End:
        """Next message, or the end that it or its absence leads to."""
        settings = self._settings
        left = 60 * settings.stream_minutes - (monotonic() - self._began)
        try:
            async with asyncio.timeout(min(settings.stream_idle_seconds, max(left, 0))):
                message = await self._socket.receive()
        except TimeoutError:
            if left < settings.stream_idle_seconds:
                text = f"A stream may last {settings.stream_minutes:g} minutes."
                return _End(TOO_LONG, "time_limit", text, is_orderly=True)
            text = f"No message for {settings.stream_idle_seconds:g} s. Send KeepAlive in pauses."
            return _End(IDLE, "idle_timeout", text, is_orderly=True)
        if message["type"] == "websocket.disconnect":
            is_shutdown = message.get("code") == SHUTDOWN
            return _End(SHUTDOWN, "shutdown" if is_shutdown else "gone", is_orderly=is_shutdown)
        self._messages += 1
        elapsed = monotonic() - self._began
        if self._messages > _MESSAGE_BURST + _MESSAGES_PER_SECOND * elapsed:
            text = f"More than {_MESSAGES_PER_SECOND} messages a second. Send longer blocks."
            return _End(TOO_FAST, "too_many_messages", text)
        if message.get("bytes") is not None:
            return bytes(message["bytes"])
        try:
            return _decoder.decode(message["text"])
        except msgspec.DecodeError as error:
            text = f"Text must be a JSON message, and sound binary ({error})."
            return _End(BAD_MESSAGE, "invalid_message", text)

    def _check_sound(self, content: bytes) -> bytes | _End:
        """Sound, or the end because of it."""
        if len(content) % self._frame_bytes:
            text = (
                f"{len(content)} bytes are no whole number of frames of {self._frame_bytes} "
                "bytes. Check encoding and channels."
            )
            return _End(BAD_MESSAGE, "broken_frame", text)
        now = monotonic()
        self._first_sound = self._first_sound or now
        self._received += len(content)
        self._pending += len(content)
        ahead = self._received / self._bytes_per_second - (now - self._first_sound)
        if ahead > self._settings.stream_buffer_seconds:
            text = (
                f"The sound is {ahead:.1f} s ahead of real time, at most "
                f"{self._settings.stream_buffer_seconds:g} s are accepted. Upload recordings with "
                "POST /v1/emotion."
            )
            return _End(TOO_FAST, "ahead_of_real_time", text)
        return content

    async def _pump(self, compute: Callable[[Job], Awaitable[Any]]) -> _End:
        """Have the sound recognized, and send the events, to the end."""
        while True:
            await self._changed.wait()
            if self._pending < _BATCH_SECONDS * self._bytes_per_second:
                await asyncio.sleep(_BATCH_SECONDS / 2)  # fewer, larger jobs
            self._changed.clear()
            while self._items:
                content = self._take_sound()
                if content:
                    await self._send_events(await compute(PushStream(self._identifier, content)))
                    continue
                item = self._items.popleft()
                end = item if isinstance(item, _End) else None
                if end is None or end.is_orderly:
                    job = FlushStream(self._identifier, is_last=end is not None)
                    await self._send_events(await compute(job))
                if end is not None:
                    return end
                await self._send({"type": "session.finalized", "seconds": self._seconds})

    def _take_sound(self) -> bytes:
        """All sound before the next other message."""
        parts = []
        while self._items and isinstance(self._items[0], bytes):
            parts.append(self._items.popleft())
        content = b"".join(part for part in parts if isinstance(part, bytes))
        self._pending -= len(content)
        self._state.metrics.sound.labels("stream").inc(len(content) / self._bytes_per_second)
        self._drained.set()
        return content

    @property
    def _seconds(self) -> float:
        """Length of the sound so far."""
        return round(self._received / self._bytes_per_second, 6)

    async def _send_events(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if self._is_interim or event["type"] not in ("emotion.window", "emotion.update"):
                await self._send(event)

    async def _send(self, event: dict[str, Any]) -> None:
        async with asyncio.timeout(self._settings.stream_idle_seconds):
            await self._socket.send_text(to_line(event))

    async def close(self, end: _End) -> None:
        """Send the error, if there is one, and how the stream ended; close it."""
        if end.code == "gone":
            return
        if end.message:
            is_failure = end.close_code == FAILED
            error = internal_error() if is_failure else ServiceError(400, end.code, end.message)
            await self._send({"type": "error", **error.content})
        seconds = self._seconds if self._first_sound else 0.0
        await self._send({"type": "session.closed", "reason": end.code, "seconds": seconds})
        await self._socket.close(end.close_code)
