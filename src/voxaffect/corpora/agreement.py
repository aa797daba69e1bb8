"""Agreement of raters: Krippendorff's alpha, with an interval over speakers or recordings.

References
----------
Krippendorff 2011, *Computing Krippendorff's alpha-reliability*.
Hayes and Krippendorff 2007, *Answering the call for a standard reliability measure for coding
data*.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from voxaffect.corpora.raters import RatedPart

RESAMPLES = 2_000
_LEAST = 1e-12

Scale = Literal["nominal", "interval"]


@dataclass(frozen=True)
class Agreement:
    """Agreement of raters on one thing that they rated.

    Parameters
    ----------
    name : str
        ``emotion``, or a dimension such as ``arousal``.
    alpha : float or None
        Krippendorff's alpha: 1 for perfect agreement, 0 for chance. None if it is not defined:
        no recording has two ratings, or all ratings are equal.
    low, high : float or None
        95 % interval, by bootstrap.
    over : {"speakers", "recordings"}
        Unit that the bootstrap draws.
    units : int
        Recordings, or parts, with two ratings or more.
    raters : int
        People who rated one of these.
    groups : int
        Speakers, or recordings, that the bootstrap draws.
    """

    name: str
    alpha: float | None
    low: float | None
    high: float | None
    over: Literal["speakers", "recordings"]
    units: int
    raters: int
    groups: int = 0


def compute_alpha(ratings: ArrayLike, scale: Scale = "nominal") -> float | None:
    """Krippendorff's alpha.

    Parameters
    ----------
    ratings : array_like, shape (units, raters)
        Numbers, NaN where a rating is missing. On the nominal scale, each number is a category.
    scale : {"nominal", "interval"}
        Nominal for emotions, interval for dimensions.

    Returns
    -------
    float or None
        None if it is not defined: no unit has two ratings, or all ratings are equal.

    Examples
    --------
    >>> compute_alpha([[0, 0], [1, 1], [0, 1], [1, 1]])
    0.5333...
    """
    moments = _sum_up(np.asarray(ratings, dtype=float), scale)
    value = float(_combine(moments.sum(axis=0, keepdims=True), scale)[0])
    return None if np.isnan(value) else value


def measure_agreements(parts: Sequence[RatedPart]) -> tuple[Agreement, ...]:
    """Agreement on emotions, and on each dimension that was rated."""
    speakers = [part.speaker for part in parts]
    categories = sorted({word for part in parts for word in part.emotions.values()})
    codes = {word: float(number) for number, word in enumerate(categories)}
    emotions = [{rater: codes[word] for rater, word in part.emotions.items()} for part in parts]
    names = dict.fromkeys(name for part in parts for name in part.dimensions)
    rated: list[tuple[str, list[dict[str, float]], Scale]] = [("emotion", emotions, "nominal")]
    rated += [
        (name, [part.dimensions.get(name, {}) for part in parts], "interval") for name in names
    ]
    return tuple(
        measure_agreement(name, _tabulate(values), speakers, scale)
        for name, values, scale in rated
        if any(values)
    )


def _tabulate(values: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Array of (units, raters), NaN where a rating is missing."""
    raters = sorted({rater for row in values for rater in row})
    return np.array([[row.get(rater, np.nan) for rater in raters] for row in values])


def measure_agreement(
    name: str,
    ratings: NDArray[np.float64],
    speakers: Sequence[Hashable | None],
    scale: Scale = "nominal",
    *,
    seed: int = 0,
) -> Agreement:
    """Krippendorff's alpha with a bootstrap interval.

    Parameters
    ----------
    name : str
        Of the thing that was rated.
    ratings : ndarray, shape (units, raters)
        As for `compute_alpha`.
    speakers : sequence, length units
        The bootstrap draws whole speakers if all are known and there are two or more.
    scale : {"nominal", "interval"}
    seed : int
        Of the bootstrap.
    """
    is_used = (~np.isnan(ratings)).sum(axis=1) >= 2
    used = ratings[is_used]
    people = [speaker for speaker, keep in zip(speakers, is_used, strict=True) if keep]
    by_speaker = None not in people and len(set(people)) > 1
    groups = people if by_speaker else range(len(people))
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    moments = _sum_up(ratings, scale)
    sums = np.zeros((len(numbers), moments.shape[1]))
    np.add.at(sums, [numbers[group] for group in groups], moments)
    low, high = _bootstrap(sums, scale, seed)
    return Agreement(
        name,
        compute_alpha(ratings, scale),
        low,
        high,
        "speakers" if by_speaker else "recordings",
        units=len(used),
        raters=int((~np.isnan(used)).any(axis=0).sum()),
        groups=len(numbers),
    )


def _sum_up(ratings: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Sums of each unit with two ratings or more, from which alpha of any set of units follows.

    The columns are the number of ratings, the disagreement within the unit, and then the count
    of each category (nominal), or the sum and the sum of squares (interval).
    """
    is_given = ~np.isnan(ratings)
    used, is_given = ratings[is_given.sum(axis=1) >= 2], is_given[is_given.sum(axis=1) >= 2]
    counts = is_given.sum(axis=1).astype(float)
    if scale == "nominal":
        categories = np.unique(used[is_given])
        of_each = (used[:, :, None] == categories).sum(axis=1).astype(float)
        within = counts**2 - (of_each**2).sum(axis=1)
        return np.column_stack([counts, within / np.maximum(counts - 1, 1), of_each])
    center = used[is_given].mean() if used.size else 0.0
    values = np.where(is_given, used - center, 0.0)  # near 0, so that squares lose nothing
    sums, squares = values.sum(axis=1), (values**2).sum(axis=1)
    within = 2 * (counts * squares - sums**2)
    return np.column_stack([counts, within / np.maximum(counts - 1, 1), sums, squares])


def _combine(moments: NDArray[np.float64], scale: Scale) -> NDArray[np.float64]:
    """Alpha of each row of summed moments; NaN where it is not defined."""
    count, within, rest = moments[:, 0], moments[:, 1], moments[:, 2:]
    if scale == "nominal":
        expected = count**2 - (rest**2).sum(axis=1)
    else:
        expected = 2 * (count * rest[:, 1] - rest[:, 0] ** 2)
    is_defined = expected > _LEAST * np.maximum(count**2, 1)
    safe = np.where(is_defined, expected, 1.0)
    return np.where(is_defined, 1 - (count - 1) * within / safe, np.nan)


def _bootstrap(
    sums: NDArray[np.float64], scale: Scale, seed: int
) -> tuple[float, float] | tuple[None, None]:
    """Interval over groups of units, drawn as wholes."""
    count = len(sums)
    if count < 2:
        return None, None
    drawn = np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))
    times = np.zeros((RESAMPLES, count))
    np.add.at(times, (np.arange(RESAMPLES)[:, None], drawn), 1)
    values = _combine(times @ sums, scale)
    values = values[~np.isnan(values)]
    if not len(values):
        return None, None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
