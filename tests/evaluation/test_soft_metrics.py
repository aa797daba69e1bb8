"""Metrics of dimensions and of soft labels: by audmetric, by SciPy, and by hand."""

from __future__ import annotations

import audmetric
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.spatial.distance import cosine, jensenshannon

from voxaffect.evaluation.intervals import bootstrap_ccc
from voxaffect.evaluation.metrics.dimensional import compute_absolute_error, compute_ccc
from voxaffect.evaluation.metrics.distributional import (
    compute_cosine,
    compute_cross_entropy,
    compute_divergence,
)

RNG = np.random.default_rng(4)
TRUTH = RNG.uniform(size=60)
SPEAKERS = [f"s{index % 6}" for index in range(60)]


def draw_distributions(seed: int, count: int = 40, emotions: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.full(emotions, 0.3), count) * (rng.uniform(size=(count, 1)) < 0.9)
    rows[rows < 0.01] = 0
    rows[rows.sum(axis=1) == 0, 0] = 1
    return rows / rows.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_ccc_is_that_of_audmetric(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.uniform(size=(2, 50))
    predicted = 0.5 * truth + 0.3 * predicted
    expected = audmetric.concordance_cc(truth, predicted)
    assert compute_ccc(truth, predicted) == pytest.approx(expected, abs=1e-9)


def test_ccc_of_perfect_predictions_is_1() -> None:
    assert compute_ccc(TRUTH, TRUTH) == pytest.approx(1)


def test_ccc_of_reversed_predictions_is_minus_1() -> None:
    assert compute_ccc(TRUTH, 2 * TRUTH.mean() - TRUTH) == pytest.approx(-1)


def test_ccc_of_a_constant_prediction_is_0() -> None:
    assert compute_ccc(TRUTH, np.full(60, 0.4)) == pytest.approx(0)


def test_ccc_of_shifted_predictions_follows_from_the_variance() -> None:
    variance = TRUTH.var()
    expected = 2 * variance / (2 * variance + 0.2**2)
    assert compute_ccc(TRUTH, TRUTH + 0.2) == pytest.approx(expected)


def test_ccc_of_scaled_predictions_follows_from_the_scale() -> None:
    centered = TRUTH - TRUTH.mean()
    assert compute_ccc(centered, 0.5 * centered) == pytest.approx(2 * 0.5 / (1 + 0.25))


@pytest.mark.parametrize(("truth", "predicted"), [([0.5], [0.5]), ([0.5, 0.5], [0.5, 0.5])])
def test_ccc_is_not_defined_without_any_spread(truth: list[float], predicted: list[float]) -> None:
    assert compute_ccc(np.array(truth), np.array(predicted)) is None


@given(st.integers(0, 10**6), st.floats(-1, 1), st.floats(0.1, 3))
def test_ccc_is_bounded_by_the_correlation(seed: int, shift: float, scale: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.uniform(size=12)
    predicted = scale * (truth + rng.uniform(size=12)) + shift
    ccc = compute_ccc(truth, predicted)
    correlation = np.corrcoef(truth, predicted)[0, 1]
    assert ccc is not None
    assert abs(ccc) <= abs(correlation) + 1e-12
    assert ccc == pytest.approx(compute_ccc(predicted, truth))


def test_absolute_error_is_the_mean_distance() -> None:
    assert compute_absolute_error(TRUTH, TRUTH + 0.1) == pytest.approx(0.1)


def test_interval_of_the_ccc_holds_the_ccc() -> None:
    predicted = TRUTH + RNG.normal(0, 0.1, 60)
    interval = bootstrap_ccc(TRUTH, predicted, SPEAKERS)
    assert interval is not None
    assert interval[0] < compute_ccc(TRUTH, predicted) < interval[1]
    assert interval[1] - interval[0] < 0.3


def test_interval_of_the_ccc_is_that_of_drawn_speakers() -> None:
    predicted = TRUTH + RNG.normal(0, 0.2, 60)
    names = np.array(SPEAKERS)
    drawn = np.random.default_rng(0).integers(6, size=(2000, 6))
    rows = [np.concatenate([np.flatnonzero(names == f"s{k}") for k in row]) for row in drawn]
    values = [audmetric.concordance_cc(TRUTH[row], predicted[row]) for row in rows]
    assert bootstrap_ccc(TRUTH, predicted, SPEAKERS) == pytest.approx(
        np.percentile(values, [2.5, 97.5]), abs=1e-9
    )


def test_there_is_no_interval_of_the_ccc_without_any_spread() -> None:
    assert bootstrap_ccc(np.full(4, 0.5), np.full(4, 0.5), ["a", "a", "b", "b"]) is None


@pytest.mark.parametrize("seed", range(5))
def test_divergence_is_that_of_scipy(seed: int) -> None:
    truth, predicted = draw_distributions(seed), draw_distributions(seed + 100)
    expected = jensenshannon(truth, predicted, base=2, axis=1) ** 2
    assert compute_divergence(truth, predicted) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_cosine_is_that_of_scipy(seed: int) -> None:
    truth, predicted = draw_distributions(seed), draw_distributions(seed + 100)
    expected = [1 - cosine(one, other) for one, other in zip(truth, predicted, strict=True)]
    assert compute_cosine(truth, predicted) == pytest.approx(expected, abs=1e-9)


def test_cross_entropy_is_entropy_and_divergence_of_kullback_and_leibler() -> None:
    from scipy.stats import entropy

    truth, predicted = draw_distributions(1), draw_distributions(2) * 0.9 + 0.02
    predicted /= predicted.sum(axis=1, keepdims=True)
    expected = entropy(truth, axis=1) + entropy(truth, predicted, axis=1)
    assert compute_cross_entropy(truth, predicted) == pytest.approx(expected, abs=1e-9)


def test_metrics_of_equal_distributions() -> None:
    rows = draw_distributions(3)
    assert compute_divergence(rows, rows) == pytest.approx(0, abs=1e-12)
    assert compute_cosine(rows, rows) == pytest.approx(1)


def test_metrics_of_distributions_that_share_nothing() -> None:
    truth, predicted = np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.5, 0.5]])
    assert compute_divergence(truth, predicted) == pytest.approx(1)
    assert compute_cosine(truth, predicted) == pytest.approx(0)
    assert np.isfinite(compute_cross_entropy(truth, predicted)).all()


@given(st.integers(0, 10**6))
def test_divergence_is_symmetric_and_at_most_1(seed: int) -> None:
    truth, predicted = draw_distributions(seed, 3), draw_distributions(seed + 1, 3)
    divergence = compute_divergence(truth, predicted)
    assert divergence == pytest.approx(compute_divergence(predicted, truth))
    assert ((divergence >= 0) & (divergence <= 1)).all()


@given(st.integers(0, 10**6))
def test_cross_entropy_is_least_for_the_truth_itself(seed: int) -> None:
    truth, predicted = draw_distributions(seed, 3), draw_distributions(seed + 1, 3)
    own = compute_cross_entropy(truth, truth)
    assert (own <= compute_cross_entropy(truth, predicted) + 1e-9).all()
