"""Uncertainty of scores: bootstrap over speakers, and paired tests between two systems.

Utterances of one speaker are alike, so whole speakers are drawn. Resampling utterances would
give intervals that are far too narrow.

References
----------
Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, chapters 8, 13 and 15.
Ojala & Garriga 2010, "Permutation tests for studying classifier performance", JMLR 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
_Words = NDArray[np.str_]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """The UAR of one system less that of another, over the same utterances.

    Parameters
    ----------
    difference : float
    interval : tuple of float
        95 %, by bootstrap over speakers.
    p : float
        Two-sided, by exchanging the systems' answers speaker by speaker.
    """

    difference: float
    interval: Interval
    p: float


@dataclass(frozen=True, eq=False)
class _Counts:
    """Utterances by speaker (row) and emotion (column): all, and those rightly recognized."""

    totals: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def count(cls, truth: _Words, predicted: _Words, speakers: Sequence[str]) -> _Counts:
        emotions, columns = np.unique(truth, return_inverse=True)
        names, rows = np.unique(np.asarray(speakers), return_inverse=True)
        totals = np.zeros((len(names), len(emotions)))
        right = np.zeros_like(totals)
        np.add.at(totals, (rows, columns), 1)
        np.add.at(right, (rows, columns), predicted == truth)
        return cls(totals, right)

    def draw(self, seed: int | list[int]) -> NDArray[np.intp]:
        """Draw the speakers of every resample, shape (resamples, speakers)."""
        rng = np.random.default_rng(seed)
        return rng.integers(len(self.totals), size=(RESAMPLES, len(self.totals)))


def _compute_uars(right: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """UAR of each row of counts; an emotion that was not drawn does not count."""
    recalls = np.divide(right, totals, where=totals > 0, out=np.full(totals.shape, np.nan))
    return np.asarray(np.nanmean(recalls, axis=-1))


def _compute_interval(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def bootstrap_uar(
    truth: _Words, predicted: _Words, speakers: Sequence[str], *, seed: int = 0
) -> Interval:
    """95 % interval of the UAR: percentiles of a bootstrap that draws whole speakers.

    Parameters
    ----------
    truth, predicted : ndarray of str, shape (n,)
    speakers : sequence of str, length n
    seed : int

    Returns
    -------
    low, high : float
    """
    counts = _Counts.count(truth, predicted, speakers)
    drawn = counts.draw(seed)
    return _compute_interval(
        _compute_uars(counts.right[drawn].sum(axis=1), counts.totals[drawn].sum(axis=1))
    )


def bootstrap_corpora(
    sides: Sequence[tuple[_Words, _Words, Sequence[str]]], *, seed: int = 0
) -> Interval:
    """95 % interval of the mean UAR of corpora: whole corpora are drawn, then speakers of each.

    Parameters
    ----------
    sides : sequence of tuple of truth, predicted and speakers
        Of each corpus, each as for `bootstrap_uar`.
    seed : int

    Returns
    -------
    low, high : float
    """
    uars = []
    for number, side in enumerate(sides):
        counts = _Counts.count(*side)
        drawn = counts.draw([seed, 1 + number])
        uars.append(
            _compute_uars(counts.right[drawn].sum(axis=1), counts.totals[drawn].sum(axis=1))
        )
    chosen = np.random.default_rng(seed).integers(len(sides), size=(RESAMPLES, len(sides)))
    return _compute_interval(np.take_along_axis(np.transpose(uars), chosen, axis=1).mean(axis=1))


def bootstrap_mean(
    values: NDArray[np.float64], speakers: Sequence[str], *, seed: int = 0
) -> Interval:
    """95 % interval of a mean over utterances, by the same bootstrap.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Such as whether each was recognized, or its log-loss.
    speakers : sequence of str, length n
    seed : int

    Returns
    -------
    low, high : float
    """
    names, rows = np.unique(np.asarray(speakers), return_inverse=True)
    sums, totals = np.bincount(rows, values), np.bincount(rows)
    drawn = np.random.default_rng(seed).integers(len(names), size=(RESAMPLES, len(names)))
    return _compute_interval(sums[drawn].sum(axis=1) / totals[drawn].sum(axis=1))


def compare_uar(
    truth: _Words, one: _Words, other: _Words, speakers: Sequence[str], *, seed: int = 0
) -> Difference:
    """Compare two systems on the same utterances.

    Parameters
    ----------
    truth, one, other : ndarray of str, shape (n,)
        Emotions, and what each system recognized.
    speakers : sequence of str, length n
    seed : int

    Returns
    -------
    Difference
        Of ``one`` less ``other``.
    """
    first, second = (_Counts.count(truth, predicted, speakers) for predicted in (one, other))
    drawn = first.draw(seed)
    totals = first.totals[drawn].sum(axis=1)
    apart = _compute_uars(first.right[drawn].sum(axis=1), totals) - _compute_uars(
        second.right[drawn].sum(axis=1), totals
    )
    whole = first.totals.sum(axis=0)
    difference = float(
        _compute_uars(first.right.sum(axis=0), whole)
        - _compute_uars(second.right.sum(axis=0), whole)
    )
    gap = first.right - second.right
    signs = np.random.default_rng([seed, 1]).choice((-1.0, 1.0), size=(RESAMPLES, len(gap)))
    exchanged = np.mean((signs @ gap) / whole, axis=1)
    extreme = int((np.abs(exchanged) >= abs(difference) - 1e-12).sum())
    return Difference(difference, _compute_interval(apart), (extreme + 1) / (RESAMPLES + 1))


def bootstrap_difference(
    one: tuple[_Words, _Words, Sequence[str]],
    other: tuple[_Words, _Words, Sequence[str]],
    *,
    seed: int = 0,
) -> Interval:
    """95 % interval of the UAR on one set of utterances less that on another of the same speakers.

    Parameters
    ----------
    one, other : tuple of truth, predicted and speakers
        Each as for `bootstrap_uar`; the utterances need not be the same.
    seed : int

    Returns
    -------
    low, high : float
        Speakers are drawn together for both where both have the same ones.
    """
    sides = [_Counts.count(*side) for side in (one, other)]
    samples = []
    for counts in sides:
        drawn = counts.draw(seed)
        samples.append(
            _compute_uars(counts.right[drawn].sum(axis=1), counts.totals[drawn].sum(axis=1))
        )
    return _compute_interval(samples[0] - samples[1])
