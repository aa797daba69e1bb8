"""SubRip's captions, with a name before the text where a program knows the speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from voxaffect.annotations.formats.base import Document, Entry, Format, shorten

_TIMES = re.compile(r"^[ \t]*\S+[ \t]*-->[ \t]*\S+", re.MULTILINE)
_HEAD_CHARACTERS = 4096
_TIME = re.compile(r"(?:(\d{1,5}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,6}))?", re.ASCII)
_TAG = re.compile(r"</?[biu]>|</?font[^<>]{0,200}>|\{\\[^{}]{0,200}\}", re.IGNORECASE)
_BRACKETS = re.compile(r"\[([^\[\]\n]{1,60})\]: ?")  # as whisperX writes it
_EMOTION = re.compile(
    r"\[(?:several speakers|[^\[\]]{1,60}? (?:\d{1,3}(?:\.\d{1,9})?%|corrected;)[^\[\]]{0,60})\]$"
)
"""As voxaffect writes it after the words."""
_NAME = re.compile(r"([^\W\d][^:.,;!?\n]{0,39}): ")
_NAMED_SHARE = 0.8
_CODE = re.compile(r"((?:SPEAKER|SPK|Speaker|Spk|speaker|spk)[ _-]?[0-9A-Z]{1,4}):[ \t]+")


def _list_sentences(document: Document) -> Iterator[Entry]:
    entries = []
    for where, times, text in list_cues(document.text):
        start, end = read_times(document, where, times)
        entries.append(Entry(where, start, end, text=_TAG.sub("", text).strip()))
    return name_speakers(entries)


def list_cues(content: str, *, has_blanks: bool = True) -> Iterator[tuple[str, str, str]]:
    """Line number, line of times, and text of each cue; lines before the first are left out.

    Parameters
    ----------
    content : str
    has_blanks : bool
        Whether blank lines may be part of a text, so that it ends at the next cue's number.
    """
    lines = content.split("\n")
    starts = [index for index, line in enumerate(lines) if "-->" in line]
    for start, after in pairwise([*starts, len(lines)]):
        text = lines[start + 1 : after]
        if not has_blanks and "" in text:
            text = text[: text.index("")]
        elif after < len(lines) and text and text[-1].strip().isdigit():
            text.pop()
        yield f"line {start + 1}", lines[start].strip(), "\n".join(text).strip()


def read_times(document: Document, where: str, line: str) -> tuple[float, float]:
    """Start and end of a cue, in seconds.

    Raises
    ------
    AnnotationError
        If a time is none.
    """
    left, _, right = line.partition("-->")
    times = []
    for text in (left.strip(), (right.split() or [""])[0]):
        match = _TIME.fullmatch(text)
        if not match or int(match[2]) >= 60 or int(match[3]) >= 60:
            raise document.refuse(
                where,
                f"expected times such as 00:01:02,500 --> 00:01:04,000, found {shorten(line)}. "
                "Mend that line.",
            )
        whole = (int(match[1] or 0) * 60 + int(match[2])) * 60 + int(match[3])
        times.append(float(f"{whole}.{match[4] or 0}"))
    return times[0], times[1]


def name_speakers(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Entries whose text begins with their speaker, as entries with a speaker.

    ``[anna]: text`` (as whisperX writes it) and ``SPEAKER_00: text`` always do. ``Anna: text`` does
    where nearly all do, because a sentence may hold a colon. The emotion that voxaffect writes
    after the words is left out.
    """
    bare = [entry for entry in entries if not entry.speaker]
    named = sum(bool(_NAME.match(entry.text)) for entry in bare)
    is_named = len(bare) > 1 and named >= _NAMED_SHARE * len(bare)
    for entry in entries:
        text = _EMOTION.sub("", entry.text).rstrip()
        speaker = entry.speaker
        if not speaker:
            match = _BRACKETS.match(text) or _CODE.match(text)
            if is_named:
                match = match or _NAME.match(text)
            speaker, text = (match[1].strip(), text[match.end() :]) if match else ("", text)
        yield replace(entry, speaker=speaker, text=text)


def _matches(text: str) -> bool:
    return bool(_TIMES.search(text[:_HEAD_CHARACTERS]))


SRT = Format("SubRip (SRT)", _matches, _list_sentences, _list_sentences)
