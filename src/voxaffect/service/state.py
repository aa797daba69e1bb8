"""State of one server process, which its routes share."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voxaffect.models.hub.address import is_hub_address, parse_address
from voxaffect.service.errors import ServiceError, overload_error
from voxaffect.service.jobs import Describe, Introduce, Job, Limits
from voxaffect.service.metrics import Metrics
from voxaffect.service.pool import Pool
from voxaffect.service.settings import Settings


@dataclass
class State:
    """Settings, workers and counters of a server.

    Parameters
    ----------
    settings : Settings
    """

    settings: Settings
    metrics: Metrics = field(default_factory=Metrics)
    is_ready: bool = False
    pending_bytes: int = 0
    streams: int = 0

    def __post_init__(self) -> None:
        settings = self.settings
        limits = Limits(
            settings.max_seconds,
            settings.max_channels,
            settings.max_rate_hz,
            settings.worker_memory_bytes,
        )
        self.models = name_models(settings.models)
        defaults = (settings.default_model, settings.default_stream_model)
        count = settings.concurrency or max(1, _count_processors() // settings.workers)
        self.pool = Pool(limits, count, settings.queue, defaults)
        self._about: dict[type[Job], dict[str, Any]] = {}
        self.metrics.waiting.set_function(lambda: self.pool.waiting)
        self.metrics.pending.set_function(lambda: self.pending_bytes)
        self.metrics.streams.set_function(lambda: self.streams)
        self.metrics.deaths.set_function(lambda: self.pool.deaths)

    def choose_model(self, identifier: str, default: str) -> str:
        """Name of a model for clients: the one that a client names, or the default.

        Raises
        ------
        ServiceError
            If the server has no such model.
        """
        identifier = identifier or {path: name for name, path in self.models.items()}[default]
        if identifier not in self.models:
            message = f"no model {identifier[:40]!r}; there are: {', '.join(self.models)}."
            raise ServiceError(400, "invalid_option", message, "model")
        return identifier

    async def describe(self, kind: type[Describe | Introduce] = Describe) -> dict[str, Any]:
        """Description of the models, for programs or for the page, computed once."""
        if kind not in self._about:
            job = kind(self.models)
            self._about[kind] = await self.pool.compute(job, self.settings.request_seconds)
        return self._about[kind]

    def hold(self, count: int) -> None:
        """Count bytes of a body that is being read.

        Raises
        ------
        ServiceError
            If all bodies together are too large.
        """
        if self.pending_bytes + count > self.settings.max_pending_bytes:
            raise overload_error("The server holds too many uploads.")
        self.pending_bytes += count

    def release(self, count: int) -> None:
        """Count bytes that are no longer held."""
        self.pending_bytes -= count


def name_models(models: tuple[str, ...]) -> dict[str, str]:
    """Names for clients: of a file its stem, because a path is nobody's business.

    Of a model on the hub, the name of its repository without the owner.
    """
    names: dict[str, str] = {}
    for model in models:
        is_hub = is_hub_address(model)
        stem = parse_address(model).short_name if is_hub else Path(model).stem
        name, number = stem, 2
        while name in names:
            name, number = f"{stem}-{number}", number + 1
        names[name] = model
    return names


def _count_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
