"""Tiers of annotation programs: which of them are speakers, words, or neither.

A tier is named after its kind (``words``), after its speaker (``anna``), or after both:
``words@anna`` as ELAN's corpora and voxaffect do, ``anna - words`` as the Montreal Forced Aligner
does.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from voxaffect.annotations.formats.base import (
    Document,
    Entry,
    assign_words,
    join_words,
)
from voxaffect.files import escape_control, list_names

_EMOTION: Final = "emotion"
_TURNS: Final = ("turns", "turn", _EMOTION)
_TEXTS: Final = (  # the first that a speaker has is read
    "text", "texts", "transcript", "transcription", "sentences", "sentence", "utterances",
    "utterance", "utt", "segments", "phrases", "phrase", "orthography", "orthographic", "ort",
    "tx", "txt", "trs", "speech", "ref", "default",
)  # fmt: skip
_WORDS: Final = ("words", "word", "ort-mau", "wrd", "tokens")
_OTHERS: Final = {
    "phones", "phone", "phonemes", "phoneme", "mau", "kan-mau", "kan", "syllables", "syllable",
    "mas", "trn", "silences", "silence", "vad", "pitch", "intensity", "notes", "note", "comments",
    "comment", "confidence", "uncertain", "overlap",
}  # fmt: skip
_KINDS: Final = {*_TURNS, *_TEXTS, *_WORDS, *_OTHERS}
_CHANNELED: Final = {"emotion", "confidence", "uncertain", "text", "overlap"}
_OURS: Final = {_EMOTION, "confidence"}
_SILENCES: Final = {"sil", "sp", "<sil>", "<sp>", "<eps>", "<p:>", "#", "silence", "silent"}
_ENDING = re.compile(r"(?P<kind>[^@]+)@(?P<speaker>.+)", re.DOTALL)
_BEGINNING = re.compile(r"(?P<speaker>.+?) ?[-_/] ?(?P<kind>[^-_/]+)", re.DOTALL)


@dataclass(frozen=True)
class Tier:
    """Line of labels.

    Parameters
    ----------
    name : str
    entries : sequence of Entry
        Times and texts.
    speaker : str
        As the file states it; empty if only the name of the tier may.
    is_child : bool
        Whether its annotations describe those of another tier.
    annotator : str
        Who made it, as the file states.
    """

    name: str
    entries: Sequence[Entry]
    speaker: str = ""
    is_child: bool = False
    annotator: str = ""


@dataclass(frozen=True)
class _Line:
    """Tier with what its name means: a kind, or empty for the speech of a speaker."""

    kind: str
    speaker: str
    tier: Tier


def list_tier_turns(document: Document, tiers: Sequence[Tier]) -> Iterator[Entry]:
    """Turns of the tiers that have a speaker; of several of one speaker, the plainest.

    Raises
    ------
    AnnotationError
        If no tier is a speaker's.
    """
    lines = [line for line in _read_names(tiers) if line.speaker and line.kind not in _OTHERS]
    if not lines:
        raise document.refuse(
            "", f"no tier of a speaker, found {_list_names(tiers)}. Name tiers after speakers."
        )
    for speaker, own in _group_by_speaker(lines):
        kind, chosen = _choose(own, (*_TURNS, *_TEXTS, "", *_WORDS))
        if kind == _EMOTION:  # voxaffect's own: it labels no emotion where speech overlaps
            chosen = [line for line in own if line.kind in (_EMOTION, "text")]
        entries = [entry for line in chosen for entry in _drop_silence(line.tier.entries)]
        if kind in _WORDS:
            entries = join_words(entries)
        elif kind == _EMOTION:
            entries = _merge(entries)
        yield from (replace(entry, speaker=speaker) for entry in entries)


def _merge(entries: Iterable[Entry]) -> list[Entry]:
    """Entries of which those that touch or overlap are one."""
    merged: list[Entry] = []
    for entry in sorted(entries, key=lambda one: one.start):
        if merged and entry.start <= merged[-1].end <= entry.end:
            merged[-1] = replace(merged[-1], end=entry.end)
        elif not merged or entry.end > merged[-1].end:
            merged.append(entry)
    return merged


def list_tier_sentences(document: Document, tiers: Sequence[Tier]) -> Iterator[Entry]:
    """Sentences of the tiers of text, with the words of the tiers of words.

    Raises
    ------
    AnnotationError
        If no tier may be text.
    """
    ignored = {*_OTHERS, *_TURNS}
    lines = [line for line in _read_names(tiers) if line.kind not in ignored]
    if not lines:
        raise document.refuse(
            "", f"no tier of text, found {_list_names(tiers)}. Name one 'text' or 'words'."
        )
    for speaker, own in _group_by_speaker(lines):
        spoken = [
            entry
            for line in own
            if line.kind in _WORDS
            for entry in _drop_silence(line.tier.entries)
        ]
        texts = [line for line in own if line.kind not in _WORDS]
        _, chosen = _choose(texts, (*_TEXTS, ""))
        entries = [entry for line in chosen for entry in _drop_silence(line.tier.entries)]
        entries = assign_words(entries, spoken) if entries else join_words(spoken)
        yield from (replace(entry, speaker=speaker) for entry in entries)


def _group_by_speaker(lines: Sequence[_Line]) -> Iterator[tuple[str, list[_Line]]]:
    groups: defaultdict[str, list[_Line]] = defaultdict(list)
    for line in lines:
        groups[line.speaker].append(line)
    yield from groups.items()


def _choose(lines: Sequence[_Line], kinds: Sequence[str]) -> tuple[str, Sequence[_Line]]:
    """Tiers of the first kind that is there, or else all, without those that describe others."""
    kind = next((one for one in kinds if any(line.kind == one for line in lines)), None)
    chosen = [line for line in lines if kind in (None, line.kind)]
    return kind or "", [line for line in chosen if not line.tier.is_child] or chosen


def _list_names(tiers: Sequence[Tier]) -> str:
    names = [escape_control(tier.name[:60]) for tier in tiers]
    return f"the tiers {list_names(names)}" if names else "no tier with labels"


def _drop_silence(entries: Iterable[Entry]) -> list[Entry]:
    """Entries without those that mark silence."""
    return [entry for entry in entries if entry.text.strip().lower() not in _SILENCES]


def _read_names(tiers: Sequence[Tier]) -> list[_Line]:
    """Kind and speaker of each tier, by its name and by the speaker that the file states."""
    lines = []
    for tier in tiers:
        kind, speaker = _read_name(tier.name)
        lines.append(_Line(kind, tier.speaker or speaker, tier))
    if {line.kind for line in lines} >= _OURS:  # voxaffect's own: a bare name is a channel's
        return [line for line in lines if line.kind]
    return lines


def _read_name(name: str) -> tuple[str, str]:
    """Kind and speaker of a tier's name.

    Examples
    --------
    >>> _read_name("anna"), _read_name("Words"), _read_name("text@anna")
    (('', 'anna'), ('words', ''), ('text', 'anna'))
    >>> _read_name("anna - words"), _read_name("anna-lena"), _read_name("emotion left@bert")
    (('words', 'anna'), ('', 'anna-lena'), ('emotion', 'bert'))
    >>> _read_name("emotion front-text")  # of a channel with this name, as voxaffect writes it
    ('emotion', '')
    """
    name = name.strip()
    if name.lower() in _KINDS:
        return name.lower(), ""
    if match := _ENDING.fullmatch(name):
        kind = match["kind"].strip().lower()
        first = kind.partition(" ")[0]
        return (first if first in _KINDS else kind), match["speaker"].strip()
    first, _, channel = name.partition(" ")
    if channel and first.lower() in _CHANNELED:
        return first.lower(), ""
    if (match := _BEGINNING.fullmatch(name)) and match["kind"].strip().lower() in _KINDS:
        return match["kind"].strip().lower(), match["speaker"].strip()
    return "", name
