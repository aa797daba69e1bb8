"""FLAC: total length, joined files, and the last frame of a file of unknown length."""

from __future__ import annotations

from voxaffect.audio.content import Content, Piece, View
from voxaffect.audio.layout import Part, cut_short
from voxaffect.errors import AudioError

_START = b"fLaC\0\0\0\x22"  # the mark, and the header of the first metadata block
_SCAN_BYTES = 1 << 20
_MAX_FRAME_BYTES = 1 << 20


def lay_out_flac(content: Content, start: int, end: int) -> list[Part]:
    """Parts of a FLAC file: several if files were joined.

    Raises
    ------
    AudioError
        If it is cut short.
    """
    starts = [start, *_find_all(content, _START, start + 1, end)]
    return [
        _part(View(content, [(first, last)]))
        for first, last in zip(starts, [*starts[1:], end], strict=True)
    ]


def lay_out_pieces(content: Content, pieces: list[Piece]) -> Part:
    """Part of a FLAC stream in pieces, as Ogg holds it."""
    return _part(View(content, pieces))


def _part(view: View) -> Part:
    head = _read(view, 0, 42)
    if len(head) < 42:
        raise cut_short(view.content.name, 42, len(head), "bytes of header")
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
    tail = _read(view, max(0, view.size - largest - 16), largest + 16)
    index = tail.rfind(b"\xff")
    while index >= 0:
        if tail[index + 1 : index + 2] in (b"\xf8", b"\xf9") and _crc16(tail[index:]) == 0:
            return
        index = tail.rfind(b"\xff", 0, index)
    raise AudioError(
        f"{view.content.name}: cut short, its last frame is not whole. Copy or download it again."
    )


def _crc16_table() -> list[int]:
    table = []
    for value in range(256):
        crc = value << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x8005) & 0xFFFF if crc & 0x8000 else crc << 1
        table.append(crc)
    return table


_CRC16 = _crc16_table()


def _crc16(data: bytes) -> int:
    """Checksum of FLAC frames; 0 over a frame and its own checksum."""
    crc = 0
    for byte in data:
        crc = (crc << 8 & 0xFF00) ^ _CRC16[crc >> 8 ^ byte]
    return crc
