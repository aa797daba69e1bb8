"""Text of file names and errors, safe to print on one line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from voxaffect.errors import VoxaffectError

_ESCAPED_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories: controls, marks that reorder or hide text, surrogates, ends of lines."""
_JOINERS = "\u200c\u200d"
"""Marks of category Cf that scripts and emoji need; they neither hide nor reorder text."""
_SURROGATES = re.compile("[\udc80-\udcff]+")
"""Bytes of a file name that Python could not decode."""


def escape_control(text: str) -> str:
    r"""Text as one line that any terminal shows unchanged, with escapes for what is not visible.

    A file name may hold a line break, a color code, marks that reverse the order of the text, or
    bytes that are not UTF-8.

    Examples
    --------
    >>> escape_control("one\x1b[31m\ntwo")
    'one\\x1b[31m\\ntwo'
    """
    return text if text.isprintable() else "".join(map(_escape, text))


def _escape(character: str) -> str:
    category = unicodedata.category(character)
    is_control = category in _ESCAPED_CATEGORIES and character not in _JOINERS
    is_noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
    if is_control or is_noncharacter:
        return character.encode("unicode_escape").decode("ascii")
    return character


def escape_surrogates(text: str) -> str:
    """Text that UTF-8 can hold: surrogates, from file names in other encodings, become escapes.

    Where Python takes file names for ASCII, surrogates stand for UTF-8: that becomes text.
    """
    return _SURROGATES.sub(_decode, text).encode("utf-8", "backslashreplace").decode("utf-8")


def _decode(surrogates: re.Match[str]) -> str:
    try:
        return surrogates[0].encode("ascii", "surrogateescape").decode("utf-8")
    except UnicodeDecodeError:
        return surrogates[0]


def describe_reason(error: Exception) -> str:
    """Reason that the system or a library gives for an error, without path and number."""
    texts = (getattr(error, name, None) for name in ("error_string", "strerror"))  # libsndfile's
    reason = next(filter(None, texts), None) or str(error) or type(error).__name__
    return escape_control(str(reason).strip().rstrip("."))


def list_names(names: Sequence[str], limit: int = 8) -> str:
    """Names for one line of a message: the first few, and how many there are if there are more.

    Examples
    --------
    >>> list_names(["anna", "bert", "cleo"], limit=2)
    'anna, bert … (3)'
    """
    more = f" … ({len(names):,})" if len(names) > limit else ""
    return f"{', '.join(names[:limit])}{more}"


@contextmanager
def name_errors(
    path: Path | str, problem: str, kind: type[VoxaffectError] = VoxaffectError
) -> Iterator[None]:
    """Turn the system's error inside the block into one that names path, problem and reason.

    Parameters
    ----------
    path : Path or str
    problem : str
        As in "cannot be written".
    kind : type
        Error class to raise.
    """
    try:
        yield
    except (OSError, UnicodeError) as error:
        reason = describe_reason(error)
        raise kind(f"{escape_control(str(path))}: {problem} ({reason}).") from error
