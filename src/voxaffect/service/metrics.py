"""Metrics of one server process, for Prometheus. They hold nothing of an upload."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """Counters of requests, sound, streams and worker processes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "voxaffect_requests", "Answered requests.", ["route", "status"], registry=self._registry
        )
        self.duration = Histogram(
            "voxaffect_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.active = self._gauge("voxaffect_active_requests", "Requests that are not answered.")
        self.waiting = self._gauge("voxaffect_waiting_requests", "Requests that wait for a worker.")
        self.pending = self._gauge("voxaffect_pending_bytes", "Bodies that are held.")
        self.streams = self._gauge("voxaffect_streams", "Open streams, by channel.")
        self.deaths = self._gauge("voxaffect_worker_deaths", "Worker processes that have ended.")
        self.sound = Counter(
            "voxaffect_sound_seconds",
            "Sound that was recognized.",
            ["kind"],
            registry=self._registry,
        )

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self._registry)

    def render(self) -> bytes:
        """All metrics, as Prometheus reads them."""
        return generate_latest(self._registry)
