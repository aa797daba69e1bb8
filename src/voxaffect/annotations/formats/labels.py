"""Labels without a header: Audacity's label track, and the LAB files of pyannote.

Each line has a start, an end and a label: a speaker, or text that may begin with one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from voxaffect.annotations.formats.base import Document, Entry, Format, shorten
from voxaffect.annotations.formats.srt import name_speakers

_NUMBER = r"-?\d+(?:[.,]\d+)?"
_LINE = re.compile(rf"(?P<start>{_NUMBER})[ \t]+(?P<end>{_NUMBER})(?:[ \t]+(?P<label>.*))?")
_FREQUENCIES = "\\"  # the line after a label of a part of the spectrum
_DOUBLE = re.compile(r"\[\[([^\[\]\n]{1,60})\]\]")  # as whisperX writes it
_MOST_WORDS = 4
_LONGEST = 60


def list_entries(document: Document) -> Iterator[Entry]:
    """Labels of all lines."""
    for number, line in enumerate(document.text.split("\n"), start=1):
        if not line.strip() or line.startswith(_FREQUENCIES):
            continue
        where = f"line {number}"
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise document.refuse(
                where,
                f"expected start, end and label between tabs, found {shorten(line.strip())}. Mend "
                "that line.",
            )
        start, end = (
            document.parse_seconds(match[title].replace(",", "."), where, title)
            for title in ("start", "end")
        )
        label = (match["label"] or "").strip()
        if double := _DOUBLE.match(label):
            yield Entry(where, start, end, double[1], label[double.end() :])
        else:
            yield Entry(where, start, end, text=label)


def _list_sentences(document: Document) -> Iterator[Entry]:
    return name_speakers(list(list_entries(document)))


def _list_turns(document: Document) -> Iterator[Entry]:
    """Turns of the speakers before the texts, or else of the labels themselves.

    Raises
    ------
    AnnotationError
        If the labels are text.
    """
    entries = list(_list_sentences(document))
    if any(entry.speaker for entry in entries):
        yield from entries
        return
    _check_names(document, entries)
    for entry in entries:
        yield replace(entry, speaker=entry.text)


def _check_names(document: Document, entries: Sequence[Entry]) -> None:
    for entry in entries:
        text = entry.text
        if len(text) > _LONGEST or len(text.split()) > _MOST_WORDS:
            raise document.refuse(
                entry.where,
                f"expected the name of a speaker, found the text {shorten(text)}. Label turns with "
                "their speakers.",
            )


def _matches(text: str) -> bool:
    first = next((line.strip() for line in text.split("\n") if line.strip()), "")
    return bool(_LINE.fullmatch(first))


LABELS = Format("Audacity label", _matches, _list_turns, _list_sentences)
