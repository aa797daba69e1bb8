"""Checks that a phone, browser or video recording is whole, as far as the file itself says.

FFmpeg plays the rest of a file that was cut, without an error. These checks compare the sizes
that its boxes, elements and frames state with the file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from voxaffect.audio.content import Content
from voxaffect.audio.parts import check_alone, length_error
from voxaffect.errors import AudioError
from voxaffect.files.media import measure_adts

_UNKNOWN_SIZES = {(1 << 7 * length) - 1 for length in range(1, 9)}
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_AMR_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 7, 6, 6, 1, 1, 1, 1)
_AMR_WB_BYTES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1)


def check_whole(content: Content, start: int, form: str) -> None:
    """Refuse a file that ends before its own boxes or frames do.

    The first box begins at `start`; `form` is FFmpeg's name of the format. Some have no check.
    """
    if form in _CHECKS:
        _CHECKS[form](content, start)


def _check_end(content: Content, start: int, size: int, unit: str = "bytes") -> None:
    """Refuse a file in which fewer bytes follow an offset than are stated."""
    held = content.size - start
    if held < size:
        raise length_error(content.name, size, held, unit)


def _check_mpeg4(content: Content, offset: int) -> None:
    names: set[bytes] = set()
    while offset + 8 <= content.size:
        size, name = struct.unpack(">I4s", content.read(offset, 8))
        if size == 1:
            size = int.from_bytes(content.read(offset + 8, 8), "big")
        elif size == 0:
            size = content.size - offset
        if size < 8 or not name.strip().isalnum():
            break  # no box, but padding or foreign data
        if name == b"ftyp" and names:
            check_alone(content, offset, content.read(offset, 8))
        _check_end(content, offset, size, f"bytes in its part {name.decode('latin-1')}")
        names.add(name)
        offset += size
    if b"moov" not in names:
        raise AudioError(
            f"{content.name}: cut short, its index (moov) is missing: the recording was not "
            "finished. Copy or record it again.",
            code="cut_short",
        )


def _check_matroska(content: Content, offset: int) -> None:
    while offset < content.size:
        name, offset = _read_number(content, offset, keep_mark=True)
        size, offset = _read_number(content, offset, keep_mark=False)
        is_open = size in _UNKNOWN_SIZES and name in (_SEGMENT, _CLUSTER)
        if name == _SEGMENT and not is_open:
            _check_end(content, offset, size)
        if name == _SEGMENT or is_open:
            continue  # go through its content
        if name == 0 or size < 0:
            return
        _check_end(content, offset, size, "bytes in its last part")
        offset += size


def _read_number(content: Content, offset: int, *, keep_mark: bool) -> tuple[int, int]:
    """Number of variable length, and the offset behind it."""
    data = content.read(offset, 8)
    length = 9 - data[0].bit_length() if data and data[0] else 9
    if len(data) < length or length > 8:
        return 0, content.size
    value = int.from_bytes(data[:length], "big")
    return value if keep_mark else value & ((1 << 7 * length) - 1), offset + length


def _check_asf(content: Content, offset: int) -> None:
    head = content.read(offset, 1 << 16)
    index = head.find(_ASF_FILE_PROPERTIES)
    if index < 0 or len(head) < index + 92 or head[index + 88] & 1:  # a broadcast
        return
    size = int.from_bytes(head[index + 40 : index + 48], "little")
    _check_end(content, offset, size)
    check_alone(content, offset + size, head[:16])


def _check_amr(content: Content, offset: int) -> None:
    head = content.read(offset, 15)
    sizes = _AMR_WB_BYTES if head.startswith(b"#!AMR-WB") else _AMR_BYTES
    start = offset + head.find(b"\n") + 1
    _check_frames(content, start, lambda head: sizes[head[0] >> 3 & 15])


def _check_frames(content: Content, offset: int, read_size: Callable[[bytes], int]) -> None:
    """Go from frame to frame; the last must not be longer than what is left."""
    while offset < content.size and (size := read_size(content.read(offset, 8))) > 0:
        _check_end(content, offset, size, "bytes in its last frame")
        offset += size


def _check_avi(content: Content, offset: int) -> None:
    size = int.from_bytes(content.read(offset + 4, 4), "little")
    held = content.size - offset - 8
    if size < 0x7FFF_0000 and held + 1 < size:
        raise length_error(content.name, size, held, "bytes")


def _check_flash(content: Content, offset: int) -> None:
    """Compare the size that FFmpeg and others write into the first tag with the file."""
    head = content.read(offset, 4096)
    index = head.find(b"\x00\x08filesize\x00")
    value = head[index + 11 : index + 19]
    size = struct.unpack(">d", value)[0] if index >= 0 and len(value) == 8 else 0.0
    if 0 < size < 1 << 53:
        _check_end(content, offset, int(size))


def _check_transport(content: Content, offset: int) -> None:
    size = 188 if content.read(offset + 188, 1) == b"G" else 192
    rest = (content.size - offset) % size
    is_regular = content.read(content.size - rest - size + (4 if size == 192 else 0), 1) == b"G"
    if rest and is_regular:
        raise length_error(content.name, size, rest, "bytes in its last packet")


_CHECKS: Mapping[str, Callable[[Content, int], None]] = {
    "mov": _check_mpeg4,
    "matroska": _check_matroska,
    "asf": _check_asf,
    "aac": lambda content, start: _check_frames(content, start, measure_adts),
    "amr": _check_amr,
    "avi": _check_avi,
    "mpegts": _check_transport,
    "flv": _check_flash,
}
