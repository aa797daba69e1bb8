"""JSON of whisper.cpp: a list ``transcription`` with offsets in milliseconds, and tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from voxaffect.annotations.formats.base import Document, Entry, parse_number, shorten
from voxaffect.annotations.formats.whisper_json import list_objects, read_name, read_text
from voxaffect.annotations.transcripts import Word

_MILLISECONDS = 1000
_UNKNOWN = "?"


def list_transcription(document: Document, values: object, path: str) -> Iterator[Entry]:
    """Sentences of the list ``transcription``; with their words in its full form.

    Raises
    ------
    AnnotationError
        If one has no offsets.
    """
    for where, value in list_objects(document, values, path):
        offsets = value.get("offsets")
        if not isinstance(offsets, dict) or not {"from", "to"} <= offsets.keys():
            raise document.refuse(
                where, f"expected offsets from and to, found {shorten(offsets)}. Write it again."
            )
        start, end = (
            _read_milliseconds(document, offsets[key], f"{where}.offsets.{key}")
            for key in ("from", "to")
        )
        speaker = read_name(document, value.get("speaker"), where)
        text = read_text(document, value, where)
        words = tuple(_list_words(value.get("tokens")))
        yield Entry(where, start, end, "" if speaker == _UNKNOWN else speaker, text, words)


def _read_milliseconds(document: Document, value: object, where: str) -> float:
    number = parse_number(value)
    return document.parse_seconds(value if number is None else number / _MILLISECONDS, where)


def _list_words(tokens: object) -> Iterator[Word]:
    """Words of the tokens: one begins with a blank; marks such as ``[_BEG_]`` are no words."""
    word: Word | None = None
    for token in tokens if isinstance(tokens, Sequence) else ():
        if not isinstance(token, Mapping) or (part := _read_token(token)) is None:
            continue
        if word is None or part.text.startswith(" "):
            if word is not None:
                yield word
            word = part
        else:
            word = Word(word.start_seconds, part.end_seconds, word.text + part.text)
    if word is not None:
        yield word


def _read_token(token: Mapping[str, Any]) -> Word | None:
    text, offsets = token.get("text"), token.get("offsets")
    if not isinstance(text, str) or text.startswith("[_") or not isinstance(offsets, dict):
        return None
    start, end = parse_number(offsets.get("from")), parse_number(offsets.get("to"))
    if start is None or end is None:
        return None
    return Word(start / _MILLISECONDS, end / _MILLISECONDS, text)
