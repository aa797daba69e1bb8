"""WebVTT captions: voice tags name speakers, other tags and blocks are left out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from voxaffect.annotations.formats.base import Document, Entry, Format
from voxaffect.annotations.formats.srt import list_cues, name_speakers, read_times

_HEADER = re.compile(r"WEBVTT(?:[ \t\n]|$)")
_BLOCK = re.compile(r"(?<=\n\n)(?:NOTE|STYLE|REGION)(?:[ \t][^\n]*)?\n(?:[^\n]+\n?)*")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*+)?[ \t\n]++([^<>]*+)>")
_TAG = re.compile(r"<[^<>\n]{0,400}>")


def _list_sentences(document: Document) -> Iterator[Entry]:
    entries = []
    for where, times, text in list_cues(_blank_blocks(document.text), has_blanks=False):
        start, end = read_times(document, where, times)
        pieces = _VOICE.split(text)
        voices = [("", pieces[0]), *zip(pieces[1::2], pieces[2::2], strict=True)]
        for voice, words in voices:
            words = html.unescape(_TAG.sub("", words)).strip()
            if words:
                entries.append(Entry(where, start, end, html.unescape(voice).strip(), words))
    return name_speakers(entries)


def _blank_blocks(text: str) -> str:
    """Text without comments, styles and regions, with as many lines."""
    return _BLOCK.sub(lambda match: "\n" * match[0].count("\n"), text)


VTT = Format("WebVTT", lambda text: bool(_HEADER.match(text)), _list_sentences, _list_sentences)
