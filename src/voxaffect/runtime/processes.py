"""Worker processes, each of which serves one thread through a pipe.

They start as loky's do, but take over the options of the interpreter, write nothing, import nothing
from the current folder, and end within seconds when their parent is killed. One that dies takes
one item along. They never import the caller's main module, so a script needs no
``if __name__ == "__main__":``.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from multiprocessing import Pipe, process, util
from multiprocessing.connection import Connection
from multiprocessing.context import set_spawning_popen
from pathlib import Path
from typing import Any, Final

from loky.backend import reduction, resource_tracker, spawn
from loky.backend.process import LokyProcess

from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.runtime.tasks import NO_MEMORY, PackedFunction, run_packed, unpack_function

START_LIMIT_SECONDS: Final = 60.0
"""Longest start of a process. One that takes longer is ended, and the work goes on in threads."""
STOP_LIMIT_SECONDS: Final = 60.0
"""How long a process at work may be stopped, as by SIGSTOP, before it is ended."""
CHECK_SECONDS: Final = 1.0

_STANDARD_ERROR = 2
_OOM_SCORE = "500"
_WITHOUT_MEMORY = (NO_MEMORY, -9)  # SIGKILL is what a system sends; Windows knows none
_PACKAGE = str(Path(__file__).absolute().parents[2])
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_START_ERRORS = (OSError, RuntimeError, NotImplementedError, AssertionError)
_ENDED = (EOFError, OSError)
"""Errors of a pipe whose other end is gone."""
_LOAD = b"load"
"""Comes before a function; what comes without it are arguments."""
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from voxaffect.runtime.processes import main; main(int(sys.argv[1]))"
)


class WorkerProcess:
    """A process that computes; one thread at a time talks to it.

    Raises
    ------
    OSError
        If it cannot start: a sandbox that allows none, or a machine that is full.
    """

    def __init__(self) -> None:
        self._is_at_work = False
        self._lock = threading.Lock()
        self._known: PackedFunction | None = None
        self._is_understood = False
        self._stopped_seconds = 0.0
        environment = {**os.environ, **_ONE_THREAD}
        try:
            self._pipe, other = Pipe()
            with other:
                _limit_waiting(self._pipe)
                self._process = _Process(target=_serve, args=(other, os.getpid()), env=environment)
                self._process.start()
        except _START_ERRORS as error:
            raise OSError(f"no worker process can start: {error}") from error
        process._children.discard(self._process)  # type: ignore[attr-defined]  # no exit waits for it

    @property
    def id(self) -> int:
        """Process identifier."""
        return self._process.pid or 0

    @property
    def is_usable(self) -> bool:
        """True if it runs, and is not at work that nobody waits for any more."""
        return not self._is_at_work and self._process.is_alive()

    def wait_until_ready(self) -> None:
        """Wait for the end of the start.

        Raises
        ------
        OSError
            If the process ends first, or takes too long.
        """
        with suppress(*_ENDED):
            if self._pipe.poll(START_LIMIT_SECONDS):
                self._pipe.recv_bytes()
                return
        self.stop()
        raise OSError("the worker process did not start")

    def understands(self, function: PackedFunction) -> bool:
        """Return whether the process has, or can load, the function; it may lack a module."""
        if function is not self._known:
            self._is_understood = self._call((function,), _LOAD)
            self._known = function
        return self._is_understood

    def compute(self, arguments: tuple[Any, ...]) -> Any:
        """Return what the function that it understands returns, or raise what it raises."""
        return self._call(arguments)

    def _call(self, arguments: tuple[Any, ...], *orders: bytes) -> Any:
        content = pickle.dumps(arguments, pickle.HIGHEST_PROTOCOL)
        self._is_at_work = True  # until the reply is there
        try:
            for message in (*orders, content):
                self._send(message)
            reply = self._receive()
        except _ENDED as error:  # the process has ended, or was stopped
            ending, is_memory = self._describe_ending()
            raise DeadWorkerError(_name(arguments), ending, is_memory=is_memory) from error
        self._is_at_work = False
        result, failure = pickle.loads(reply)
        if failure is not None:
            raise failure
        return result

    def _send(self, message: bytes) -> None:
        try:
            with _hold_back_sigpipe():
                self._pipe.send_bytes(message)
        except BlockingIOError:  # a process that waits for work reads at once
            self._end_stopped()
            raise

    def _receive(self) -> bytes:
        """Wait for a reply; end the process if somebody has stopped it for too long."""
        seconds = 0.0
        while not self._pipe.poll(CHECK_SECONDS):
            seconds = seconds + CHECK_SECONDS if _is_stopped(self.id) else 0.0
            if seconds > STOP_LIMIT_SECONDS:
                self._end_stopped()
            if not (self._process.is_alive() or self._pipe.poll()):
                raise EOFError  # a child of the process may hold its end of the pipe
        try:
            return self._pipe.recv_bytes()
        except BlockingIOError:  # the reply broke off
            self._end_stopped()
            raise

    def _end_stopped(self) -> None:
        if self._process.is_alive():
            self._stopped_seconds = STOP_LIMIT_SECONDS
        self.stop()

    def _describe_ending(self) -> tuple[str, bool]:
        """Describe how the process ended, and whether memory may have run out."""
        self._process.join(2)
        self.stop()
        code = self._process.exitcode or 0
        if self._stopped_seconds:
            return f"was stopped{{}} for {self._stopped_seconds:g} s", False
        ending = f"ended{{}} with exit code {code}"
        if code < 0:
            ending = f"was ended{{}} by {signal.Signals(-code).name}"
        return ending, code in _WITHOUT_MEMORY

    def stop(self) -> None:
        """End the process, which has nothing to lose."""
        with self._lock:
            if self._process.is_alive():
                self._process.kill()
                self._process.join()

    def disown(self) -> None:
        """Let go, in a forked process, of a process that is the parent's."""
        _DISOWNED.append(self)  # it cannot be waited for here


_DISOWNED: list[WorkerProcess] = []


def _limit_waiting(pipe: Connection) -> None:
    """Let a message that comes to a halt for too long end in an error, where the system can."""
    if sys.platform == "win32":
        return
    seconds, part = divmod(STOP_LIMIT_SECONDS, 1)
    limit = struct.pack("ll", int(seconds), int(1e6 * part))
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        end.settimeout(None)  # whatever the default of the program is
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            end.setsockopt(socket.SOL_SOCKET, option, limit)


@contextmanager
def _hold_back_sigpipe() -> Iterator[None]:
    """Let no process that has ended end this program, where that does not ignore SIGPIPE."""
    if sys.platform == "win32" or signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
    try:
        yield
    finally:
        if signal.SIGPIPE in signal.sigpending():
            signal.sigwait({signal.SIGPIPE})
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _name(arguments: tuple[Any, ...]) -> str:
    """Name of the recording in messages; a window's arrays are no name."""
    item = arguments[0] if arguments else ""
    return str(item) if isinstance(item, str | Path) else getattr(item, "name", "")


def _is_stopped(identifier: int) -> bool:
    """Return whether a child of this process is stopped, where the system reports it."""
    if not hasattr(os, "waitid"):
        return False
    try:
        state = os.waitid(os.P_PID, identifier, os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return state is not None


# The start of a process.


if sys.platform == "win32":
    _Process = LokyProcess
else:
    from loky.backend.popen_loky_posix import Popen

    class _Process(LokyProcess):  # type: ignore[misc]
        """Process that starts by the program of this module."""

        @staticmethod
        def _Popen(process_obj: Any) -> Any:  # noqa: N802
            return _Launch(process_obj)

    class _Launch(Popen):  # type: ignore[misc]
        """Start of a process with the options of this interpreter, and without a word from it."""

        def __init__(self, started: Any) -> None:
            self.returncode: int | None = None
            self._fds: list[int] = []
            self._launch(started)

        def _launch(self, started: Any) -> None:
            _start_tracker()
            self._fds.append(resource_tracker._resource_tracker.getfd())
            content = BytesIO()
            set_spawning_popen(self)
            try:
                reduction.dump(_describe_parent(started), content)
                reduction.dump(started, content)
            finally:
                set_spawning_popen(None)
            self.sentinel, child_end = os.pipe()
            util.Finalize(self, os.close, (self.sentinel,))
            source, target = os.pipe()
            try:
                self._child = _start_program(started.env, source, [*self._fds, source, child_end])
                self.pid = self._child.pid
            finally:
                for file in (child_end, source):
                    os.close(file)
                with suppress(BrokenPipeError), os.fdopen(target, "wb") as stream:
                    stream.write(content.getbuffer())

        def poll(self, flag: int = os.WNOHANG) -> int | None:
            code = self._child.poll() if flag else self._child.wait()
            self.returncode = code
            return code

        def kill(self) -> None:
            self._child.kill()


def _start_tracker() -> None:
    """Start loky's tracker, which cleans up after a killed program, without a word from it."""
    option = "ignore:resource_tracker"
    sys.warnoptions.append(option)  # the tracker takes them over
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(option)


def track_file(path: str) -> None:
    """Let loky's tracker delete a file if this program is killed."""
    with suppress(OSError):
        _start_tracker()
        resource_tracker.register(path, "file")


def delete_file(path: str) -> None:
    """Delete a file that is tracked."""
    Path(path).unlink(missing_ok=True)
    with suppress(OSError):
        resource_tracker.unregister(path, "file")


def _describe_parent(started: Any) -> dict[str, Any]:
    """Data with which loky prepares a process; without the main module, which is not imported."""
    return {
        "name": started.name,
        "sys_argv": sys.argv,
        "authkey": bytes(process.current_process().authkey),
        "tracker_fd": resource_tracker._resource_tracker._fd,
    }


def _start_program(
    environment: dict[str, str], source: int, files: list[int]
) -> subprocess.Popen[bytes]:
    if min(files) <= _STANDARD_ERROR:
        raise OSError("the standard streams are closed")
    # What lies in a folder that the caller has moved to is no library.
    path = [entry for entry in sys.path if isinstance(entry, str) and Path(entry).is_absolute()]
    options = util._args_from_interpreter_flags()  # type: ignore[attr-defined]
    return subprocess.Popen(
        [sys.executable, *options, "-c", _PROGRAM, str(source), *path, _PACKAGE],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # whatever a library prints
        pass_fds=files,
        env=environment,
        start_new_session=True,  # Ctrl-C is the parent's to answer
    )


# Inside the process.


def main(source: int) -> None:
    """Receive what loky sends to a process that starts, and serve until it ends."""
    current: Any = process.current_process()
    try:
        with os.fdopen(source, "rb") as stream:
            current._inheriting = True
            spawn.prepare(pickle.load(stream))
            started = pickle.load(stream)
            del current._inheriting
    except EOFError:  # the parent has ended
        os._exit(1)
    os._exit(started._bootstrap())


def _serve(pipe: Connection, parent: int) -> None:
    """Do what the parent sends, until it ends."""
    _prepare(parent)
    try:
        pipe.send_bytes(b"ready")
        while True:
            message = pipe.recv_bytes()
            if message == _LOAD:
                reply = run_packed(_load_function, pipe.recv_bytes())
            else:
                reply = run_packed(_function, message)
            pipe.send_bytes(reply)
    except MemoryError:  # the message or the reply was too large
        os._exit(NO_MEMORY)
    except _ENDED:
        os._exit(1)


def _prepare(parent: int) -> None:
    """Prepare a process that has started for its work."""
    with suppress(OSError):  # let Linux, when memory runs out, end this process first
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(os.devnull, "r+b") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """End this process when its parent was killed; loky's would wait, or finish its queue."""
    while os.getppid() == parent:
        time.sleep(CHECK_SECONDS)
    os._exit(1)


_function: Callable[..., Any] = repr


def _load_function(packed: PackedFunction) -> bool:
    global _function
    try:
        _function = unpack_function(packed)
    except Exception:  # importing what it needs may raise anything
        return False
    return True
