"""MPEG audio (MP3, MP2): every frame is counted, since no header needs to say how many there are.

The decoder is given whole frames alone: no tags, no pictures, no broken frame at the start. So it
has nothing to complain of, and no length to estimate.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from voxaffect.audio.content import Content, Piece, View
from voxaffect.audio.layout import Part, cut_short, damaged
from voxaffect.errors import AudioError
from voxaffect.files.media import Frame, id3_size, parse_frame

_SIDE_BYTES = {(True, 2): 32, (True, 1): 17, (False, 2): 17, (False, 1): 9}
_MAX_TRIMMED = 12_000
"""Samples that encoders add at both ends and a decoder takes away, at most."""
_BUFFER_BYTES = 1 << 18
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
    """Whether frames of one kind follow each other, to the end if there are few."""
    first = None
    for count in range(_CONFIRMING_FRAMES):
        frame = parse_frame(content.read(offset, 4))
        if frame is None or (first and (frame.kind, frame.rate_hz) != (first.kind, first.rate_hz)):
            return count > 0 and _ends_here(content, offset, end)
        first = first or frame
        offset += frame.size
    return True


def _ends_here(content: Content, offset: int, end: int) -> bool:
    return offset >= end or _tag_size(content, offset, end) > 0


@dataclass
class _Walk:
    """Result of going through all frames."""

    pieces: list[tuple[int, int]]
    first: Frame
    frames: int = 0

    def add(self, offset: int, frame: Frame) -> None:
        if self.pieces and self.pieces[-1][1] == offset:
            self.pieces[-1] = (self.pieces[-1][0], offset + frame.size)
        else:
            self.pieces.append((offset, offset + frame.size))
        self.frames += 1


def lay_out_mpeg(content: Content, start: int, end: int) -> Part:
    """Part of a file of MPEG audio, with all its frames, whatever its header counts.

    Raises
    ------
    AudioError
        If it is cut short or damaged, or its rate or number of channels changes on the way.
    """
    first = find_first_frame(content, start, end)
    head = parse_frame(content.read(first, 4)) if first is not None else None
    if first is None or head is None:
        raise damaged(content.name, "it holds no frames of MPEG audio")
    count = _Count.of(content.read(first, head.size), head)
    walk = _Walk([], head)
    for offset, frame in _walk(content, first + (head.size if count else 0), end):
        _check_same(content, frame, walk)
        walk.add(offset, frame)
    if not walk.frames:
        raise AudioError(f"{content.name}: holds no samples. Record it again.")
    least = max(0, walk.frames * head.samples - _MAX_TRIMMED)
    if count and count.frames and walk.frames + 1 < count.frames:
        raise cut_short(content.name, count.frames, walk.frames, "frames")
    if count is None or not count.frames or not count.is_known:
        pieces = _without_missing_reservoir(content, walk)
        return Part(View(content, pieces), least, is_estimated=True)
    size = head.size + sum(end - start for start, end in walk.pieces)
    header = count.corrected(content.read(first, head.size), walk.frames, size)
    return Part(View(content, [header, *walk.pieces]), least)


def _without_missing_reservoir(content: Content, walk: _Walk) -> list[Piece]:
    """Pieces in which the first frames are silent if their data begin before the recording.

    A frame may keep data in the frames before it. Where a stream was joined in the middle they
    are missing, and the decoder would complain. What these frames keep for later ones stays.
    """
    start, end = walk.pieces[0][:2]
    pieces: list[Piece] = []
    held = 0
    while walk.first.kind[1] == 1 and start < end:
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
        pieces += [data[:side] + bytes(length), (start + side + length, start + frame.size)]
        held += frame.size - side - length
        start += frame.size
    return [*pieces, (start, end), *walk.pieces[1:]]


@dataclass(frozen=True)
class _Count:
    """Number of frames and bytes that a first frame without sound states.

    Parameters
    ----------
    frames : int
        0 if it states none.
    offset : int
        Where in the frame the numbers stand.
    has_bytes : bool
    is_known : bool
        Whether the decoder knows this header: Xing or Info, not VBRI.
    """

    frames: int
    offset: int
    has_bytes: bool
    is_known: bool

    @classmethod
    def of(cls, data: bytes, frame: Frame) -> _Count | None:
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

    def corrected(self, data: bytes, frames: int, size: int) -> bytes:
        """The frame with the true numbers: the decoder reads no further, and would complain."""
        numbers = struct.pack(">I", max(frames, self.frames))
        if self.has_bytes:
            numbers += struct.pack(">I", min(size, 0xFFFF_FFFF))
        return data[: self.offset] + numbers + data[self.offset + len(numbers) :]


def _check_same(content: Content, frame: Frame, walk: _Walk) -> None:
    first = walk.first
    if (frame.kind, frame.rate_hz, frame.channels) == (first.kind, first.rate_hz, first.channels):
        return
    seconds = walk.frames * first.samples / first.rate_hz
    raise AudioError(
        f"{content.name}: changes from {first.rate_hz} Hz, {first.channels} channels, to "
        f"{frame.rate_hz} Hz, {frame.channels} channels, after {seconds:.1f} s. Take its parts "
        "apart."
    )


def _walk(content: Content, offset: int, end: int) -> Iterator[tuple[int, Frame]]:
    """All frames; tags between them are left out."""
    reader = _Reader(content)
    while offset < end:
        frame = parse_frame(reader.read(offset, 4))
        if frame is None:
            tag = _tag_size(content, offset, end)
            if not tag and _is_end(content, offset, end):
                return
            if not tag:
                raise damaged(content.name, f"no frame of sound begins at byte {offset}")
            offset += tag
        elif offset + frame.size > end:
            raise cut_short(content.name, frame.size, end - offset, "bytes in its last frame")
        else:
            yield offset, frame
            offset += frame.size


class _Reader:
    """Small reads through a buffer."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._start, self._data = 0, b""

    def read(self, offset: int, count: int) -> bytes:
        index = offset - self._start
        if index < 0 or index + count > len(self._data):
            self._start, self._data = offset, self._content.read(offset, _BUFFER_BYTES)
            index = 0
        return self._data[index : index + count]


def _is_end(content: Content, offset: int, end: int) -> bool:
    """Whether no more sound follows: what does is no frame, but padding or another's data."""
    while offset < end:
        if find_first_frame(content, offset, end) is not None:
            return False
        offset += _MAX_JUNK_BYTES
    return True


def _tag_size(content: Content, offset: int, end: int) -> int:
    """Bytes of the tag that begins here; 0 if none does."""
    head = content.read(offset, 32)
    if head[:3] == b"ID3":
        return id3_size(head)
    if head[:3] == b"TAG":
        return min(128, end - offset)
    if head[:8] == b"APETAGEX":
        return ape_size(head)
    if head[:11] == b"LYRICSBEGIN":
        data = content.read(offset, min(end - offset, 1 << 20))
        index = max(data.find(b"LYRICS200"), data.find(b"LYRICSEND"))
        return index + 9 if index > 0 else 0
    return 0


def ape_size(head: bytes) -> int:
    """Bytes of the APE tag that begins here; 0 if none does."""
    if len(head) < 32 or head[:8] != b"APETAGEX":
        return 0
    has_header = head[23] >> 7 & 1 or head[23] >> 5 & 1
    return int.from_bytes(head[12:16], "little") + (32 if has_header else 0)
