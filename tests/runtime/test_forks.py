"""A process that is forked while threads are at work has no lock that nobody will release."""

from __future__ import annotations

import os
import signal as signals
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Trained

from voxaffect.features.threads import one_thread
from voxaffect.recognition import predict
from voxaffect.runtime import forks
from voxaffect.runtime.forks import no_fork

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),  # of Python 3.12
]


def fork(work: Callable[[], object], *, seconds: int = 20) -> int:
    """Start a forked process; it ends with code 0, or by a signal if it hangs."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signals.alarm(seconds)
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def ending(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def busy(work: Callable[[], object], *, threads: int) -> Iterator[None]:
    """Do some work again and again in other threads."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.is_set():
            work()

    running = [threading.Thread(target=repeat) for _ in range(threads)]
    for thread in running:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in running:
            thread.join()


@pytest.mark.slow
def test_a_child_predicts_whatever_its_parent_was_at(
    recordings: list[Path], trained: Trained
) -> None:
    def work() -> object:
        return predict(recordings[0], model=trained.model)

    work()
    with busy(work, threads=3):
        children = []
        for _ in range(12):
            children.append(fork(work))
            time.sleep(0.01)
    assert [ending(child) for child in children] == [0] * 12


def test_a_fork_waits_for_other_threads_and_they_for_it() -> None:
    entered, left = threading.Event(), threading.Event()

    def stay() -> None:
        with no_fork:
            entered.set()
            time.sleep(0.2)
            left.set()

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(5)
    child = fork(stay)
    assert left.is_set()
    thread.join()
    assert ending(child) == 0
    stay()  # the parent goes on too


@pytest.mark.parametrize("section", [no_fork, one_thread], ids=["no_fork", "one_thread"])
def test_a_thread_may_fork_where_others_may_not(section: forks._NoFork) -> None:
    def enter() -> None:
        with section:
            pass

    with section, section:
        child = fork(enter)
    assert ending(child) == 0

    with section:
        child = os.fork()
        if not child:
            signals.alarm(20)
    if not child:  # it has left the section that it was forked in
        enter()
        os._exit(0)
    assert ending(child) == 0
    enter()


def test_a_fork_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "WAIT_LIMIT_SECONDS", 0.1)
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with no_fork:
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(5)
    assert ending(fork(lambda: None)) == 0
    leave.set()
    thread.join()
