"""Execution of parts, here or on a cluster: a few at a time, in any order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from voxaffect.errors import WorkerError, extra
from voxaffect.extraction import count_workers, describe_failure, open_executor
from voxaffect.files import escape_control
from voxaffect.scaling.parts import Part, PartReport, PartWriter, compute_key
from voxaffect.scaling.storage import sign
from voxaffect.scaling.work import Outcome, join_outcomes, make_failure

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

_PARTS_EACH = 2
"""Parts for each worker that wait or are at work: enough that none is idle, and few enough that
the memory of the client does not grow with the manifest."""
_CONNECT_SECONDS = 15
_RETRIES = 2


class _ClusterExecutor(Executor):
    """Executor of a Dask client.

    Dask's own never ends a future whose result was lost on the way from the workers.

    Attributes
    ----------
    count : int
        Number of threads of all workers.
    """

    def __init__(self, client: Client, count: int) -> None:
        self._client = client
        self.count = count

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        task = self._client.submit(fn, *args, **kwargs, pure=False, retries=_RETRIES)
        future: Future[T] = Future()
        future.add_done_callback(lambda done: task.cancel() if done.cancelled() else None)
        self._client.loop.add_callback(_pass_on, task, future)
        return future


async def _pass_on(task: Awaitable[T], future: Future[T]) -> None:
    """Give the outcome of a task of Dask to a future."""
    try:
        result = await task
    except BaseException as error:
        if not future.cancelled():
            future.set_exception(error)
    else:
        if not future.cancelled():
            future.set_result(result)


@contextmanager
def open_cluster(address: str) -> Iterator[Executor]:
    """Executor of a Dask cluster that runs.

    Parameters
    ----------
    address : str
        Of its scheduler, such as ``tcp://head:8786``.

    Raises
    ------
    WorkerError
        If there is no such scheduler, or its workers have other versions of Python or Dask.
    """
    with extra("cluster"):
        from distributed import Client

    shown = escape_control(address)
    try:
        _call(address)
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        reason = escape_control(str(error)) or f"no answer after {_CONNECT_SECONDS} s"
        raise WorkerError(
            f"{shown}: no scheduler of Dask answers there ({reason}). Start one with dask "
            "scheduler, or correct the address."
        ) from error
    with _silence(), client:
        count = sum(client.nthreads().values())
        if not count:
            raise WorkerError(f"{shown}: the scheduler has no workers. Start dask worker {shown}.")
        try:
            yield _ClusterExecutor(client, count)
        except Exception as error:
            if not _is_loss(error):
                raise
            raise WorkerError(
                f"{shown}: the connection to the scheduler was lost. Workers end with their "
                "scheduler: start both again if they do not run, and run the command again: "
                "finished parts are kept."
            ) from error


@contextmanager
def _silence() -> Iterator[None]:
    """Let our line be the only one about a lost scheduler: Dask's client logs three tracebacks."""
    logger = logging.getLogger("distributed.client")
    is_disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = is_disabled


def _call(address: str) -> None:
    """Connect to a scheduler once; Dask's client alone waits forever for one that says nothing."""
    from distributed.comm import connect
    from distributed.security import Security

    async def call() -> None:
        options = Security().get_connection_args("client")
        connection = await connect(address, timeout=_CONNECT_SECONDS, **options)
        connection.abort()

    with ThreadPoolExecutor(1) as thread:  # a notebook has a loop in this one
        thread.submit(asyncio.run, asyncio.wait_for(call(), _CONNECT_SECONDS + 1)).result()


@contextmanager
def choose_executor(workers: int | Executor | None, scheduler: str | None) -> Iterator[Executor]:
    """Executor of a cluster, or of this machine."""
    if scheduler is not None:
        with open_cluster(scheduler) as executor:
            yield executor
        return
    with open_executor(workers) as executor:
        try:
            yield executor
        except Exception as error:
            if not _is_loss(error):
                raise
            raise WorkerError(
                f"the workers were lost ({type(error).__name__}). Run the command again: finished "
                "parts are kept."
            ) from error


def run_parts(
    parts: Iterator[Part], write: PartWriter, executor: Executor, *, total: int
) -> Iterator[PartReport]:
    """Reports of parts as they are finished.

    A part whose worker process ended is done again recording by recording, so that one recording
    fails and not all.

    Parameters
    ----------
    parts : iterator of Part
        Taken as workers become free.
    write : PartWriter
    executor : Executor
    total : int
        Number of parts.
    """
    most = _PARTS_EACH * _count(executor)
    if hasattr(executor, "expect"):
        executor.expect(total)
    waiting: dict[Future[PartReport], Part] = {}
    try:
        for part in parts:
            waiting[executor.submit(write, part)] = part
            if len(waiting) >= most:
                yield from _collect(waiting, write, executor)
        while waiting:
            yield from _collect(waiting, write, executor)
    finally:
        for future in waiting:
            future.cancel()


def _count(executor: Executor) -> int:
    count = getattr(executor, "count", None) or getattr(executor, "_max_workers", None)
    return count or count_workers()


def _collect(
    waiting: dict[Future[PartReport], Part], write: PartWriter, executor: Executor
) -> Iterator[PartReport]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        part = waiting.pop(future)
        try:
            report = future.result()
        except Exception as error:
            if not _is_death(error):
                raise
            report = _write_singly(part, write, executor)
        yield report


def _is_loss(error: Exception) -> bool:
    """True of the end of a pool or of a scheduler; Dask's errors have names, as below."""
    names = ("CommClosedError", "ClosedClientError")
    return isinstance(error, BrokenExecutor | CancelledError) or type(error).__name__ in names


def _is_death(error: Exception) -> bool:
    """True of the end of a worker process; Dask's error has its name, for it may be missing."""
    return isinstance(error, WorkerError) or type(error).__name__ == "KilledWorker"


def _write_singly(part: Part, write: PartWriter, executor: Executor) -> PartReport:
    """Do a part recording by recording, and write it from here."""
    signatures = [sign(entry.path) for entry in part.entries]
    pairs = zip(part.entries, signatures, strict=True)
    futures = [executor.submit(write.work, [entry], [signature]) for entry, signature in pairs]
    outcomes: list[Outcome] = []
    for entry, future in zip(part.entries, futures, strict=True):
        try:
            outcomes.append(future.result())
        except Exception as error:
            if not _is_death(error):
                raise
            reason = describe_failure(error, entry.path)
            failure = make_failure(entry, type(error).__name__, str(reason))
            outcomes.append(Outcome(failures=[failure]))
    return write.write(part, compute_key(part.entries, signatures), join_outcomes(outcomes))
