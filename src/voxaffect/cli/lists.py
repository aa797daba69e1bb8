"""Lists of recordings, one a line, as people's programs write them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from voxaffect.errors import AudioError
from voxaffect.files import escape_control, read_bounded, read_standard_input

MAX_LIST_BYTES = 256 << 20
"""Size of the largest list of recordings that is read: millions of names."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""First bytes of a text, and its encoding. The mark of UTF-32 begins with that of UTF-16."""
_UTF_16_SHARE = 0.25
"""Share of zero bytes over which a text without a mark is UTF-16: in Latin letters it is half."""
_QUOTES = "\"'"
_LINE_END = re.compile("\r\n|\r|\n")  # str.splitlines also splits where a name may go on


def read_list(path: Path) -> list[str]:
    """Names in a list of recordings, one a line; ``-`` is standard input.

    It is UTF-8, or UTF-16 as PowerShell writes it, or holds any bytes that name a file here; a
    zero byte may stand for the end of a line, as ``find -print0`` writes it. Quotation marks and
    blanks around a name, and lines that begin with ``#``, go unless there is a file of that name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    list of str

    Raises
    ------
    AudioError
        If the list cannot be read, is empty, or is in an encoding that is not known.
    """
    what = "a list of recordings"
    if str(path) == "-":
        content = read_standard_input(limit=MAX_LIST_BYTES, what=what, error=AudioError)
    else:
        content = read_bounded(path, limit=MAX_LIST_BYTES, what=what, error=AudioError)
    name = escape_control(str(path))
    encoding = _encoding_of(content)
    if encoding != "utf-8":
        text = _decode(content, encoding, name).removeprefix("\ufeff")
        names = [_as_path(line.encode("utf-8")) for line in _LINE_END.split(text)]
    else:
        names = _decode_lines(content.removeprefix(codecs.BOM_UTF8), name)
    cleaned = list(_clean(names))
    if not cleaned:
        raise AudioError(f"{name}: the list is empty, expected a recording a line.")
    return cleaned


def _encoding_of(content: bytes) -> str:
    """Encoding of a text by its mark, or by its zero bytes."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    zeros = content[:4096].count(0)
    if zeros <= _UTF_16_SHARE * len(content[:4096]):
        return "utf-8"
    return "utf-16-le" if content[1:4096:2].count(0) * 2 > zeros else "utf-16-be"


def _decode(content: bytes, encoding: str, name: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise AudioError(
            f"{name}: the list begins as {encoding.upper()} and is none (byte {error.start:,}: "
            f"{error.reason}). Save it as UTF-8."
        ) from error


def _decode_lines(content: bytes, name: str) -> list[str]:
    """Names of a text in UTF-8, or of bytes that name files here."""
    lines = content.split(b"\0") if b"\0" in content else content.splitlines()
    names, foreign = [], {}
    for number, line in enumerate(lines, start=1):
        names.append(_as_path(line))
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            foreign[number] = names[-1]
    if foreign and not any(map(os.path.lexists, foreign.values())):
        raise AudioError(
            f"{name}: line {min(foreign)} is not UTF-8, and no file here has such a name. Save "
            "the list as UTF-8."
        )
    return names


def _as_path(line: bytes) -> str:
    """Name as Python's functions for files take it."""
    return line.decode("utf-8", "replace") if os.name == "nt" else os.fsdecode(line)


def _clean(names: Iterable[str]) -> Iterator[str]:
    """Names without what programs set around them; a file that is there keeps its name."""
    for name in names:
        bare = name.strip()
        if not bare:
            continue
        is_plain = bare == name and bare[0] not in f"{_QUOTES}#~"
        if is_plain or os.path.lexists(name):
            yield name
        elif os.path.lexists(bare):
            yield bare
        elif len(bare) > 1 and bare[0] == bare[-1] and bare[0] in _QUOTES:
            yield bare[1:-1]
        elif bare[0] != "#":
            yield os.path.expanduser(bare)  # noqa: PTH111
