"""Words of a conversation: to which speaker, segment and turn each belongs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from voxaffect.annotations import Sentence, Turn
from voxaffect.recognition.timelines.segments import Segment
from voxaffect.recognition.timelines.spans import (
    ActiveSpans,
    NearestSpans,
    SpanIndex,
    Spans,
    list_spans,
)

UNNAMED: Final = ""
"""Speaker of a sentence without one, in a transcript that names speakers."""


@dataclass(frozen=True)
class _Words:
    """Word, or sentence without words: its middle, and its part of the text of its sentence."""

    middle: float
    sentence: int
    start: int
    stop: int


class SpokenWords:
    """Words of a conversation by their time.

    Parameters
    ----------
    turns : sequence of Turn
    sentences : sequence of Sentence
    """

    def __init__(self, turns: Sequence[Turn], sentences: Sequence[Sentence]) -> None:
        self._turns = turns
        self._turn_spans = list_spans(turns)
        self._turn_index = SpanIndex(self._turn_spans)
        self._names = sorted({turn.speaker for turn in turns})
        self._texts: list[str] = []
        self.speakers = [self._find_speaker(one) for one in sentences]
        words: list[_Words] = []
        for index, sentence in enumerate(sentences):
            text, parts = _spell(sentence)
            self._texts.append(text)
            words += [_Words(middle, index, start, stop) for middle, start, stop in parts]
        self._words = sorted(words, key=lambda word: word.middle)

    def share(self, parts: Sequence[Segment | Turn]) -> list[str | None]:
        """Text of each segment or turn, of which a word belongs to one; None without words.

        A word belongs to none where its speaker has none.
        """
        spans = list_spans(parts)
        parts_of = self._group_parts(spans, [part.speaker or UNNAMED for part in parts])
        active, speaking = ActiveSpans(spans), ActiveSpans(self._turn_spans)
        shares: list[list[_Words]] = [[] for _ in parts]
        for word in self._words:
            turns = [self._turns[index] for index in speaking.advance(word.middle)]
            index = self._choose(word, turns, active.advance(word.middle), parts_of)
            if index is not None:
                shares[index].append(word)
        return [self._join(words) for words in shares]

    def _group_parts(self, spans: Spans, names: Sequence[str]) -> dict[str | None, NearestSpans]:
        """Parts of each speaker; under None, and where nobody is known, all."""
        groups: dict[str, list[int]] = {name: [] for name in self._names}
        for index, name in enumerate(names):
            groups.setdefault(name, []).append(index)
        own: dict[str | None, NearestSpans] = {None: NearestSpans(spans, range(len(names)))}
        return own | {name: NearestSpans(spans, groups[name]) for name in self._names}

    def _choose(
        self,
        word: _Words,
        turns: Sequence[Turn],
        inside: Sequence[int],
        parts_of: Mapping[str | None, NearestSpans],
    ) -> int | None:
        """Index of the part in which the middle of a word lies, or the nearest of its speaker.

        Parameters
        ----------
        word : _Words
        turns : sequence of Turn
            In which its middle lies.
        inside : sequence of int
            Indices of the parts in which it lies.
        parts_of : mapping of speaker to NearestSpans
        """
        owner = self.speakers[word.sentence]
        speaking = {turn.speaker for turn in turns}
        speaker = next(iter(speaking)) if len(speaking) == 1 else owner
        own = parts_of.get(speaker, parts_of[None])
        if not own.indices:
            own = parts_of.get(owner, parts_of[None])
        for index in inside:
            if index in own.indices:
                return index
        if inside and len(speaking) < 2:
            return inside[0]
        spans = [(one.start_seconds, one.end_seconds) for one in turns if one.speaker == speaker]
        near = own.find(word.middle, spans)
        index = own.find(word.middle) if near < 0 else near
        return None if index < 0 else index

    def _join(self, words: Sequence[_Words]) -> str | None:
        """Text of words: by sentence, and in each as it is written."""
        sentences: dict[int, list[_Words]] = {}
        for word in words:
            sentences.setdefault(word.sentence, []).append(word)
        texts: list[str] = []
        for index, own in sentences.items():
            reached = -1
            for word in sorted(own, key=lambda one: one.start):
                text = self._texts[index][word.start : word.stop]
                if word.start == reached:
                    texts[-1] += text
                else:
                    texts.append(text)
                reached = word.stop
        return " ".join(filter(None, map(str.strip, texts))) or None

    def _find_speaker(self, sentence: Sentence) -> str | None:
        """Speaker of a sentence: one of the turns' own, or who speaks for most of it."""
        if not self._names or sentence.speaker in self._names:
            return sentence.speaker
        seconds = dict.fromkeys(self._names, 0.0)
        indices, common = self._turn_index.measure(*find_span(sentence))
        for index, shared in zip(indices, common.tolist(), strict=True):
            seconds[self._turns[index].speaker] += shared
        speaker = max(seconds, key=lambda name: seconds[name])
        return speaker if seconds[speaker] > 0 else None


def _spell(sentence: Sentence) -> tuple[str, list[tuple[float, int, int]]]:
    """Text of a sentence, and in it the middle, start and stop of each word with its marks."""
    text, starts, at = sentence.text, [], 0
    for word in sentence.words:
        start = text.find(word.text, at)
        if start < 0:  # the words are not those of the text
            return _spell(replace(sentence, text=" ".join(one.text for one in sentence.words)))
        starts.append(start)
        at = start + len(word.text)
    spans = [(word.start_seconds, word.end_seconds) for word in sentence.words]
    middles = [sum(span) / 2 for span in spans or [find_span(sentence)]]
    edges = [0, *starts[1:], len(text)]
    return text, list(zip(middles, edges[:-1], edges[1:], strict=True))


def find_span(sentence: Sentence) -> tuple[float, float]:
    """Start and end of a sentence: of its words, where the times of all are known.

    Recognizers give no times to some words, such as numbers; the sentence then has its own, too.
    """
    starts = [word.start_seconds for word in sentence.words]
    ends = [word.end_seconds for word in sentence.words]
    if _list_letters(sentence.text) != _list_letters("".join(word.text for word in sentence.words)):
        starts.append(sentence.start_seconds)
        ends.append(sentence.end_seconds)
    return min(starts, default=sentence.start_seconds), max(ends, default=sentence.end_seconds)


def _list_letters(text: str) -> list[str]:
    """Letters and digits of a text, without case, marks and blanks."""
    return [mark for mark in text.casefold() if mark.isalnum()]
