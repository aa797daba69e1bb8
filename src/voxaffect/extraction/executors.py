"""Executors: threads, each of which can have a process of its own, behind one interface.

The arrays of a recording are so small that Python's lock, held between NumPy's calls, leaves
threads little to do at the same time. Processes share no lock, but have to start. So work
begins in threads, and moves to processes if what is left takes longer than their start.

A process that ends takes one item along, and no more. That item is done again, alone, in a new
process; if it ends that one too, the item has failed. The others go on.
"""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock, Semaphore, local
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from voxaffect.errors import WorkerError
from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.runtime.tasks import PackedFunction, pack_function

if TYPE_CHECKING:
    from voxaffect.runtime.processes import WorkerProcess

KINDS: Final = ("auto", "threads", "processes")
START_SECONDS: Final = 0.6
"""From the start of a process until it is as fast as this one, a processor each: Python, NumPy,
SciPy, filter banks (0.4 to 0.8 s on two processors). What is saved has to be more than this:
for two workers 1.2 s of work, some 160 recordings of 3.7 s with `affect`, 700 with `classic`."""

_LEAST_DONE: Final = 4  # of short ones show a pace

Item = TypeVar("Item")
Result = TypeVar("Result")


def count_workers() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BatchExecutor(Executor):
    """Executor for many items of one kind of work.

    Parameters
    ----------
    count : int
        Number of workers.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def expect(self, items: int) -> None:
        """Announce the number of items that will be submitted, or a guess."""

    def expect_seconds(self, seconds: float) -> None:
        """Announce further work of so many seconds, in addition to the expected items."""

    def map_unordered(
        self, function: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Result | WorkerError]]:
        """Do work on each item; its index and the result, as they are finished.

        Parameters
        ----------
        function : callable
            A pure function of an item.
        items : sequence

        Yields
        ------
        tuple of int and (result or WorkerError)
            The error, if the item ended two processes one after the other.
        """
        owner = os.getpid()
        self.expect(len(items))
        indices = {self.submit(function, item): index for index, item in enumerate(items)}
        lost = []
        try:
            for future in as_completed(list(indices)):
                index = indices.pop(future)
                try:
                    result: Result | WorkerError = future.result()
                except WorkerError as error:
                    result = error
                except BrokenExecutor:  # the caller's executor, and all its processes with it
                    lost.append(index)
                    continue
                yield index, result
                _check_owner(owner)
        finally:
            for future in indices:
                future.cancel()
        if lost:
            with LocalExecutor(self.count) as executor:
                for position, result in executor.map_unordered(
                    function, [items[index] for index in lost]
                ):
                    yield lost[position], result


class _GivenExecutor(BatchExecutor):
    """An executor of the caller's, who shuts it down."""

    def __init__(self, executor: Executor) -> None:
        super().__init__(getattr(executor, "_max_workers", None) or count_workers())
        self._executor = executor

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        try:
            return self._executor.submit(function, *arguments, **options)
        except BrokenExecutor as error:
            future: Future[Any] = Future()
            future.set_exception(error)
            return future


class LocalExecutor(BatchExecutor):
    """Threads and processes of this machine; a context manager, for one call or several.

    Parameters
    ----------
    workers : int, optional
        As many as processors by default.
    kind : str
        ``threads``, ``processes``, or ``auto``: threads until what is left would, at the pace
        so far, be done sooner by processes; threads only in a child of ``multiprocessing`` or
        joblib, which has siblings at work. Functions that cannot be sent to a process (of the
        main module, say) stay in threads. No kind changes a result.
    by_value : bool
        Send functions and classes of the main module, too: copies, which share nothing with
        the original.

    Raises
    ------
    WorkerError
        If there is no such kind, or the count is no number of workers.
    """

    def __init__(
        self, workers: int | None = None, *, kind: str = "auto", by_value: bool = False
    ) -> None:
        if kind not in KINDS:
            raise WorkerError(f"no workers of kind {kind!r}; there are: {', '.join(KINDS)}.")
        if workers is not None and (not isinstance(workers, int) or workers < 1):
            raise WorkerError(f"workers: expected at least 1, or None, found {workers!r}.")
        super().__init__(workers or count_workers())
        is_alone = self.count == 1 or (kind == "auto" and _is_child())
        self._kind = "threads" if is_alone or not _has_interpreter() else kind
        self._by_value = by_value
        self._pace = _Pace(self.count)
        self._processes: list[WorkerProcess] = []
        self._files: list[str] = []
        self._is_shut_down = False
        self._begin()
        weakref.finalize(self, _clean_up, self._processes, self._files)  # if nobody shuts it down
        _ALL.add(self)

    def _begin(self) -> None:
        """Begin without threads and processes; those of a parent process are not ours."""
        self._threads: Executor = ThreadPoolExecutor(self.count)
        self._fewer_threads: Executor | None = None
        self._own, self._lock = local(), Lock()
        self._repeating, self._slots = Lock(), Semaphore(self.count)
        self._work: _Work | None = None
        for process in self._processes:
            process.disown()
        self._processes.clear()
        self._files.clear()
        self._pace.renew()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._is_shut_down = True
            self._stop_processes()  # nobody waits for what they are at
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Release threads and processes when the work is done."""
        self._is_shut_down = True
        for threads in filter(None, (self._threads, self._fewer_threads)):
            threads.shutdown(wait, cancel_futures=cancel_futures)
        if wait:
            self._stop_processes()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Identifiers of the processes that run."""
        with self._lock:
            return tuple(process.id for process in self._processes)

    def expect(self, items: int) -> None:
        """Announce the number of items that will be submitted, or a guess."""
        self._pace.expect(items)

    def expect_seconds(self, seconds: float) -> None:
        """Announce further work of so many seconds, in addition to the expected items."""
        self._pace.further_seconds = seconds

    def submit(
        self, function: Callable[..., Result], /, *arguments: Any, **options: Any
    ) -> Future[Result]:
        """Start to call a function.

        Raises
        ------
        WorkerError
            If this executor is shut down.
        """
        if self._is_shut_down:
            raise WorkerError("this executor was shut down. Make a new one, or shut it down later.")
        if options:
            function = partial(function, **options)
        if self._work is None or self._work.function is not function:
            self._work = _Work(function, self._by_value, self._files)
        return self._start(self._call, self._work, arguments)

    def _start(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Start in a thread; where the system allows no more threads, do it in this one."""
        if self._fewer_threads is None:
            try:
                return self._threads.submit(function, *arguments)
            except RuntimeError:
                self._check_running()
                self._fewer_threads = _CallingThread()
        return self._fewer_threads.submit(function, *arguments)

    def _call(self, work: _Work, arguments: Any) -> Any:
        """Call in a thread of this process, or wait for the process of this thread."""
        with self._slots:
            packed = work.pack() if self._wants_process() else None
            process = self._get_process() if packed else None
            try:
                if process is None or packed is None or not process.understands(packed):
                    result = work.function(*arguments)
                else:
                    result = process.compute(arguments)
                self._pace.count_one()
                return result
            except DeadWorkerError as error:
                if process is not None:
                    self._drop(process)
                self._check_running()
                death = error
        result = self._call_alone(packed, arguments, death)
        self._pace.count_one()
        return result

    def _call_alone(self, packed: Any, arguments: Any, death: DeadWorkerError) -> Any:
        """Call again in a new process, when no other item is at work.

        Raises
        ------
        WorkerError
            If the new process ends too, or does not start.
        """
        with self._repeating, _take_all(self._slots, self.count):
            try:
                process = self._start_process()
            except OSError:
                raise death from None
            try:
                if not process.understands(packed):
                    raise death
                return process.compute(arguments)
            except DeadWorkerError as second:
                self._check_running()
                raise death.join_second(second) from second
            finally:
                self._drop(process)

    def _wants_process(self) -> bool:
        """Return whether this thread has a process, or it is time for one."""
        if self._kind != "auto":
            return self._kind == "processes"
        process: WorkerProcess | None = getattr(self._own, "process", None)
        is_there = process is not None and process.is_usable
        return is_there or self._pace.is_worth_processes()

    def _get_process(self) -> WorkerProcess | None:
        """Return the process of this thread, which starts now if there is none."""
        process: WorkerProcess | None = getattr(self._own, "process", None)
        if process is not None and not process.is_usable:
            self._drop(process)
            process = None
        if process is None:
            try:
                process = self._own.process = self._start_process()
            except OSError:
                self._check_running()
                self._kind = "threads"
                return None
        return process if self._kind != "threads" else None

    def _start_process(self) -> WorkerProcess:
        """Start a process, and wait until it is ready.

        Raises
        ------
        OSError
            If it does not start in time.
        """
        from voxaffect.runtime.processes import WorkerProcess

        with self._lock:
            self._check_running()
            process = WorkerProcess()
            self._processes.append(process)
        try:
            process.wait_until_ready()
        except BaseException:
            self._drop(process)
            raise
        return process

    def _check_running(self) -> None:
        if self._is_shut_down:
            raise WorkerError("this executor was shut down while it was at work.")

    def _drop(self, process: WorkerProcess) -> None:
        process.stop()
        with self._lock:
            if process in self._processes:
                self._processes.remove(process)

    def _stop_processes(self) -> None:
        with self._lock:
            _clean_up(self._processes, self._files)


class _Work:
    """A function, and its bytes for processes, made when the first one needs them.

    Parameters
    ----------
    function : callable
    by_value : bool
        Send what the main module defines, too.
    files : list of str
        Gets the file of the large arrays, if there is one.
    """

    def __init__(self, function: Callable[..., Any], by_value: bool, files: list[str]) -> None:
        self.function = function
        self._by_value, self._files = by_value, files
        self._lock = Lock()
        self._packed: PackedFunction | None = None
        self._is_packed = False

    def pack(self) -> PackedFunction | None:
        """Return the function as bytes; None if it cannot be sent."""
        with self._lock:
            if not self._is_packed:
                self._packed = pack_function(self.function, by_value=self._by_value)
                self._is_packed = True
                if self._packed and self._packed.path:
                    from voxaffect.runtime.processes import track_file

                    self._files.append(self._packed.path)
                    track_file(self._packed.path)
            return self._packed


class _CallingThread(Executor):
    """Executor that works at once, in the thread that asks for it."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        """Return the result, in a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


_ALL: weakref.WeakSet[LocalExecutor] = weakref.WeakSet()


def _renew_after_fork() -> None:
    """In a forked process, which has no thread but one: give all executors new threads."""
    for executor in list(_ALL):
        executor._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


def _check_owner(owner: int) -> None:
    """Refuse to wait, in a forked process, for threads that only its parent has.

    Raises
    ------
    WorkerError
    """
    if os.getpid() != owner:
        raise WorkerError("the process was forked during this work. Begin the work after the fork.")


def _clean_up(processes: Sequence[WorkerProcess], files: list[str]) -> None:
    for process in processes:
        process.stop()
    while files:
        from voxaffect.runtime.processes import delete_file

        delete_file(files.pop())


@contextmanager
def _take_all(slots: Semaphore, count: int) -> Iterator[None]:
    for _ in range(count):
        slots.acquire()
    try:
        yield
    finally:
        slots.release(count)


@contextmanager
def open_executor(workers: int | Executor | None = None) -> Iterator[BatchExecutor]:
    """Open an executor for one call, or use one that its owner will shut down.

    Parameters
    ----------
    workers : int or Executor, optional
        A number of workers, or any `concurrent.futures.Executor`.

    Yields
    ------
    BatchExecutor
    """
    if isinstance(workers, BatchExecutor):
        yield workers
    elif isinstance(workers, Executor):
        yield _GivenExecutor(workers)
    else:
        with LocalExecutor(workers) as executor:
            yield executor


class _Pace:
    """Pace of the work, and whether what is left of it is worth starting processes.

    Parameters
    ----------
    count : int
        How many would start.
    """

    def __init__(self, count: int) -> None:
        self._least = START_SECONDS / (1 - 1 / count) if count > 1 else float("inf")
        self.further_seconds = 0.0
        self.renew()

    def renew(self) -> None:
        """Begin anew, with a lock that nobody holds."""
        self._lock = Lock()
        self.expect(0)

    def expect(self, items: int) -> None:
        """Begin a new measurement, for so many items."""
        self._left, self._done = items, 0
        self._since, self._is_warm = monotonic(), False

    def count_one(self) -> None:
        """Count a finished item. A slow first one shows no pace: it fills caches."""
        with self._lock:
            self._left -= 1
            self._done += 1
            if not self._is_warm:
                self._is_warm = True
                if monotonic() - self._since < 2 * START_SECONDS:
                    self._since, self._done = monotonic(), 0

    def is_worth_processes(self) -> bool:
        """Compare the time of what is left here and in processes that have yet to start."""
        with self._lock:
            spent = monotonic() - self._since
            if not self._done or (self._done < _LEAST_DONE and spent < START_SECONDS):
                return False
            left_seconds = max(self._left, 0) * spent / self._done
            return left_seconds + self.further_seconds > self._least


def _is_child() -> bool:
    process = sys.modules.get("multiprocessing.process")  # a child has it, others need not wait
    return process is not None and process.parent_process() is not None


def _has_interpreter() -> bool:
    """Return whether ``sys.executable`` runs Python, and is no application with Python inside."""
    name = Path(sys.executable or "").stem.lower()
    return name.startswith(("python", "pypy")) and not getattr(sys, "frozen", False)
