"""Parts that all readers of annotation files share: the text of a file, and an entry of it."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from reprlib import Repr

from voxaffect.annotations.transcripts import Word
from voxaffect.errors import AnnotationError
from voxaffect.files import escape_control

MOST_SECONDS = 1e7  # 115 days; more is a date or another unit
CLIPPED_SECONDS = 0.1
"""Before zero, as a diarizer with a centered frame may start: it becomes zero."""
PAUSE_SECONDS = 0.5
"""Between words that stand alone: the next one begins a sentence."""
_INVISIBLE = {"Cc", "Cs", "Cn"}
_SHORTENED = Repr()
_SHORTENED.maxstring = 60


@dataclass(frozen=True)
class Document:
    """Text of an annotation file.

    Parameters
    ----------
    name : str
        Its path, for messages.
    text : str
    recording : str or None
        Name of the recording whose entries are wanted, where the file may have several.
    """

    name: str
    text: str
    recording: str | None = None

    def refuse(self, where: str, problem: str) -> AnnotationError:
        """Error about an entry, such as that of ``line 3``; about the whole file if empty."""
        return AnnotationError(f"{self.name}{', ' if where else ''}{where}: {problem}")

    def parse_seconds(self, value: object, where: str, title: str = "time") -> float:
        """Time in seconds, of a number or of text with one.

        Raises
        ------
        AnnotationError
            If it is no number, not finite, or more than any recording has.
        """
        number = parse_number(value)
        if number is None or not abs(number) <= MOST_SECONDS:
            raise self.refuse(
                where, f"expected the {title} in seconds, found {shorten(value)}. Mend that entry."
            )
        return number


@dataclass(frozen=True)
class Entry:
    """Turn or sentence as a file has it, before checks.

    Parameters
    ----------
    where : str
        Its line or path in the file, for messages.
    start, end : float
    speaker, text : str
        Empty where the file has none.
    words : tuple of Word
    channel : str
        As the file names it; empty where it has none.
    """

    where: str
    start: float
    end: float
    speaker: str = ""
    text: str = ""
    words: tuple[Word, ...] = ()
    channel: str = ""


@dataclass(frozen=True)
class Format:
    """Format of annotation files.

    Parameters
    ----------
    name : str
        As people call it.
    matches : callable
        Whether a text is of this format.
    list_turns, list_sentences : callable or None
        Entries of a document; None where the format has none of that kind.
    """

    name: str
    matches: Callable[[str], bool]
    list_turns: Callable[[Document], Iterable[Entry]] | None
    list_sentences: Callable[[Document], Iterable[Entry]] | None


def parse_number(value: object) -> float | None:
    """Finite number of a number or a text; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    # Python reads digits of every script, and 1_0 as 10.
    if isinstance(value, str) and (not value.isascii() or "_" in value):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def shorten(value: object) -> str:
    """Value for a message, on one short line."""
    return escape_control(_SHORTENED.repr(value))


def clean_text(text: str) -> str:
    """Text on one line, without control characters."""
    if not text.isprintable():
        marks = (" " if mark.isspace() else mark for mark in text)
        text = "".join(mark for mark in marks if unicodedata.category(mark) not in _INVISIBLE)
    return " ".join(text.split())


def join_words(entries: Iterable[Entry]) -> list[Entry]:
    """Sentences of words, parted at pauses, for files that have words alone."""
    groups: list[list[Entry]] = []
    reached = 0.0
    for word in sorted(entries, key=lambda entry: entry.start):
        if not word.text.strip():
            continue
        is_next = groups and word.speaker == groups[-1][0].speaker
        if is_next and word.start - reached < PAUSE_SECONDS:
            groups[-1].append(word)
            reached = max(reached, word.end)
        else:
            groups.append([word])
            reached = word.end
    return [_join_group(words) for words in groups]


def _join_group(entries: Sequence[Entry]) -> Entry:
    """Sentence of words, with the times of all."""
    return replace(
        entries[0],
        end=max(entry.end for entry in entries),
        text=" ".join(entry.text.strip() for entry in entries),
        words=tuple(Word(entry.start, entry.end, entry.text) for entry in entries),
    )


def assign_words(entries: Sequence[Entry], words: Iterable[Entry]) -> list[Entry]:
    """Sentences with the words whose middle is in them; a word outside of all is left out."""
    ordered = sorted(entries, key=lambda entry: entry.start)
    starts = [entry.start for entry in ordered]
    own: list[list[Word]] = [[] for _ in ordered]
    for word in words:
        middle = (word.start + word.end) / 2
        index = bisect_right(starts, middle) - 1
        if index >= 0 and middle <= ordered[index].end:
            own[index].append(Word(word.start, word.end, word.text))
    return [replace(entry, words=tuple(its)) for entry, its in zip(ordered, own, strict=True)]
