"""Worker processes behind the event loop: bounded, and ended when they take too long."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any, Final

from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.runtime.tasks import PackedFunction, pack_function
from voxaffect.service.errors import ServiceError, internal_error, overload_error
from voxaffect.service.jobs import Job, Limits, Prepare, Work

_STREAM_SECONDS: Final = 60.0
"""Longest job of a stream: far more than the sound that one job can hold."""
_POLL_SECONDS: Final = 0.5
"""How often a request that waits asks whether its client is still there."""
_log = logging.getLogger(__name__)


@dataclass(eq=False, repr=False)  # a recording is long
class _Request:
    """A job of a request.

    Parameters
    ----------
    job : Job
    seconds : float
        Longest time of the job, from when a worker has it.
    outcome : future
    timer : timer, optional
        Ends the job when it takes too long.
    """

    job: Job
    seconds: float
    outcome: asyncio.Future[Any]
    timer: asyncio.TimerHandle | None = None


_Report = Callable[["Worker", _Request, Any, Exception | None], "_Request | None"]


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
        self._lock = Lock()
        self._request: _Request | None = None
        self._is_stopped = False
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
        raise _timeout_error(seconds)

    def serve(self, request: _Request, report: _Report) -> None:
        """Do the job of a request, and of each request that the report of its end returns."""
        self._thread.submit(self._serve, request, report)

    def _serve(self, request: _Request | None, report: _Report) -> None:
        while request is not None:
            self._request = request
            result = error = None
            try:
                if not request.outcome.done():  # else it took too long to start the process
                    result = self._compute(request.job)
            except Exception as raised:
                error = raised
            except BaseException:  # such as SystemExit, which must not end the server
                error = internal_error()
            with self._lock:
                self._request = None
            request = report(self, request, result, error)

    def end(self, request: _Request) -> None:
        """End the process, if it is at work on a request."""
        with self._lock:
            if self._request is request:
                self._kill()

    def _get_process(self) -> Any:
        if self._process is not None and not self._process.is_usable:
            _log.error("a worker process ended while it was idle")
            self._process.stop()
            self._process = None
            self.deaths += 1
        if self._process is None:
            from voxaffect.runtime.processes import WorkerProcess

            process = WorkerProcess()
            process.wait_until_ready()
            process.understands(self._work)
            process.compute((Prepare(self._model),))
            self._process = process
            if self._is_stopped:
                self._kill()
            else:
                self._thread.submit(self._warm_up, process)
        return self._process

    def _warm_up(self, process: Any) -> None:
        """Let a new process do now what would delay its first request."""
        if process is self._process:
            with suppress(Exception):  # it shows in a request
                process.compute((Prepare(self._model, is_used=True),))

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
        self._is_stopped = True
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
        self._idle: list[Worker] = []
        self._waiting: deque[_Request] = deque()

    def start(self) -> asyncio.Future[Any]:
        """Start the workers; the result is there when the first one is ready.

        The others start after it: they would take processor time from it and from the server.
        """
        self._idle += reversed(self.workers)
        ready = self.workers[0].start()
        ready.add_done_callback(self._start_others)
        return ready

    def _start_others(self, _: asyncio.Future[Any]) -> None:
        for worker in self.workers[1:]:
            with suppress(RuntimeError):  # the pool was stopped
                worker.start_early()

    def start_early(self) -> None:
        """Start the first worker without waiting, before there is an event loop."""
        self.workers[0].start_early()

    @property
    def deaths(self) -> int:
        """Processes that have ended at work."""
        return sum(worker.deaths for worker in [*self.workers, *self.stream_workers])

    @property
    def waiting(self) -> int:
        """Requests that wait for a worker."""
        return len(self._waiting)

    async def compute(
        self,
        job: Job,
        seconds: float,
        is_abandoned: Callable[[], Awaitable[bool]] | None = None,
    ) -> Any:
        """Result of the job of a request, unless its client goes while the request waits.

        Raises
        ------
        ServiceError
            As `Worker.compute`; and at once if too many wait.
        """
        if not self._idle and self.waiting >= self._queue:
            raise overload_error(f"{self.waiting} requests wait already.")
        request = _Request(job, seconds, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._assign()
        try:
            while request in self._waiting:
                done, _ = await asyncio.wait({request.outcome}, timeout=_POLL_SECONDS)
                if not done:
                    await _check_client(is_abandoned)
            return await request.outcome
        finally:
            self._forget(request)

    def _assign(self) -> None:
        """Give the next request to an idle worker: to the last one that worked, as it is warm."""
        if self._idle and (request := self._take()) is not None:
            worker = self._idle.pop()
            self._begin(worker, request)
            worker.serve(request, partial(self._report, asyncio.get_running_loop()))

    def _take(self) -> _Request | None:
        """Next request that waits."""
        with suppress(IndexError):
            return self._waiting.popleft()
        return None

    def _forget(self, request: _Request) -> None:
        """Let no worker take a request that still waits, because its client has gone."""
        request.outcome.cancel()
        if request in self._waiting:
            with suppress(ValueError):  # a worker has just taken it
                self._waiting.remove(request)

    def _report(
        self,
        loop: asyncio.AbstractEventLoop,
        worker: Worker,
        request: _Request,
        result: Any,
        error: Exception | None,
    ) -> _Request | None:
        """Report the end of a job from the thread of its worker; return what it does next.

        The next job begins at once, so no worker waits for the event loop while requests wait.
        """
        following = self._take()
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(self._finish, worker, request, result, error, following)
        return following

    def _begin(self, worker: Worker, request: _Request) -> None:
        loop = asyncio.get_running_loop()
        request.timer = loop.call_later(request.seconds, self._expire, worker, request)

    def _expire(self, worker: Worker, request: _Request) -> None:
        """Answer in place of a job that takes too long, and end its process."""
        if not request.outcome.done():
            request.outcome.set_exception(_timeout_error(request.seconds))
        asyncio.get_running_loop().run_in_executor(None, worker.end, request)

    def _finish(
        self,
        worker: Worker,
        request: _Request,
        result: Any,
        error: Exception | None,
        following: _Request | None,
    ) -> None:
        """Give the outcome of a job to its request; go on with the next one."""
        if request.timer is not None:
            request.timer.cancel()
        if request.outcome.done():
            pass
        elif error is not None:
            request.outcome.set_exception(error)
        else:
            request.outcome.set_result(result)
        if following is not None:
            self._begin(worker, following)
        else:
            self._idle.append(worker)
            self._assign()

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


async def _check_client(is_abandoned: Callable[[], Awaitable[bool]] | None) -> None:
    """Refuse to work for a client that has gone."""
    if is_abandoned is not None and await is_abandoned():
        raise ServiceError(400, "abandoned", "The client has gone.")


def _timeout_error(seconds: float) -> ServiceError:
    message = f"Recognition took longer than {seconds:g} s. Cut the recording."
    return ServiceError(504, "timeout", message)
