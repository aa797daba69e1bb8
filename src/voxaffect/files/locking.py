"""Locks of open files and of folders; the system gives them back when a process ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PAUSE_SECONDS = 0.1
_LOCKED_BYTE = 1 << 60  # Windows lets nobody read a locked byte, so it is one that is never written


def lock_file(descriptor: int, *, is_patient: bool = False) -> bool:
    """Lock an open file until it is closed, however that happens.

    Parameters
    ----------
    descriptor : int
    is_patient : bool
        Whether to wait for another that holds the lock.

    Returns
    -------
    bool
        False if the system or the disk has no locks.

    Raises
    ------
    BlockingIOError
        If another holds the lock, and `is_patient` is False.
    """
    while True:
        try:
            _take_lock(descriptor, is_patient=is_patient)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
                return False
            if not is_patient:
                raise BlockingIOError(*error.args) from error
        else:
            return True


def _take_lock(descriptor: int, *, is_patient: bool) -> None:
    if sys.platform == "win32":
        import msvcrt

        position = os.lseek(descriptor, 0, os.SEEK_CUR)
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_LOCK if is_patient else msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, position, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))


def open_locked(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open and lock a file; again if another process removed it meanwhile.

    It never opens what a link in a shared folder leads to. A disk without locks is used without.

    Parameters
    ----------
    path : Path
    flags : int
        As of ``os.open``.

    Returns
    -------
    int
        Descriptor.

    Raises
    ------
    BlockingIOError
        If another holds the lock.
    """
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    while True:
        descriptor = os.open(path, flags, 0o666)
        try:
            lock_file(descriptor)
            if is_open_at(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_open_at(path: Path | str, descriptor: int) -> bool:
    """True if a path still leads to an open file; another process may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


@contextmanager
def lock_folder(folder: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Hold the lock of a folder; wait while another process, or thread, holds it.

    Parameters
    ----------
    folder : Path
        It must exist.
    on_wait : callable
        Called once if it has to wait.
    """
    path = folder / ".lock"
    has_waited = False
    while True:
        try:
            descriptor = open_locked(path)
            break
        except BlockingIOError:
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
