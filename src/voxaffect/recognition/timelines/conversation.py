"""Conversations: turns and transcripts, joined to the emotion over time.

A window of speech owns the time that is nearer to its center than to that of its neighbors
(module ``segmentation``). The emotion of a turn or of a sentence is the mean of the smoothed
probabilities of its speaker's windows, each weighted by the time of the turn or sentence that the
window owns. Where such windows own less than 0.25 s of it, it has no emotion. A turn of one
segment so has the segment's probabilities.

A word belongs to the segment and the turn in which its middle lies; where several speakers speak,
to the turn of the speaker of its sentence. A word whose middle lies in none belongs to the nearest
one of its speaker, so no text is lost. A sentence without times of words counts as one word.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from voxaffect.annotations import Sentence, Stretch, Turn, find_overlaps, find_stretches
from voxaffect.audio import MIN_SECONDS
from voxaffect.recognition.timelines.segmentation import OwnedTime, Vector
from voxaffect.recognition.timelines.segments import (
    Overlap,
    Timeline,
    Utterance,
    Window,
    average_dimensions,
)
from voxaffect.recognition.timelines.spans import SpanIndex, list_spans
from voxaffect.recognition.timelines.vad import FRAMES_PER_SECOND
from voxaffect.recognition.timelines.windowing import (
    ALL_FRAMES,
    PAUSE_FRAMES,
    FrameClock,
    SpeakerFrames,
)
from voxaffect.recognition.timelines.words import UNNAMED, SpokenWords, find_span

MIX: Final = "mix"
_SIDES: Final = {"left": "1", "right": "2"}
_BRIDGED_SECONDS: Final = PAUSE_FRAMES / FRAMES_PER_SECOND
"""A speaker who pauses for less is still speaking, as in an utterance."""
_TOLERANCE: Final = 1e-6


@dataclass(frozen=True)
class Conversation:
    """Turns and transcript of one recording; empty where none are known.

    Parameters
    ----------
    turns : tuple of Turn
    sentences : tuple of Sentence
    is_outside : bool
        True of a channel without turns, where those of other channels are known: it is silent.
    """

    turns: tuple[Turn, ...] = ()
    sentences: tuple[Sentence, ...] = ()
    is_outside: bool = False

    @cached_property
    def overlaps(self) -> tuple[Stretch, ...]:
        """Stretches of time in which several speakers speak."""
        return find_overlaps(self.turns)

    def take_channel(self, name: str) -> Conversation:
        """Conversation on one channel: the turns that name it, and those that name none.

        Parameters
        ----------
        name : str
            As `Timeline.channel` has it; ``mix`` has all turns.
        """
        number = _SIDES.get(name, name)
        if number == MIX or not any(turn.channel for turn in self.turns):
            return self
        turns = tuple(turn for turn in self.turns if turn.channel in ("", number))
        return replace(self, turns=turns, is_outside=not turns)

    def list_speakers(self, clock: FrameClock) -> tuple[SpeakerFrames, ...]:
        """Frames in which one speaker speaks alone; all frames where no turns are known.

        A pause of one speaker of up to 0.4 s between two turns is bridged.
        """
        if not self.turns:
            return () if self.is_outside else ALL_FRAMES
        stretches: list[Stretch] = []
        for stretch in find_stretches(self.turns):
            if stretches and _continues(stretches[-1], stretch):
                start = stretches.pop().start_seconds
                stretch = replace(stretch, start_seconds=start)
            stretches.append(stretch)
        alone = (stretch for stretch in stretches if len(stretch.speakers) == 1)
        owners = (_count_frames(stretch, clock) for stretch in alone)
        return tuple(owner for owner in owners if owner.start < owner.stop)


NO_CONVERSATION: Final = Conversation()


def take_turns(sentences: Iterable[Sentence]) -> tuple[Turn, ...]:
    """Turns of a transcript that names speakers: its sentences; none if it names no speaker."""
    spoken = list(sentences)
    if all(sentence.speaker is None for sentence in spoken):
        return ()
    turns: list[Turn] = []
    for sentence in spoken:
        start, end = find_span(sentence)
        speaker = sentence.speaker or UNNAMED
        last = turns[-1] if turns else None
        if last and last.speaker == speaker and start - last.end_seconds <= _BRIDGED_SECONDS:
            start, end = last.start_seconds, max(last.end_seconds, end)
            turns.pop()
        turns.append(Turn(start, end, speaker))
    return tuple(turns)


def add_conversation(
    timeline: Timeline,
    conversation: Conversation,
    owned: Mapping[str | None, Sequence[OwnedTime]],
    threshold: float,
) -> Timeline:
    """Timeline with turns, sentences, overlaps, and the words of segments.

    Parameters
    ----------
    timeline : Timeline
    conversation : Conversation
    owned : mapping of speaker to sequence of OwnedTime
        Time that the windows of each speaker own.
    threshold : float
        Confidence below which an utterance is uncertain.
    """
    if not (conversation.turns or conversation.sentences):
        return timeline
    judge = _UtteranceJudge(timeline.emotions, conversation, owned, threshold)
    speech = SpokenWords(conversation.turns, conversation.sentences)
    segments = tuple(
        replace(one, text=text)
        for one, text in zip(timeline.segments, speech.share(timeline.segments), strict=True)
    )
    turns = tuple(
        judge.judge(
            _clip((turn.start_seconds, turn.end_seconds), timeline.seconds),
            turn.speaker or None,
            text,
        )
        for turn, text in zip(conversation.turns, speech.share(conversation.turns), strict=True)
    )
    sentences = tuple(
        judge.judge(_clip(find_span(sentence), timeline.seconds), speaker or None, sentence.text)
        for sentence, speaker in zip(conversation.sentences, speech.speakers, strict=True)
    )
    overlaps = tuple(
        Overlap(one.start_seconds, one.end_seconds, tuple(filter(None, one.speakers)))
        for one in conversation.overlaps
    )
    return replace(
        timeline,
        segments=segments,
        turns=_add_dimensions(turns, timeline.windows),
        sentences=_add_dimensions(sentences, timeline.windows),
        overlaps=overlaps,
    )


def _add_dimensions(
    utterances: tuple[Utterance, ...], windows: Sequence[Window]
) -> tuple[Utterance, ...]:
    """Utterances with the mean dimensions of their speaker's windows, where a model gives them."""
    if not any(window.dimensions for window in windows):
        return utterances
    own = defaultdict[str | None, list[Window]](list)
    for window in windows:
        own[window.speaker].append(window)
    indices = {speaker: SpanIndex(list_spans(group)) for speaker, group in own.items()}

    def average(one: Utterance) -> Mapping[str, float] | None:
        start, end = one.start_seconds, one.end_seconds
        near = [own[one.speaker][index] for index in indices[one.speaker].find(start, end)]
        return average_dimensions(near, start, end)

    return tuple(
        replace(one, dimensions=average(one)) if one.emotion else one for one in utterances
    )


def _clip(span: tuple[float, float], seconds: float) -> tuple[float, float]:
    """Span that ends with a recording at the latest."""
    return min(span[0], seconds), min(span[1], seconds)


def _continues(last: Stretch, stretch: Stretch) -> bool:
    """True if a speaker speaks alone in both of two successive stretches, with a short pause."""
    pause = stretch.start_seconds - last.end_seconds
    is_same = last.speakers == stretch.speakers and len(last.speakers) == 1
    return is_same and pause <= _BRIDGED_SECONDS + _TOLERANCE


def _count_frames(stretch: Stretch, clock: FrameClock) -> SpeakerFrames:
    """Frames that lie wholly in a stretch."""
    frame_seconds = clock.seconds(1)
    start = math.ceil(stretch.start_seconds / frame_seconds - _TOLERANCE)
    stop = math.floor(stretch.end_seconds / frame_seconds + _TOLERANCE)
    return SpeakerFrames(start, stop, stretch.speakers[0] or None)


class _UtteranceJudge:
    """Gives turns and sentences of a conversation their emotions.

    Parameters
    ----------
    emotions : tuple of str
    conversation : Conversation
    owned : mapping of speaker to sequence of OwnedTime
    threshold : float
    """

    def __init__(
        self,
        emotions: tuple[str, ...],
        conversation: Conversation,
        owned: Mapping[str | None, Sequence[OwnedTime]],
        threshold: float,
    ) -> None:
        self._emotions, self._threshold = emotions, threshold
        self._overlaps = SpanIndex(list_spans(conversation.overlaps))
        self._owned = {speaker: SpanIndex(list_spans(parts)) for speaker, parts in owned.items()}
        self._rows = {
            speaker: np.array([part.probabilities for part in parts])
            for speaker, parts in owned.items()
        }

    def judge(self, span: tuple[float, float], speaker: str | None, text: str | None) -> Utterance:
        """Utterance of a speaker."""
        mean = self._average(span, speaker)
        overlap = float(self._overlaps.measure(*span)[1].sum())
        if mean is None:
            return Utterance(*span, None, {}, True, speaker, text, overlap)
        probabilities = dict(zip(self._emotions, mean.tolist(), strict=True))
        best = int(mean.argmax())
        is_uncertain = bool(mean[best] < self._threshold)
        return Utterance(
            *span, self._emotions[best], probabilities, is_uncertain, speaker, text, overlap
        )

    def _average(self, span: tuple[float, float], speaker: str | None) -> Vector | None:
        """Mean of the probabilities of a speaker in a span; None with too little speech."""
        if not len(self._owned.get(speaker, ())):
            return None
        indices, seconds = self._owned[speaker].measure(*span)
        if seconds.sum() < MIN_SECONDS - _TOLERANCE:
            return None
        return np.asarray(seconds @ self._rows[speaker][indices] / seconds.sum())
