"""Uncertainty of scores: bootstrap over speakers, and paired tests between two systems.

Utterances of one speaker are alike, so whole speakers are drawn. Resampling utterances would
give intervals that are far too narrow. The score is the mean over the folds, as a table states it.

References
----------
Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, chapters 8, 13 and 15.
Noreen 1989, "Computer-intensive methods for testing hypotheses", Wiley.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
EXACT_SPEAKERS = 12
"""Most speakers of which all exchanges are computed, 2 ** 12 = 4,096; of more, random ones."""
_LEAST_SPREAD = 1e-12
_Words = NDArray[np.str_]
_Side = tuple[Any, ...]
_Folds = Sequence[int] | NDArray[np.intp]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """The UAR of one system less that of another, over the same utterances.

    Parameters
    ----------
    difference : float
        Of the first less the second: positive if the first is better.
    interval : tuple of float
        95 %, by bootstrap over speakers.
    p : float
        Two-sided, by exchanging the systems' answers speaker by speaker: exact up to
        ``EXACT_SPEAKERS`` speakers, estimated from ``RESAMPLES`` random exchanges with more.
    """

    difference: float
    interval: Interval
    p: float


@dataclass(frozen=True, eq=False)
class _Counts:
    """Utterances by speaker, fold and emotion: all, and those rightly recognized.

    The score of a set of speakers is the mean over the folds of the mean recall. A fold weighs by
    the share of its speakers in the set, so that each of one's folds weighs twice if one is drawn
    twice, and not at all if none of its speakers is.
    """

    totals: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def count(
        cls,
        truth: NDArray[Any],
        is_right: NDArray[Any],
        speakers: Sequence[str],
        folds: _Folds | None = None,
    ) -> _Counts:
        """Count utterances, and what is right of them; a single fold by default."""
        indices = [
            np.unique(np.asarray(values), return_inverse=True)[1].ravel()
            for values in (speakers, [0] * len(truth) if folds is None else folds, truth)
        ]
        shape = tuple(int(index.max()) + 1 for index in indices)
        flat = np.ravel_multi_index(indices, shape)
        size = int(np.prod(shape))
        totals = np.bincount(flat, minlength=size).reshape(shape)
        right = np.bincount(flat, np.asarray(is_right, dtype=float), size).reshape(shape)
        return cls(totals.astype(float), right.astype(float))

    def draw(self, seed: int | list[int]) -> NDArray[np.float64]:
        """Draw whole speakers; how often each is in every resample, shape (resamples, speakers)."""
        return _draw_speakers(len(self.totals), seed)

    def score(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of sets of speakers, shape (sets,); an emotion that was not drawn does not count.

        Parameters
        ----------
        times : ndarray, shape (sets, speakers)
        """
        totals, right = (
            np.tensordot(times, counts, axes=1) for counts in (self.totals, self.right)
        )
        recalls = np.divide(right, totals, where=totals > 0, out=np.zeros_like(totals))
        emotions = np.maximum((totals > 0).sum(axis=2), 1)
        speaks = (self.totals.sum(axis=2) > 0).astype(float)
        weights = times @ speaks / speaks.sum(axis=0)
        means = recalls.sum(axis=2) / emotions
        return np.asarray((weights * means).sum(axis=1) / weights.sum(axis=1))

    @property
    def whole(self) -> float:
        """Score of all speakers."""
        return float(self.score(np.ones((1, len(self.totals))))[0])

    def share(self) -> NDArray[np.float64]:
        """Share of the score that each speaker contributes, shape (speakers,)."""
        totals = self.totals.sum(axis=0)
        emotions = (totals > 0).sum(axis=1, keepdims=True)
        weights = np.divide(1, totals * emotions, where=totals > 0, out=np.zeros_like(totals))
        return np.asarray((self.right * weights / len(totals)).sum(axis=(1, 2)))


def _draw_speakers(count: int, seed: int | list[int]) -> NDArray[np.float64]:
    """Number of times that each speaker is in every resample, shape (resamples, speakers)."""
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    drawn += count * np.arange(RESAMPLES)[:, None]
    times = np.bincount(drawn.ravel(), minlength=RESAMPLES * count)
    return times.reshape(RESAMPLES, count).astype(float)


def _compute_interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap_uar(
    truth: _Words,
    predicted: _Words,
    speakers: Sequence[str],
    folds: _Folds | None = None,
    *,
    seed: int = 0,
) -> Interval:
    """95 % interval of the UAR: percentiles of a bootstrap that draws whole speakers.

    Parameters
    ----------
    truth, predicted : ndarray of str, shape (n,)
    speakers : sequence of str, length n
    folds : sequence of int, length n, optional
        The UAR is the mean over the folds; a single fold by default.
    seed : int

    Returns
    -------
    low, high : float
    """
    counts = _Counts.count(truth, predicted == truth, speakers, folds)
    return _compute_interval(counts.score(counts.draw(seed)))


def bootstrap_corpora(
    truth: _Words,
    predicted: _Words,
    speakers: Sequence[str],
    folds: _Folds,
    *,
    seed: int = 0,
) -> Interval:
    """95 % interval of the mean UAR of corpora: whole corpora are drawn, then speakers of each.

    Parameters
    ----------
    truth, predicted, speakers
        As for `bootstrap_uar`.
    folds : sequence of int, length n
        Number of the corpus of each utterance.
    seed : int

    Returns
    -------
    low, high : float
    """
    uars, names = [], np.asarray(speakers)
    for number in np.unique(folds):
        own = np.asarray(folds) == number
        counts = _Counts.count(truth[own], (predicted == truth)[own], names[own].tolist())
        uars.append(counts.score(counts.draw([seed, 1 + int(number)])))
    chosen = np.random.default_rng(seed).integers(len(uars), size=(RESAMPLES, len(uars)))
    return _compute_interval(np.take_along_axis(np.transpose(uars), chosen, axis=1).mean(axis=1))


def bootstrap_mean(
    values: NDArray[np.float64],
    speakers: Sequence[str],
    folds: _Folds | None = None,
    *,
    seed: int = 0,
) -> Interval:
    """95 % interval of a mean over utterances, by the same bootstrap.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Such as whether each was recognized, or its log-loss.
    speakers, folds
        As for `bootstrap_uar`.
    seed : int

    Returns
    -------
    low, high : float
    """
    counts = _Counts.count(np.zeros(len(values)), values, speakers, folds)
    return _compute_interval(counts.score(counts.draw(seed)))


def bootstrap_ccc(
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
    speakers: Sequence[str],
    *,
    seed: int = 0,
) -> Interval | None:
    """95 % interval of the concordance correlation, by the same bootstrap.

    Parameters
    ----------
    truth, predicted : ndarray, shape (n,)
    speakers : sequence of str, length n
    seed : int

    Returns
    -------
    low, high : float
        None if it is not defined for any set of speakers: all values are one.
    """
    x, y = truth - truth.mean(), predicted - truth.mean()  # near 0, so that squares lose nothing
    moments = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], axis=1)
    names, indices = np.unique(np.asarray(speakers), return_inverse=True)
    sums = np.zeros((len(names), moments.shape[1]))
    np.add.at(sums, indices, moments)
    count, sum_x, sum_y, sum_xx, sum_yy, sum_xy = (_draw_speakers(len(names), seed) @ sums).T
    products = 2 * (sum_xy - sum_x * sum_y / count)
    # n (mean x - mean y)^2 cancels the mixed products of the means.
    spread = sum_xx + sum_yy - 2 * sum_x * sum_y / count
    is_defined = spread > _LEAST_SPREAD * count
    if not is_defined.any():
        return None
    return _compute_interval(products[is_defined] / spread[is_defined])


def compare_uar(
    truth: _Words,
    one: _Words,
    other: _Words,
    speakers: Sequence[str],
    folds: _Folds | None = None,
    *,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the same utterances.

    Parameters
    ----------
    truth, one, other : ndarray of str, shape (n,)
        Emotions, and what each system recognized.
    speakers, folds
        As for `bootstrap_uar`.
    seed : int

    Returns
    -------
    Difference
        Of ``one`` less ``other``.
    """
    first, second = (
        _Counts.count(truth, predicted == truth, speakers, folds) for predicted in (one, other)
    )
    drawn = first.draw(seed)
    apart = first.score(drawn) - second.score(drawn)
    difference = first.whole - second.whole
    p = _compute_p(first.share() - second.share(), seed)
    return Difference(difference, _compute_interval(apart), p)


def _compute_p(shares: NDArray[np.float64], seed: int) -> float:
    """Share of exchanges whose difference is at least the observed one, which is among them.

    Parameters
    ----------
    shares : ndarray, shape (speakers,)
        Share of the difference that each speaker contributes.
    seed : int
        Of the random exchanges, where there are too many for all of them.
    """
    observed = abs(shares.sum()) - _LEAST_SPREAD
    if len(shares) <= EXACT_SPEAKERS:
        bits = np.arange(2 ** len(shares))[:, None] >> np.arange(len(shares))
        return float((np.abs((2.0 * (bits & 1) - 1) @ shares) >= observed).mean())
    signs = np.random.default_rng([seed, 1]).choice((-1.0, 1.0), size=(RESAMPLES, len(shares)))
    extreme = int((np.abs(signs @ shares) >= observed).sum())
    return (extreme + 1) / (RESAMPLES + 1)


def bootstrap_difference(one: _Side, other: _Side, *, seed: int = 0) -> Interval:
    """95 % interval of the UAR on one set of utterances less that on another of the same speakers.

    Parameters
    ----------
    one, other : tuple of truth, predicted, speakers and folds
        Each as for `bootstrap_uar`; the utterances need not be the same.
    seed : int

    Returns
    -------
    low, high : float
        Speakers are drawn together for both where both have the same ones.
    """
    samples = []
    for truth, predicted, *rest in (one, other):
        counts = _Counts.count(truth, predicted == truth, *rest)
        samples.append(counts.score(counts.draw(seed)))
    return _compute_interval(samples[0] - samples[1])
