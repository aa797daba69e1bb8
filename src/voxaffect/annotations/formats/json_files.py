"""JSON of programs that recognize or diarize speech, known by the key of its list."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from voxaffect.annotations.formats.base import Document, Entry, Format, assign_words, shorten
from voxaffect.annotations.formats.funasr import list_sentence_info
from voxaffect.annotations.formats.whisper_cpp import list_transcription
from voxaffect.annotations.formats.whisper_json import (
    list_segment_turns,
    list_segments,
    list_word_entries,
    list_word_sentences,
)

_KNOWN: Final = "whisperX, openai-whisper, faster-whisper, whisper.cpp, OpenAI, pyannote or FunASR"
_START: Final = re.compile(r"\s*(?:\{|\[\s*(?:[\[{\]]|$))")
"""Of an object or a list of objects; captions of others begin with a bracket, too."""
_LISTS: Final = ("output", "result")
"""Keys of an object that holds the lists: pyannoteAI's jobs, services around FunASR."""

_Read = Callable[[Document, object, str], Iterable[Entry]]


class _Shape(NamedTuple):
    """List of turns or sentences, by its key; its readers, or None if it has none of them."""

    key: str
    list_turns: _Read | None
    list_sentences: _Read | None


_SHAPES: Final = (
    _Shape("diarization", list_segment_turns, None),  # pyannote's and pyannoteAI's
    _Shape("turnLevelTranscription", list_segment_turns, list_segments),  # pyannoteAI's
    _Shape("segments", list_segment_turns, list_segments),
    _Shape("transcription", list_transcription, list_transcription),
    _Shape("sentence_info", list_sentence_info, list_sentence_info),
    _Shape("words", list_word_sentences, list_word_sentences),
)


def _list_entries(document: Document, kind: str) -> Iterable[Entry]:
    data = _load(document)
    holder, path = _find_holder(data)
    shapes = [
        (shape.key, read)
        for shape in _SHAPES
        if (read := shape.list_turns if kind == "turns" else shape.list_sentences)
        and isinstance(holder.get(shape.key), list)
    ]
    key, read = next((one for one in shapes if holder[one[0]]), (None, None))
    if read is None or key is None:
        raise document.refuse("", _describe_missing(data, kind, [key for key, _ in shapes]))
    entries = read(document, holder[key], f"{path}{key}")
    if key == "segments" and isinstance(holder.get("words"), list):  # OpenAI's verbose_json
        entries = _add_words(document, list(entries), holder["words"])
    return entries


def _add_words(document: Document, entries: list[Entry], words: object) -> list[Entry]:
    if any(entry.words for entry in entries):
        return entries
    return assign_words(entries, list_word_entries(document, words, "words"))


def _find_holder(data: dict[str, Any] | list[Any]) -> tuple[Mapping[str, Any], str]:
    """Object that holds the lists, and its path; a bare list is one of segments."""
    if isinstance(data, list):
        if len(data) == 1 and isinstance(data[0], dict) and "sentence_info" in data[0]:
            return data[0], "[0]."
        return {"segments": data}, ""
    for key in _LISTS:
        if isinstance(data.get(key), dict) and not any(shape.key in data for shape in _SHAPES):
            return data[key], f"{key}."
    return data, ""


def _describe_missing(data: object, kind: str, keys: list[str]) -> str:
    wanted = "turns of speakers" if kind == "turns" else "a transcript"
    if keys:
        return f"the list {keys[0]!r} is empty. Expected {wanted}."
    actual = shorten(list(data)) if isinstance(data, dict | list) and data else "nothing"
    return f"JSON without {wanted}: expected the JSON of {_KNOWN}, found {actual}."


def _load(document: Document) -> dict[str, Any] | list[Any]:
    try:
        data = json.loads(document.text)
    except json.JSONDecodeError as error:
        raise document.refuse(
            f"line {error.lineno}",
            f"broken JSON ({error.msg.lower()}, column {error.colno}). Write the file again.",
        ) from error
    except (ValueError, RecursionError) as error:  # a number or a nesting without an end
        raise document.refuse("", "JSON with a nesting or a number that is too long.") from error
    if not isinstance(data, dict | list):
        raise document.refuse("", f"expected the JSON of {_KNOWN}, found {shorten(data)}.")
    return data


def _list_turns(document: Document) -> Iterable[Entry]:
    return _list_entries(document, "turns")


def list_sentences(document: Document) -> Iterable[Entry]:
    """List the sentences of a transcript."""
    return _list_entries(document, "sentences")


JSON = Format("JSON", lambda text: bool(_START.match(text)), _list_turns, list_sentences)
