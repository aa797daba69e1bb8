"""Guard in front of all routes: hosts, origins, the token, sizes, and errors as one object."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import traceback
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voxaffect.service.errors import ServiceError, internal_error
from voxaffect.service.page import files as page
from voxaffect.service.state import State

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Need no token, and are there under every host name, since probes ask by address: what they
answer is no secret."""
TOKEN_PROTOCOL = "bearer."
"""Of a WebSocket subprotocol that carries the token, since browsers can send no header."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DRAIN_SECONDS = 1.0
_DISCONNECTED = 499
"""Status in the metrics of a client that has gone; as nginx calls it."""
_log = logging.getLogger(__name__)


class Guard:
    """Middleware that refuses what no route should see.

    Parameters
    ----------
    app : ASGI application
    state : State
    """

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state
        pages = page.PATHS if state.settings.page else frozenset()
        self._public_paths = OPEN_PATHS | pages  # without a token
        settings = state.settings
        self._hosts = settings.allowed_hosts or (_LOOPBACK if settings.is_loopback else ("*",))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a stream."""
        if scope["type"] == "websocket":
            await self._serve_stream(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve_request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _serve_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check(scope)
        except ServiceError as error:
            for message in _make_response(error, "websocket.http.response"):
                await send(message)
            return
        await self._app(scope, receive, send)

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        metrics, start, status = self._state.metrics, monotonic(), _DISCONNECTED
        is_received = False

        async def take() -> Message:
            nonlocal is_received
            message = await receive()
            is_received = not message.get("more_body", False)
            return message

        async def note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        with metrics.active.track_inprogress():
            try:
                self._check(scope)
                await self._app(scope, take, note)
            except ClientDisconnect:
                pass
            except Exception as error:
                answer = describe_failure(error)
                if status == _DISCONNECTED:  # no answer has begun
                    await _refuse(answer, None if is_received else receive, note)
        route = getattr(scope.get("route"), "path", "other")
        metrics.requests.labels(route, str(status)).inc()
        metrics.duration.labels(route).observe(monotonic() - start)

    def _check(self, scope: Scope) -> None:
        """Refuse other hosts, other origins, clients without the token, and bodies by length."""
        headers = Headers(scope=scope)
        self._check_origin(headers)
        if scope["path"] not in OPEN_PATHS:
            self._check_host(headers)
        if scope["path"] not in self._public_paths:
            self._check_token(headers)
        if "transfer-encoding" in headers and "content-length" in headers:
            message = "Two lengths are stated: Content-Length and Transfer-Encoding."
            raise ServiceError(400, "invalid_request", message)  # a proxy may read another one
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._state.settings.max_body_bytes:
            raise size_error(self._state.settings.max_body_bytes)

    def _check_host(self, headers: Headers) -> None:
        """Refuse a foreign name that leads here: a page could read answers by it (rebinding)."""
        host = _get_host(f"//{headers.get('host', '')}")
        if "*" not in self._hosts and host not in self._hosts:
            message = f"the host {host[:60]!r} is not served here; see allowed_hosts."
            raise ServiceError(403, "host_not_allowed", message)

    def _check_origin(self, headers: Headers) -> None:
        """Refuse pages of other sites: browsers send their forms and open their WebSockets."""
        origin = headers.get("origin")
        allowed = self._state.settings.cors_origins
        if origin is None or "*" in allowed or origin in allowed:
            return
        if _get_address(origin) != headers.get("host"):
            message = f"pages of {origin[:60]!r} may not use this service; see cors_origins."
            raise ServiceError(403, "origin_not_allowed", message)

    def _check_token(self, headers: Headers) -> None:
        token = self._state.settings.token
        if not token:
            return
        kind, _, given = headers.get("authorization", "").partition(" ")
        protocols = headers.get("sec-websocket-protocol", "").split(",")
        candidates = [name.strip() for name in protocols if TOKEN_PROTOCOL in name]
        given = given if kind.lower() == "bearer" else "".join(candidates[:1])
        given = given.removeprefix(TOKEN_PROTOCOL)
        if not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            message = "A token is needed: Authorization: Bearer TOKEN."
            raise ServiceError(401, "wrong_token" if given else "missing_token", message)


def size_error(limit: int) -> ServiceError:
    """Error of a body that is too large."""
    return ServiceError(413, "body_too_large", f"The body is larger than {limit:,} bytes.")


def _get_host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _get_address(url: str) -> str:
    """Host and port of a URL; empty if it is none."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""


def describe_failure(error: Exception) -> ServiceError:
    """Answer to an error; an unexpected one is logged without its text, which may be private."""
    if isinstance(error, ServiceError):
        return error
    last = traceback.extract_tb(error.__traceback__)[-1]
    _log.error("%s (%s, line %s)", type(error).__name__, Path(last.filename).name, last.lineno)
    return internal_error()


def _make_response(error: ServiceError, kind: str) -> list[Message]:
    body = json.dumps(error.content).encode()
    headers = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **error.headers,
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return [
        {"type": f"{kind}.start", "status": error.status, "headers": raw},
        {"type": f"{kind}.body", "body": body, "more_body": True},
        {"type": f"{kind}.body", "body": b""},
    ]


async def _refuse(error: ServiceError, receive: Receive | None, send: Send) -> None:
    """Answer, and read on for a moment: a client that still sends would miss the answer."""
    *first, last = _make_response(error, "http.response")
    for message in first:
        await send(message)
    if receive is None:
        await send(last)
        return
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            while (await receive()).get("more_body", False):
                pass
    except TimeoutError:
        pass
    await send(last)
