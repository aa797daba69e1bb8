"""The perceptron learns, and its gradients are those of the loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from voxaffect.training import estimators, perceptron
from voxaffect.training.estimators import BalancedLogistic, softmax
from voxaffect.training.perceptron import PerceptronPlan, fit_perceptron, run_perceptron

PLAN = PerceptronPlan(units=8, steps=200, batch=32)
EXACT = replace(PLAN, dropout=0.0, input_dropout=0.0)


@pytest.fixture(autouse=True)
def _small_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let classifiers train small perceptrons."""
    monkeypatch.setattr(estimators, "PerceptronPlan", lambda: PLAN)


def make_clouds(count: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 3
    centers = 2 * np.eye(3, 6)
    rows = centers[truth] + 0.5 * rng.standard_normal((count, 6))
    return rows.astype(np.float32), truth


def test_the_gradients_are_those_of_the_mean_cross_entropy() -> None:
    rng = np.random.default_rng(1)
    rows, truth = make_clouds(12)
    targets = np.eye(3, dtype=np.float32)[truth]
    parameters = [
        rng.standard_normal(shape).astype(np.float64) for shape in ((6, 8), (8,), (8, 3), (3,))
    ]
    wide = rows.astype(np.float64)

    def compute_loss() -> float:
        probabilities = softmax(run_perceptron(parameters, wide))
        return float(-(np.log(probabilities) * targets).sum(axis=1).mean())

    gradients = perceptron._compute_gradients(parameters, wide, targets, rng, EXACT)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        index = tuple(np.unravel_index(np.abs(gradient).argmax(), gradient.shape))
        parameter[index] += 1e-6
        above = compute_loss()
        parameter[index] -= 2e-6
        below = compute_loss()
        parameter[index] += 1e-6
        assert gradient[index] == pytest.approx((above - below) / 2e-6, rel=1e-4)


def test_it_separates_what_can_be_separated() -> None:
    rows, truth = make_clouds()
    parameters = fit_perceptron(rows, truth, np.ones(len(rows)), seed=0, plan=PLAN)
    tested, expected = make_clouds(seed=1)
    assert (run_perceptron(parameters, tested).argmax(axis=1) == expected).mean() > 0.95


def test_rows_without_weight_are_not_learned() -> None:
    rows, truth = make_clouds()
    weights = (truth != 2).astype(float)
    parameters = fit_perceptron(rows, truth, weights, seed=0, plan=PLAN)
    assert not (run_perceptron(parameters, rows).argmax(axis=1) == 2).any()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    rows, truth = make_clouds()
    first, again, other = (
        fit_perceptron(rows, truth, np.ones(len(rows)), seed=seed, plan=PLAN) for seed in (3, 3, 4)
    )
    for parameter, equal, different in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(parameter, equal)
        assert (parameter != different).any()


@pytest.mark.parametrize("corpora", [1, 3])
def test_the_classifier_is_calibrated_on_what_is_left_out(corpora: int) -> None:
    rows, truth = make_clouds(120)
    rows = rows + 2 * np.random.default_rng(2).standard_normal(rows.shape).astype(np.float32)
    speakers = np.array([f"{n // 3 % corpora}/{n % 6}" for n in range(len(rows))])
    estimator = BalancedLogistic(perceptrons=2, penalty_c=10.0)
    estimator.fit(rows, np.array(["a", "b", "c"])[truth], speakers=speakers)
    assert estimator.temperature_ > 1
    np.testing.assert_allclose(estimator.predict_proba(rows).sum(axis=1), 1)


def test_an_emotion_of_one_corpus_alone_is_learned_all_the_same() -> None:
    rows, truth = make_clouds(120)
    corpora = np.where(truth == 2, 0, np.arange(120) // 3 % 3)
    speakers = np.array([f"{corpus}/{n % 4}" for n, corpus in enumerate(corpora)])
    estimator = BalancedLogistic(perceptrons=2, penalty_c=1.0)
    estimator.fit(rows, np.array(["a", "b", "c"])[truth], speakers=speakers)
    assert (estimator.predict(rows) == np.array(["a", "b", "c"])[truth]).mean() > 0.9
