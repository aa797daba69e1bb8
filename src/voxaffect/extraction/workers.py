"""Workers: threads of this process, each of which can have a process of its own.

The arrays of a recording are so small that Python's lock, held between NumPy's calls, leaves
threads little to do at the same time. Processes share no lock, but have to start. They are
plain ``python -c`` children that talk through pipes: unlike those of ``multiprocessing`` they
never import the caller's main module, so a script needs no ``if __name__ == "__main__":``;
unlike forked ones they inherit no locks; and when their parent is killed, so that its ends of
the pipes close, they end too.

A process that ends takes one item along, and no more. That item is done again, alone, in a new
process; if it ends that one too, the item has failed. The others go on.
"""

from __future__ import annotations

import os
import pickle
import sys
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, local
from time import monotonic
from types import TracebackType
from typing import Any, Final, TypeVar

from voxaffect.errors import WorkerError
from voxaffect.extraction.children import Child, ChildError, Watch
from voxaffect.extraction.interpreter import find_interpreter

KINDS: Final = ("auto", "threads", "processes")
START_SECONDS: Final = 0.6
"""From the start of a process until it is as fast as this one, a processor each: Python, NumPy,
SciPy, filter banks (0.4 to 0.8 s on two processors). What is saved has to be more than this:
for two workers 1.2 s of work, some 160 recordings of 3.7 s with `affect`, 700 with `classic`."""

_LEAST_DONE: Final = 4  # of short ones tell a pace

Item = TypeVar("Item")
Result = TypeVar("Result")


def worker_count() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """What does the work on many recordings; a context manager, for one call or several.

    Parameters
    ----------
    count : int, optional
        As many as processors by default.
    kind : str
        ``threads``, ``processes``, or ``auto``: threads until what is left would, at the pace
        so far, be done sooner by processes; threads only in a child of ``multiprocessing`` or
        joblib, which has siblings at work. Work that cannot be sent to a process (a function
        of the main module, say) stays in threads. No kind changes a result.

    Raises
    ------
    WorkerError
        If there is no such kind, or the count is no number of workers.
    """

    def __init__(self, count: int | None = None, *, kind: str = "auto") -> None:
        if kind not in KINDS:
            raise WorkerError(f"no workers of kind {kind!r}; there are: {', '.join(KINDS)}.")
        if count is not None and (not isinstance(count, int) or count < 1):
            raise WorkerError(f"workers: expected at least 1, or None, found {count!r}.")
        self.count = count or worker_count()
        is_alone = self.count == 1 or (kind == "auto" and _is_child())
        self._kind = "threads" if is_alone or find_interpreter() is None else kind
        self._pace = _Pace(self.count)
        self._children: list[Child] = []
        self._is_stopped = False
        self._begin()
        weakref.finalize(self, _stop, self._children)  # of workers that nobody stopped
        _ALL.add(self)

    def _begin(self) -> None:
        """Begin without threads and processes; those of a parent process are not ours."""
        self._threads: Executor = ThreadPoolExecutor(self.count)
        self._fewer_threads: Executor | None = None
        self._own, self._lock = local(), Lock()
        self._watch: Watch | None = None
        for child in self._children:
            child.disown()
        self._children.clear()
        self._pace.renew()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_stopped = True
        if error is not None:
            self._stop_children()  # nobody waits for what they are at
        for threads in filter(None, (self._threads, self._fewer_threads)):
            threads.shutdown(cancel_futures=True)
        self._stop_children()
        if self._watch:
            self._watch.end()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the processes that run."""
        with self._lock:
            return tuple(child.id for child in self._children)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Do in threads, in order, what leaves Python's lock alone, such as reading."""
        futures = [self._submit(function, item) for item in items]
        return (future.result() for future in futures)

    def outcomes(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Result | WorkerError]]:
        """Do work on each item; its index and the result, as they are finished.

        Parameters
        ----------
        work : callable
            A pure function of the item.
        items : sequence

        Yields
        ------
        tuple of int and (result or WorkerError)
            The error, if the item ended two processes one after the other.
        """
        owner = os.getpid()
        deaths: list[tuple[int, WorkerError]] = []
        with self.starting(work, len(items)) as start:
            running = {start(item): index for index, item in enumerate(items)}
            try:
                for future in as_completed(list(running)):
                    index = running.pop(future)
                    try:
                        result = future.result()
                    except ChildError as death:
                        deaths.append((index, death))
                        continue
                    yield index, result
                    _check_owner(owner)
            finally:
                for future in running:
                    future.cancel()
            for index, error in deaths:
                yield index, self._second_result(work, items[index], error)
                _check_owner(owner)

    def _second_result(
        self, work: Callable[[Item], Result], item: Item, error: WorkerError
    ) -> Result | WorkerError:
        try:
            return self.repeat(work, item, error)
        except WorkerError as second:
            return second

    def repeat(self, work: Callable[[Item], Result], item: Item, error: WorkerError) -> Result:
        """Do work on an item anew, in a new process, after it has ended one.

        Parameters
        ----------
        work : callable
        item : object
        error : WorkerError
            What the first time raised.

        Raises
        ------
        WorkerError
            If the new process ends too, or does not start.
        """
        sent = _pickled(work)
        if sent is None or not isinstance(error, ChildError):
            raise error
        try:
            child = self._started()
        except OSError:
            raise error from None
        try:
            if not child.understands(sent):
                raise error
            result: Result = child.result(item)
        except ChildError as second:
            raise error.joined(second) from second
        finally:
            self._drop(child)
        return result

    @contextmanager
    def starting(
        self, work: Callable[[Item], Result], expected: int
    ) -> Iterator[Callable[[Item], Future[Result]]]:
        """Give what starts work on an item.

        Parameters
        ----------
        work : callable
            A pure function of the item.
        expected : int
            Items that will come, or a guess.
        """
        if self._is_stopped:
            raise WorkerError("these workers were stopped. Make new ones, or stop them later.")
        sent = _pickled(work) if self._kind != "threads" else None
        self._pace.expect(expected)
        try:
            yield lambda item: self._submit(self._do, work, sent, item)
        finally:
            self._pace.expect(0)

    def foresee(self, seconds: float) -> None:
        """Say that the caller has work for so many seconds beside the items that are expected."""
        self._pace.foreseen_seconds = seconds

    def _submit(self, function: Callable[..., Result], *arguments: Any) -> Future[Result]:
        """Start in a thread; where the system allows no more threads, do it in this one."""
        if self._fewer_threads is None:
            try:
                return self._threads.submit(function, *arguments)
            except RuntimeError:
                if self._is_stopped:
                    raise
                self._fewer_threads = _CallingThread()
        return self._fewer_threads.submit(function, *arguments)

    def _do(self, work: Callable[[Item], Result], sent: bytes | None, item: Item) -> Result:
        """In a thread: do it here, or wait for this thread's process to do it."""
        child = self._child() if sent else None
        try:
            if child is None or sent is None or not child.understands(sent):
                result = work(item)
            else:
                result = child.result(item)
        except ChildError:
            if child is not None:
                self._drop(child)
            self._check_running()
            raise
        self._pace.count_one()
        return result

    def _child(self) -> Child | None:
        """Return the process of this thread, if it has one or it is time for one."""
        child: Child | None = getattr(self._own, "child", None)
        if child is not None and not child.is_usable:
            self._drop(child)
            child = None
        if child is None and (self._kind == "processes" or self._pace.is_worth_processes()):
            try:
                child = self._own.child = self._started()
            except OSError:  # a sandbox that allows none, or a machine that is full
                self._check_running()
                self._kind = "threads"
                return None
        return child if self._kind != "threads" else None

    def _started(self) -> Child:
        """Start a process, and wait until it is ready.

        Raises
        ------
        OSError
            If it does not start in time, or cannot be watched.
        """
        with self._lock:
            self._check_running()
            if self._watch is None:
                self._watch = Watch(self._children)
            child = Child()
            self._children.append(child)
        try:
            child.wait_until_ready()
        except BaseException:
            self._drop(child)
            raise
        return child

    def _check_running(self) -> None:
        if self._is_stopped:
            raise WorkerError("these workers were stopped while they were at work.")

    def _drop(self, child: Child) -> None:
        child.stop()
        with self._lock:
            if child in self._children:
                self._children.remove(child)

    def _stop_children(self) -> None:
        with self._lock:
            _stop(self._children)


class _CallingThread(Executor):
    """Does work at once, in the thread that asks for it."""

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        """Return the result, in a future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


_ALL: weakref.WeakSet[Workers] = weakref.WeakSet()


def _renew_after_fork() -> None:
    """In a forked process, which has no thread but one: give all workers new threads."""
    for workers in list(_ALL):
        workers._begin()


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


def _stop(children: Sequence[Child]) -> None:
    for child in children:
        child.stop()


def at_work(workers: int | Workers | None) -> AbstractContextManager[Workers]:
    """Return workers for one call alone, or those that their owner will stop."""
    return nullcontext(workers) if isinstance(workers, Workers) else Workers(workers)


class _Pace:
    """How fast work goes, and whether what is left of it is worth starting processes.

    Parameters
    ----------
    count : int
        How many would start.
    """

    def __init__(self, count: int) -> None:
        self._least = START_SECONDS / (1 - 1 / count) if count > 1 else float("inf")
        self.foreseen_seconds = 0.0
        self.renew()

    def renew(self) -> None:
        """Begin anew, with a lock that nobody holds."""
        self._lock = Lock()
        self.expect(0)

    def expect(self, items: int) -> None:
        """So many are coming; the pace starts anew."""
        self._left, self._done = items, 0
        self._since, self._is_warm = monotonic(), False

    def count_one(self) -> None:
        """One is finished. A first one that is slow as a start tells no pace: it fills caches."""
        with self._lock:
            self._left -= 1
            self._done += 1
            if not self._is_warm:
                self._is_warm = True
                if monotonic() - self._since < 2 * START_SECONDS:
                    self._since, self._done = monotonic(), 0

    def is_worth_processes(self) -> bool:
        """Whether what is left takes longer here than in processes that have yet to start."""
        with self._lock:
            spent = monotonic() - self._since
            if not self._done or (self._done < _LEAST_DONE and spent < START_SECONDS):
                return False
            left_seconds = max(self._left, 0) * spent / self._done
            return left_seconds + self.foreseen_seconds > self._least


def _is_child() -> bool:
    process = sys.modules.get("multiprocessing.process")  # a child has it, others need not wait
    return process is not None and process.parent_process() is not None


def _pickled(work: Callable[..., Any]) -> bytes | None:
    """Return the work as bytes that another process can read; None if it cannot be sent."""
    try:
        sent = pickle.dumps(work, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return None if b"__main__" in sent else sent  # the child has another main module
