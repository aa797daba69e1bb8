"""Files that are read up to a limit, or written whole or not at all, and text that fits a line."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import unicodedata
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path
from reprlib import repr as shortened
from time import time
from typing import BinaryIO

from voxaffect.errors import VoxaffectError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NEEDS_ESCAPE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, marks that reorder or hide text, surrogates, ends of lines."""
_JOINERS = "\u200c\u200d"
"""Marks of category Cf that scripts and emoji need; they neither hide nor reorder text."""
_BLOCK = 1 << 20


def escape_control(text: str) -> str:
    """Text as one line that any terminal shows as it is: what is not seen becomes an escape.

    A file name may hold a line break, a color code, marks that reverse the order in which it is
    shown, or bytes that are no UTF-8.
    """
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(mark: str) -> str:
    """One character, or its escape where a terminal would obey it or not show it."""
    if unicodedata.category(mark) in _NEEDS_ESCAPE and mark not in _JOINERS:
        return mark.encode("unicode_escape").decode("ascii")
    is_noncharacter = ord(mark) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(mark) <= 0xFDEF
    return mark.encode("unicode_escape").decode("ascii") if is_noncharacter else mark


def escape_surrogates(text: str) -> str:
    """Text that UTF-8 can hold: surrogates, from file names of other bytes, become escapes.

    Where Python takes file names for ASCII, surrogates stand for UTF-8: that becomes text.
    """
    return _SURROGATES.sub(_decode, text).encode("utf-8", "backslashreplace").decode("utf-8")


_SURROGATES = re.compile("[\udc80-\udcff]+")
"""Bytes of a file name that Python could not decode."""


def _decode(surrogates: re.Match[str]) -> str:
    try:
        return surrogates[0].encode("ascii", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        return surrogates[0]


def walk_unique(
    folder: Path, on_error: Callable[[OSError], object]
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Go through a folder, and through folders that links lead to, each real folder once.

    It yields a folder, its sub-folders and its files, as ``os.walk`` does: whoever takes
    sub-folders from the list keeps them from being searched. Folders may be nested as deep as
    the system allows, and a link to a folder above ends.

    Parameters
    ----------
    folder : Path
    on_error : callable
        Is given the error of a folder that cannot be read; the others come all the same.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        try:
            status = parent.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            folders, names = _entries(parent)
        except (OSError, ValueError) as error:
            on_error(error if isinstance(error, OSError) else OSError(0, str(error), str(parent)))
            continue
        seen.add((status.st_dev, status.st_ino))
        yield parent, folders, names
        waiting += [parent / name for name in reversed(folders)]


def _entries(folder: Path) -> tuple[list[str], list[str]]:
    """Sub-folders, in order, and files of a folder."""
    folders: list[str] = []
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link to nowhere
                is_folder = False
            (folders if is_folder else names).append(entry.name)
    return sorted(folders), names


def stderr_is_terminal() -> bool:
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
    name = escape_control(str(path))
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as stream:
            return _content(stream, name, limit=limit, what=what, error=error)
    except IsADirectoryError as problem:
        raise error(f"{name}: is a folder, expected {what}.") from problem
    except FileNotFoundError as problem:
        raise error(f"{name}: no such file, expected {what}.") from problem
    except PermissionError as problem:
        if os.path.isdir(path):  # noqa: PTH112 (Windows opens no folder; it never raises)
            raise error(f"{name}: is a folder, expected {what}.") from problem
        raise error(
            f"{name}: no permission to read it. Change the permissions of the file or its folder."
        ) from problem
    except (OSError, ValueError) as problem:
        raise error(
            f"{name}: cannot be read ({describe_reason(problem)}), expected {what}."
        ) from problem


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
        raise error(
            f"-: standard input cannot be read ({describe_reason(problem)}). Pipe {what} into it."
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
        False for one of many files that are written in a row: `sync_files` then brings all of them
        to the disk at once, which is much faster.

    Raises
    ------
    VoxaffectError
        If it cannot be written there.
    """
    with name_errors(path, "cannot be written"):
        mode = _mode(path)
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
    """Bring many files, just written, to the disk, and remove what killed runs left of them.

    Parameters
    ----------
    paths : collection of Path

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

    Parameters
    ----------
    path : Path

    Raises
    ------
    VoxaffectError
        If it cannot be made.
    """
    with name_errors(path, "cannot be made a folder"):
        path.mkdir(parents=True, exist_ok=True)


def check_writable(path: Path) -> None:
    """Refuse an output that could not be written, before the work: nothing is written there yet.

    A new file needs space and permission in its folder, for it replaces the old one when it is
    done. A device or a pipe needs permission alone.

    Parameters
    ----------
    path : Path

    Raises
    ------
    VoxaffectError
        If its folder does not exist, it is a folder, its name is too long, the disk is full, or
        it may not be written.
    """
    with name_errors(path, "cannot be written"):
        mode = _mode(path)
        if mode is not None and stat.S_ISDIR(mode):
            raise VoxaffectError(
                f"{escape_control(str(path))}: is a folder, expected a file to write."
            )
        if mode is not None and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if mode is not None and not stat.S_ISREG(mode):
            return
        folder = path.resolve().parent
    if not folder.is_dir():
        raise VoxaffectError(
            f"{escape_control(str(path))}: the folder {escape_control(str(path.parent))} does not "
            "exist. Make it first."
        )
    _check_space(folder, path)


def check_folder(path: Path) -> None:
    """Refuse a folder that could not be made or written to, before the work; it is not made yet.

    Parameters
    ----------
    path : Path

    Raises
    ------
    VoxaffectError
        If it is a file, its name is too long, the disk is full, or it may not be written to.
    """
    with name_errors(path, "cannot be made a folder"):
        folder = path.resolve()
        while (mode := _mode(folder)) is None:
            folder = folder.parent
        if not stat.S_ISDIR(mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    _check_space(folder, path)


def _check_space(folder: Path, path: Path) -> None:
    """Refuse a folder in which no file can be made; the system alone knows, so one is made."""
    import tempfile  # loads much that nothing else here needs

    with name_errors(path, "cannot be written"), tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(bytes(_PAGE))
        stream.flush()


@contextmanager
def name_errors(
    path: Path | str, problem: str, kind: type[VoxaffectError] = VoxaffectError
) -> Iterator[None]:
    """Turn the system's error inside the block into one that names path, problem and reason.

    Parameters
    ----------
    path : Path or str
    problem : str
        As in "cannot be written".
    kind : type
        Error class to raise.
    """
    try:
        yield
    except (OSError, UnicodeError) as error:
        raise kind(f"{escape_control(str(path))}: {problem} ({describe_reason(error)}).") from error


def describe_reason(error: Exception) -> str:
    """Reason that the system or a library gives for an error, without path and number."""
    texts = (getattr(error, name, None) for name in ("error_string", "strerror"))  # libsndfile's
    reason = next(filter(None, texts), None) or str(error) or type(error).__name__
    return escape_control(str(reason).strip().rstrip("."))


def remove_partials() -> None:
    """Remove the unfinished files of this process, before it ends in the middle of a write."""
    for partial in list(_partials):
        with suppress(OSError):
            os.unlink(partial)  # noqa: PTH108 (a signal may have come before the path was whole)
        _partials.discard(partial)


_BINARY = getattr(os, "O_BINARY", 0)
_PAGE = 4096
"""Least space that a file takes, in bytes."""
_UNFOLLOWED = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY
_EXCLUSIVE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | _BINARY
_LITTER_SECONDS = 24 * 60 * 60
"""Age at which a partial file is litter, where the system does not tell whether it is locked."""
_partials: set[str] = set()
"""Unfinished files of this process."""


def _mode(path: Path) -> int | None:
    """Kind and permissions of a file; None if there is none yet."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except ValueError as error:  # a name that no disk can hold
        raise OSError(errno.EINVAL, str(error)) from error


def _short(name: str) -> str:
    """Name, cut where what is added to it could make it too long for a disk."""
    return name if len(name) <= 50 else f"{name[:40]}.{zlib.crc32(os.fsencode(name)):08x}"


def _replace(
    path: Path, mode: int | None, write: Callable[[BinaryIO], object], *, is_alone: bool
) -> None:
    if mode is not None and not os.access(path, os.W_OK):  # replacing would not ask
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    with _partial_of(path, 0o666 if mode is None else 0o600) as (partial, stream):
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
def _partial_of(path: Path, mode: int) -> Iterator[tuple[str, BinaryIO]]:
    """New file beside another, under a name that nobody can foresee; gone when the block ends.

    It is locked while it is open, so that no other run takes it for litter.
    """
    while True:
        name = f".{_short(path.name)}.{os.urandom(8).hex()}.partial"
        partial = str(path.with_name(name))
        _partials.add(partial)
        try:
            with open(os.open(partial, _EXCLUSIVE, mode), "wb") as stream:  # noqa: PTH123
                if not lock(stream, is_patient=True) or _is_open_at(stream, partial):
                    yield partial, stream
                    return
        finally:
            with suppress(OSError):
                os.unlink(partial)  # noqa: PTH108
            _partials.discard(partial)


def _is_open_at(stream: BinaryIO, path: str) -> bool:
    """Whether a path still leads to an open file; another run may have removed it as litter."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))  # noqa: PTH116
    except FileNotFoundError:
        return False


def lock(stream: BinaryIO, *, is_patient: bool = False) -> bool:
    """Lock an open file until it is closed, however that happens.

    Parameters
    ----------
    stream : binary stream
    is_patient : bool
        Whether to wait for another that holds the lock.

    Returns
    -------
    bool
        False if the system or the disk knows no locks.

    Raises
    ------
    BlockingIOError
        If another holds the lock, and `is_patient` is False.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if is_patient else fcntl.LOCK_NB))
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _remove_litter(folder: Path, names: Collection[str]) -> None:
    """Remove partial files of runs that were killed while they wrote these files."""
    starts = {f".{_short(name)}" for name in names}
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _LITTER.fullmatch(entry.name)
            if match and match["start"] in starts:
                _remove_unless_held(entry.path)


_LITTER = re.compile(r"(?s:(?P<start>.+))\.([0-9a-f]{16}|[0-9]{1,10})\.partial")
"""Name of a partial file; earlier versions wrote the process's number."""


def _remove_unless_held(partial: str) -> None:
    """Remove a partial file, unless some run may still be writing it."""
    # BlockingIOError, the error of a lock that is held, is an OSError, too.
    with suppress(OSError), open(os.open(partial, _UNFOLLOWED), "r+b", buffering=0) as stream:  # noqa: PTH123
        status = os.fstat(stream.fileno())
        is_old = time() - status.st_mtime > _LITTER_SECONDS
        if stat.S_ISREG(status.st_mode) and (lock(stream) or is_old):
            os.unlink(partial)  # noqa: PTH108


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):  # some disks sync files alone
        _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    stream = os.open(path, flags)
    try:
        os.fsync(stream)
    finally:
        os.close(stream)
