"""Exclusive and overlapped speech: they partition the time in which anybody speaks."""

from itertools import pairwise

from hypothesis import given, strategies as st

from voxaffect.annotations import Turn, find_exclusive, find_overlaps, find_stretches

TIMES = st.integers(0, 40).map(float)
TURNS = st.lists(st.builds(Turn, TIMES, TIMES, st.sampled_from(["anna", "bert", "cleo"])))
SLOTS = range(40)


def list_speakers(turns: list[Turn], second: float) -> tuple[str, ...]:
    """Speakers that speak in the middle of a second, by definition."""
    middle = second + 0.5
    return tuple(
        sorted({one.speaker for one in turns if one.start_seconds < middle < one.end_seconds})
    )


@given(TURNS)
def test_stretches_have_the_speakers_of_every_moment(turns: list[Turn]) -> None:
    stretches = find_stretches(turns)
    for second in SLOTS:
        at = [one for one in stretches if one.start_seconds < second + 0.5 < one.end_seconds]
        assert [one.speakers for one in at] == [list_speakers(turns, second)] * len(at)
        assert len(at) == bool(list_speakers(turns, second))


@given(TURNS)
def test_stretches_are_in_order_without_overlap_and_as_long_as_they_can_be(
    turns: list[Turn],
) -> None:
    stretches = find_stretches(turns)
    assert all(one.start_seconds < one.end_seconds and one.speakers for one in stretches)
    for first, second in pairwise(stretches):
        assert first.end_seconds <= second.start_seconds
        assert first.end_seconds < second.start_seconds or first.speakers != second.speakers


@given(TURNS)
def test_exclusive_and_overlap_partition_the_union(turns: list[Turn]) -> None:
    exclusive = [(one.start_seconds, one.end_seconds) for one in find_exclusive(turns)]
    overlaps = [(one.start_seconds, one.end_seconds) for one in find_overlaps(turns)]
    union = [(one.start_seconds, one.end_seconds) for one in find_stretches(turns)]
    assert sorted(exclusive + overlaps) == union


@given(TURNS)
def test_order_does_not_matter_and_twice_is_once(turns: list[Turn]) -> None:
    assert find_stretches(turns[::-1]) == find_stretches(turns) == find_stretches(turns * 2)
    exclusive = find_exclusive(turns)
    assert find_exclusive(exclusive) == exclusive
    assert find_overlaps(exclusive) == ()


def test_turns_of_one_speaker_that_touch_or_overlap_are_one() -> None:
    turns = [Turn(0, 2, "anna"), Turn(1, 3, "anna"), Turn(3, 4, "anna")]
    assert find_exclusive(turns) == (Turn(0, 4, "anna"),)
