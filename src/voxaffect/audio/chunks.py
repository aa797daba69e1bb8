"""Recordings in chunks: WAV, RF64, Wave64, AIFF, AU and CAF.

A program that writes to a pipe cannot know the length when it writes the header. It writes 0
or the largest number, which mean: up to the end. libsndfile refuses some of these files, so its
view of the file gets the true length.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voxaffect.audio.content import Content, Piece, View
from voxaffect.audio.parts import Part, check_alone, damage_error, length_error
from voxaffect.errors import AudioError

MPEG_IN_WAV = frozenset({0x50, 0x55})
"""WAVE format tags of MP2 and MP3."""
EXTENSIBLE = 0xFFFE
"""WAVE format tag that refers to another behind it."""
PLAIN = frozenset({0x01, 0x03, 0x06, 0x07, EXTENSIBLE})
"""WAVE format tags of samples that are each by themselves."""
_MAX_CHUNKS = 10_000
_MAX_CHANNELS = 1024
_UNKNOWN_64 = 1 << 62


@dataclass(frozen=True)
class Chunk:
    """Header of a chunk."""

    name: bytes
    start: int  # of its content
    size: int  # as its header states


@dataclass(frozen=True)
class Sound:
    """The chunk that holds the samples."""

    start: int  # of its content
    end: int
    is_open: bool  # its header does not state the length
    format_tag: int = 0  # of WAVE; 0 for other kinds


def find_wav_sound(content: Content, start: int) -> Sound:
    """Find the samples of a WAV, RF64 or BW64 file; refuse one that is cut short."""
    order = get_order(content.read(start, 4))
    size_64 = format_tag = 0
    for chunk in read_chunks(content.read, start + 12, order + "4sI"):
        if chunk.name == b"ds64":
            size_64 = struct.unpack("<Q", content.read(chunk.start + 8, 8).ljust(8, b"\0"))[0]
        elif chunk.name == b"fmt ":
            format_tag = _read_format(content, chunk, order)
        elif chunk.name == b"data":
            size = size_64 if chunk.size == 0xFFFF_FFFF and size_64 else chunk.size
            is_open = is_left_open(size)
            if size == 0:
                is_open = not _fills_file(content, chunk, order + "4sI")
            elif not size_64 and _has_overflowed(content, chunk, order + "4sI"):
                is_open, size = True, 0
            sound = _measure(content, chunk.start, size, is_open=is_open, format_tag=format_tag)
            check_alone(content, sound.end, content.read(start, 4))
            check_alone(content, sound.end, b"data")
            return sound
    raise _missing_error(content, "data")


def _read_format(content: Content, chunk: Chunk, order: str) -> int:
    """WAVE format tag of a header whose numbers can be true."""
    head = content.read(chunk.start, 8).ljust(8, b"\0")
    format_tag, channels, rate_hz = struct.unpack(order + "HHI", head)
    if not 0 < channels <= _MAX_CHANNELS:
        reason = f"its header states {channels} channels, 1 to {_MAX_CHANNELS} are read"
        raise damage_error(content.name, reason)
    if not rate_hz:
        raise damage_error(content.name, "its header states a rate of 0 Hz")
    return int(format_tag)


def lay_out_wav(content: Content, start: int, sound: Sound) -> Part:
    """Part of a WAV, RF64 or BW64 file; a header that leaves the length open gets the true one."""
    if not sound.is_open:
        return Part(View(content, [(start, content.size)]))
    size = sound.end - sound.start
    sizes = struct.pack("<QQQ", content.size - start - 8, size, 0)
    samples: list[Piece] = [b"\xff\xff\xff\xff", (sound.start, sound.end)]
    if content.read(start + 12, 4) == b"ds64":
        head: list[Piece] = [(start, start + 20), sizes, (start + 44, sound.start - 4)]
        return Part(View(content, [*head, *samples]))
    if size > 0xFFFF_FFFF and content.read(start, 4) == b"RIFF":
        header = b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack("<I", 28) + sizes + bytes(4)
        return Part(View(content, [header, (start + 12, sound.start - 4), *samples]))
    return _lay_out(content, start, sound, get_order(content.read(start, 4)) + "I")


def _lay_out(
    content: Content, start: int, sound: Sound, size_format: str, frames: int | None = None
) -> Part:
    """Part of a file; a header that leaves the length open gets the true one."""
    pieces: list[Piece] = [(start, content.size)]
    if sound.is_open:
        length = struct.calcsize(size_format)
        size = struct.pack(size_format, min(sound.end - sound.start, 256**length - 1))
        pieces = [(start, sound.start - length), size, (sound.start, sound.end)]
    return Part(View(content, pieces), frames)


def lay_out_w64(content: Content, start: int) -> Part:
    """Part of a Wave64 file."""
    chunks = read_chunks(content.read, start + 40, "<16sQ", align=8, counts_header=True)
    chunk = _find_chunk(content, chunks, b"data")
    is_open = chunk.size >= _UNKNOWN_64 or chunk.size <= 0
    sound = _measure(content, chunk.start, chunk.size, is_open=is_open)
    if not is_open:
        return Part(View(content, [(start, content.size)]))
    pieces: list[Piece] = [
        (start, start + 16),
        struct.pack("<Q", content.size - start),
        (start + 24, sound.start - 8),
        struct.pack("<Q", sound.end - sound.start + 24),
        (sound.start, sound.end),
    ]
    return Part(View(content, pieces))


def lay_out_aiff(content: Content, start: int) -> Part:
    """Part of an AIFF or AIFC file."""
    frames = 0
    for chunk in read_chunks(content.read, start + 12, ">4sI"):
        if chunk.name == b"COMM":
            frames = struct.unpack(">I", content.read(chunk.start + 2, 4).ljust(4, b"\0"))[0]
        elif chunk.name == b"SSND":
            is_open = chunk.size in (0, 0xFFFF_FFFF) and content.size > chunk.start + 8
            sound = _measure(content, chunk.start, chunk.size, is_open=is_open)
            if is_open:
                return _lay_out(content, start, Sound(sound.start, sound.end, is_open=True), ">I")
            check_alone(content, sound.end, b"FORM")
            return _lay_out(content, start, sound, ">I", None if frames >= 0x7FFF_0000 else frames)
    raise _missing_error(content, "SSND")


def lay_out_au(content: Content, start: int) -> Part:
    """Part of a Sun AU file."""
    order = ">" if content.read(start, 4) == b".snd" else "<"
    offset, size = struct.unpack(order + "II", content.read(start + 4, 8).ljust(8, b"\0"))
    sound = _measure(content, start + offset, size, is_open=size in (0, 0xFFFF_FFFF))
    check_alone(content, sound.end, content.read(start, 4))
    return Part(View(content, [(start, content.size)]))


def lay_out_caf(content: Content, start: int) -> Part:
    """Part of a Core Audio file."""
    chunk = _find_chunk(content, read_chunks(content.read, start + 8, ">4sQ", align=1), b"data")
    is_open = chunk.size >= _UNKNOWN_64
    sound = _measure(content, chunk.start, chunk.size, is_open=is_open)
    return _lay_out(content, start, Sound(sound.start, sound.end, is_open), ">Q")


def lay_out_nist(content: Content, start: int) -> Part:
    """Part of a NIST SPHERE file, whose header is lines of text."""
    head = content.read(start, 1 << 16)
    header = head[: head.find(b"end_head")]
    if re.search(rb"^sample_coding\s.*embedded", header, re.MULTILINE):
        raise AudioError(
            f"{content.name}: is a NIST SPHERE file that is compressed, which is not read. Unpack "
            "it with NIST's program: sph2pipe -f wav FILE FILE.wav"
        )
    stated = re.search(rb"^sample_count\s+-i\s+(\d+)", header, re.MULTILINE)
    frames = int(stated[1]) if stated else None
    return Part(View(content, [(start, content.size)]), frames)


def lay_out_svx(content: Content, start: int) -> Part:
    """Part of an 8SVX or 16SV file."""
    chunk = _find_chunk(content, read_chunks(content.read, start + 12, ">4sI"), b"BODY")
    _measure(content, chunk.start, chunk.size, is_open=False)
    return Part(View(content, [(start, content.size)]))


def get_order(mark: bytes) -> str:
    """Byte order of a WAV file with these first four bytes, as ``struct`` writes it."""
    return ">" if mark == b"RIFX" else "<"


def read_chunks(
    read: Callable[[int, int], bytes],
    start: int,
    header: str,
    *,
    align: int = 2,
    counts_header: bool = False,
) -> Iterator[Chunk]:
    """Headers of chunks, one after the other; `read` gives bytes from an offset on."""
    length = struct.calcsize(header)
    for _ in range(_MAX_CHUNKS):
        data = read(start, length)
        if len(data) < length:
            return
        name, size = struct.unpack(header, data)
        if counts_header:
            size -= length
        yield Chunk(name, start + length, size)
        start += length + max(0, size)
        start += -start % align if align > 2 else (size % align)


def _find_chunk(content: Content, chunks: Iterator[Chunk], name: bytes) -> Chunk:
    for chunk in chunks:
        if chunk.name.startswith(name):
            return chunk
    raise _missing_error(content, name.decode())


def is_left_open(size: int) -> bool:
    """True for a size near 2^31, 2^32 or 2^63: streaming programs write it for "unknown"."""
    is_largest = 0x7FFF_0000 <= size <= 0x8000_0100 or 0xFFFF_0000 <= size <= 0xFFFF_FFFF
    return is_largest or size >= _UNKNOWN_64


def _fills_file(content: Content, data: Chunk, header: str) -> bool:
    """True if the chunks behind an empty one fill the file: then it is truly empty."""
    end = data.start
    for chunk in read_chunks(content.read, data.start, header):
        if not chunk.name.isascii() or not chunk.name.strip().isalnum():
            return False
        end = chunk.start + chunk.size
    return abs(content.size - end) <= 1


def _has_overflowed(content: Content, data: Chunk, header: str) -> bool:
    """True if more sound follows than the 32 bits of the header can state."""
    end = data.start + data.size
    if is_left_open(data.size):
        return not _fills_file(content, Chunk(data.name, end + end % 2, 0), header)
    return content.size - end >= 1 << 32


def _measure(
    content: Content, start: int, size: int, *, is_open: bool, format_tag: int = 0
) -> Sound:
    """Offsets of the samples; a single lost byte may be a pad byte that some programs count."""
    held = max(0, content.size - start)
    if is_open and (size == 0 or held < size):
        return Sound(start, content.size, is_open=True, format_tag=format_tag)
    if held + (format_tag in PLAIN) < size:
        raise length_error(content.name, size, held, "bytes of sound")
    return Sound(start, min(start + size, content.size), is_open=False, format_tag=format_tag)


def _missing_error(content: Content, chunk: str) -> AudioError:
    return AudioError(
        f"{content.name}: cut short or damaged, its header leads to no sound (no chunk {chunk}). "
        "Copy or download it again."
    )
