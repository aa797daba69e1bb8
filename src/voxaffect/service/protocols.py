"""Connections of Uvicorn: none waits for a request for ever, and streams end in order."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_SECONDS: Final = 10.0
"""Longest time without the whole head of a request."""


class HttpProtocol(H11Protocol):
    """Connection that is closed when the head of a request comes too slowly."""

    _timer: asyncio.TimerHandle | None = None
    _checked_cycle: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to watch."""
        super().connection_made(transport)
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
        if cycle is None or (cycle.response_complete and cycle is self._checked_cycle):
            self.transport.close()
            return
        self._checked_cycle = cycle
        self._watch()


class StreamProtocol(WebSocketsSansIOProtocol):
    """WebSocket whose application ends it when the server stops."""

    def shutdown(self) -> None:
        """Let the application send the last events."""
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1012})
