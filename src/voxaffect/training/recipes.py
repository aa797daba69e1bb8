"""Recipes: a name becomes a scikit-learn pipeline, unfitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from voxaffect.errors import TrainingError, extra


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Parameters
    ----------
    name : str
    summary : str
        One line for ``--help``.
    build : callable
        From a seed to an unfitted scikit-learn pipeline.
    emotions : tuple of str, optional
        What `train` keeps unless told otherwise; all by default.
    """

    name: str
    summary: str
    build: Callable[[int], Any]
    emotions: tuple[str, ...] | None = None


OBSERVED_EMOTIONS = ("calm", "happy", "fearful", "disgust")
"""The four emotions that the tutorial keeps."""


def _tutorial_mlp(seed: int) -> Any:
    """Return the tutorial's classifier, with its parameters and a seed."""
    with extra("train"):
        from sklearn.neural_network import MLPClassifier
    return MLPClassifier(
        alpha=0.01,
        batch_size=256,
        epsilon=1e-08,
        hidden_layer_sizes=(300,),
        learning_rate="adaptive",
        max_iter=500,
        random_state=seed,
    )


def _tutorial(seed: int) -> Any:
    with extra("train"):
        from sklearn.pipeline import make_pipeline
    return make_pipeline(_tutorial_mlp(seed))


def _mlp(seed: int) -> Any:
    with extra("train"):
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    return make_pipeline(StandardScaler(), _tutorial_mlp(seed))


RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "tutorial",
            "the tutorial's MLP on raw features and four emotions, as written",
            _tutorial,
            OBSERVED_EMOTIONS,
        ),
        Recipe("mlp", "standardised features, then the tutorial's MLP", _mlp),
    )
}


def recipe_named(name: str) -> Recipe:
    """Look a recipe up.

    Raises
    ------
    TrainingError
        If there is none of that name.
    """
    if name not in RECIPES:
        raise TrainingError(f"no recipe named {name!r}; there are: {', '.join(RECIPES)}.")
    return RECIPES[name]


def recipe(name: str, seed: int = 0) -> Any:
    """Return the unfitted scikit-learn pipeline of a recipe.

    Raises
    ------
    TrainingError
        If there is none of that name.
    """
    return recipe_named(name).build(seed)
