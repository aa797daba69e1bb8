"""Training: recipes, fitting, and the export to a model file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import TrainingError, extra
from voxaffect.training.dataset import Dataset, gather, observed
from voxaffect.training.export import export
from voxaffect.training.recipes import OBSERVED_EMOTIONS, RECIPES, Recipe, recipe, recipe_named

__all__ = [
    "OBSERVED_EMOTIONS",
    "RECIPES",
    "Dataset",
    "Recipe",
    "export",
    "fit",
    "gather",
    "observed",
    "recipe",
    "recipe_named",
    "seeded",
]


def fit(pipeline: Any, matrix: NDArray[np.float32], emotions: Sequence[str]) -> Any:
    """Fit a pipeline to features and emotions.

    Parameters
    ----------
    pipeline : scikit-learn estimator
        Fitted in place.
    matrix : ndarray, shape (n, d), finite
    emotions : sequence of str, length n
        At least two different ones.

    Returns
    -------
    The pipeline.

    Raises
    ------
    TrainingError
        If there is nothing to tell apart, or NaN among the features.
    """
    if len(matrix) != len(emotions):
        raise TrainingError(f"{len(matrix)} rows of features for {len(emotions)} emotions.")
    found = sorted(set(emotions))
    if len(found) < 2:
        raise TrainingError(
            f"at least two emotions are needed to train, found {', '.join(found) or 'none'}."
        )
    if not np.isfinite(matrix).all():
        raise TrainingError("NaN or infinite features.")
    with extra("train"):
        from sklearn.exceptions import ConvergenceWarning
    with warnings.catch_warnings():
        # Stopping after the recipe's iterations, and batches cut to small data, are the recipe.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than")
        return pipeline.fit(matrix.astype(np.float64), np.asarray(emotions))


def seeded(estimator: Any, seed: int) -> Any:
    """Return an unfitted copy of an estimator with every ``random_state`` in it set to the seed."""
    with extra("train"):
        from sklearn.base import clone
    copy = clone(estimator)
    states = {key: seed for key in copy.get_params() if key.split("__")[-1] == "random_state"}
    return copy.set_params(**states)
