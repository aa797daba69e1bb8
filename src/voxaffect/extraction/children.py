"""Worker processes as their parent sees them: start, talk, watch, end."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, BinaryIO, Final, cast

from voxaffect.errors import WorkerError
from voxaffect.extraction.interpreter import find_interpreter, interpreter_options
from voxaffect.extraction.process import NO_MEMORY, READY, receive, send

START_LIMIT_SECONDS: Final = 60.0
"""Longest start of a process. One that takes longer is ended, and the work goes on in threads."""
STOP_LIMIT_SECONDS: Final = 60.0
"""How long a process at work may be stopped, as by SIGSTOP, before it is ended."""
CHECK_SECONDS: Final = 1.0

_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from voxaffect.extraction.process import main; main()"
)
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_WITHOUT_MEMORY = (NO_MEMORY, -9)  # SIGKILL is what a system sends; Windows knows none
_PACKAGE = str(Path(__file__).absolute().parents[2])


class ChildError(WorkerError):
    """A worker process has ended.

    Parameters
    ----------
    subject : str
        What it was at work on.
    ending : str
        How it ended, with ``{}`` for how often, as in ``was ended{} by SIGKILL``.
    is_memory : bool
        Whether memory may have run out.
    """

    def __init__(self, subject: str, ending: str, *, is_memory: bool) -> None:
        self.subject, self.ending, self.is_memory = subject, ending, is_memory
        cause = "; memory may have run out. Try" if is_memory else ". Try"
        super().__init__(f"{subject} {ending.format('')}{cause} --workers 1, or --max-seconds.")

    def joined(self, second: ChildError) -> WorkerError:
        """Return the error of an item that has ended two processes."""
        if self.ending == second.ending:
            ending = self.ending.format(" twice")
        else:
            ending = f"{self.ending.format('')}, a second one {second.ending.format('')}"
        if self.is_memory or second.is_memory:
            remedy = "; memory may have run out. Try --workers 1, or --max-seconds."
        else:
            remedy = ". Convert the recording to WAV, or leave it out."
        return WorkerError(f"{self.subject} {ending}{remedy}")


class Child:
    """A process that computes; one thread at a time talks to it."""

    def __init__(self) -> None:
        interpreter = find_interpreter() or ""
        # What lies in a folder that the caller has moved to is no library.
        path = [entry for entry in sys.path if isinstance(entry, str) and Path(entry).is_absolute()]
        # Inner threads would only quarrel over processors; Ctrl-C is the parent's to answer.
        self._child = subprocess.Popen(
            [interpreter, *interpreter_options(), "-c", _PROGRAM, *path, _PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **_ONE_THREAD},
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self.id = self._child.pid
        self.is_usable = True
        self._lock = Lock()
        self._is_ready, self._is_awaited, self._late_seconds = False, True, 0.0
        self._stopped_seconds = 0.0
        self._known: bytes | None = None
        self._is_understood = False

    def wait_until_ready(self) -> None:
        """Wait for the end of its start.

        Raises
        ------
        OSError
            If it ends first, or takes too long.
        """
        assert self._child.stdout is not None
        text = b""
        while not text.endswith(READY):
            mark = self._child.stdout.read(1)
            if not mark:
                raise OSError("the worker process did not start")
            text = text[-len(READY) :] + mark
        self._is_ready, self._is_awaited = True, False

    def understands(self, work: bytes) -> bool:
        """Whether the child has, or takes in, the work; it may lack a module."""
        if work != self._known:
            self._is_understood = self._asked(work, None)
            self._known = work
        return self._is_understood

    def result(self, item: Any) -> Any:
        """Return what the work gives, or raise what it raises."""
        result, error = self._asked((item,), item)
        if error is not None:
            raise error
        return result

    def _asked(self, request: Any, item: object) -> Any:
        content = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
        self.is_usable, self._is_awaited = False, True  # until the reply is whole
        try:
            send(cast(BinaryIO, self._child.stdin), content)
            reply = receive(cast(BinaryIO, self._child.stdout))
        except (OSError, EOFError, ValueError) as error:
            ending, is_memory = self._ending()
            raise ChildError(_subject(item), ending, is_memory=is_memory) from error
        self.is_usable, self._is_awaited = True, False
        return pickle.loads(reply)

    def _ending(self) -> tuple[str, bool]:
        """How the child ended, and whether memory may have run out."""
        self.stop(patience_seconds=2)
        code = self._child.returncode
        if self._stopped_seconds:
            return f"was stopped{{}} for {self._stopped_seconds:g} s", False
        ending = f"ended{{}} with exit code {code}"
        if code < 0:
            ending = f"was ended{{}} by {signal.Signals(-code).name}"
        return ending, code in _WITHOUT_MEMORY

    def check(self) -> None:
        """End the child if somebody waits for it in vain; called every CHECK_SECONDS."""
        is_stopped = self._is_ready and _is_stopped(self.id)
        if not self._is_awaited or (self._is_ready and not is_stopped):
            self._late_seconds = 0.0
            return
        self._late_seconds += CHECK_SECONDS
        if self._late_seconds > (STOP_LIMIT_SECONDS if self._is_ready else START_LIMIT_SECONDS):
            self._stopped_seconds = STOP_LIMIT_SECONDS if self._is_ready else 0.0
            with suppress(OSError):
                self._child.kill()

    def disown(self) -> None:
        """In a forked process: let go of the pipes, which are the parent's.

        What is still in their buffers goes nowhere, and the child ends with its parent.
        """
        nowhere = os.open(os.devnull, os.O_RDWR)
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None and not pipe.closed:
                os.dup2(nowhere, pipe.fileno(), inheritable=False)
        os.close(nowhere)
        _DISOWNED.append(self)  # closing a pipe could wait for a thread of the parent

    def stop(self, patience_seconds: float = 0) -> None:
        """End the child, who has nothing to lose."""
        with self._lock:
            try:
                self._child.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    with suppress(OSError, ValueError):  # what was not sent has nowhere to go
                        pipe.close()


_DISOWNED: list[Child] = []


class Watch:
    """A thread that ends processes which do not start, or which somebody has stopped.

    Parameters
    ----------
    children : sequence of Child
        Those that run; it changes.

    Raises
    ------
    OSError
        If the system allows no thread.
    """

    def __init__(self, children: Sequence[Child]) -> None:
        self._is_over = Event()
        try:
            Thread(target=_watch, args=(children, self._is_over), daemon=True).start()
        except RuntimeError as error:
            raise OSError(str(error)) from error

    def end(self) -> None:
        """End the thread, soon."""
        self._is_over.set()

    def __del__(self) -> None:
        self.end()


def _watch(children: Sequence[Child], is_over: Event) -> None:
    while not is_over.wait(CHECK_SECONDS):
        for child in list(children):
            child.check()


def _is_stopped(process: int) -> bool:
    """Whether a child of this process is stopped, where the system tells."""
    if not hasattr(os, "waitid"):
        return False
    try:
        state = os.waitid(os.P_PID, process, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return state is not None


def _subject(item: object) -> str:
    """Of a message on a process at work on something; a window's arrays are no name."""
    name = item if isinstance(item, str | Path) else getattr(item, "name", "")
    return f"{name}: its worker process" if name else "a worker process"
