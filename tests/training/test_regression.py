"""The balanced regression equals scikit-learn's, but for emotions that a corpus does not have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import check_grad
from sklearn.linear_model import LogisticRegression

from voxaffect.training import estimators
from voxaffect.training.estimators import BalancedLogistic, temperature
from voxaffect.training.regression import _Loss, find_possible_emotions, fit_regression

BASIC = np.array(["angry", "disgust", "sad"])


def make_clouds(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows around three centers, in turn."""
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % 3
    centers = 2 * np.eye(3, 5)
    return (centers[truth] + rng.standard_normal((count, 5))).astype(np.float32), truth


@pytest.mark.parametrize("emotions", [2, 3])
def test_it_is_the_regression_of_scikit_learn_where_all_is_possible(emotions: int) -> None:
    rows, truth = make_clouds(120)
    rows, names = rows[truth < emotions], BASIC[truth[truth < emotions]]
    weights = np.random.default_rng(1).uniform(0.5, 2, len(rows))
    fitted = fit_regression(
        rows,
        names,
        weights=weights,
        is_possible=np.ones((len(rows), emotions), dtype=bool),
        penalty_c=0.3,
        max_iter=500,
    )
    # Two slopes of opposite sign are penalized half as much as their difference.
    penalty_c = 0.3 if emotions > 2 else 0.6
    reference = LogisticRegression(C=penalty_c, tol=1e-8, max_iter=1000)
    reference.fit(rows, names, sample_weight=weights)
    probabilities = fitted.predict_proba(rows)
    np.testing.assert_allclose(probabilities, reference.predict_proba(rows), atol=2e-3)
    assert list(fitted.predict(rows)) == list(BASIC[probabilities.argmax(axis=1)])


@given(seed=st.integers(0, 2**16))
def test_the_gradient_is_that_of_the_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 12)
    is_possible = rng.random((12, 3)) < 0.5
    is_possible[np.arange(12), truth] = True
    rows = rng.standard_normal((12, 4)).astype(np.float32)
    loss = _Loss(rows, truth, rng.random(12).astype(np.float32), is_possible)
    start = rng.standard_normal(15)
    error = check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], start, epsilon=1e-4)
    assert error < 2e-3 * max(1.0, np.linalg.norm(loss(start)[1]))


def test_a_corpus_without_a_basic_emotion_says_nothing_about_it() -> None:
    rows, truth = make_clouds(60)
    corpora = np.where((np.arange(60) // 3 % 2 == 1) & (truth != 1), "b", "a")
    is_possible, is_b = find_possible_emotions(BASIC[truth], corpora), corpora == "b"
    loss = _Loss(rows[is_b], truth[is_b], np.ones(is_b.sum(), np.float32), is_possible[is_b])
    slopes = np.random.default_rng(3).standard_normal((6, 3))
    gradient = loss(slopes.ravel())[1].reshape(6, 3)
    np.testing.assert_array_equal(gradient[:-1, 1], slopes[:-1, 1])  # of the penalty alone
    assert gradient[-1, 1] == 0
    assert (np.abs(gradient[-1, [0, 2]]) > 0).all()


def test_other_names_than_the_basic_ones_are_compared_everywhere() -> None:
    emotions = np.array(["calm", "sad", "disgust", "sad", "neutral"])
    possible = find_possible_emotions(emotions, np.array(["a", "a", "a", "b", "b"]))
    #                                calm, disgust, neutral, sad
    assert possible[0].tolist() == [True, True, False, True]
    assert possible[4].tolist() == [True, False, True, True]


def test_a_corpus_of_one_emotion_is_compared_with_all() -> None:
    emotions = np.array(["angry", "sad", "disgust", "sad"])
    possible = find_possible_emotions(emotions, np.array(["a", "a", "b", "a"]))
    assert possible.tolist() == [[True, False, True]] * 2 + [[True, True, True]] + [
        [True, False, True]
    ]


@pytest.mark.parametrize("corpora", [1, 3])
def test_the_classifier_is_calibrated_on_what_is_left_out(corpora: int) -> None:
    rows, truth = make_clouds(120)
    rows = rows + 2 * np.random.default_rng(2).standard_normal(rows.shape).astype(np.float32)
    speakers = np.array([f"{n // 3 % corpora}/{n % 6}" for n in range(len(rows))])
    estimator = BalancedLogistic(penalty_c=10.0)
    estimator.fit(rows, BASIC[truth], speakers=speakers)
    assert estimator.temperature_ > 1
    np.testing.assert_allclose(estimator.predict_proba(rows).sum(axis=1), 1)


def test_an_emotion_of_one_corpus_alone_is_learned_all_the_same() -> None:
    rows, truth = make_clouds(120)
    corpora = np.where(truth == 2, 0, np.arange(120) // 3 % 3)
    speakers = np.array([f"{corpus}/{n % 4}" for n, corpus in enumerate(corpora)])
    estimator = BalancedLogistic(penalty_c=1.0)
    estimator.fit(rows, BASIC[truth], speakers=speakers)
    assert (estimator.predict(rows) == BASIC[truth]).mean() > 0.9


def test_left_out_corpora_count_alike_in_the_temperature(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, truth = make_clouds(120)
    corpora = np.minimum(np.arange(120) // 12, 2)  # of 12, 12 and 96 rows
    speakers = np.array([f"{corpus}/{n % 4}" for n, corpus in enumerate(corpora)])
    given = []

    def note(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> float:
        given.append(weights)
        return temperature(scores, truth, weights)

    monkeypatch.setattr(estimators, "temperature", note)
    BalancedLogistic().fit(rows, BASIC[truth], speakers=speakers)
    (weights,) = given
    sums = [weights[:12].sum(), weights[12:24].sum(), weights[24:].sum()]
    np.testing.assert_allclose(sums, [1, 1, 1])


def test_copies_do_not_move_the_scale_of_the_features() -> None:
    rows, truth = make_clouds(60)
    speakers = np.array([f"a/{n % 6}" for n in range(60)])
    plain = BalancedLogistic().fit(rows, BASIC[truth], speakers=speakers)
    copied = BalancedLogistic().fit(
        np.concatenate([rows, rows + 3]),
        BASIC[[*truth, *truth]],
        origins=np.tile(np.arange(60), 2),
        speakers=np.tile(speakers, 2),
    )
    for name in ("mean_", "scale_"):
        expected = getattr(plain.pipeline_[0], name)
        np.testing.assert_allclose(getattr(copied.pipeline_[0], name), expected, rtol=1e-5)
