"""Safe forks: no thread holds a lock that the child could never release.

A forked process has one thread, and all locks as they were. If another thread held one, in
SciPy's FFT, in libsndfile or in our own code, the child would wait for it for ever. So a fork
waits until no other thread is inside such code, and threads wait before they enter it while a
fork is under way. Both are brief: the longest section is the features of one recording.
"""

from __future__ import annotations

import os
from contextlib import ContextDecorator
from threading import Condition, local
from time import monotonic
from typing import Final

WAIT_LIMIT_SECONDS: Final = 30.0
"""Longest time that a fork waits: then it begins all the same, as it would without this module."""


class _NoFork(ContextDecorator):
    """Guard that keeps other threads from forking; a thread may enter it again."""

    def __init__(self) -> None:
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self.begin_fork, after_in_parent=self.end_fork, after_in_child=self.renew
            )

    def renew(self) -> None:
        """Begin as in a process with one thread."""
        self._condition, self._own = Condition(), local()
        self._inside, self._forks = 0, 0

    def __enter__(self) -> None:
        depth = getattr(self._own, "depth", 0)
        if not depth:
            with self._condition:
                while self._forks:
                    self._condition.wait()
                self._inside += 1
        self._own.depth = depth + 1

    def __exit__(self, *_: object) -> None:
        depth = getattr(self._own, "depth", 0)
        if not depth:  # the thread has forked inside, and this is the child
            return
        self._own.depth = depth - 1
        if depth == 1:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    def begin_fork(self) -> None:
        """Wait until no other thread is inside, and let none enter."""
        own = 1 if getattr(self._own, "depth", 0) else 0
        until = monotonic() + WAIT_LIMIT_SECONDS
        with self._condition:
            self._forks += 1
            while self._inside > own and (left := until - monotonic()) > 0:
                self._condition.wait(left)

    def end_fork(self) -> None:
        """Let threads enter again."""
        with self._condition:
            self._forks -= 1
            self._condition.notify_all()


no_fork = _NoFork()
"""A context manager and decorator for code that takes locks which we cannot make anew."""
