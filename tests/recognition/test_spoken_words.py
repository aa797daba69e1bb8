"""Words by speaker, segment and turn: the fast search against a look at every part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from voxaffect.annotations import Sentence, Turn, Word, find_exclusive
from voxaffect.recognition import Segment
from voxaffect.recognition.timelines.spans import (
    ActiveSpans,
    NearestSpans,
    SpanIndex,
    Spans,
    list_spans,
)
from voxaffect.recognition.timelines.words import SpokenWords, find_span

SPEAKERS = ("anna", "bert", "carl")

spans_of_time = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 25)).map(lambda one: (one[0], one[0] + one[1])),
    max_size=12,
).map(lambda spans: np.array(spans, dtype=np.float64).reshape(-1, 2))


def measure_common(spans: Spans, start: float, end: float) -> Spans:
    return np.maximum(np.minimum(spans[:, 1], end) - np.maximum(spans[:, 0], start), 0.0)


@given(spans=spans_of_time, start=st.integers(0, 90), length=st.integers(0, 30))
def test_the_index_lists_all_spans_with_time_in_common(
    spans: Spans, start: int, length: int
) -> None:
    indices, seconds = SpanIndex(spans).measure(start, start + length)
    common = measure_common(spans, start, start + length)
    assert indices.tolist() == sorted(indices.tolist())
    assert set(np.flatnonzero(common)) <= set(indices)
    np.testing.assert_array_equal(seconds, common[indices])


@given(spans=spans_of_time, moments=st.lists(st.integers(0, 90), max_size=12).map(sorted))
def test_active_spans_are_those_that_contain_the_moment(spans: Spans, moments: list[int]) -> None:
    active = ActiveSpans(spans)
    for at in moments:
        inside = (spans[:, 0] <= at) & (at < spans[:, 1])
        assert active.advance(at) == np.flatnonzero(inside).tolist()


@given(spans=spans_of_time, at=st.integers(0, 90))
def test_the_nearest_span_is_that_of_least_distance(spans: Spans, at: int) -> None:
    kept = [index for index, (start, end) in enumerate(spans) if not start <= at < end]
    distances = [max(spans[index, 0] - at, at - spans[index, 1]) for index in kept]
    nearest = kept[int(np.argmin(distances))] if kept else -1
    assert NearestSpans(spans, kept).find(at) == nearest


def choose_slowly(
    at: float, owner: str | None, turns: Sequence[Turn], parts: Sequence[Segment | Turn]
) -> int | None:
    """Return the part of a word by a look at every turn and every part."""
    starts, ends = list_spans(parts).T
    current = [turn for turn in turns if turn.start_seconds <= at < turn.end_seconds]
    speaking = {turn.speaker for turn in current}
    speaker = next(iter(speaking)) if len(speaking) == 1 else owner
    names = {turn.speaker for turn in turns}

    def find_own(name: str | None) -> np.ndarray:
        is_known = name in names
        return np.array([not is_known or (one.speaker or "") == name for one in parts], dtype=bool)

    own = find_own(speaker)
    if not own.any():
        own = find_own(owner)
    inside = (starts <= at) & (at < ends)
    near = np.zeros(len(parts), dtype=bool)
    for turn in current:
        if turn.speaker == speaker:
            near |= (starts < turn.end_seconds) & (ends > turn.start_seconds)
    distances = np.maximum(np.maximum(starts - at, at - ends), 0.0)
    for among in (inside & own, inside & (len(speaking) < 2), near & own, own):
        if among.any():
            return int(np.where(among, distances, np.inf).argmin())
    return None


turns_of_anyone = st.lists(
    st.builds(
        lambda start, length, speaker: Turn(start / 2, (start + length) / 2, speaker),
        st.integers(0, 50),
        st.integers(1, 20),
        st.sampled_from(SPEAKERS),
    ),
    max_size=10,
).map(sorted)
words_of_anyone = st.lists(
    st.tuples(st.integers(0, 140), st.sampled_from([None, "dora", *SPEAKERS])), max_size=12
)


@given(turns=turns_of_anyone, spoken=words_of_anyone, data=st.data())
@settings(max_examples=150, deadline=None)
def test_words_go_where_a_look_at_every_part_sends_them(
    turns: list[Turn], spoken: list[tuple[int, str | None]], data: st.DataObject
) -> None:
    alone = find_exclusive(turns) or (Turn(1, 4, ""), Turn(6, 9, ""))
    segments = [
        Segment(one.start_seconds, one.end_seconds, "sad", {"sad": 1.0}, speaker=one.speaker)
        for one in alone
        if data.draw(st.booleans())
    ]
    times = sorted(spoken, key=lambda one: one[0])
    sentences = [
        Sentence(at / 4, at / 4 + 0.5, f"w{index}", speaker, (Word(at / 4, at / 4, f"w{index}"),))
        for index, (at, speaker) in enumerate(times)
    ]
    words = SpokenWords(turns, sentences)
    for parts in (segments, turns):
        texts: list[list[str]] = [[] for _ in parts]
        for sentence, speaker in zip(sentences, words.speakers, strict=True):
            index = choose_slowly(sentence.start_seconds, speaker, turns, parts)
            if index is not None:
                texts[index].append(sentence.text)
        assert words.share(parts) == [" ".join(one) or None for one in texts]


@given(turns=turns_of_anyone, start=st.integers(0, 70), length=st.integers(1, 30))
def test_a_sentence_is_of_the_speaker_whose_turns_cover_most_of_it(
    turns: list[Turn], start: int, length: int
) -> None:
    sentence = Sentence(start / 2, (start + length) / 2, "Hello.")
    common = measure_common(list_spans(turns), *find_span(sentence))
    seconds = {
        name: sum(common[index] for index, turn in enumerate(turns) if turn.speaker == name)
        for name in sorted({turn.speaker for turn in turns})
    }
    most = max(seconds, key=lambda name: seconds[name], default=None)
    (speaker,) = SpokenWords(turns, [sentence]).speakers
    assert speaker == (most if most and seconds[most] > 0 else None)


@pytest.mark.parametrize("shift", [0.0, 1_000.0])
def test_a_turn_over_everything_does_not_hide_the_short_ones(shift: float) -> None:
    spans = np.array([[0, 5_000], [1 + shift, 2 + shift], [3 + shift, 4 + shift]])
    indices, seconds = SpanIndex(spans).measure(1.5 + shift, 3.5 + shift)
    assert indices.tolist() == [0, 1, 2]
    assert seconds.tolist() == [2.0, 0.5, 0.5]
