"""FLAC: total length, joined files, and the last frame of a file of unknown length."""

from __future__ import annotations

from voxaffect.audio.content import Content, Piece, View
from voxaffect.audio.parts import Part, end_error, length_error

_START = b"fLaC\0\0\0\x22"  # the mark, and the header of the first metadata block
_SCAN_BYTES = 1 << 20
_MAX_FRAME_BYTES = 1 << 20


def lay_out_flac(content: Content, start: int, end: int) -> list[Part]:
    """Parts of a FLAC file, several if files were joined; refuses one that is cut short."""
    starts = [start, *_find_all(content, _START, start + 1, end)]
    ends = [*starts[1:], end]
    return [
        lay_out_pieces(content, [(first, last)]) for first, last in zip(starts, ends, strict=True)
    ]


def lay_out_pieces(content: Content, pieces: list[Piece]) -> Part:
    """Part of a FLAC stream in pieces, as Ogg holds it."""
    view = View(content, pieces)
    head = _read(view, 0, 42)
    if len(head) < 42:
        raise length_error(content.name, 42, len(head), "bytes of header")
    total = int.from_bytes(head[21:26], "big") & 0xF_FFFF_FFFF
    if not total:
        _check_last_frame(view)
    return Part(view, total or None)


def _read(view: View, start: int, count: int) -> bytes:
    view.seek(start)
    data = view.read(count) or b""
    view.seek(0)
    return data


def _find_all(content: Content, mark: bytes, start: int, end: int) -> list[int]:
    """Offsets of a mark, with little of the file in memory."""
    offsets = []
    while start < end:
        data = content.read(start, min(_SCAN_BYTES, end - start))
        index = data.find(mark)
        while index >= 0:
            offsets.append(start + index)
            index = data.find(mark, index + 1)
        if len(data) < _SCAN_BYTES:
            break
        start += len(data) - len(mark) + 1
    return offsets


def _check_last_frame(view: View) -> None:
    """Refuse a stream that ends inside a frame: the checksum of a frame is its last two bytes."""
    largest = int.from_bytes(_read(view, 15, 3), "big") or _MAX_FRAME_BYTES
    data = _read(view, max(0, view.size - largest - 16), largest + 16)
    index = data.rfind(b"\xff")
    while index >= 0:
        if data[index + 1 : index + 2] in (b"\xf8", b"\xf9") and _compute_crc16(data[index:]) == 0:
            return
        index = data.rfind(b"\xff", 0, index)
    raise end_error(view.content.name, "its last frame is not whole")


def _compute_entry(byte: int) -> int:
    crc = byte << 8
    for _ in range(8):
        crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc


_CRC16 = [_compute_entry(byte) for byte in range(256)]


def _compute_crc16(data: bytes) -> int:
    """Checksum of FLAC frames; 0 over a frame and its own checksum."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ _CRC16[crc >> 8 ^ byte]
    return crc
