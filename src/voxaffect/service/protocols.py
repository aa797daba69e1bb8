"""Connections of Uvicorn: none waits for a request for ever, and streams end in order."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final, cast

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_SECONDS: Final = 10.0
"""Longest time without the whole head of a request."""
READ_SECONDS: Final = 60.0
"""Longest time in which a client reads nothing of its answer."""
_SPARE_CONNECTIONS: Final = 64
"""Beyond the limit: they are answered with 503. More are closed at once."""
_READ_BYTES: Final = 65_536
"""Read at once: tiny chunks or messages in them keep the event loop busy for so long."""
_JOINED_BYTES: Final = 65_536
"""Held back at most, to be sent with what follows."""


class _JoiningTransport:
    """Transport that sends at once what is written at once: head and body of an answer.

    Each part that is sent on its own interrupts the work of a processor, here and at the client.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = bytearray()

    def write(self, part: bytes) -> None:
        """Send after what the event loop does now, or at once if it is much."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held += part
        if len(self._held) > _JOINED_BYTES:
            self._send()

    def close(self) -> None:
        """Send, and close."""
        self._send()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        """Bytes that are not sent."""
        return self._transport.get_write_buffer_size() + len(self._held)

    def _send(self) -> None:
        held, self._held = self._held, bytearray()
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HttpProtocol(H11Protocol):
    """Connection that is closed when a head comes too slowly, or an answer is not read."""

    _timer: asyncio.TimerHandle | None = None
    _checked_cycle: Any = None
    _unread_bytes, _unread_checks = 0, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch; send what is written at once.

        asyncio leaves this to the system for a listener that it has not opened. The system then
        holds the body back until the client confirms the head, which takes 40 ms on Linux.
        """
        super().connection_made(cast(asyncio.Transport, _JoiningTransport(transport, self.loop)))
        if self.limit_concurrency and (
            len(self.connections) > self.limit_concurrency + _SPARE_CONNECTIONS
        ):
            transport.abort()
            return
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        connection = transport.get_extra_info("socket")
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """End to watch."""
        self._unwatch()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection on; it is watched as a stream."""
        self._unwatch()
        super().handle_websocket_upgrade(event)

    def _watch(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self._check_head)

    def _unwatch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _check_head(self) -> None:
        """Close if no request has come since the last check, and none is being answered."""
        cycle = self.cycle
        if self._reads_nothing():
            self.transport.abort()
            return
        if cycle is None or (cycle.response_complete and cycle is self._checked_cycle):
            self.transport.close()
            return
        self._checked_cycle = cycle
        self._watch()

    def _reads_nothing(self) -> bool:
        """Return whether the client has left the same bytes unread for too long."""
        unread = self.transport.get_write_buffer_size()
        is_same = 0 < unread == self._unread_bytes
        self._unread_checks = self._unread_checks + 1 if is_same else 0
        self._unread_bytes = unread
        return self._unread_checks * HEAD_SECONDS >= READ_SECONDS


class StreamProtocol(WebSocketsSansIOProtocol):
    """WebSocket whose application ends it when the server stops."""

    def shutdown(self) -> None:
        """Let the application send the last events."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1012})
