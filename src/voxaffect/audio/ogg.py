"""Ogg: every page has a checksum and a number, so that damage and loss show before decoding."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from voxaffect.audio.content import Content, Piece, View, extend_pieces
from voxaffect.audio.flac import lay_out_pieces
from voxaffect.audio.parts import Part, damage_error, end_error

_CODECS = {
    b"\x01vorbis": "Vorbis",
    b"OpusHead": "Opus",
    b"\x7fFLAC": "FLAC",
    b"Speex   ": "Speex",
}
_FULL_PAGE_BYTES = 4096
_FULL_PAGE_PACKETS = 4
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True)
class _Page:
    """Header of one page."""

    start: int
    end: int
    body: int
    is_first: bool
    is_last: bool
    serial: int
    number: int
    lacing: bytes

    @property
    def is_full(self) -> bool:
        """True if libogg would have closed it: it does at four packets and 4,096 bytes."""
        packets = [0]
        for size in self.lacing:
            packets[-1] += size
            if size < 255:
                packets.append(0)
        *packets, _ = packets
        size = self.end - self.body
        was_closed_by_last = bool(packets) and (
            size - packets[-1] <= _FULL_PAGE_BYTES or len(packets) == _FULL_PAGE_PACKETS
        )
        return len(self.lacing) == 255 or (size > _FULL_PAGE_BYTES and was_closed_by_last)


@dataclass
class _Stream:
    """Pages of one logical stream."""

    codec: str
    pages: list[tuple[int, int]] = field(default_factory=list)
    bodies: list[tuple[int, int]] = field(default_factory=list)
    last: _Page | None = None

    def add(self, page: _Page, name: str) -> None:
        if self.last is not None and page.number != self.last.number + 1:
            order = f"page {page.number} follows page {self.last.number}"
            raise damage_error(name, f"{order} at byte {page.start}")
        self.last = page
        extend_pieces(self.pages, page.start, page.end)
        extend_pieces(self.bodies, page.body, page.end)


def lay_out_ogg(content: Content, start: int) -> list[Part] | None:
    """Parts of an Ogg file: one, or one for each of the files that were joined.

    None if libsndfile does not know the codec. A damaged or missing page is refused.
    """
    parts = []
    for link in _read_links(content, start):
        sounds = [stream for stream in link.values() if stream.codec]
        if not sounds or sounds[0].codec == "Speex":
            return None
        _check_end(content, sounds[0])
        parts.append(_lay_out_stream(content, sounds[0]))
    return parts


def _lay_out_stream(content: Content, stream: _Stream) -> Part:
    if stream.codec != "FLAC":
        return Part(View(content, _mark_end(content, stream)))
    first, *others = stream.bodies  # the first packet has nine bytes in front of FLAC's own mark
    return lay_out_pieces(content, [(first[0] + 9, first[1]), *others])


def _mark_end(content: Content, stream: _Stream) -> list[Piece]:
    """Pages of a stream; the last one gets the mark without which libsndfile sees damage."""
    last = stream.last
    if last is None or last.is_last:
        return [*stream.pages]
    *pages, (start, _) = stream.pages
    page = bytearray(content.read(last.start, last.end - last.start))
    page[5] |= 4
    page[22:26] = bytes(4)
    page[22:26] = _compute_checksum(bytes(page)).to_bytes(4, "little")
    return [*pages, (start, last.start), bytes(page)]


def _read_links(content: Content, start: int) -> list[dict[int, _Stream]]:
    """Streams by their serial number, for each of the files that were joined."""
    links: list[dict[int, _Stream]] = []
    was_first = False
    for page in _read_pages(content, start):
        if page.is_first and not was_first:
            links.append({})
        was_first = page.is_first
        streams = links[-1] if links else {}
        if page.is_first:
            head = content.read(page.body, 8)
            codec = next((name for mark, name in _CODECS.items() if head.startswith(mark)), "")
            streams[page.serial] = _Stream(codec)
        if page.serial not in streams:
            reason = f"the page at byte {page.start} belongs to no stream"
            raise damage_error(content.name, reason)
        streams[page.serial].add(page, content.name)
    return links


def _check_end(content: Content, stream: _Stream) -> None:
    """Refuse a stream that must go on.

    Some phones write no end mark. Their last page is one that had to be closed early. A page in
    which a packet goes on, or that was closed because it was full, has another behind it.
    """
    page = stream.last
    if page is not None and not page.is_last and (page.is_full or page.lacing[-1:] == b"\xff"):
        raise end_error(content.name, "its last page is missing")


def _read_pages(content: Content, start: int) -> Iterator[_Page]:
    """All pages, each with a right checksum; bytes behind the last page are ignored."""
    page = None
    while start < content.size:
        head = content.read(start, 27 + 255)
        if head[:4] != b"OggS":
            if page is not None and page.is_last and _is_junk(content, start):
                return
            raise damage_error(content.name, f"no page begins at byte {start}")
        page = _parse_page(content, start, head)
        yield page
        start = page.end


def _is_junk(content: Content, start: int) -> bool:
    """True if no page follows."""
    while data := content.read(start, 1 << 20):
        if b"OggS" in data:
            return False
        start += max(1, len(data) - 3)
    return True


def _parse_page(content: Content, start: int, head: bytes) -> _Page:
    count = head[26] if len(head) > 26 else 0
    lacing = head[27 : 27 + count]
    body = start + 27 + count
    end = body + sum(lacing)
    if len(head) < 27 + count or end > content.size:
        raise end_error(content.name, "its last page is broken")
    data = content.read(start, end - start)
    stated = int.from_bytes(head[22:26], "little")
    if _compute_checksum(data[:22] + bytes(4) + data[26:]) != stated:
        raise damage_error(content.name, f"the page at byte {start} has a wrong checksum")
    serial, number = (int.from_bytes(head[at : at + 4], "little") for at in (14, 18))
    is_first, is_last = bool(head[5] & 2), bool(head[5] & 4)
    return _Page(start, end, body, is_first, is_last, serial, number, lacing)


def _compute_checksum(data: bytes) -> int:
    """Checksum of a page: zlib's polynomial, with the bits of each byte in reverse order."""
    crc = zlib.crc32(data.translate(_REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{crc:032b}"[::-1], 2)
