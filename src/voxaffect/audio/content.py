"""Bytes of a recording, wherever they are: on disk, in memory, in a stream."""

from __future__ import annotations

import io
import os
import select
import stat
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from voxaffect.errors import AudioError
from voxaffect.files import describe_reason

MAX_STREAM_BYTES = 1 << 30
"""Most that is read from a pipe or a stream, which are held in memory."""
WRITER_SECONDS = 5.0
"""Longest wait for the writer of a pipe."""
_SHORT_BYTES = 1 << 20
"""Largest file that is read at once, because many small reads cost more than decoding it."""
_BUFFER_BYTES = 1 << 16
_PART_BYTES = 1 << 20
_MAX_NAME = 4096
"""Letters of the longest path that a system knows: a longer text is no path."""


class Content:
    """Bytes that can be read at any offset; those of a long file stay on the disk."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self.name = name
        self._file = stream
        self._signature = self._sign()
        self.size = stream.seek(0, io.SEEK_END)
        if not self.size:
            raise AudioError(f"{name}: empty, 0 bytes long. Record or copy it again.", code="empty")
        self._stream = stream
        if self.size <= _SHORT_BYTES:
            stream.seek(0)
            self._stream = io.BytesIO(stream.read())

    @property
    def file(self) -> BinaryIO | None:
        """The open file; None for bytes in memory."""
        return None if self._signature is None else self._file

    @property
    def memory(self) -> io.BytesIO | None:
        """All bytes, if they are few; None otherwise."""
        return self._stream if isinstance(self._stream, io.BytesIO) else None

    def read(self, start: int, count: int) -> bytes:
        """Bytes from an offset on; fewer at the end, none behind it."""
        if not 0 <= start < self.size:
            return b""
        self._stream.seek(start)
        return self._stream.read(max(0, count))

    def read_into(self, start: int, buffer: Any) -> int:
        """Fill a buffer with bytes from an offset on; return their number."""
        self._stream.seek(start)
        return self._stream.readinto(buffer)  # type: ignore[attr-defined,no-any-return]

    def check_unchanged(self) -> None:
        """Refuse a file that somebody wrote to while it was read."""
        if self._sign() != self._signature:
            raise AudioError(
                f"{self.name}: changed while it was read. Try again when nothing writes to it."
            )

    def _sign(self) -> tuple[int, int] | None:
        """Size and time of the open file; None for bytes in memory."""
        try:
            status = os.fstat(self._file.fileno())
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns


@dataclass(frozen=True, eq=False)
class RandomAccess:
    """A stream of which only what is needed is read, such as a file in a remote store.

    Parameters
    ----------
    stream : binary stream
        It can seek, and stays as it is while it is read.
    """

    stream: BinaryIO


Piece = tuple[int, int] | bytes
"""A stretch of a recording's bytes, from one offset to another; or bytes that replace some."""


def extend_pieces(pieces: list[tuple[int, int]], start: int, end: int) -> None:
    """Add a stretch to others; one that follows the last directly makes it longer."""
    if pieces and pieces[-1][1] == start:
        pieces[-1] = (pieces[-1][0], end)
    else:
        pieces.append((start, end))


class View(io.RawIOBase):
    """Pieces of a recording's bytes, as a stream that never raises while a library reads it."""

    def __init__(self, content: Content, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self.content = content
        self.error: OSError | None = None
        self._pieces = list(pieces)
        lengths = [len(p) if isinstance(p, bytes) else p[1] - p[0] for p in self._pieces]
        self._ends = list(accumulate(lengths))
        self.size = self._claimed_size = self._ends[-1]
        self._position = 0

    @property
    def fast_stream(self) -> BinaryIO:
        """The bytes in memory if the view is all of them, or else this stream."""
        memory = self.content.memory
        is_all = self._pieces == [(0, self.content.size)]
        return memory if is_all and memory is not None else self  # type: ignore[return-value]

    @contextmanager
    def claim(self, size: int) -> Iterator[None]:
        """Claim to be longer, with zeros at the end, so that an estimate is never too short."""
        self._claimed_size = size
        try:
            yield
        finally:
            self._claimed_size = self.size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Offset in this stream."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; a negative offset, which libsndfile tries in some AIFF files, is the start."""
        origins = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._claimed_size}
        self._position = max(0, origins[whence] + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; an error of the disk is kept, and ends the stream."""
        target = memoryview(buffer).cast("B")
        count = 0
        while count < len(target) and (step := self._fill(target[count:])):
            count += step
        return count

    def _fill(self, target: memoryview) -> int:
        """Fill a buffer, at most to the end of the piece at the position."""
        if self._position >= self.size:
            count = max(0, min(len(target), self._claimed_size - self._position))
            target[:count] = bytes(count)
        else:
            index = bisect_right(self._ends, self._position)
            piece, left = self._pieces[index], self._ends[index] - self._position
            count = min(len(target), left)
            if isinstance(piece, bytes):
                target[:count] = piece[len(piece) - left :][:count]
            else:
                try:
                    count = self.content.read_into(piece[1] - left, target[:count])
                except OSError as error:
                    self.error = error
                    return 0
        self._position += count
        return count


def describe_source(source: object) -> str:
    """Name of a recording in messages."""
    if isinstance(source, str | Path):
        name = str(source)
        return name if len(name) <= _MAX_NAME else f"{name[:60]}…"
    is_bytes = isinstance(source, bytes | bytearray | memoryview) or hasattr(source, "read")
    return "<bytes>" if is_bytes else f"<{type(source).__name__}>"


@contextmanager
def open_content(source: Any, name: str | None = None) -> Iterator[Content]:
    """Open a recording's bytes. Those of a long file are read from the disk when needed.

    A pipe and a stream are read to their end first, up to 1 GiB.
    """
    name = name or describe_source(source)
    if isinstance(source, RandomAccess):
        with name_reading_errors(name):
            content = Content(source.stream, name)
        yield content
        return
    if not isinstance(source, str | Path):
        yield Content(io.BytesIO(_take_bytes(source, name)), name)
        return
    path = Path(source)
    if check_file(path, name):
        with open_pipe(path, name) as (pipe, first), name_reading_errors(name):
            data = first + _read_stream(pipe, name)
        yield Content(io.BytesIO(data), name)
        return
    with name_reading_errors(name):
        stream = path.open("rb", buffering=_BUFFER_BYTES)
    with stream:
        with name_reading_errors(name):
            content = Content(stream, name)
        yield content


def read_bytes(source: str | Path | bytes | BinaryIO, name: str | None = None) -> bytes:
    """All bytes of a recording, whose source is a path, bytes or a binary stream."""
    with open_content(source, name) as content, name_reading_errors(content.name):
        return content.read(0, content.size)


_DICT_PARTS = {
    "array": "source['array'], rate_hz=source['sampling_rate']",
    "bytes": "source['bytes']",
    "path": "source['path']",
}
"""Parts of a recording in data sets of the library datasets, and of others."""


def _find_remedy(source: Any) -> str:
    """Remedy for an object that is no recording but may hold one, or its samples."""
    if isinstance(source, os.PathLike):
        return " Make it a path: pathlib.Path(source)."
    if isinstance(source, dict):
        parts = next((_DICT_PARTS[key] for key in _DICT_PARTS if source.get(key) is not None), "")
        return f" Give its parts: {parts}." if parts else ""
    if isinstance(source, list | tuple):
        if source and isinstance(source[0], str | Path | bytes):
            return " For several recordings, use predict_many, or take one after the other."
        if any(hasattr(item, "__len__") for item in source):
            return " Give the array of samples alone, and its rate as rate_hz=."
    if hasattr(source, "__iter__"):
        return " Make it an array: numpy.asarray(samples, dtype='float32')."
    return ""


def _take_bytes(source: Any, name: str) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if not hasattr(source, "read"):
        raise AudioError(
            f"{name}: expected a path, bytes, a binary stream or an array, "
            f"found {type(source).__name__}.{_find_remedy(source)}"
        )
    with name_reading_errors(name):
        return _read_stream(source, name)


def _read_stream(stream: Any, name: str) -> bytes:
    """All that comes from a stream, up to a limit."""
    parts: list[bytes] = []
    size = 0
    while True:
        part = stream.read(_PART_BYTES)
        if not isinstance(part, bytes):
            raise stream_error(name, part)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > MAX_STREAM_BYTES:
            raise AudioError(
                f"{name}: more than {MAX_STREAM_BYTES:,} bytes came. Save it as a file, which is "
                "read as it is needed."
            )
    if not size and _is_past_start(stream):
        raise AudioError(
            f"{name}: the stream is at its end, nothing is left to read. Go back to its start "
            "first: stream.seek(0)."
        )
    return b"".join(parts)


def _is_past_start(stream: Any) -> bool:
    try:
        return bool(stream.tell())
    except (AttributeError, OSError, ValueError):
        return False


@contextmanager
def open_pipe(path: Path, name: str) -> Iterator[tuple[BinaryIO, bytes]]:
    """Open a pipe with a name, and wait for its writer, but not for ever.

    It yields the stream and the bytes that were read to see whether there is a writer.
    """
    with name_reading_errors(name):
        # A pipe opened in the usual way would wait until somebody writes.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 (a descriptor)
        with name_reading_errors(name):
            select.select([descriptor], [], [], WRITER_SECONDS)
            first = stream.read(1)  # None: somebody holds it open, and writes later
            os.set_blocking(descriptor, True)
        if first == b"":
            raise AudioError(
                f"{name}: is a pipe into which nothing was written. Start the program that "
                "writes into it."
            )
        yield stream, first or b""


def check_file(path: Path, name: str) -> bool:
    """Refuse a path that leads to no file or pipe; return True for a pipe."""
    if not name:
        raise AudioError("'': is no path. Name a recording.")
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        remedy = " Download it, and name the file." if "://" in name else ""
        raise AudioError(f"{name}: no such file.{remedy}") from error
    except (OSError, ValueError) as error:
        raise reading_error(name, error) from error
    if stat.S_ISDIR(mode):
        raise AudioError(f"{name}: is a folder, expected a recording.")
    if stat.S_ISSOCK(mode):
        raise AudioError(
            f"{name}: is a socket, expected a file. Pipe the recording in, and name it -."
        )
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode):
        raise AudioError(f"{name}: is a device, expected a file or a pipe.")
    return stat.S_ISFIFO(mode)


@contextmanager
def name_reading_errors(name: str) -> Iterator[None]:
    """Turn the system's error inside the block into one that names the recording."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise reading_error(name, error) from error


def reading_error(name: str, error: Exception) -> AudioError:
    """Error for a file that the system does not let us read."""
    if isinstance(error, PermissionError):
        return AudioError(
            f"{name}: no permission to read it. Change the permissions of the file or its folder."
        )
    return AudioError(f"{name}: cannot be read ({describe_reason(error)}).")


def stream_error(name: str, part: object) -> AudioError:
    """Error for a stream that gives something else than bytes."""
    remedy = "Give the path, or the array of samples with rate_hz"
    if isinstance(part, str):
        remedy = 'Open it in binary mode: open(path, "rb")'
    elif part is None:  # no bytes yet, which is no end
        remedy = "Let it wait for its bytes: os.set_blocking(stream.fileno(), True)"
    return AudioError(f"{name}: expected a stream of bytes, found {type(part).__name__}. {remedy}.")
