"""JSON of FunASR: a list ``sentence_info`` with times in milliseconds and numbers of speakers."""

from __future__ import annotations

from collections.abc import Iterator

from voxaffect.annotations.formats.base import Document, Entry
from voxaffect.annotations.formats.whisper_json import (
    list_objects,
    read_name,
    read_span,
    read_text,
)

_MILLISECONDS = 1000


def list_sentence_info(document: Document, values: object, path: str) -> Iterator[Entry]:
    """Sentences of the list ``sentence_info``."""
    for where, value in list_objects(document, values, path):
        start, end = read_span(document, value, where, per_second=_MILLISECONDS)
        speaker = read_name(document, value.get("spk"), where)
        yield Entry(where, start, end, speaker, read_text(document, value, where))
