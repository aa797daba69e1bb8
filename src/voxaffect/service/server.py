"""Server: the application on a port, in one process or several."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from voxaffect.console import print_message
from voxaffect.errors import VoxaffectError
from voxaffect.files import describe_reason
from voxaffect.models.hub.address import is_hub_address
from voxaffect.service.settings import CONFIG_VARIABLE, PREFIX, Settings

NOTICE = (
    "EU law (Regulation (EU) 2024/1689): recognizing emotions of people at work and in education "
    "is banned, except for medical or safety reasons (Article 5(1)(f)). Elsewhere, who deploys it "
    "must inform the people whose voices are analyzed (Article 50(3)). This is no legal advice."
)
_MESSAGE_BYTES = 1 << 20
_BACKLOG = 2048
_SPARE_FILES = 256


def serve(settings: Settings, flags: dict[str, Any]) -> None:
    """Serve until a signal ends the server.

    Parameters
    ----------
    settings : Settings
    flags : dict of str to value
        Settings that were given, for the other server processes.

    Raises
    ------
    VoxaffectError
        If the port is taken, or the server cannot start.
    """
    for name, value in flags.items():
        text = ",".join(value) if isinstance(value, tuple) else str(value)
        os.environ[f"{PREFIX}{name.upper()}"] = text
    os.environ.pop(CONFIG_VARIABLE, None)  # its settings are among the flags
    settings = _check_models(settings)
    _allow_files(settings.max_connections + _SPARE_FILES)
    with _open_socket(settings) as listener, _handle_signals(lambda *_: sys.exit(0)):
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print_message(f"listening on http://{shown}:{port}")
        print_message(
            f"models: {settings.default_model} for uploads, {settings.default_stream_model} for "
            f"streams, which cost time as long as they last; of {', '.join(settings.models)}"
        )
        print_message(NOTICE)
        if not settings.is_loopback and not settings.token:
            print_message("note: anybody who reaches this address can use it: set a token.")
        _run(settings, listener)


def _allow_files(count: int) -> None:
    """Let this process open as many files as its connections need, where the system allows it."""
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _check_models(settings: Settings) -> Settings:
    """Settings in which models on the hub have their commit, for all processes the same.

    A file that is no model of emotions is refused before anything starts.
    """
    from voxaffect.models import load

    names = {}
    for model in set(settings.models) - set(Settings.model_fields["models"].default):
        is_on_hub = is_hub_address(model)
        loaded = load(model if is_on_hub else Path(model))
        loaded.check_gives_emotions("the service")
        if is_on_hub:
            names[model] = loaded.name
    if not names:
        return settings
    models = tuple(names.get(model, model) for model in settings.models)
    stream_model = names.get(settings.stream_model, settings.stream_model)
    os.environ[f"{PREFIX}MODELS"] = ",".join(models)
    os.environ[f"{PREFIX}STREAM_MODEL"] = stream_model
    return settings.model_copy(update={"models": models, "stream_model": stream_model})


def _run(settings: Settings, listener: socket.socket) -> None:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    config = uvicorn.Config(
        "voxaffect.service.app:create_app",
        factory=True,
        workers=settings.workers,
        http="voxaffect.service.protocols:HttpProtocol",
        ws="voxaffect.service.protocols:StreamProtocol",
        ws_max_size=_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        backlog=_BACKLOG,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="on",
    )
    if settings.workers > 1:
        # The program that started this one is not run again in each process.
        sys.modules["__main__"] = import_module("voxaffect.__main__")
        with _handle_signals(_ignore):
            Multiprocess(config, sockets=[listener]).run()
        return
    server = uvicorn.Server(config)
    with _handle_signals(_ignore):
        server.run(sockets=[listener])
    if not server.started:
        raise VoxaffectError("the server could not start; the lines above name the cause.")


def _ignore(*_: object) -> None:
    """Exit code 0 after a signal: Uvicorn raises it again when all requests are answered."""


def _open_socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    address = (settings.host, settings.port)
    try:
        listener = socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise VoxaffectError(
            f"cannot listen on {settings.host}, port {settings.port} ({describe_reason(error)}). "
            "Choose another with --port."
        ) from error
    listener.set_inheritable(True)
    return listener


@contextmanager
def _handle_signals(handler: Callable[..., Any]) -> Iterator[None]:
    """Handle SIGINT and SIGTERM in a way of our own."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
