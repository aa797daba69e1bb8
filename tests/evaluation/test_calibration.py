"""Calibration, selective answers and intervals: by hand, by scikit-learn, by audmetric."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import audmetric
import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.stats import permutation_test
from sklearn.metrics import (
    log_loss as theirs,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from voxaffect.evaluation.experiments import _choose_threshold
from voxaffect.evaluation.intervals import (
    bootstrap_difference,
    bootstrap_mean,
    bootstrap_uar,
    compare_uar,
)
from voxaffect.evaluation.metrics.calibration import (
    compute_calibration_error,
    compute_log_loss,
    compute_reliability,
    compute_risk_coverage,
)
from voxaffect.evaluation.metrics.categorical import (
    compute_baselines,
    compute_top_two,
    compute_uar,
    score_by_emotion,
)

EMOTIONS = ("angry", "calm", "happy")
Drawn = tuple[np.ndarray, np.ndarray]


@st.composite
def answers(draw: st.DrawFn) -> Drawn:
    """Draw probabilities, and truths in which every emotion occurs."""
    seed, size = draw(st.integers(0, 10_000)), draw(st.integers(6, 60))
    rng = np.random.default_rng(seed)
    # Never 0, and without ties, in which the second most probable is a matter of order.
    probabilities = rng.dirichlet([0.5] * 3, size) + rng.uniform(1e-6, 2e-6, (size, 3))
    truth = np.array([*EMOTIONS, *rng.choice(EMOTIONS, size - 3)])
    return probabilities / probabilities.sum(axis=1, keepdims=True), truth


@given(answers())
def test_log_loss_and_top_two_are_scikit_learns(drawn: Drawn) -> None:
    probabilities, truth = drawn
    expected = theirs(truth, probabilities, labels=EMOTIONS)
    assert compute_log_loss(probabilities, truth, EMOTIONS) == pytest.approx(expected, abs=1e-12)
    top = top_k_accuracy_score(truth, probabilities, k=2, labels=EMOTIONS)
    assert compute_top_two(probabilities, truth, EMOTIONS) == pytest.approx(top, abs=1e-12)


@given(answers())
def test_log_loss_follows_the_columns_whatever_their_order(drawn: Drawn) -> None:
    probabilities, truth = drawn
    turned = compute_log_loss(probabilities[:, ::-1], truth, EMOTIONS[::-1])
    assert turned == pytest.approx(compute_log_loss(probabilities, truth, EMOTIONS), abs=1e-12)


@given(answers())
def test_recall_and_precision_are_scikit_learns_and_audmetrics(drawn: Drawn) -> None:
    probabilities, truth = drawn
    predicted = np.array(EMOTIONS)[probabilities.argmax(axis=1)]
    found = score_by_emotion(truth.tolist(), predicted.tolist(), EMOTIONS)
    precision, recall, f1, count = precision_recall_fscore_support(
        truth, predicted, labels=EMOTIONS, zero_division=0.0
    )
    labels = list(EMOTIONS)
    by_class = audmetric.precision_per_class(truth, predicted, labels=labels, zero_division=0.0)
    for place, emotion in enumerate(EMOTIONS):
        row = found[emotion]
        assert row["recall"] == pytest.approx(recall[place], abs=1e-12)
        assert (row["precision"] or 0.0) == pytest.approx(precision[place], abs=1e-12)
        assert (row["precision"] or 0.0) == pytest.approx(by_class[emotion], abs=1e-12)
        assert (row["f1"] or 0.0) == pytest.approx(f1[place], abs=1e-12)
        assert row["utterances"] == count[place]


@given(answers())
def test_uar_is_audmetrics(drawn: Drawn) -> None:
    probabilities, truth = drawn
    predicted = np.array(EMOTIONS)[probabilities.argmax(axis=1)]
    expected = audmetric.unweighted_average_recall(truth, predicted, labels=list(EMOTIONS))
    assert compute_uar(truth, predicted) == pytest.approx(expected, abs=1e-12)


def test_what_never_occurred_has_no_recall_and_what_was_never_said_no_precision() -> None:
    found = score_by_emotion(["calm", "calm"], ["calm", "angry"], EMOTIONS)
    assert (found["angry"]["recall"], found["angry"]["precision"]) == (None, 0.0)
    assert (found["happy"]["recall"], found["happy"]["precision"]) == (None, None)


@given(answers())
def test_bins_hold_every_utterance_and_add_up_to_the_accuracy(drawn: Drawn) -> None:
    probabilities, truth = drawn
    bins = compute_reliability(probabilities, truth, EMOTIONS)
    assert sum(one.utterances for one in bins) == len(truth)
    right = sum(one.accuracy * one.utterances for one in bins)
    accuracy = (np.array(EMOTIONS)[probabilities.argmax(axis=1)] == truth).mean()
    assert right / len(truth) == pytest.approx(accuracy)
    assert all(one.low <= one.confidence <= one.high for one in bins)


def test_confidence_of_one_half_that_is_right_half_the_time_is_calibrated() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2]] * 4)
    truth = np.array(["angry", "angry", "calm", "happy"])
    assert compute_calibration_error(probabilities, truth, EMOTIONS) == pytest.approx(0.0)
    assert compute_calibration_error(probabilities, truth[[0, 0, 0, 0]], EMOTIONS) == pytest.approx(
        0.5
    )


def test_risk_and_coverage_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1, 0], [0.8, 0.2, 0], [0.8, 0.2, 0], [0.6, 0.4, 0]])
    truth = np.array(["angry", "angry", "calm", "angry"])
    curve = compute_risk_coverage(probabilities, truth, EMOTIONS)
    assert curve.threshold.tolist() == [0.9, 0.8, 0.6]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 1 / 3, 1 / 4])
    assert curve.select_threshold(0.3)["threshold"] == 0.6
    assert curve.select_threshold(0.1) == {"threshold": 0.9, "risk": 0.0, "coverage": 0.25}


def test_where_no_threshold_is_good_enough_nothing_is_answered() -> None:
    curve = compute_risk_coverage(np.array([[0.9, 0.1, 0.0]]), np.array(["calm"]), EMOTIONS)
    assert curve.select_threshold(0.1) == {"threshold": 1.0, "risk": 0.0, "coverage": 0.0}


@given(answers(), st.floats(0.0, 0.9))
def test_answers_from_a_threshold_on_are_wrong_as_often_as_it_says(
    drawn: Drawn, wanted: float
) -> None:
    probabilities, truth = drawn
    found = compute_risk_coverage(probabilities, truth, EMOTIONS).select_threshold(wanted)
    given_ = probabilities.max(axis=1) >= found["threshold"]
    assert found["risk"] <= wanted
    if found["coverage"]:
        wrong = np.array(EMOTIONS)[probabilities.argmax(axis=1)] != truth
        assert wrong[given_].mean() == pytest.approx(found["risk"])
        assert given_.mean() == pytest.approx(found["coverage"])


# Intervals.


def told(seed: int, share: float, speakers: int = 24, each: int = 40) -> tuple[np.ndarray, ...]:
    """Make truths, answers of which a share is right, and speakers."""
    rng = np.random.default_rng(seed)
    truth = np.resize(EMOTIONS, speakers * each)
    right = rng.random(len(truth)) < share
    wrong = np.roll(truth, 1)
    return truth, np.where(right, truth, wrong), np.repeat(np.arange(speakers), each).astype(str)


def test_an_interval_holds_the_true_figure_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    held = []
    for seed in range(60):
        truth, predicted, speakers = told(seed, 0.7)
        low, high = bootstrap_uar(truth, predicted, list(speakers), seed=int(rng.integers(99)))
        held.append(low <= 0.7 <= high)
    assert 0.85 <= np.mean(held) <= 1.0


def test_intervals_over_speakers_see_that_speakers_differ() -> None:
    """With half of the speakers always right and half never, utterances would seem certain."""
    truth = np.resize(EMOTIONS, 240)
    speakers = np.repeat(np.arange(8), 30)
    predicted = np.where(speakers < 4, truth, np.roll(truth, 1))
    low, high = bootstrap_uar(truth, predicted, [str(one) for one in speakers])
    assert high - low > 0.5
    assert bootstrap_mean(predicted == truth, [str(one) for one in speakers]) == pytest.approx(
        (low, high), abs=0.02
    )


def test_a_system_does_not_differ_from_itself() -> None:
    truth, predicted, speakers = told(0, 0.6)
    found = compare_uar(truth, predicted, predicted, list(speakers))
    assert (found.difference, found.interval, found.p) == (0.0, (0.0, 0.0), 1.0)


def test_a_clear_difference_is_found_and_is_its_opposite_the_other_way_round() -> None:
    truth, good, speakers = told(0, 0.8)
    poor = told(1, 0.5)[1]
    found = compare_uar(truth, good, poor, list(speakers))
    turned = compare_uar(truth, poor, good, list(speakers))
    assert found.difference == pytest.approx(compute_uar(truth, good) - compute_uar(truth, poor))
    assert found.interval[0] > 0.2
    assert found.p < 0.01
    assert turned.difference == pytest.approx(-found.difference)
    assert turned.interval == pytest.approx((-found.interval[1], -found.interval[0]))


def test_p_of_few_speakers_is_exact() -> None:
    """Six speakers that all prefer one system: only all and none of the exchanges are as far."""
    truth = np.array(["happy", "sad"] * 12)
    speakers = [str(number) for number in np.repeat(np.arange(6), 4)]
    other = np.where(np.arange(24) % 4 == 0, "sad", truth)
    assert compare_uar(truth, truth, other, speakers).p == 2 / 64


@pytest.mark.parametrize("speakers", [5, 12])
def test_p_of_few_speakers_is_that_of_scipy(speakers: int) -> None:
    truth, one, names = told(0, 0.6, speakers=speakers)
    other = told(1, 0.5, speakers=speakers)[1]
    found = compare_uar(truth, one, other, list(names))
    apart = (one == truth).astype(float) - (other == truth)
    weights = 1 / (len(np.unique(truth)) * np.unique(truth, return_counts=True)[1])
    apart *= weights[np.unique(truth, return_inverse=True)[1]]
    shares = [apart[np.array(names) == name].sum() for name in np.unique(names)]
    expected = permutation_test(
        (shares,), np.sum, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    assert found.p == pytest.approx(expected.pvalue)


def test_p_is_even_where_nothing_differs() -> None:
    """Under the null hypothesis at most about one in ten is under .1."""
    low = 0
    for seed in range(80):
        truth, one, speakers = told(seed, 0.6, speakers=12)
        other = told(seed + 1_000, 0.6, speakers=12)[1]
        low += compare_uar(truth, one, other, list(speakers)).p < 0.1
    assert low <= 16


def test_two_sets_of_the_same_speakers_are_compared_speaker_by_speaker() -> None:
    """What all speakers share cancels: the interval of the difference is narrower than either."""
    speakers = np.repeat(np.arange(12), 60)
    truth = np.resize(EMOTIONS, 720)
    rng = np.random.default_rng(0)
    skill = rng.uniform(0.2, 0.8, 12)[speakers]
    draws = rng.random(720)
    one, other = (np.where(draws < skill + k, truth, np.roll(truth, 1)) for k in (0.15, 0.0))
    names = [str(speaker) for speaker in speakers]
    low, high = bootstrap_difference((truth, one, names), (truth, other, names))
    alone = bootstrap_uar(truth, one, names)
    assert high - low < (alone[1] - alone[0]) / 2
    assert low < 0.15 < high


def test_baselines_by_hand() -> None:
    found = compute_baselines(["calm"] * 3 + ["happy"], ["calm", "happy", "happy", "happy"])
    assert found["chance"] == {"uar": 0.5, "accuracy": 0.5}
    assert found["majority"] == {"emotion": "calm", "uar": 0.5, "accuracy": 0.25}


# The mean over folds.


def test_the_interval_of_folds_of_one_speaker_is_that_of_the_mean_over_speakers() -> None:
    """Drawing the speakers of such folds is drawing their UARs."""
    rng = np.random.default_rng(5)
    speakers = np.repeat(np.arange(12), 8)
    truth = np.tile(np.array(["happy", "sad"] * 4), 12)
    predicted = np.where(rng.random(96) < rng.random(12)[speakers], truth, "other")
    uars = [(predicted == truth)[speakers == one].reshape(4, 2).mean() for one in range(12)]
    low, high = bootstrap_uar(truth, predicted, speakers.astype(str).tolist(), speakers)
    drawn = np.random.default_rng(0).integers(12, size=(2_000, 12))
    ordered = np.array(uars)[np.unique(speakers.astype(str)).astype(int)]  # by their names
    expected = np.percentile(ordered[drawn].mean(axis=1), [2.5, 97.5])
    assert (low, high) == pytest.approx(tuple(expected))


def test_the_difference_over_unequal_folds_is_that_of_the_means() -> None:
    truth = np.array(["happy", "sad"] * 5)
    one = truth.copy()
    one[:4] = "sad"  # of the first, small fold
    folds = np.array([0] * 4 + [1] * 6)
    speakers = list("aabbccddee")
    found = compare_uar(truth, one, truth, speakers, folds)
    assert found.difference == pytest.approx((0.5 + 1) / 2 - 1)
    low, high = found.interval
    assert low <= found.difference <= high


def test_an_utterance_of_double_weight_counts_as_two_in_risk_and_coverage() -> None:
    rng = np.random.default_rng(5)
    rows = rng.dirichlet(np.ones(len(EMOTIONS)), 40)
    truth = rng.choice(EMOTIONS, 40)
    weights = np.where(np.arange(40) < 10, 2.0, 1.0)
    twice = [*range(40), *range(10)]
    found = compute_risk_coverage(rows, truth, EMOTIONS, weights)
    expected = compute_risk_coverage(rows[twice], truth[twice], EMOTIONS)
    np.testing.assert_allclose(found.threshold, expected.threshold)
    np.testing.assert_allclose(found.coverage, expected.coverage)
    np.testing.assert_allclose(found.risk, expected.risk)


def test_corpora_count_alike_in_the_threshold_of_a_card() -> None:
    # Of 8 answers of one corpus, the 4 surest are right; of 2 of another, less sure, both.
    confidence = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6, 0.55, 0.55])
    right = np.array([True] * 4 + [False] * 4 + [True] * 2)
    rows = np.column_stack([confidence, 1 - confidence])
    evaluation: Any = SimpleNamespace(
        folds=[SimpleNamespace(probabilities=rows[:8]), SimpleNamespace(probabilities=rows[8:])],
        probabilities=rows,
        emotions=("angry", "sad"),
        truth=np.where(right, "angry", "sad"),
        predicted=np.full(10, "angry"),
    )
    chosen = _choose_threshold(evaluation, evaluation)
    # One of the 5 surest is wrong. They are 5 / 8 of one corpus, so 5 / 16 of both.
    assert (chosen["threshold"], chosen["risk"]) == (0.75, pytest.approx(0.2))
    assert chosen["coverage"] == pytest.approx(5 / 16)
    assert (chosen["speakers_risk"], chosen["speakers_coverage"]) == (0.2, 0.5)
