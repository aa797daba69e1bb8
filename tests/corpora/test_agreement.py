"""Krippendorff's alpha is that of its author's paper and of another implementation."""

from __future__ import annotations

from typing import Literal

import krippendorff
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from voxaffect.corpora.agreement import compute_alpha, measure_agreement

NAN = np.nan
PAPER = np.array(  # Krippendorff 2011, section C: 12 units, 4 raters
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T
SCALES: tuple[Literal["nominal", "interval"], ...] = ("nominal", "interval")


@pytest.mark.parametrize(("scale", "value"), [("nominal", 0.743), ("interval", 0.849)])
def test_the_example_of_the_paper(scale: Literal["nominal", "interval"], value: float) -> None:
    assert compute_alpha(PAPER, scale) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("scale", SCALES)
def test_equal_ratings_agree_perfectly(scale: Literal["nominal", "interval"]) -> None:
    assert compute_alpha([[1, 1, 1], [2, 2, NAN], [5, NAN, 5]], scale) == pytest.approx(
        1.0, abs=1e-12
    )


def test_two_raters_who_never_agree() -> None:
    # Four ratings, two of each: observed 1, expected 2 · 2 · 2 / (4 · 3) = 2/3.
    assert compute_alpha([[0, 1], [1, 0]]) == pytest.approx(1 - 3 / 2)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    "ratings", [[[1, 1], [1, 1]], [[1, NAN], [NAN, 2]], [[NAN, NAN]], np.empty((0, 3))]
)
def test_alpha_is_not_defined_without_pairs_or_without_spread(
    ratings: object, scale: Literal["nominal", "interval"]
) -> None:
    assert compute_alpha(ratings, scale) is None  # type: ignore[arg-type]


@given(
    arrays(
        float,
        st.tuples(st.integers(1, 12), st.integers(1, 5)),
        elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, NAN]),
    ),
    st.sampled_from(SCALES),
)
def test_alpha_is_that_of_the_library(
    ratings: np.ndarray, scale: Literal["nominal", "interval"]
) -> None:
    value = compute_alpha(ratings, scale)
    if value is None:
        return
    expected = krippendorff.alpha(reliability_data=ratings.T, level_of_measurement=scale)
    assert value == pytest.approx(expected, abs=1e-9)


@given(arrays(float, (8, 3), elements=st.sampled_from([0.0, 1.0, 2.0, NAN])), st.randoms())
def test_alpha_knows_no_order_of_units_raters_or_categories(
    ratings: np.ndarray, random: object
) -> None:
    rng = np.random.default_rng(random.getrandbits(32))  # type: ignore[attr-defined]
    value = compute_alpha(ratings)
    mixed = rng.permutation(rng.permutation(ratings, axis=0), axis=1)
    renamed = np.where(np.isnan(mixed), NAN, (mixed + 1) % 3)
    other = compute_alpha(renamed)
    assert (value is None) == (other is None)
    if value is not None:
        assert other == pytest.approx(value, abs=1e-12)


def test_an_interval_over_speakers_holds_alpha_and_counts_who_took_part() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(4, size=60)
    ratings = np.where(rng.random((60, 3)) < 0.7, truth[:, None], rng.integers(4, size=(60, 3)))
    ratings = ratings.astype(float)
    ratings[:10, 1:] = NAN  # one rating is no agreement
    speakers = [f"s{index % 6}" for index in range(60)]
    one = measure_agreement("emotion", ratings, speakers)
    assert one.alpha == compute_alpha(ratings)
    assert one.low is not None
    assert one.high is not None
    assert one.alpha is not None
    assert one.low < one.alpha < one.high
    assert (one.over, one.units, one.raters) == ("speakers", 50, 3)
    assert measure_agreement("emotion", ratings, [None] * 60).over == "recordings"
    assert measure_agreement("emotion", ratings, speakers) == one
