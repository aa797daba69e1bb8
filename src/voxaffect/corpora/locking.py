"""Lock of a folder: one process at a time works in it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = ".lock"
_PAUSE_SECONDS = 0.1


@contextmanager
def lock_folder(folder: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold the lock of a folder; wait while another process, or thread, holds it.

    The system gives the lock back when a process ends, however it ends. Where a disk knows no
    locks, nothing is locked.

    Parameters
    ----------
    folder : Path
        It must exist.
    on_wait : callable
        Called once if it has to wait.
    """
    path = folder / _NAME
    has_waited = False
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        is_held = _take(descriptor)
        if is_held is not False and _is_at(path, descriptor):
            break
        os.close(descriptor)
        if is_held is False:
            if not has_waited:
                on_wait()
                has_waited = True
            time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _take(descriptor: int) -> bool | None:
    """Take the lock of an open file: whether it was free; None where there are no locks."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return None
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file still has its name: who held it before us removed it at the end."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
