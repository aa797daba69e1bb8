"""Ratings of utterances as arrays: soft labels, and dimensions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.corpora.base import list_emotions
from voxaffect.features import FeatureSpec, get_feature_names, is_logmel
from voxaffect.records.choices import DIMENSIONS


@dataclass(frozen=True, eq=False)
class SoftLabels:
    """Shares of the emotions in utterances.

    Parameters
    ----------
    emotions : ndarray of str, shape (emotions,)
        Sorted.
    shares : ndarray, shape (n, emotions)
        Rows sum to 1. A row without a soft label has 1 for its emotion.
    """

    emotions: NDArray[np.str_]
    shares: NDArray[np.float64]

    def select(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> SoftLabels:
        """Return some of the rows, in the emotions of all."""
        return SoftLabels(self.emotions, self.shares[chosen])

    def prune(self) -> SoftLabels:
        """Return the soft labels without emotions that have no share in any row."""
        is_there = self.shares.any(axis=0)
        return SoftLabels(self.emotions[is_there], self.shares[:, is_there])


def collect_soft_labels(utterances: Sequence[Utterance]) -> SoftLabels | None:
    """Soft labels of utterances; None if no utterance has one."""
    if all(utterance.soft_label is None for utterance in utterances):
        return None
    emotions = list_emotions(utterances)
    return SoftLabels(np.array(emotions), tabulate_shares(utterances, emotions))


def tabulate_shares(
    utterances: Sequence[Utterance], emotions: Sequence[str]
) -> NDArray[np.float64]:
    """Shares of some emotions in utterances, scaled to a sum of 1, shape (n, emotions).

    A row without any of the emotions is 0.
    """
    rows = np.array([[u.distribution.get(name, 0.0) for name in emotions] for u in utterances])
    sums = rows.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(rows, sums, where=sums > 0, out=np.zeros_like(rows)))


def collect_dimensions(utterances: Sequence[Utterance]) -> NDArray[np.float64] | None:
    """Ratings of utterances, a column for each of ``DIMENSIONS``; None if there are none.

    Returns
    -------
    ndarray, shape (n, 3), or None
        NaN where a dimension is not rated.
    """
    if not any(utterance.dimensions for utterance in utterances):
        return None
    rows = [
        [(utterance.dimensions or {}).get(name, np.nan) for name in DIMENSIONS]
        for utterance in utterances
    ]
    return np.array(rows, dtype=np.float64)


def list_rated(ratings: NDArray[np.float64]) -> tuple[str, ...]:
    """Dimensions of which something is rated, in the order of ``DIMENSIONS``."""
    is_rated = np.isfinite(ratings)
    return tuple(name for k, name in enumerate(DIMENSIONS) if is_rated[:, k].any())


def choose_columns(spec: FeatureSpec | None, count: int) -> NDArray[np.intp]:
    """Features that dimensions are regressed on: all but those of log-mel spectrograms.

    Parameters
    ----------
    spec : FeatureSpec, optional
        Without one, all are taken.
    count : int
        Number of all features.
    """
    if spec is None:
        return np.arange(count)
    return np.flatnonzero([not is_logmel(name) for name in get_feature_names(spec)])


NO_REGRESSION = (
    "trains its encoder on emotions, and these data have dimensions alone. Take the recipe encoder."
)
"""Reason and remedy where dimensions cannot be regressed, after a name."""


def can_regress(estimator: Any) -> bool:
    """True if dimensions can be regressed on the features that an estimator takes.

    An estimator that trains its encoder has other features in its model file.
    """
    return not hasattr(estimator, "attach_inputs")


def describe_ratings(
    utterances: Sequence[Utterance], name: str, *, takes_soft: bool, regresses: bool
) -> Iterator[str]:
    """Lines on ratings that a recipe does not use, by its name."""
    if not takes_soft and any(utterance.soft_label for utterance in utterances):
        yield (
            f"{name}: takes no soft labels; trained on the most probable emotion of each recording"
        )
    if not regresses and any(utterance.dimensions for utterance in utterances):
        yield f"{name}: trains its encoder, so it learns no dimensions; take the recipe encoder"
