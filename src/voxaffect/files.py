"""Files that are read up to a limit, or written whole or not at all, and text that fits a line."""

from __future__ import annotations

import errno
import os
import stat
import sys
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from reprlib import repr as shortened
from typing import BinaryIO

from voxaffect.errors import VoxaffectError

_NEEDS_ESCAPE = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, surrogates, and what separates lines and paragraphs."""
_BLOCK = 1 << 20


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


def read_bounded(
    path: str | os.PathLike[str], *, limit: int, what: str, error: type[VoxaffectError]
) -> bytes:
    """Content of an input file, or of a pipe that something writes into, up to a limit.

    It opens every input but recordings. It never waits for a pipe without a writer, and never
    reads a device.

    Parameters
    ----------
    path : str or path
    limit : int
        Most bytes that such a file can need.
    what : str
        Kind of file that is expected, with its article, as in ``a model file``.
    error : type of VoxaffectError
        Raised if there is no such content.

    Returns
    -------
    bytes

    Raises
    ------
    VoxaffectError
        Of the type ``error``: if it is missing, a folder, a device, a pipe that nothing writes
        into, larger than the limit, or cannot be read.
    """
    if not isinstance(path, str | os.PathLike) or isinstance(os.fspath(path), bytes):
        kind = type(path).__name__
        raise error(f"{shortened(path)}: expected the path of {what}, found {kind}.")
    name = printable(str(path))
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as stream:
            return _content(stream, name, limit=limit, what=what, error=error)
    except IsADirectoryError as problem:
        raise error(f"{name}: is a folder, expected {what}.") from problem
    except FileNotFoundError as problem:
        raise error(f"{name}: no such file, expected {what}.") from problem
    except PermissionError as problem:
        if Path(path).is_dir():  # Windows opens no folder
            raise error(f"{name}: is a folder, expected {what}.") from problem
        raise error(
            f"{name}: no permission to read it. Change the permissions of the file or its folder."
        ) from problem
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(f"{name}: cannot be read ({reason}), expected {what}.") from problem


def read_standard_input(*, limit: int, what: str, error: type[VoxaffectError]) -> bytes:
    """Content of standard input, up to a limit; as ``read_bounded``.

    Raises
    ------
    VoxaffectError
        Of the type ``error``: if it is closed, larger than the limit, or cannot be read.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise error(f"-: standard input is closed. Pipe {what} into it.")
    try:
        content = sys.stdin.buffer.read(limit + 1)
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise error(
            f"-: standard input cannot be read ({reason}). Pipe {what} into it."
        ) from problem
    if len(content) > limit:
        raise error(_too_large("-", limit, None, what))
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Descriptor of a file; a pipe is opened without waiting for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _content(
    stream: RawIOBase, name: str, *, limit: int, what: str, error: type[VoxaffectError]
) -> bytes:
    status = os.fstat(stream.fileno())
    is_pipe = stat.S_ISFIFO(status.st_mode)
    if not (is_pipe or stat.S_ISREG(status.st_mode)):
        raise error(f"{name}: is a device, expected {what}.")
    if not is_pipe and status.st_size > limit:
        raise error(_too_large(name, limit, status.st_size, what))
    block = stream.read(min(limit + 1, _BLOCK))  # None: a pipe that is open, and still empty
    if is_pipe:
        if block == b"":
            raise error(f"{name}: an empty pipe that nothing writes into, expected {what}.")
        os.set_blocking(stream.fileno(), True)
    blocks = [block or b""]
    size = len(blocks[0])
    while size <= limit and (block := stream.read(min(limit + 1 - size, _BLOCK))):
        blocks.append(block)
        size += len(block)
    if size > limit:  # a pipe, or a file that grows
        raise error(_too_large(name, limit, None, what))
    return b"".join(blocks)


def _too_large(name: str, limit: int, size: int | None, what: str) -> str:
    found = f"{size:,} bytes" if size is not None else "more"
    return f"{name}: too large: expected {what}, at most {limit:,} bytes, found {found}."


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
