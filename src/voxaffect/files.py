"""Files that are written whole or not at all, and text that fits in a file or on a line."""

from __future__ import annotations

import errno
import os
import stat
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from voxaffect.errors import VoxaffectError

_NEEDS_ESCAPE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, surrogates, and what separates lines and paragraphs."""


def printable(text: str) -> str:
    """Text as one line that any terminal shows: controls and surrogates become escapes.

    A file name may hold a line break, a colour code, or bytes that are no UTF-8.
    """
    return "".join(
        mark.encode("unicode_escape").decode("ascii")
        if unicodedata.category(mark) in _NEEDS_ESCAPE
        else mark
        for mark in text
    )


def encodable(text: str) -> str:
    """Text that UTF-8 can hold: surrogates, from file names of other bytes, become escapes."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def walked(
    folder: Path, on_error: Callable[[OSError], object]
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Go through a folder as ``os.walk``, and through folders that links lead to.

    Each real folder comes once, so that a link to a folder above ends.
    """
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=on_error, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        folders.sort()
        yield Path(parent), folders, names


def is_watched() -> bool:
    """Whether standard error is a terminal; it can be closed, or missing in a service."""
    try:
        return sys.stderr is not None and sys.stderr.isatty()
    except ValueError:
        return False


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file whole or not at all; a file that was there stays until the new one is done.

    A link is followed, permissions are kept. A device or a pipe cannot be replaced, so it is
    written to directly.

    Parameters
    ----------
    path : Path
    write : callable
        Writes all content to the binary stream it is given.

    Raises
    ------
    VoxaffectError
        If it cannot be written there.
    """
    try:
        mode = _mode(path)
        if mode is None or stat.S_ISREG(mode):
            _replace(path.resolve(), mode, write)
        else:
            with path.open("wb") as stream:
                write(stream)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise VoxaffectError(f"{printable(str(path))}: cannot be written ({reason}).") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8, whole or not at all, line ends as they are and surrogates as escapes.

    Raises
    ------
    VoxaffectError
        If it cannot be written there.
    """
    write_whole(path, lambda stream: stream.write(encodable(text).encode("utf-8")))


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they are there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    VoxaffectError
        If it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VoxaffectError(
            f"{path}: cannot be made a folder ({error.strerror or error})."
        ) from error


def _mode(path: Path) -> int | None:
    """Kind and permissions of a file; None if there is none yet."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _short(name: str) -> str:
    """Name, cut where what is added to it could make it too long for a disk."""
    return name if len(name) <= 50 else f"{name[:40]}.{zlib.crc32(os.fsencode(name)):08x}"


def _replace(path: Path, mode: int | None, write: Callable[[BinaryIO], object]) -> None:
    if mode is not None and not os.access(path, os.W_OK):  # replacing would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    # The process's number, so that two that write the same file do not mix.
    partial = path.with_name(f".{_short(path.name)}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as stream:
            write(stream)
        if mode is not None:
            partial.chmod(stat.S_IMODE(mode))
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
