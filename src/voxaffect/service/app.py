"""Application of the service."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from voxaffect.service.settings import CONFIG_VARIABLE, read_settings
from voxaffect.service.state import State

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.telemetry import TelemetryConfig

_NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI would send queries and errors to a collector that the environment names."""
_SWITCH_SECONDS: Final = 0.0005
"""Longest time that the thread of a worker process waits for the event loop. Python's own 0.005
would leave the process without work for that time."""


def create_app() -> FastAPI:
    """Application with the settings of the environment, as each server process makes it."""
    path = os.environ.get(CONFIG_VARIABLE)
    state = State(read_settings(Path(path) if path else None))
    sys.setswitchinterval(_SWITCH_SECONDS)
    state.pool.start_early()  # while the libraries of the server are imported
    return make_app(state)


def make_app(state: State) -> FastAPI:
    """Application with a given state, whose worker processes start with the lifespan."""
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware

    from voxaffect.service import openapi, routes, streams
    from voxaffect.service.guard import Guard

    @asynccontextmanager
    async def run(_: FastAPI) -> AsyncIterator[None]:
        await state.pool.start()
        state.is_ready = True
        try:
            yield
        finally:
            state.is_ready = False
            state.pool.stop()

    app = FastAPI(
        title="voxaffect", lifespan=run, docs_url=None, redoc_url=None, telemetry=_NO_TELEMETRY
    )
    app.state.voxaffect = state
    app.include_router(routes.router)
    app.include_router(streams.router)
    if state.settings.page:
        from voxaffect.service.page.routes import router

        app.include_router(router)
    openapi.complete(app)
    app.add_middleware(Guard, state=state)
    if state.settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=state.settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    return app
