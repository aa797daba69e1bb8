"""Workers: threads of this process, each of which can have a process of its own.

The arrays of a recording are so small that Python's lock, held between NumPy's calls, leaves
threads little to do at the same time. Processes share no lock, but have to start. They are
plain ``python -c`` children that talk through pipes: unlike those of ``multiprocessing`` they
never import the caller's main module, so a script needs no ``if __name__ == "__main__":``;
unlike forked ones they inherit no locks; and when their parent is killed, so that its ends of
the pipes close, they end too.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Lock, local
from time import monotonic
from types import TracebackType
from typing import Any, Final, TypeVar

from voxaffect.errors import WorkerError
from voxaffect.extraction.process import NO_MEMORY, READY

KINDS: Final = ("auto", "threads", "processes")
START_SECONDS: Final = 0.6
"""From the start of a process until it is as fast as this one, a processor each: Python, NumPy,
SciPy, filter banks (0.4 to 0.8 s on two processors). What is saved has to be more than this:
for two workers 1.2 s of work, some 160 recordings of 3.7 s with `affect`, 700 with `classic`."""

_LEAST_DONE: Final = 4  # of short ones tell a pace
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from voxaffect.extraction.process import main; main()"
)
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_WITHOUT_MEMORY = (NO_MEMORY, -9)  # SIGKILL is what a system sends; Windows knows none
_PACKAGE = str(Path(__file__).absolute().parents[2])

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
        self._kind = "threads" if is_alone or _interpreter() is None else kind
        self._threads = ThreadPoolExecutor(self.count)
        self._pace = _Pace(self.count)
        self._own, self._lock, self._is_stopped = local(), Lock(), False
        self._processes: list[_Process] = []
        weakref.finalize(self, _stop, self._processes)  # of workers that nobody stopped

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stop_processes()  # nobody waits for what they are at
        self._is_stopped = True
        self._threads.shutdown(cancel_futures=True)
        self._stop_processes()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Of the processes that have been started."""
        with self._lock:
            return tuple(process.id for process in self._processes)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Do in threads, in order, what leaves Python's lock alone, such as reading."""
        return self._threads.map(function, items)

    def outcomes(
        self, work: Callable[[Item], Result], items: Sequence[Item]
    ) -> Generator[tuple[int, Result]]:
        """Do work on each item; its place and the result, as they are finished.

        Parameters
        ----------
        work : callable
            A pure function of the item.
        items : sequence

        Raises
        ------
        WorkerError
            If a process dies.
        """
        with self.starting(work, len(items)) as start:
            running = {start(item): place for place, item in enumerate(items)}
            try:
                for future in as_completed(list(running)):
                    yield running.pop(future), future.result()
            finally:
                for future in running:
                    future.cancel()

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
            yield lambda item: self._threads.submit(self._do, work, sent, item)
        finally:
            self._pace.expect(0)

    def foresee(self, seconds: float) -> None:
        """Say that the caller has work for so many seconds beside the items that are expected."""
        self._pace.foreseen_seconds = seconds

    def _do(self, work: Callable[[Item], Result], sent: bytes | None, item: Item) -> Result:
        """In a thread: do it here, or wait for this thread's process to do it."""
        process = self._process() if sent else None
        if process is None or sent is None or not process.understands(sent):
            result = work(item)
        else:
            result = process.result(item)
        self._pace.count_one()
        return result

    def _process(self) -> _Process | None:
        """Return the process of this thread, if it has one or it is time for one."""
        found: _Process | None = getattr(self._own, "process", None)
        if found is None and (self._kind == "processes" or self._pace.is_worth_processes()):
            try:
                found = self._own.process = _Process()
            except OSError:  # a sandbox that allows none, or a machine that is full
                self._kind = "threads"
                return None
            with self._lock:
                self._processes.append(found)
        return found if self._kind != "threads" else None

    def _stop_processes(self) -> None:
        with self._lock:
            _stop(self._processes)


def _stop(processes: Sequence[_Process]) -> None:
    for process in processes:
        process.stop()


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


class _Process:
    """A child that computes; one thread at a time talks to it."""

    def __init__(self) -> None:
        interpreter = _interpreter() or ""
        # What lies in a folder that the caller has moved to is no library.
        path = [one for one in sys.path if isinstance(one, str) and Path(one).is_absolute()]
        # Inner threads would only quarrel over processors; Ctrl-C is the parent's to answer.
        self._child = subprocess.Popen(
            [interpreter, "-c", _PROGRAM, *path, _PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.id = self._child.pid
        self._known: bytes | None = None
        self._is_understood = False
        self._await()

    def _await(self) -> None:
        """Wait until it is ready.

        Raises
        ------
        OSError
            If it ends first.
        """
        assert self._child.stdout is not None
        said = b""
        while not said.endswith(READY):
            heard = self._child.stdout.read(1)
            if not heard:
                self.stop()
                raise OSError("the worker process did not start")
            said = said[-len(READY) :] + heard

    def understands(self, work: bytes) -> bool:
        """Whether the child has, or takes in, the work; it may lack a module."""
        if work != self._known:
            self._is_understood = self._asked(work, _interpreter())
            self._known = work
        return self._is_understood

    def result(self, item: Any) -> Any:
        """Return what the work gives, or raise what it raises."""
        result, error = self._asked((item,), item)
        if error is not None:
            raise error
        return result

    def _asked(self, request: Any, name: object) -> Any:
        try:
            assert self._child.stdin is not None
            assert self._child.stdout is not None
            pickle.dump(request, self._child.stdin, pickle.HIGHEST_PROTOCOL)
            self._child.stdin.flush()
            return pickle.load(self._child.stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
            raise WorkerError(
                f"{_subject(name)} {self._ending()}. Go on with fewer workers; a single one "
                "starts no process."
            ) from error

    def _ending(self) -> str:
        """How the child ended."""
        self.stop(patience_seconds=2)
        code = self._child.returncode
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        return f"{how}; memory may have run out" if code in _WITHOUT_MEMORY else how

    def stop(self, patience_seconds: float = 0) -> None:
        """End the child, who has nothing to lose."""
        try:
            self._child.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was not sent has nowhere to go
                    pipe.close()


def _subject(name: object) -> str:
    """Of a message on a process at work on something; a window's arrays are no name."""
    named = isinstance(name, str | Path)
    return f"{name}: its worker process" if named else "a worker process"


def _interpreter() -> str | None:
    """Return what runs Python, unless an application that holds Python inside runs it."""
    name = Path(sys.executable or "").stem.lower()
    is_frozen = getattr(sys, "frozen", False)
    return sys.executable if name.startswith(("python", "pypy")) and not is_frozen else None


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
