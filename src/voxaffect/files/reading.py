"""Files and standard input that are read up to a limit."""

from __future__ import annotations

import os
import stat
import sys
from io import RawIOBase
from reprlib import repr as shortened

from voxaffect.errors import VoxaffectError
from voxaffect.files.text import describe_reason, escape_control

_BLOCK_BYTES = 1 << 20


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
            return _read_stream(stream, name, limit=limit, what=what, error=error)
    except FileNotFoundError as problem:
        raise error(f"{name}: no such file, expected {what}.") from problem
    except (IsADirectoryError, PermissionError) as problem:
        if os.path.isdir(path):  # noqa: PTH112 (Windows opens no folder; it never raises)
            raise error(f"{name}: is a folder, expected {what}.") from problem
        raise error(
            f"{name}: no permission to read it. Change the permissions of the file or its folder."
        ) from problem
    except (OSError, ValueError) as problem:
        reason = describe_reason(problem)
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
        reason = describe_reason(problem)
        raise error(
            f"-: standard input cannot be read ({reason}). Pipe {what} into it."
        ) from problem
    if len(content) > limit:
        raise error(_describe_excess("-", limit, None, what))
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Descriptor of a file; a pipe is opened without waiting for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _read_stream(
    stream: RawIOBase, name: str, *, limit: int, what: str, error: type[VoxaffectError]
) -> bytes:
    status = os.fstat(stream.fileno())
    is_pipe = stat.S_ISFIFO(status.st_mode)
    if not (is_pipe or stat.S_ISREG(status.st_mode)):
        raise error(f"{name}: is a device, expected {what}.")
    if not is_pipe and status.st_size > limit:
        raise error(_describe_excess(name, limit, status.st_size, what))
    block = stream.read(min(limit + 1, _BLOCK_BYTES))  # None: a pipe that is open, and still empty
    if is_pipe:
        if block == b"":
            raise error(f"{name}: an empty pipe that nothing writes into, expected {what}.")
        os.set_blocking(stream.fileno(), True)
    blocks = [block or b""]
    size = len(blocks[0])
    while size <= limit and (block := stream.read(min(limit + 1 - size, _BLOCK_BYTES))):
        blocks.append(block)
        size += len(block)
    if size > limit:  # a pipe, or a file that grows
        raise error(_describe_excess(name, limit, None, what))
    return b"".join(blocks)


def _describe_excess(name: str, limit: int, size: int | None, what: str) -> str:
    actual = f"{size:,} bytes" if size is not None else "more"
    return f"{name}: too large: expected {what}, at most {limit:,} bytes, found {actual}."
