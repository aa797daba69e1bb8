"""Recipes: a name becomes a scikit-learn pipeline, unfitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from voxaffect.errors import TrainingError, extra
from voxaffect.features import feature_spec, names
from voxaffect.training.augmentation import Augmentation


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
    features : str
        The feature set it is made for.
    groups : tuple of str, optional
        Of the set, as for `feature_spec`.
    emotions : tuple of str, optional
        What `train` keeps unless told otherwise; all by default.
    augmentation : Augmentation, optional
        Copies to train on; none by default.
    """

    name: str
    summary: str
    build: Callable[[int], Any]
    features: str = "classic"
    groups: tuple[str, ...] | None = None
    emotions: tuple[str, ...] | None = None
    augmentation: Augmentation | None = None


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


LOGISTIC_C = 0.0007
"""Inverse strength of the penalty, with six copies of every utterance; see benchmarks/."""


def _logistic(seed: int) -> Any:
    with extra("train"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    from voxaffect.training.estimators import ClippedScaler

    classifier = LogisticRegression(C=LOGISTIC_C, max_iter=150, random_state=seed)
    return make_pipeline(ClippedScaler(), classifier)


def _ensemble(seed: int) -> Any:
    with extra("train"):
        from sklearn.neural_network import MLPClassifier
        from sklearn.pipeline import make_pipeline
    from voxaffect.training.estimators import ClippedScaler, Ensemble

    perceptron = MLPClassifier(
        (128,), alpha=1.0, batch_size=128, max_iter=12, tol=0.0, random_state=seed
    )
    end = len(names(feature_spec("affect")))
    members = [(_logistic(seed), 0, end), (make_pipeline(ClippedScaler(), perceptron), 0, end)]
    return Ensemble(members, random_state=seed)


def _accurate(seed: int) -> Any:
    from voxaffect.training import network  # noqa: F401 (says early what is not installed)
    from voxaffect.training.estimators import Ensemble, NetworkClassifier

    split, end = (len(names(feature_spec("affect", groups=groups)))
                  for groups in (None, ACCURATE_GROUPS))  # fmt: skip
    members = [(_logistic(seed), 0, split), (NetworkClassifier(random_state=seed), split, end)]
    return Ensemble(members, random_state=seed)


ACCURATE_GROUPS = ("functionals", "covariance", "logmel")

RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "tutorial",
            "the tutorial's MLP on raw features and four emotions, as written",
            _tutorial,
            emotions=OBSERVED_EMOTIONS,
        ),
        Recipe("mlp", "standardised features, then the tutorial's MLP", _mlp),
        Recipe(
            "logistic",
            "affect features, augmented, then logistic regression: the fast default",
            _logistic,
            features="affect",
            augmentation=Augmentation(),
        ),
        Recipe(
            "ensemble",
            "logistic and a multi-layer perceptron, calibrated",
            _ensemble,
            features="affect",
            augmentation=Augmentation(),
        ),
        Recipe(
            "accurate",
            "logistic and a small network trained from scratch, calibrated",
            _accurate,
            features="affect",
            groups=ACCURATE_GROUPS,
            augmentation=Augmentation(),
        ),
    )
}
DEFAULT_RECIPES: Mapping[str, str] = {"affect": "logistic", "classic": "mlp"}
"""By feature set; the first is the default of all."""


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
