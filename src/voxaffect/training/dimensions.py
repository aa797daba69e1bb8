"""Regression of dimensions, such as arousal and valence, on features: ridge, speaker by speaker.

The penalty of each dimension is chosen on speakers that are held out: that of the highest
concordance (CCC) with their ratings. The regression is then fitted to all rated utterances.

References
----------
Hoerl & Kennard 1970, "Ridge regression: biased estimation for nonorthogonal problems".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import TrainingError, extra
from voxaffect.records.choices import DIMENSIONS
from voxaffect.training.concordance import compute_ccc
from voxaffect.training.dataset import TrainingRows
from voxaffect.training.estimators import ClippedScaler, find_originals
from voxaffect.training.matrices import iter_chunks, take_rows
from voxaffect.training.ratings import list_rated

with extra("train"):
    from scipy.linalg import cho_factor, cho_solve, eigh

PENALTIES = tuple(float(penalty) for penalty in np.logspace(-3, 2, 11))
"""Choices, as multiples of the number of features."""
FOLDS = 5
"""Groups of speakers that are held out, one after the other, to choose the penalty."""
MOST_UTTERANCES = 1_500
"""Utterances that the penalty is chosen on, at most: the cost grows with their cube."""
Matrix = NDArray[Any]
Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DimensionRegressor:
    """Regression of one or more dimensions, fitted.

    Parameters
    ----------
    names : tuple of str
        In the order of ``DIMENSIONS``.
    columns : ndarray of int
        Features that it sees.
    scaler : ClippedScaler
        Fitted to those.
    slopes : ndarray, shape (columns, names)
    offsets : ndarray, shape (names,)
    penalties : tuple of float
        Of each dimension, as a multiple of the number of features.
    """

    names: tuple[str, ...]
    columns: NDArray[np.intp]
    scaler: ClippedScaler
    slopes: Values
    offsets: Values
    penalties: tuple[float, ...]

    def predict(self, matrix: NDArray[np.float32]) -> Values:
        """Dimensions of each row, from 0 to 1, shape (n, names)."""
        scaled = self.scaler.transform(_take_columns(matrix, self.columns))
        return np.asarray(scaled @ self.slopes + self.offsets).clip(0, 1)


def fit_dimensions(rows: TrainingRows, columns: NDArray[np.intp]) -> DimensionRegressor | None:
    """Fit a regression of each dimension that is rated.

    Parameters
    ----------
    rows : TrainingRows
    columns : ndarray of int
        Features that it sees, as from `ratings.choose_columns`.

    Returns
    -------
    DimensionRegressor or None
        None if no dimension is rated.

    Raises
    ------
    TrainingError
        If all ratings of a dimension are alike: there is nothing to learn.
    """
    if rows.dimensions is None or not (names := list_rated(rows.dimensions)):
        return None
    matrix = _take_columns(rows.matrix, columns)
    is_original = find_originals(rows)
    scaler = ClippedScaler().fit(take_rows(matrix, is_original))
    scaled = scaler.transform(matrix)
    parts = []
    for name in names:
        ratings = rows.dimensions[:, DIMENSIONS.index(name)]
        _check_ratings(name, ratings)
        is_rated = np.isfinite(ratings)
        penalty = _choose_penalty(scaled, ratings, rows, is_rated & is_original)
        copies = is_rated.sum() / (is_rated & is_original).sum()
        chosen = take_rows(scaled, is_rated)
        weights = _solve(chosen, ratings[is_rated], penalty * len(columns) * copies)
        parts.append((*weights, penalty))
    slopes, offsets, penalties = zip(*parts, strict=True)
    return DimensionRegressor(
        names, columns, scaler, np.stack(slopes, axis=1), np.array(offsets), penalties
    )


def _take_columns(matrix: NDArray[np.float32], columns: NDArray[np.intp]) -> NDArray[np.float32]:
    if len(columns) == matrix.shape[1]:
        return matrix
    return np.asarray(matrix[:, columns])


def _check_ratings(name: str, ratings: Values) -> None:
    rated = np.unique(ratings[np.isfinite(ratings)])
    if len(rated) < 2:
        raise TrainingError(
            f"{name}: all ratings are {rated[0]:g}, so there is nothing to learn. Leave the column "
            "out, or rate more recordings."
        )


def _choose_penalty(
    scaled: Matrix, ratings: Values, rows: TrainingRows, is_used: NDArray[np.bool_]
) -> float:
    """Penalty of the highest CCC on held-out speakers; of equal ones, the largest."""
    used = np.flatnonzero(is_used)
    if len(used) > MOST_UTTERANCES:
        used = np.sort(np.random.default_rng(0).permutation(used)[:MOST_UTTERANCES])
    matrix, truth = take_rows(scaled, used).astype(np.float64), ratings[used]
    predicted = np.full((len(PENALTIES), len(used)), np.nan)
    for is_held in _hold_out(rows.speakers[used]):
        path = _predict_path(matrix[~is_held], truth[~is_held], matrix[is_held])
        predicted[:, is_held] = path.clip(0, 1)
    if np.isnan(predicted).any():
        return PENALTIES[len(PENALTIES) // 2]
    scores = [compute_ccc(truth, row) for row in predicted]
    known = [-1.0 if score is None else score for score in scores]
    return max(zip(known, PENALTIES, strict=True))[1]


def _hold_out(speakers: NDArray[np.str_]) -> Iterator[NDArray[np.bool_]]:
    """Rows that are held out, one group of speakers after the other; groups of one's utterances."""
    names = np.unique(speakers)
    groups = speakers
    if len(names) < 2:
        groups = np.arange(len(speakers)).astype(str)
        names = np.unique(groups)
    shuffled = np.random.default_rng(0).permutation(names)
    for part in np.array_split(shuffled, min(FOLDS, len(shuffled))):
        is_held = np.isin(groups, part)
        if not is_held.all():
            yield is_held


def _predict_path(trained: Matrix, ratings: Values, tested: Matrix) -> Values:
    """Predictions of rows by every penalty, shape (penalties, rows)."""
    mean, level = trained.mean(axis=0), ratings.mean()
    centered, tests = trained - mean, tested - mean
    if len(trained) <= trained.shape[1]:  # by the products of rows, which are fewer
        values, vectors = eigh(centered @ centered.T)
        left, right = (tests @ centered.T) @ vectors, vectors.T @ (ratings - level)
    else:
        values, vectors = eigh(centered.T @ centered)
        left, right = tests @ vectors, vectors.T @ (centered.T @ (ratings - level))
    penalties = np.array(PENALTIES)[:, None] * trained.shape[1]
    return np.asarray((right / (values.clip(0) + penalties)) @ left.T + level)


def _solve(matrix: Matrix, ratings: Values, penalty: float) -> tuple[Values, float]:
    """Slopes and offset of the ridge regression; the offset is not penalized."""
    mean, level = matrix.mean(axis=0, dtype=np.float64), ratings.mean()
    targets, size = ratings - level, matrix.shape[1]
    if len(matrix) <= size:
        centered = matrix - mean
        products = centered @ centered.T
        products[np.diag_indices(len(matrix))] += penalty
        slopes = centered.T @ cho_solve(cho_factor(products, overwrite_a=True), targets)
        return slopes, float(level - mean @ slopes)
    products, right = np.zeros((size, size)), np.zeros(size)
    for part in iter_chunks(matrix):
        products += matrix[part].T @ matrix[part]
        right += matrix[part].T @ targets[part]
    products -= len(matrix) * np.outer(mean, mean)
    products[np.diag_indices(size)] += penalty
    slopes = cho_solve(cho_factor(products, overwrite_a=True), right)
    return slopes, float(level - mean @ slopes)
