"""Adaptation moves a group of recordings towards the training data, further the better known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from voxaffect.errors import FeatureError
from voxaffect.features.adaptation import (
    HALFWAY_RECORDINGS_OF_DEVIATION,
    LARGEST_FACTOR,
    FeatureStatistics,
    adapt_vectors,
    compute_spread,
    compute_statistics,
    compute_transform,
    compute_weight,
)

RNG = np.random.default_rng(0)
MANY = 10**9


def adapt(
    vectors: np.ndarray,
    group: FeatureStatistics,
    mean: object,
    sd: object,
    names: str = "abcdefgh",
    *,
    is_scaled: bool = True,
) -> np.ndarray:
    names_of_all = list(names)[: len(group.mean)]
    options = {"training_mean": mean, "training_sd": sd, "names": names_of_all}
    return adapt_vectors(vectors, *compute_transform(group, is_scaled=is_scaled, **options))


def test_statistics_are_those_of_numpy() -> None:
    vectors = RNG.standard_normal((8, 5)).astype(np.float32)
    group = compute_statistics(vectors)
    np.testing.assert_allclose(group.mean, vectors.mean(axis=0, dtype=np.float64), rtol=1e-12)
    np.testing.assert_allclose(group.sd, vectors.std(axis=0, dtype=np.float64), rtol=1e-12)
    assert group.recordings == 8


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 12))
def test_the_order_of_the_recordings_changes_no_bit(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = (rng.standard_normal((count, 3)) * 10.0 ** rng.integers(-6, 6)).astype(np.float32)
    one, other = compute_statistics([*vectors]), compute_statistics([*rng.permutation(vectors)])
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.sd, other.sd)


@given(
    vectors=arrays(np.float32, (4, 3), elements=st.floats(-1e6, 1e6, width=32)),
    mean=arrays(np.float64, 3, elements=st.floats(-1e6, 1e6)),
    sd=arrays(np.float64, 3, elements=st.floats(0, 1e6)),
    count=st.integers(0, MANY),
    is_scaled=st.booleans(),
)
def test_the_statistics_of_the_training_change_nothing(
    vectors: np.ndarray, mean: np.ndarray, sd: np.ndarray, count: int, is_scaled: bool
) -> None:
    group = FeatureStatistics(mean, sd, count)
    np.testing.assert_array_equal(adapt(vectors, group, mean, sd, is_scaled=is_scaled), vectors)


def test_many_recordings_get_the_mean_and_deviation_of_the_training() -> None:
    vectors = (5 + 1.5 * RNG.standard_normal((50, 4))).astype(np.float32)
    group = compute_statistics(vectors)
    group = FeatureStatistics(group.mean, group.sd, MANY)
    moved = adapt(vectors, group, np.arange(4), np.full(4, 2.0))
    np.testing.assert_allclose(moved.mean(axis=0), np.arange(4), atol=1e-4)
    np.testing.assert_allclose(moved.std(axis=0), 2.0, rtol=1e-4)


def test_the_mean_moves_by_its_weight_and_differences_stay_where_means_alone_are_adapted() -> None:
    vectors = RNG.standard_normal((12, 3)).astype(np.float32) + 5
    group = compute_statistics(vectors)
    moved = adapt(vectors, group, np.ones(3), np.full(3, 9.0), is_scaled=False)
    np.testing.assert_allclose(moved, vectors - 0.75 * (group.mean - 1), rtol=1e-5)


def test_the_logarithm_of_the_deviation_moves_by_its_own_weight() -> None:
    group = FeatureStatistics(np.zeros(1), np.full(1, 1.5), int(HALFWAY_RECORDINGS_OF_DEVIATION))
    moved = adapt(np.ones((1, 1), np.float32), group, np.zeros(1), np.ones(1))
    assert moved[0, 0] == pytest.approx(1.5**-0.5)


@pytest.mark.parametrize("sd", [0.0, 1e-9, 1e9])
def test_no_feature_is_stretched_or_compressed_by_more_than_the_largest_factor(sd: float) -> None:
    group = FeatureStatistics(np.zeros(1), np.full(1, sd), MANY)
    moved = adapt(np.ones((1, 1), np.float32), group, np.zeros(1), np.ones(1))
    assert moved[0, 0] == pytest.approx(LARGEST_FACTOR if sd < 1 else 1 / LARGEST_FACTOR)


def test_more_recordings_are_trusted_more() -> None:
    weights = [compute_weight(count) for count in (0, 1, 8, 100)]
    assert weights == sorted(weights)
    assert weights[0] == 0.0
    assert weights[2] == pytest.approx(2 / 3)
    assert weights[-1] < 1.0


def test_a_log_mel_spectrogram_and_a_feature_that_never_varies_stay() -> None:
    names = ["mfcc00.mean", "logmel_000_00", "logmel_frames", "constant"]
    group = FeatureStatistics(np.full(4, 9.0), np.full(4, 3.0), recordings=4)
    for sd in (np.array([1.0, 1.0, 1.0, 0.0]), []):
        scale, offset = compute_transform(
            group, training_mean=np.ones(4), training_sd=sd, names=names, is_scaled=False
        )
        moved = adapt_vectors(np.ones((1, 4), np.float32), scale, offset)
        assert moved[0, :3].tolist() == [-3.0, 1.0, 1.0]
        assert moved[0, 3] == (1.0 if len(sd) else -3.0)


def test_spread_is_the_mean_share_of_the_deviation_in_training() -> None:
    group = FeatureStatistics(np.zeros(4), np.array([1.0, 3.0, 99.0, 99.0]), 8)
    names = ["a", "b", "constant", "logmel_000_00"]
    sd = np.array([2.0, 2.0, 0.0, 1.0])
    assert compute_spread(group, training_sd=sd, names=names) == pytest.approx(1.0)
    assert compute_spread(group, training_sd=(), names=names) is None


@pytest.mark.parametrize(
    ("mean", "sd", "count", "message"),
    [
        ([np.nan], [1.0], 3, "not finite"),
        ([1.0], [np.inf], 3, "not finite"),
        ([1.0], [-1.0], 3, "negative"),
        ([1.0, 2.0], [1.0], 3, "found shapes"),
        ([1.0], [1.0], -1, "0 or more"),
        ([1.0], [1.0], 2.5, "whole number"),
        ([1.0], [1.0], np.nan, "whole number"),
    ],
)
def test_statistics_that_cannot_be_are_refused(
    mean: list[float], sd: list[float], count: int, message: str
) -> None:
    with pytest.raises(FeatureError, match=message):
        FeatureStatistics(np.array(mean), np.array(sd), count)


def test_vectors_with_nan_and_no_vectors_are_refused() -> None:
    with pytest.raises(FeatureError, match="NaN"):
        compute_statistics([np.array([np.nan], np.float32)])
    with pytest.raises(FeatureError, match="no recording"):
        compute_statistics(np.zeros((0, 4), np.float32))
