"""Praat's TextGrid, long or short: intervals of its tiers; points are left out.

Praat reads free-standing numbers, flags and quoted strings, and takes everything else, such as
``xmin =``, for a comment. So does this reader, which makes both forms one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from voxaffect.annotations.formats.base import Document, Entry, Format, shorten
from voxaffect.annotations.formats.tiers import Tier, list_tier_sentences, list_tier_turns

_HEADER = re.compile(r'\s*(?:File type = )?"ooTextFile', re.IGNORECASE)
_CHRONOLOGICAL = re.compile(r'\s*"Praat chronological TextGrid text file"')
_TOKEN = re.compile(
    r'"(?P<text>(?:[^"]|"")*+)"'
    r"|(?<!\S)(?P<number>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)(?!\S)"
    r"|(?<!\S)<(?P<flag>exists|absent)>"
    r"|(?<!\S)!(?P<comment>[^\n]*)"
    r'|(?P<open>")'
)


class _Tokens:
    """Strings and numbers of a TextGrid, one after the other."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._matches = _TOKEN.finditer(document.text)
        self._line, self._reached = 1, 0

    def read_text(self, title: str) -> str:
        return self._read("text", title).replace('""', '"')

    def read_seconds(self, title: str) -> float:
        return self._document.parse_seconds(self._read("number", title), self.where, title)

    def read_count(self, title: str) -> int:
        text = self._read("number", title)
        if not text.isdecimal() or len(text) > 9:
            raise self.refuse(f"expected the {title}, found {shorten(text)}")
        return int(text)

    def skip_flag(self) -> bool:
        """Read ``<exists>`` or ``<absent>``; true if it exists."""
        return self._read("flag", "flag <exists>") == "exists"

    @property
    def where(self) -> str:
        return f"line {self._line}"

    def refuse(self, problem: str) -> Exception:
        return self._document.refuse(self.where, f"{problem}. Save it in Praat as a text file.")

    def _read(self, kind: str, title: str) -> str:
        for match in self._matches:
            if match.lastgroup == "comment":
                continue
            text = self._document.text
            self._line += text.count("\n", self._reached, match.start())
            self._reached = match.start()
            if match.lastgroup != kind:
                raise self.refuse(f"expected the {title}, found {shorten(match[0])}")
            return match[kind]
        raise self.refuse(f"ends where the {title} was expected")


def list_tiers(document: Document) -> list[Tier]:
    """Tiers of intervals, with those that have a text."""
    if _CHRONOLOGICAL.match(document.text):
        raise document.refuse(
            "", "is a chronological TextGrid. Save it in Praat with 'Save as text file'."
        )
    tokens = _Tokens(document)
    tokens.read_text("file type")
    if (kind := tokens.read_text("class of object")) != "TextGrid":
        raise document.refuse("", f"is a Praat {shorten(kind)}, expected a 'TextGrid'.")
    tokens.read_seconds("xmin")
    tokens.read_seconds("xmax")
    has_tiers = tokens.skip_flag()
    tiers = []
    for _ in range(tokens.read_count("number of tiers") if has_tiers else 0):
        if (tier := _read_tier(tokens)) is not None:
            tiers.append(tier)
    if not tiers:
        raise document.refuse("", "a TextGrid without a tier of intervals. Add one in Praat.")
    return tiers


def _read_tier(tokens: _Tokens) -> Tier | None:
    """Tier of intervals with a text; None for a tier of points."""
    kind = tokens.read_text("class of tier")
    if kind not in ("IntervalTier", "TextTier"):
        raise tokens.refuse(f"expected a class of tier, found {shorten(kind)}")
    name = tokens.read_text("name of tier")
    tokens.read_seconds("xmin")
    tokens.read_seconds("xmax")
    entries = []
    for _ in range(tokens.read_count("number of intervals")):
        start = tokens.read_seconds("xmin")
        if kind == "TextTier":
            tokens.read_text("mark")
            continue
        end, where = tokens.read_seconds("xmax"), tokens.where
        if (text := tokens.read_text("text")).strip():
            entries.append(Entry(where, start, end, text=text))
    return Tier(name, entries) if kind == "IntervalTier" else None


def _matches(text: str) -> bool:
    return bool(_HEADER.match(text) or _CHRONOLOGICAL.match(text))


def _list_turns(document: Document) -> Iterator[Entry]:
    return list_tier_turns(document, list_tiers(document))


def _list_sentences(document: Document) -> Iterator[Entry]:
    return list_tier_sentences(document, list_tiers(document))


TEXTGRID = Format("TextGrid", _matches, _list_turns, _list_sentences)
