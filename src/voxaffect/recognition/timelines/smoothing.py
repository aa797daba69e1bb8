"""Smoothing over time: a hidden Markov model over the probabilities of the windows.

The states are the emotions. In continuous time an emotion is left at the rate 1 / dwell for any
other alike, so that after a gap of Δ seconds ::

    P(the same) = 1/K + (1 - 1/K) · exp(-Δ · K / ((K - 1) · dwell))

and the rest is shared by the other K - 1 (Norris 1997, Markov Chains, section 2.1). Over a long
silence this tends to 1/K: what was before is forgotten, by a factor e in about ``dwell`` seconds.

A window's likelihood is its probabilities to the power of its weight. The model is calibrated for
emotions that are equally frequent, so that probabilities are likelihoods up to a factor. The
weight is the share of the window that the window before had not reached, so that no second of
speech counts twice.

The emotion of a window is decided ``lag_seconds`` after its end, by forward-backward (Rabiner
1989, Proc. IEEE 77(2), eq. 27) over all windows known by then. A stream and a file know the same
by then, so they decide alike.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError
from voxaffect.records.arguments import check_number

Vector = NDArray[np.float64]

LEAST_PROBABILITY: Final = 1e-4
"""Floor of a window's probabilities: an emotion it all but excludes can still be true."""


@dataclass(frozen=True)
class Smoothing:
    """Settings of smoothing over time.

    Parameters
    ----------
    dwell_seconds : float
        Average time that an emotion lasts: longer smooths more. The default did best on acted
        clips of new speakers with a change every five seconds. Lengthen it for people who
        change more slowly.
    lag_seconds : float
        Time that a decision waits for later evidence: by default for one more window, a second
        later.
    """

    dwell_seconds: float = 1.5
    lag_seconds: float = 1.05

    def __post_init__(self) -> None:
        for name, least in (("dwell_seconds", 0.1), ("lag_seconds", 0.0)):
            value = getattr(self, name)
            check_number(value, name)
            if not value >= least:
                raise AudioError(f"{name}: expected at least {least}, found {value}.")


def stay_probability(gap_seconds: float, *, dwell_seconds: float, emotions: int) -> float:
    """Probability that the emotion is the same after a gap (see the module)."""
    if emotions == 1:
        return 1.0
    rate = emotions / ((emotions - 1) * dwell_seconds)
    return float(1 / emotions + (1 - 1 / emotions) * np.exp(-gap_seconds * rate))


def step(belief: Vector, stay: float) -> Vector:
    """Belief after a transition that keeps the state with probability ``stay``."""
    if len(belief) == 1:
        return belief
    leave = (1.0 - stay) / (len(belief) - 1)
    return np.asarray(leave * belief.sum() + (stay - leave) * belief)


def forward(belief: Vector, stay: float, likelihood: Vector) -> Vector:
    """Belief of the next window, given all up to it."""
    result = step(belief, stay) * likelihood
    return np.asarray(result / result.sum())


def backward(stays: list[float], likelihoods: list[Vector], emotions: int) -> Vector:
    """Likelihood of later windows given each emotion now, up to a factor."""
    result = np.ones(emotions)
    for stay, likelihood in zip(reversed(stays), reversed(likelihoods), strict=True):
        result = step(result * likelihood, stay)
        result = result / result.sum()
    return result


@dataclass(frozen=True)
class _Waiting:
    """Window that waits for its decision."""

    end_seconds: float
    stay: float
    likelihood: Vector


class Smoother:
    """Fixed-lag smoothing of one stream of windows.

    Parameters
    ----------
    emotions : int
    smoothing : Smoothing
    """

    def __init__(self, emotions: int, smoothing: Smoothing) -> None:
        self._smoothing, self._emotions = smoothing, emotions
        self._decided = self._current = np.full(emotions, 1.0 / emotions)
        self._waiting: deque[_Waiting] = deque()
        self._last_end: float | None = None

    def add(self, start_seconds: float, end_seconds: float, probabilities: Vector) -> Vector:
        """Add the next window; return the belief of its emotion by what is known now.

        Parameters
        ----------
        start_seconds, end_seconds : float
            Windows come in the order of their ends.
        probabilities : ndarray, shape (emotions,)

        Returns
        -------
        ndarray, shape (emotions,); it sums to 1
        """
        last = self._last_end
        gap = np.inf if last is None else end_seconds - last
        weight = min(1.0, gap / (end_seconds - start_seconds))
        likelihood = np.maximum(probabilities, LEAST_PROBABILITY) ** weight
        stay = stay_probability(
            gap, dwell_seconds=self._smoothing.dwell_seconds, emotions=self._emotions
        )
        self._last_end = end_seconds
        self._waiting.append(_Waiting(end_seconds, stay, likelihood))
        self._current = forward(self._current, stay, likelihood)
        return self._current

    def decide(self, now_seconds: float) -> list[Vector]:
        """Probabilities of the windows that have waited long enough, in their order.

        Parameters
        ----------
        now_seconds : float
            Sound heard so far; infinity at the end.
        """
        posteriors = []
        while (
            self._waiting
            and self._waiting[0].end_seconds + self._smoothing.lag_seconds <= now_seconds
        ):
            window = self._waiting.popleft()
            self._decided = forward(self._decided, window.stay, window.likelihood)
            later = list(self._waiting)
            after = backward([w.stay for w in later], [w.likelihood for w in later], self._emotions)
            posterior = self._decided * after
            posteriors.append(posterior / posterior.sum())
        return posteriors
