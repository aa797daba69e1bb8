"""The hidden Markov model over time, against enumeration and its limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from voxaffect.errors import AudioError
from voxaffect.recognition.timelines.smoothing import (
    LEAST_PROBABILITY,
    Smoother,
    Smoothing,
    backward,
    forward,
    stay_probability,
    step,
)

ALL = Smoothing(dwell_seconds=4.0, lag_seconds=1e9)


def windows(seed: int, count: int, emotions: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return list(rng.dirichlet(np.ones(emotions), count))


def enumerated(stays: list[float], likelihoods: list[np.ndarray]) -> np.ndarray:
    """Posterior of each window by the sum over every path."""
    emotions, count = len(likelihoods[0]), len(likelihoods)
    found = np.zeros((count, emotions))
    for path in itertools.product(range(emotions), repeat=count):
        weight = likelihoods[0][path[0]] / emotions
        for place in range(1, count):
            same = path[place] == path[place - 1]
            stay = stays[place]
            weight *= stay if same else (1 - stay) / (emotions - 1)
            weight *= likelihoods[place][path[place]]
        for place, emotion in enumerate(path):
            found[place, emotion] += weight
    return found / found.sum(axis=1, keepdims=True)


def test_forward_backward_is_the_sum_over_every_path() -> None:
    likelihoods = windows(3, 5)
    stays = [1 / 3, 0.9, 0.6, 0.8, 0.7]
    belief = np.full(3, 1 / 3)
    for place, expected in enumerate(enumerated(stays, likelihoods)):
        belief = forward(belief, stays[place], likelihoods[place])
        posterior = belief * backward(stays[place + 1 :], likelihoods[place + 1 :], 3)
        np.testing.assert_allclose(posterior / posterior.sum(), expected, atol=1e-12)


def test_a_smoother_that_waits_to_the_end_is_the_sum_over_every_path() -> None:
    probabilities = windows(4, 6)
    smoother = Smoother(3, ALL)
    # Windows that do not overlap count fully.
    for place, one in enumerate(probabilities):
        smoother.add(3.0 * place, 3.0 * place + 3.0, one)
    stay = stay_probability(3.0, dwell_seconds=4.0, emotions=3)
    expected = enumerated([1 / 3] + [stay] * 5, probabilities)
    np.testing.assert_allclose(np.array(smoother.decide(np.inf)), expected, atol=1e-9)


@given(st.floats(0, 50), st.floats(0, 50), st.integers(2, 9))
@settings(max_examples=50, deadline=None)
def test_two_gaps_are_one_gap_of_their_sum(one: float, two: float, emotions: int) -> None:
    belief = np.random.default_rng(emotions).dirichlet(np.ones(emotions))

    def after(gap: float, start: np.ndarray) -> np.ndarray:
        return step(start, stay_probability(gap, dwell_seconds=5.0, emotions=emotions))

    np.testing.assert_allclose(after(two, after(one, belief)), after(one + two, belief), atol=1e-12)


def test_no_gap_changes_nothing_and_an_endless_one_forgets() -> None:
    assert stay_probability(0.0, dwell_seconds=5.0, emotions=4) == 1.0
    assert stay_probability(np.inf, dwell_seconds=5.0, emotions=4) == pytest.approx(0.25)


def test_an_emotion_is_left_at_the_rate_of_its_dwell_time() -> None:
    stay = stay_probability(1e-6, dwell_seconds=5.0, emotions=8)
    assert (1 - stay) / 1e-6 == pytest.approx(1 / 5.0, rel=1e-3)


def test_one_emotion_is_certain() -> None:
    smoother = Smoother(1, Smoothing())
    assert smoother.add(0.0, 1.0, np.ones(1)) == pytest.approx(1.0)
    assert smoother.decide(np.inf)[0] == pytest.approx(1.0)


def test_a_single_doubtful_window_is_overruled_by_its_neighbors() -> None:
    sure, doubtful = np.array([0.9, 0.1]), np.array([0.4, 0.6])
    smoother = Smoother(2, ALL)
    for place, one in enumerate([sure, sure, doubtful, sure, sure]):
        smoother.add(float(place), place + 1.0, one)
    assert all(found.argmax() == 0 for found in smoother.decide(np.inf))


def test_a_window_is_decided_once_its_lag_has_passed() -> None:
    smoother = Smoother(2, Smoothing(lag_seconds=1.5))
    smoother.add(0.0, 1.0, np.array([0.9, 0.1]))
    smoother.add(1.0, 2.0, np.array([0.9, 0.1]))
    assert len(smoother.decide(2.4)) == 0
    assert len(smoother.decide(2.5)) == 1
    assert len(smoother.decide(3.4)) == 0
    assert len(smoother.decide(np.inf)) == 1


def test_the_same_second_is_not_heard_twice() -> None:
    """Ten windows all but the same say hardly more than one."""
    smoother = Smoother(2, Smoothing(dwell_seconds=1e9))
    one = smoother.add(0.0, 3.0, np.array([0.7, 0.3]))
    for place in range(1, 10):
        many = smoother.add(0.01 * place, 3.0 + 0.01 * place, np.array([0.7, 0.3]))
    assert many[0] == pytest.approx(one[0], abs=0.01)


def test_what_is_excluded_once_can_come_back() -> None:
    smoother = Smoother(2, Smoothing())
    smoother.add(0.0, 1.0, np.array([1.0, 0.0]))
    for place in range(1, 5):
        found = smoother.add(float(place), place + 1.0, np.array([LEAST_PROBABILITY, 1.0]))
    assert found.argmax() == 1


def test_what_waits_does_not_grow() -> None:
    smoother = Smoother(8, Smoothing())
    for place, one in enumerate(windows(0, 2_000, 8)):
        smoother.add(float(place), place + 3.0, one)
        smoother.decide(place + 3.2)
        assert len(smoother._waiting) <= 2


@pytest.mark.parametrize(
    ("name", "value"), [("dwell_seconds", 0.0), ("lag_seconds", -1.0), ("dwell_seconds", np.nan)]
)
def test_a_smoothing_out_of_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(AudioError, match=f"{name}: expected at least"):
        Smoothing(**{name: value})
