"""Recordings from a pipe: a WAV file is decoded while another program still writes it."""

from __future__ import annotations

import io
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from voxaffect.audio import chunks
from voxaffect.audio.content import Content, name_reading_errors, stream_error
from voxaffect.audio.decoding import decode
from voxaffect.audio.parts import Block, Blocks, length_error, second_recording_error

_PATIENCE_SECONDS = 0.25
_BLOCK_SECONDS = 0.1
_READ_BYTES = 1 << 16
_MAX_HEADER_BYTES = 1 << 20


class Pipe:
    """Bytes as they come; each is taken once. The first may have been read already."""

    def __init__(self, stream: Any, first: bytes, name: str) -> None:
        self.name = name
        self.has_ended = False
        self._stream = stream
        self._held = bytearray(first)

    def __len__(self) -> int:
        return len(self._held)

    def fetch(self) -> None:
        """Wait for the next bytes, or for the end."""
        with name_reading_errors(self.name):
            data = getattr(self._stream, "read1", self._stream.read)(_READ_BYTES)
        if not isinstance(data, bytes):
            raise stream_error(self.name, data)
        self._held += data
        self.has_ended = not data

    def peek(self, start: int, count: int) -> bytes:
        """Bytes from an offset on, without taking them; fewer at the end."""
        while len(self._held) < start + count and not self.has_ended:
            self.fetch()
        return bytes(self._held[start : start + count])

    def take(self, count: int) -> bytes:
        """Take the first of those that came."""
        data = bytes(self._held[:count])
        del self._held[:count]
        return data

    def read(self, count: int) -> bytes:
        """Wait for bytes and take them, as from any stream; none at the end."""
        self.peek(0, 1)
        return self.take(count)

    def is_quiet(self) -> bool:
        """True if nothing has come for a quarter of a second."""
        try:
            return not select.select([self._stream.fileno()], [], [], _PATIENCE_SECONDS)[0]
        except (OSError, ValueError):  # bytes in memory, for which nobody waits
            return False


@dataclass(frozen=True)
class _Header:
    """Beginning of a WAV file, up to its samples."""

    mark: bytes  # first four bytes of the file
    format: bytes  # the chunk ``fmt``, with its header
    start: int  # of the samples
    size: int  # of the samples, as stated
    is_open: bool  # the size is not known: the sound goes on to the end of the pipe

    @property
    def order(self) -> str:
        """Byte order, as struct writes it."""
        return chunks.get_order(self.mark)

    @property
    def frame_size(self) -> int:
        """Bytes of one sample of all channels; 0 if samples are not each by themselves."""
        tag, channels, _, _, size, bits = struct.unpack_from(self.order + "HHIIHH", self.format, 8)
        if tag == chunks.EXTENSIBLE:
            (tag,) = struct.unpack_from(self.order + "H", self.format.ljust(34, b"\0"), 32)
        is_plain = tag in chunks.PLAIN and tag != chunks.EXTENSIBLE
        return int(size) if is_plain and size == channels * ((bits + 7) // 8) else 0

    def wrap(self, sound: bytes) -> bytes:
        """A whole WAV file of some of the samples."""
        mark = self.mark if self.order == ">" else b"RIFF"
        size = len(self.format) + len(sound) + 12
        sizes = struct.pack(self.order + "I", size), struct.pack(self.order + "I", len(sound))
        return b"".join((mark, sizes[0], b"WAVE", self.format, b"data", sizes[1], sound))


@contextmanager
def decode_pipe(pipe: Pipe) -> Iterator[Blocks | None]:
    """Decode a WAV file while it is being written, in blocks of 0.1 s.

    An empty block says that nothing has come for a while. Instead of blocks comes None, with all
    bytes still in the pipe, for a format that has to be read to its end first.
    """
    header = _read_header(pipe)
    if header is None or not header.frame_size:
        yield None
        return
    with _decode(pipe, header.wrap(bytes(header.frame_size))) as first:
        blocks = _read_blocks(pipe, header, first)
        yield replace(first, frames=0, blocks=blocks, seek=None)


def _decode(pipe: Pipe, data: bytes) -> Any:
    return decode(Content(io.BytesIO(data), pipe.name))


def _read_header(pipe: Pipe) -> _Header | None:
    """Header of a WAV file; None if it is too long, or of another format."""
    head = pipe.peek(0, 12)
    mark = head[:4]
    if mark not in (b"RIFF", b"RIFX", b"RF64", b"BW64") or head[8:] != b"WAVE":
        return None
    size_64, wav_format = 0, b""
    for chunk in chunks.read_chunks(pipe.peek, 12, chunks.get_order(mark) + "4sI"):
        start, size = chunk.start, chunk.size
        if chunk.name == b"data":
            size = size_64 if size == 0xFFFF_FFFF and size_64 else size
            is_open = not size or chunks.is_left_open(size)
            # Other chunks may follow an empty one. Then the file is empty, not streamed.
            is_clear = size > 0 or not pipe.peek(start, 4).isalnum()
            is_known = len(wav_format) >= 24 and is_clear
            return _Header(mark, wav_format, start, size, is_open) if is_known else None
        if start + size > _MAX_HEADER_BYTES:
            return None
        if chunk.name == b"ds64":
            (size_64,) = struct.unpack("<Q", pipe.peek(start + 8, 8).ljust(8, b"\0"))
        elif chunk.name == b"fmt ":
            wav_format = pipe.peek(start - 8, 8 + size)
    return None


def _read_blocks(pipe: Pipe, header: _Header, first: Blocks) -> Iterator[Block]:
    size = max(1, int(_BLOCK_SECONDS * first.rate_hz)) * header.frame_size
    empty = np.zeros((0, first.channels), dtype=np.float32)
    pipe.peek(0, header.start)
    pipe.take(header.start)
    end = np.inf if header.is_open else header.size
    held = 0
    while held < end:
        while len(pipe) < min(size, end - held) and not pipe.has_ended:
            if pipe.is_quiet():
                yield empty
            else:
                pipe.fetch()
        count = int(min(len(pipe), size, end - held))
        sound = pipe.take(count // header.frame_size * header.frame_size)
        if not sound:
            held += count
            pipe.take(count)
            break
        held += len(sound)
        with _decode(pipe, header.wrap(sound)) as part:
            yield from part.blocks
    if not header.is_open and held + 1 < header.size:  # as in files, a lost byte is a pad byte
        raise length_error(pipe.name, header.size, held, "bytes of sound")
    _read_end(pipe, header.start + held, header.mark)


def _read_end(pipe: Pipe, end: int, mark: bytes) -> None:
    """Take all that follows the samples, so that the writer can end; refuse a recording."""
    behind = pipe.peek(0, len(mark) + 1)
    if {mark, b"data"} & {behind[:-1], behind[1:]}:
        raise second_recording_error(pipe.name, end)
    while pipe.read(_READ_BYTES):
        pass
