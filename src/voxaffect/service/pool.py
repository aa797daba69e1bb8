"""Worker processes behind the event loop: bounded, and ended when they take too long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.runtime.tasks import PackedFunction, pack_function
from voxaffect.service.errors import ServiceError, internal_error, overload_error
from voxaffect.service.jobs import Job, Limits, Prepare, Work

_STREAM_SECONDS: Final = 60.0
"""Longest job of a stream: far more than the sound that one job can hold."""
_log = logging.getLogger(__name__)


class Worker:
    """A worker process, and the thread that waits for it.

    Parameters
    ----------
    work : PackedFunction
    model : str
        Loaded at the start.
    """

    def __init__(self, work: PackedFunction, model: str) -> None:
        self._work, self._model = work, model
        self._thread = ThreadPoolExecutor(1, "voxaffect-worker")
        self._process: Any = None
        self.deaths = 0

    def start(self) -> asyncio.Future[Any]:
        """Start the process, unless it runs."""
        return asyncio.wrap_future(self._thread.submit(self._get_process))

    def start_early(self) -> None:
        """Begin to start the process; a failure shows in `start`."""
        self._thread.submit(self._restart)

    async def compute(self, job: Job, seconds: float) -> Any:
        """Result of a job.

        Raises
        ------
        ServiceError
            Of the job; or if the process ended, or took too long and was ended.
        """
        future = asyncio.wrap_future(self._thread.submit(self._compute, job))
        done, _ = await asyncio.wait({future}, timeout=seconds)
        if done:
            return future.result()
        await asyncio.to_thread(self._kill)
        with suppress(ServiceError):
            return await future  # finished in the meantime
        raise ServiceError(
            504, "timeout", f"Recognition took longer than {seconds:g} s. Cut the recording."
        )

    def _get_process(self) -> Any:
        if self._process is None:
            from voxaffect.runtime.processes import WorkerProcess

            process = WorkerProcess()
            process.wait_until_ready()
            process.understands(self._work)
            process.compute((Prepare(self._model),))
            self._process = process
        return self._process

    def _compute(self, job: Job) -> Any:
        try:
            return self._get_process().compute((job,))
        except DeadWorkerError as error:
            self._process = None
            self.deaths += 1
            self._thread.submit(self._restart)
            _log.error("a worker process %s", error.ending.format(""))
            raise internal_error() from error
        except OSError as error:
            _log.error("no worker process: %s", error)
            raise overload_error("The server cannot start a recognition process.") from error

    def _restart(self) -> None:
        """Start a process again before the next job; if that fails, the job tries it again."""
        with suppress(Exception):
            self._get_process()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.stop()

    def stop(self) -> None:
        """End the process and its thread."""
        self._kill()
        self._thread.shutdown(wait=False, cancel_futures=True)


class Pool:
    """Workers for requests, each of which takes any idle one; and for streams, each of which stays.

    Parameters
    ----------
    limits : Limits
    count : int
        Workers for requests, and for streams.
    queue : int
        Requests that may wait for a worker.
    models : tuple of str
        Loaded at the start, of requests and of streams.
    """

    def __init__(self, limits: Limits, count: int, queue: int, models: tuple[str, str]) -> None:
        work = pack_function(Work(limits), by_value=False)
        assert work is not None  # a value of a module
        self._make: Callable[[str], Worker] = lambda model: Worker(work, model)
        self._models, self._count, self._queue = models, count, queue
        self.workers = [self._make(models[0]) for _ in range(count)]
        self.stream_workers: dict[Worker, int] = {}
        # The last one that worked comes first: its caches are warm.
        self._idle: asyncio.Queue[Worker] = asyncio.LifoQueue()
        self.waiting = 0

    def start(self) -> asyncio.Future[Any]:
        """Start the workers; the result is there when the first one is ready."""
        futures = [worker.start() for worker in self.workers]
        for worker in self.workers:
            self._idle.put_nowait(worker)
        for future in futures[1:]:  # a failure shows at the first job
            future.add_done_callback(lambda future: future.cancelled() or future.exception())
        return futures[0]

    def start_early(self) -> None:
        """Start the first worker without waiting, before there is an event loop."""
        self.workers[0].start_early()

    @property
    def deaths(self) -> int:
        """Processes that have ended at work."""
        return sum(worker.deaths for worker in [*self.workers, *self.stream_workers])

    async def compute(
        self,
        job: Job,
        seconds: float,
        is_abandoned: Callable[[], Awaitable[bool]] | None = None,
    ) -> Any:
        """Result of the job of a request, unless its client has gone when its turn comes.

        Raises
        ------
        ServiceError
            As `Worker.compute`; and at once if too many wait.
        """
        if self._idle.empty() and self.waiting >= self._queue:
            raise overload_error(f"{self.waiting} requests wait already.")
        self.waiting += 1
        try:
            worker = await self._idle.get()
        finally:
            self.waiting -= 1
        try:
            if is_abandoned is not None and await is_abandoned():
                raise ServiceError(400, "abandoned", "The client has gone.")
            return await worker.compute(job, seconds)
        finally:
            self._idle.put_nowait(worker)

    @asynccontextmanager
    async def assign_stream(self) -> AsyncIterator[Callable[[Job], Any]]:
        """Function that does the jobs of one stream, all in the worker with the fewest streams."""
        if len(self.stream_workers) < self._count and all(self.stream_workers.values()):
            self.stream_workers[self._make(self._models[1])] = 0
        worker = min(self.stream_workers, key=lambda worker: self.stream_workers[worker])
        self.stream_workers[worker] += 1
        try:
            yield lambda job: worker.compute(job, _STREAM_SECONDS)
        finally:
            self.stream_workers[worker] -= 1

    def stop(self) -> None:
        """End all processes."""
        for worker in [*self.workers, *self.stream_workers]:
            worker.stop()
