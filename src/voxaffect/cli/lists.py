"""Lists of recordings, one a line, as people's programs write them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from voxaffect.errors import AudioError
from voxaffect.files import escape_control, read_bounded, read_standard_input
from voxaffect.files.encoding import detect_encoding

MAX_LIST_BYTES = 256 << 20
"""Size of the largest list of recordings that is read: millions of names."""
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
    encoding = detect_encoding(content)
    if encoding not in ("utf-8", "utf-8-sig"):
        text = _decode(content, encoding, name).removeprefix("\ufeff")
        names = [_as_path(line.encode("utf-8")) for line in _LINE_END.split(text)]
    else:
        names = _decode_lines(content.removeprefix(codecs.BOM_UTF8), name)
    cleaned = list(_clean(names))
    if not cleaned:
        raise AudioError(f"{name}: the list is empty, expected a recording a line.")
    return cleaned


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
