"""Encoding of a text that people's programs wrote: UTF-8, or UTF-16 and UTF-32 as Windows does."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # it begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF_16_SHARE = 0.25
"""Share of zero bytes over which a text without a mark is UTF-16: in Latin letters it is half."""


def detect_encoding(content: bytes) -> str:
    """Encoding of a text, by its byte order mark or by its zero bytes.

    Returns
    -------
    str
        A name by which ``bytes.decode`` also removes the mark; ``utf-8`` if nothing speaks for
        another.

    Examples
    --------
    >>> detect_encoding("call.wav".encode("utf-16-le")), detect_encoding(b"call.wav")
    ('utf-16-le', 'utf-8')
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    start = content[:4096]
    zeros = start.count(0)
    if zeros <= _UTF_16_SHARE * len(start):
        return "utf-8"
    return "utf-16-le" if start[1::2].count(0) * 2 > zeros else "utf-16-be"
