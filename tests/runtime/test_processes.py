"""A worker process whose end, stop or children its parent cannot miss."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.runtime.processes import WorkerProcess
from voxaffect.runtime.tasks import PackedFunction, pack_function

POSIX = pytest.mark.skipif(not hasattr(os, "waitid"), reason="this system cannot stop processes")
MORE_THAN_A_PIPE_HOLDS = bytes(10_000_000)


def pack(function: Any) -> PackedFunction:
    packed = pack_function(function, by_value=False)
    assert packed is not None
    return packed


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[WorkerProcess]:
    for name, seconds in (("CHECK", 0.05), ("STOP_LIMIT", 0.3)):
        monkeypatch.setattr(f"voxaffect.runtime.processes.{name}_SECONDS", seconds)
    process = WorkerProcess()
    try:
        process.wait_until_ready()
        yield process
    finally:
        process.stop()


@pytest.mark.parametrize("size", [0, 1, 70_000, len(MORE_THAN_A_PIPE_HOLDS)])
def test_what_is_sent_comes_back(worker: WorkerProcess, size: int) -> None:
    assert worker.understands(pack(bytes))
    content = os.urandom(size)
    assert worker.compute((content,)) == content
    assert worker.is_usable


def test_a_function_is_replaced_and_an_error_is_raised_here(worker: WorkerProcess) -> None:
    assert worker.understands(pack(len))
    assert worker.compute(("word",)) == 4
    assert worker.understands(pack(abs))
    assert worker.compute((-4,)) == 4
    with pytest.raises(TypeError) as raised:
        worker.compute(("word",))
    assert "in a worker process" in raised.value.__notes__[0]
    assert worker.compute((-5,)) == 5


@POSIX
def test_a_stopped_process_that_reads_nothing_is_ended(worker: WorkerProcess) -> None:
    assert worker.understands(pack(len))
    os.kill(worker.id, signal.SIGSTOP)
    with pytest.raises(DeadWorkerError, match=r"was stopped for 0\.3 s"):
        worker.compute((MORE_THAN_A_PIPE_HOLDS,))
    assert not worker.is_usable


@POSIX
def test_a_process_that_is_stopped_in_its_reply_is_ended(worker: WorkerProcess) -> None:
    assert worker.understands(pack(bytes))
    worker._send(pickle.dumps((len(MORE_THAN_A_PIPE_HOLDS),)))
    assert worker._pipe.poll(60)
    os.kill(worker.id, signal.SIGSTOP)
    with pytest.raises(BlockingIOError):
        worker._receive()
    assert not worker.is_usable


def test_a_default_timeout_of_sockets_changes_nothing() -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.01)
    try:
        process = WorkerProcess()
    finally:
        socket.setdefaulttimeout(before)
    try:
        process.wait_until_ready()
        assert process.understands(pack(bytes))
        assert process.compute((MORE_THAN_A_PIPE_HOLDS,)) == MORE_THAN_A_PIPE_HOLDS
    finally:
        process.stop()


SCRIPT = """
import os, signal
from voxaffect.runtime.deaths import DeadWorkerError
from voxaffect.runtime.processes import WorkerProcess
from voxaffect.runtime.tasks import pack_function
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
process = WorkerProcess()
process.wait_until_ready()
assert process.understands(pack_function(len, by_value=False))
os.kill(process.id, signal.SIGKILL)
os.waitid(os.P_PID, process.id, os.WEXITED | os.WNOWAIT)
try:
    process.compute((bytes(1_000_000),))
except DeadWorkerError as error:
    print(error)
assert signal.SIGPIPE not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
"""


@POSIX
def test_a_dead_process_ends_no_program_that_heeds_sigpipe() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "was ended by SIGKILL" in done.stdout


def test_an_exit_in_a_process_is_raised_here(worker: WorkerProcess) -> None:
    assert worker.understands(pack(sys.exit))
    with pytest.raises(SystemExit):
        worker.compute((3,))
    assert worker.is_usable


@POSIX
def test_a_process_that_ended_while_idle_is_not_usable(worker: WorkerProcess) -> None:
    assert worker.is_usable
    os.kill(worker.id, signal.SIGKILL)
    os.waitid(os.P_PID, worker.id, os.WEXITED | os.WNOWAIT)
    assert not worker.is_usable


def leave_a_child(path: str) -> None:
    """End this process, and leave a child that holds all that was open."""
    child = os.fork()
    if not child:
        time.sleep(60)
        os._exit(0)
    Path(path).write_text(str(child), encoding="ascii")
    os.kill(os.getpid(), signal.SIGKILL)


@POSIX
def test_a_dead_process_is_noticed_though_its_child_holds_the_pipe(
    worker: WorkerProcess, tmp_path: Path
) -> None:
    path = tmp_path / "child"
    assert worker.understands(pack(leave_a_child))
    try:
        with pytest.raises(DeadWorkerError, match="was ended by SIGKILL"):
            worker.compute((str(path),))
    finally:
        with suppress(OSError):
            os.kill(int(path.read_text(encoding="ascii")), signal.SIGKILL)


def test_a_process_that_was_stopped_here_computes_no_more(worker: WorkerProcess) -> None:
    assert worker.understands(pack(abs))
    worker.stop()
    worker.stop()
    with pytest.raises(DeadWorkerError):
        worker.compute((-1,))
