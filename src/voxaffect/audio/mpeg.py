"""MPEG audio (MP3, MP2): every frame is counted, since no header needs to state their number.

The decoder gets whole frames alone: no tags, no pictures, no broken frame at the start. So it
prints no warnings and estimates no length.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from voxaffect.audio.content import Content, Piece, View, extend_pieces
from voxaffect.audio.parts import Part, change_error, damage_error, length_error
from voxaffect.audio.signal import empty_error
from voxaffect.files.media import Frame, measure_ape, measure_id3, parse_frame

_SIDE_BYTES = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}
_MAX_TRIMMED = 12_000
"""Samples that encoders add at both ends and a decoder takes away, at most."""
_MAX_JUNK_BYTES = 1 << 16
_CONFIRMING_FRAMES = 4


def find_first_frame(content: Content, start: int, end: int) -> int | None:
    """Offset of the first of several frames in a row, not far from the start; None if none is."""
    data = content.read(start, min(_MAX_JUNK_BYTES, end - start))
    index = data.find(b"\xff")
    while index >= 0:
        if _is_confirmed(content, start + index, end):
            return start + index
        index = data.find(b"\xff", index + 1)
    return None


def _is_confirmed(content: Content, offset: int, end: int) -> bool:
    """True if frames of one kind follow each other, to the end if there are few."""
    first = None
    for count in range(_CONFIRMING_FRAMES):
        frame = parse_frame(content.read(offset, 4))
        if frame is None or (first and (frame.kind, frame.rate_hz) != (first.kind, first.rate_hz)):
            return count > 0 and (offset >= end or _measure_tag(content, offset, end) > 0)
        first = first or frame
        offset += frame.size
    return True


def lay_out_mpeg(content: Content, start: int, end: int) -> Part:
    """Part of a file of MPEG audio, with all its frames, whatever its header counts."""
    first = find_first_frame(content, start, end)
    head = parse_frame(content.read(first, 4)) if first is not None else None
    if first is None or head is None:
        raise damage_error(content.name, "it holds no frames of MPEG audio")
    count = _Count.parse(content.read(first, head.size), head)
    pieces: list[tuple[int, int]] = []
    frames = 0
    for offset, frame in _read_frames(content, first + (head.size if count else 0), end):
        before, after = (head.rate_hz, head.channels), (frame.rate_hz, frame.channels)
        if (frame.kind, after) != (head.kind, before):
            seconds = frames * head.samples / head.rate_hz
            raise change_error(content.name, before, after, seconds, "Take its parts apart")
        extend_pieces(pieces, offset, offset + frame.size)
        frames += 1
    if not frames:
        raise empty_error(content.name)
    least = max(0, frames * head.samples - _MAX_TRIMMED)
    if count and count.frames and frames + 1 < count.frames:
        raise length_error(content.name, count.frames, frames, "frames")
    if count is None or not count.frames or not count.is_known:
        view = View(content, _silence_first_frames(content, pieces, head))
        return Part(view, least, is_estimated=True)
    size = head.size + sum(end - start for start, end in pieces)
    header = count.correct(content.read(first, head.size), frames, size)
    return Part(View(content, [header, *pieces]), least)


def _silence_first_frames(
    content: Content, pieces: list[tuple[int, int]], first: Frame
) -> list[Piece]:
    """Pieces in which the first frames are silent if their data begin before the recording.

    A frame may keep data in the frames before it. Where a stream was joined in the middle they
    are missing, and the decoder would print a warning. The data that these frames keep for later
    ones stay.
    """
    start, end = pieces[0]
    silent: list[Piece] = []
    held = 0
    while first.kind[1] == 1 and start < end:
        data = content.read(start, 64)
        frame = parse_frame(data)
        if frame is None:
            break
        side = 4 if data[1] & 1 else 6  # two bytes of checksum may come before the side information
        is_first = frame.kind[0] == 3
        begin = data[side] << 1 | data[side + 1] >> 7 if is_first else data[side]
        if begin <= held:
            break
        length = _SIDE_BYTES[is_first, frame.channels]
        silent += [data[:side] + bytes(length), (start + side + length, start + frame.size)]
        held += frame.size - side - length
        start += frame.size
    return [*silent, (start, end), *pieces[1:]]


@dataclass(frozen=True)
class _Count:
    """Number of frames and bytes that a first frame without sound states."""

    frames: int  # 0 if it states none
    offset: int  # of the numbers in the frame
    has_bytes: bool
    is_known: bool  # to the decoder: Xing or Info, not VBRI

    @classmethod
    def parse(cls, data: bytes, frame: Frame) -> _Count | None:
        if frame.kind[1] != 1:
            return None
        offset = 4 + _SIDE_BYTES[frame.kind[0] == 3, frame.channels]
        if data[offset : offset + 4] in (b"Xing", b"Info"):
            flags = int.from_bytes(data[offset + 4 : offset + 8], "big")
            stated = int.from_bytes(data[offset + 8 : offset + 12], "big") if flags & 1 else 0
            return cls(stated, offset + 8, has_bytes=flags & 3 == 3, is_known=True)
        if data[36:40] == b"VBRI":
            stated = int.from_bytes(data[50:54], "big")
            return cls(stated, 50, has_bytes=False, is_known=False)
        return None

    def correct(self, data: bytes, frames: int, size: int) -> bytes:
        """The frame with the true numbers: the decoder stops there, and warns if more follows."""
        numbers = struct.pack(">I", max(frames, self.frames))
        if self.has_bytes:
            numbers += struct.pack(">I", min(size, 0xFFFF_FFFF))
        return data[: self.offset] + numbers + data[self.offset + len(numbers) :]


def _read_frames(content: Content, offset: int, end: int) -> Iterator[tuple[int, Frame]]:
    """All frames; tags between them are left out."""
    while offset < end:
        frame = parse_frame(content.read(offset, 4))
        if frame is None:
            tag = _measure_tag(content, offset, end)
            if not tag and _has_ended(content, offset, end):
                return
            if not tag:
                raise damage_error(content.name, f"no frame of sound begins at byte {offset}")
            offset += tag
        elif offset + frame.size > end:
            raise length_error(content.name, frame.size, end - offset, "bytes in its last frame")
        else:
            yield offset, frame
            offset += frame.size


def _has_ended(content: Content, offset: int, end: int) -> bool:
    """True if no more sound follows, only padding or another program's data."""
    while offset < end:
        if find_first_frame(content, offset, end) is not None:
            return False
        offset += _MAX_JUNK_BYTES
    return True


def _measure_tag(content: Content, offset: int, end: int) -> int:
    """Bytes of the tag that begins here; 0 if none does."""
    head = content.read(offset, 32)
    if head[:3] == b"TAG":
        return min(128, end - offset)
    if head[:11] == b"LYRICSBEGIN":
        data = content.read(offset, min(end - offset, 1 << 20))
        index = max(data.find(b"LYRICS200"), data.find(b"LYRICSEND"))
        return index + 9 if index > 0 else 0
    return measure_id3(head) or measure_ape(head)
