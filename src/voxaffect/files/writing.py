"""Files that are written whole or not at all, and checks of outputs before the work."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import BinaryIO

from voxaffect.errors import VoxaffectError
from voxaffect.files.locking import is_open_at, lock_file
from voxaffect.files.text import escape_control, escape_surrogates, name_errors

_BINARY = getattr(os, "O_BINARY", 0)
_UNFOLLOWED = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY
_EXCLUSIVE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | _BINARY
_PAGE_BYTES = 4096
"""Least space that a file takes."""
_LITTER_SECONDS = 24 * 60 * 60
"""Age at which a partial file is litter, where the system has no locks."""
_LITTER = re.compile(r"(?s:(?P<start>.+))\.([0-9a-f]{16}|[0-9]{1,10})\.partial")
"""Name of a partial file; earlier versions wrote the process's number."""
_partials: set[str] = set()
"""Unfinished files of this process."""


def write_whole(path: Path, write: Callable[[BinaryIO], object], *, is_alone: bool = True) -> None:
    """Write a file whole or not at all; a file that was there stays until the new one is done.

    A link is followed, permissions are kept. A device or a pipe cannot be replaced, so it is
    written to directly.

    Parameters
    ----------
    path : Path
    write : callable
        Writes all content to the binary stream it is given.
    is_alone : bool
        False for one of many files that are written in a row: `sync_files` then brings all of
        them to the disk at once, which is much faster.

    Raises
    ------
    VoxaffectError
        If it cannot be written there.
    """
    with name_errors(path, "cannot be written"):
        mode = _read_mode(path)
        if mode is None or stat.S_ISREG(mode):
            _replace(path.resolve(), mode, write, is_alone=is_alone)
        else:
            with path.open("wb") as stream:
                write(stream)


def write_text(path: Path, text: str, *, is_alone: bool = True) -> None:
    """Write UTF-8, whole or not at all, line ends as they are and surrogates as escapes.

    Raises
    ------
    VoxaffectError
        If it cannot be written there.
    """
    content = escape_surrogates(text).encode("utf-8")
    write_whole(path, lambda stream: stream.write(content), is_alone=is_alone)


def sync_files(paths: Collection[Path]) -> None:
    """Bring many files, just written, to the disk, and remove the litter of killed runs.

    Raises
    ------
    VoxaffectError
        If the system reports that one could not be written.
    """
    folders: dict[Path, list[str]] = {}
    for path in paths:
        with name_errors(path, "cannot be written"):
            if not path.is_file():
                continue
            _sync(path, os.O_RDWR | _BINARY)  # Windows syncs no read-only stream
        folders.setdefault(path.resolve().parent, []).append(path.resolve().name)
    for folder, names in folders.items():
        _remove_litter(folder, names)
        _sync_folder(folder)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Raises
    ------
    VoxaffectError
        If it cannot be made.
    """
    with name_errors(path, "cannot be made a folder"):
        path.mkdir(parents=True, exist_ok=True)


def check_writable(path: Path) -> None:
    """Refuse an output that could not be written, before the work; nothing is written there yet.

    A new file needs space and permission in its folder, for it replaces the old one when it is
    done. A device or a pipe needs permission alone.

    Raises
    ------
    VoxaffectError
        If its folder does not exist, it is a folder, its name is too long, the disk is full, or
        it may not be written.
    """
    name = escape_control(str(path))
    with name_errors(path, "cannot be written"):
        mode = _read_mode(path)
        if mode is not None and stat.S_ISDIR(mode):
            raise VoxaffectError(f"{name}: is a folder, expected a file to write.")
        _check_permission(path, mode)
        if mode is not None and not stat.S_ISREG(mode):
            return
        folder = path.resolve().parent
    if not folder.is_dir():
        parent = escape_control(str(path.parent))
        raise VoxaffectError(f"{name}: the folder {parent} does not exist. Make it first.")
    _check_space(folder, path)


def check_folder(path: Path) -> None:
    """Refuse a folder that could not be made or written to, before the work; it is not made yet.

    Raises
    ------
    VoxaffectError
        If it is a file, its name is too long, the disk is full, or it may not be written to.
    """
    with name_errors(path, "cannot be made a folder"):
        folder = path.resolve()
        while (mode := _read_mode(folder)) is None:
            folder = folder.parent
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    _check_space(folder, path)


def _check_space(folder: Path, path: Path) -> None:
    """Refuse a folder in which no file can be made, by making one."""
    import tempfile  # slow to import

    with name_errors(path, "cannot be written"), tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(bytes(_PAGE_BYTES))
        stream.flush()


def remove_partials() -> None:
    """Remove the unfinished files of this process, before it ends in the middle of a write."""
    for partial in list(_partials):
        with suppress(OSError):
            os.unlink(partial)  # noqa: PTH108 (a signal may have come before the path was whole)
        _partials.discard(partial)


def _read_mode(path: Path) -> int | None:
    """Kind and permissions of a file; None if there is none yet."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except ValueError as error:  # a name that no disk can hold
        raise OSError(errno.EINVAL, str(error)) from error


def _check_permission(path: Path, mode: int | None) -> None:
    """Refuse a file that may not be written; replacing it would need no such permission."""
    if mode is not None and not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _replace(
    path: Path, mode: int | None, write: Callable[[BinaryIO], object], *, is_alone: bool
) -> None:
    _check_permission(path, mode)
    with _open_partial(path, 0o666 if mode is None else 0o600) as (partial, stream):
        write(stream)
        stream.flush()
        if mode is not None:
            target = stream.fileno() if os.chmod in os.supports_fd else partial
            os.chmod(target, stat.S_IMODE(mode))  # noqa: PTH101
        if is_alone:
            os.fsync(stream.fileno())
        if sys.platform == "win32":  # where an open file cannot be renamed
            stream.close()
        os.replace(partial, path)  # noqa: PTH105
    if is_alone:
        _remove_litter(path.parent, [path.name])
        _sync_folder(path.parent)


@contextmanager
def _open_partial(path: Path, mode: int) -> Iterator[tuple[str, BinaryIO]]:
    """New file in the same folder, with a name that nobody can guess; removed at the end.

    It is locked while it is open, so that no other run removes it as litter.
    """
    while True:
        name = f".{_shorten(path.name)}.{os.urandom(8).hex()}.partial"
        partial = str(path.with_name(name))
        _partials.add(partial)
        try:
            with open(os.open(partial, _EXCLUSIVE, mode), "wb") as stream:  # noqa: PTH123
                has_lock = lock_file(stream.fileno(), is_patient=True)
                if not has_lock or is_open_at(partial, stream.fileno()):
                    yield partial, stream
                    return
        finally:
            with suppress(OSError):
                os.unlink(partial)  # noqa: PTH108
            _partials.discard(partial)


def _shorten(name: str) -> str:
    """Name, cut where an ending could make it too long for a disk."""
    return name if len(name) <= 50 else f"{name[:40]}.{zlib.crc32(os.fsencode(name)):08x}"


def _remove_litter(folder: Path, names: Collection[str]) -> None:
    """Remove partial files of runs that were killed while they wrote these files."""
    starts = {f".{_shorten(name)}" for name in names}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _LITTER.fullmatch(entry.name)
            if match and match["start"] in starts:
                _remove_unlocked(entry.path)


def _remove_unlocked(partial: str) -> None:
    """Remove a partial file, unless some run may still be writing it."""
    # BlockingIOError, the error of a lock that is held, is an OSError, too.
    with suppress(OSError), open(os.open(partial, _UNFOLLOWED), "r+b", buffering=0) as stream:  # noqa: PTH123
        status = os.fstat(stream.fileno())
        is_old = time() - status.st_mtime > _LITTER_SECONDS
        if stat.S_ISREG(status.st_mode) and (lock_file(stream.fileno()) or is_old):
            os.unlink(partial)  # noqa: PTH108


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some disks sync files alone
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
