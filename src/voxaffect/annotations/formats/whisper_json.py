"""JSON of whisperX, openai-whisper, faster-whisper and OpenAI: segments, with their words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from voxaffect.annotations.formats.base import (
    CLIPPED_SECONDS,
    Document,
    Entry,
    join_words,
    parse_number,
    shorten,
)
from voxaffect.annotations.transcripts import Word

_OUTSIDE_SECONDS = 1.0
"""Of a word before or after its segment, as recognizers round."""


def list_segments(document: Document, segments: object, path: str) -> Iterator[Entry]:
    """Sentences of a list of segments; without text where they have none."""
    for where, segment in list_objects(document, segments, path):
        start, end = read_span(document, segment, where)
        listed = _list_words(document, segment.get("words"), f"{where}.words", (start, end))
        words = tuple(Word(first, last, text) for first, last, text, _ in listed)
        speaker = read_name(document, segment.get("speaker"), where)
        yield Entry(where, start, end, speaker, read_text(document, segment, where), words)


def list_word_entries(document: Document, words: object, path: str) -> Iterator[Entry]:
    """Words of a list, as entries."""
    for where, word in list_objects(document, words, path):
        start, end = read_span(document, word, where)
        speaker = read_name(document, word.get("speaker"), where)
        text = read_text(document, word, where) or read_text(document, word, where, "word")
        yield Entry(where, start, end, speaker, text)


def list_word_sentences(document: Document, words: object, path: str) -> Iterator[Entry]:
    """Sentences of a list of words alone, parted at pauses and where the speaker changes."""
    yield from join_words(list_word_entries(document, words, path))


def list_segment_turns(document: Document, segments: object, path: str) -> Iterator[Entry]:
    """Turns of a list of segments: where words have other speakers, a turn for each of them."""
    for where, segment in list_objects(document, segments, path):
        start, end = read_span(document, segment, where)
        speaker = read_name(document, segment.get("speaker"), where)
        listed = _list_words(document, segment.get("words"), f"{where}.words", (start, end))
        words = [word for word in listed if word[3]]
        if not {word[3] for word in words} <= {speaker}:
            for name, group in groupby(words, key=lambda word: word[3]):
                run = list(group)
                yield Entry(where, run[0][0], max(end for _, end, *_ in run), name)
        elif speaker:
            yield Entry(where, start, end, speaker)


def list_objects(
    document: Document, values: object, path: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Objects of a list, each with its path.

    Raises
    ------
    AnnotationError
        If it is no list of objects.
    """
    if not isinstance(values, list):
        raise document.refuse(path, f"expected a list of objects, found {shorten(values)}.")
    for index, value in enumerate(values):
        where = f"{path}[{index}]"
        if not isinstance(value, dict):
            raise document.refuse(where, f"expected an object, found {shorten(value)}.")
        yield where, value


def read_span(
    document: Document, value: Mapping[str, Any], where: str, *, per_second: float = 1
) -> tuple[float, float]:
    """Start and end of an object, in seconds.

    Raises
    ------
    AnnotationError
        If one is missing, or no time.
    """
    times = []
    for title in ("start", "end"):
        key = title if title in value else f"{title}_seconds"
        if key not in value:
            raise document.refuse(
                where, f"no {title!r}, expected a time in seconds, found {shorten(list(value))}."
            )
        number = parse_number(value[key])
        time = value[key] if number is None else number / per_second
        times.append(document.parse_seconds(time, f"{where}.{key}", title))
    return times[0], times[1]


def read_text(document: Document, value: Mapping[str, Any], where: str, key: str = "text") -> str:
    """Text of an object; empty if there is none.

    Raises
    ------
    AnnotationError
        If it is something else.
    """
    text = value.get(key)
    if not isinstance(text, str | None):
        raise document.refuse(
            f"{where}.{key}", f"expected a text, found {shorten(text)}. Write the file again."
        )
    return text or ""


def read_name(document: Document, value: object, where: str) -> str:
    """Name of a speaker; empty if there is none.

    Raises
    ------
    AnnotationError
        If it is neither text nor a whole number.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise document.refuse(
            f"{where}.speaker", f"expected the name of a speaker, found {shorten(value)}."
        )
    return str(value).strip()


def _list_words(
    document: Document, values: object, path: str, span: tuple[float, float]
) -> Iterator[tuple[float, float, str, str]]:
    """Start, end, text and speaker of the words that have times; an aligner may give none.

    Raises
    ------
    AnnotationError
        If it is no list, or a word has times that cannot be, or lies outside of its segment.
    """
    rows = values if isinstance(values, list) else () if values is None else None
    if rows is None:
        raise document.refuse(path, f"expected a list of words, found {shorten(values)}.")
    named = [  # faster-whisper writes its named tuples as lists: start, end, word, ...
        dict(zip(("start", "end", "word"), row, strict=False)) if isinstance(row, list) else row
        for row in rows
    ]
    for where, value in list_objects(document, named, path):
        text = value.get("word", value.get("text"))
        if value.get("start") is None or value.get("end") is None or not isinstance(text, str):
            continue
        start, end = _read_word_span(document, value, where, span)
        speaker = value.get("speaker")
        yield start, end, text.strip(), speaker.strip() if isinstance(speaker, str) else ""


def _read_word_span(
    document: Document, value: Mapping[str, Any], where: str, span: tuple[float, float]
) -> tuple[float, float]:
    """Start and end of a word, which belong to a segment up to a rounding."""
    start, end = read_span(document, value, where)
    if start < -CLIPPED_SECONDS or end < start:
        raise document.refuse(
            where,
            f"a word from {start:g} to {end:g} s, expected a start of 0 or more and no end before "
            "it. Mend its times.",
        )
    if start < span[0] - _OUTSIDE_SECONDS or end > span[1] + _OUTSIDE_SECONDS:
        raise document.refuse(
            where,
            f"a word from {start:g} to {end:g} s, outside of its segment from {span[0]:g} to "
            f"{span[1]:g} s. Mend the times of one of them.",
        )
    return max(start, 0.0), max(end, 0.0)
