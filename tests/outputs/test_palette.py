"""Each emotion looks the same in every figure, and like no other."""

from __future__ import annotations

import pytest

from voxaffect.corpora import EMOTIONS
from voxaffect.outputs.figures.palette import EMOTION_STYLES, assign_styles

SETS = [("angry", "happy"), tuple(EMOTION_STYLES), ("joy", "happy", "yuck"), tuple("abcdefghi")]


@pytest.mark.parametrize("emotions", SETS)
def test_no_two_emotions_share_a_color_a_hatch_or_a_marker(emotions: tuple[str, ...]) -> None:
    found = assign_styles(emotions)
    assert list(found) == list(emotions)
    for trait in ("color", "hatch", "marker"):
        assert len({getattr(look, trait) for look in found.values()}) == len(emotions)


def test_a_known_emotion_looks_the_same_among_any_others() -> None:
    assert (
        assign_styles(["sad", "joy"])["sad"]
        == assign_styles(["calm", "sad"])["sad"]
        == EMOTION_STYLES["sad"]
    )


def test_more_emotions_than_looks_are_drawn_all_the_same() -> None:
    assert len(assign_styles([f"emotion {n}" for n in range(25)])) == 25


def test_every_emotion_of_the_corpora_has_a_look() -> None:
    assert set(EMOTION_STYLES) == set(EMOTIONS)
