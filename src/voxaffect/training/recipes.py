"""Recipes: a name becomes a scikit-learn pipeline, unfitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral
from reprlib import repr as shortened
from typing import Any

from voxaffect.errors import ArgumentError, TrainingError, extra
from voxaffect.features import ENCODER, get_feature_names, get_feature_spec
from voxaffect.plugins import Plugin, Registry, guard
from voxaffect.records.arguments import check_kind, is_known
from voxaffect.training.augmentation.policy import Augmentation


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
        Of the set, as for `get_feature_spec`.
    emotions : tuple of str, optional
        Emotions that `train` keeps by default; all where none are named.
    augmentation : Augmentation, optional
        Copies to train on; none by default.
    encoder : str, optional
        Pretrained encoder whose hidden states are the features, for the features ``encoder``.
    is_finetuned : bool
        Whether the encoder is trained, too.
    """

    name: str
    summary: str
    build: Callable[[int], Any]
    features: str = "classic"
    groups: tuple[str, ...] | None = None
    emotions: tuple[str, ...] | None = None
    augmentation: Augmentation | None = None
    encoder: str | None = None
    is_finetuned: bool = False


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
FUNCTIONALS_C, COVARIANCE_C = 0.0015, 0.001
"""The same, where a regression sees one group of the features."""


def _logistic(seed: int, penalty_c: float = LOGISTIC_C) -> Any:
    with extra("train"):
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
    from voxaffect.training.estimators import ClippedScaler

    classifier = LogisticRegression(
        C=penalty_c, class_weight="balanced", max_iter=150, random_state=seed
    )
    return make_pipeline(ClippedScaler(), classifier)


def _ensemble(seed: int) -> Any:
    from voxaffect.training.estimators import Ensemble

    split, end = _count_features(("functionals",), None)
    members = [
        (_logistic(seed), 0, end),
        (_logistic(seed, FUNCTIONALS_C), 0, split),
        (_logistic(seed, COVARIANCE_C), split, end),
    ]
    return Ensemble(members, random_state=seed)


def _networks(seed: int) -> Any:
    from voxaffect.training import network  # noqa: F401 (reports early what is not installed)
    from voxaffect.training.estimators import Ensemble, NetworkClassifier

    split, end = _count_features(None, NETWORK_GROUPS)
    members = [
        (_logistic(seed), 0, split),
        (NetworkClassifier(NETWORKS, random_state=seed), split, end),
    ]
    stand_ins = [_logistic(seed), NetworkClassifier(random_state=seed)]
    return Ensemble(members, groups=NETWORKS, stand_ins=stand_ins, random_state=seed)


def _encoder(seed: int) -> Any:
    from voxaffect.training.estimators import BalancedLogistic

    return BalancedLogistic(random_state=seed)


def _finetune(seed: int) -> Any:
    import voxaffect.training.encoders.finetuning  # noqa: F401 (reports early what is missing)
    from voxaffect.training.finetuned import FinetunedClassifier

    return FinetunedClassifier(random_state=seed)


def _count_features(*groups: tuple[str, ...] | None) -> list[int]:
    """Number of features in groups of `affect`; None stands for the default groups."""
    return [len(get_feature_names(get_feature_spec("affect", groups=some))) for some in groups]


ENCODER_COPIES = Augmentation(mixed_copies=3, babble_probability=0.4)
"""A third of the mixed copies has background speech, with which an encoder of speech is weakest."""
NETWORKS = 2
"""Networks of `networks` from different seeds, and groups of speakers that one each is tried on."""
NETWORK_GROUPS = ("functionals", "covariance", "logmel")

_RECIPES: Mapping[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            "tutorial",
            "the tutorial's MLP on raw features and four emotions, as written",
            _tutorial,
            emotions=OBSERVED_EMOTIONS,
        ),
        Recipe("mlp", "standardized features, then the tutorial's MLP", _mlp),
        Recipe(
            "logistic",
            "standardized features, then logistic regression: the fast default",
            _logistic,
            features="affect",
            augmentation=Augmentation(),
        ),
        Recipe(
            "ensemble",
            "three regressions, on all features and on each group, calibrated",
            _ensemble,
            features="affect",
            augmentation=Augmentation(),
        ),
        Recipe(
            "networks",
            "logistic and two small networks trained from scratch, calibrated",
            _networks,
            features="affect",
            groups=NETWORK_GROUPS,
            augmentation=Augmentation(),
        ),
        Recipe(
            "encoder",
            "hidden states of a pretrained encoder, then a balanced regression, calibrated",
            _encoder,
            features=ENCODER,
            augmentation=ENCODER_COPIES,
            encoder="base",
        ),
        Recipe(
            "finetuned",
            "encoder, with the upper layers of the encoder trained too: slow without a GPU",
            _finetune,
            features=ENCODER,
            augmentation=ENCODER_COPIES,
            encoder="base",
            is_finetuned=True,
        ),
    )
}


def _read_plugin(plugin: Plugin, value: object) -> Recipe:
    if not isinstance(value, Recipe):
        raise ValueError(f"expected a voxaffect.training.Recipe, found {type(value).__name__}")
    if value.name != plugin.name:
        raise ValueError(f"expected the name of the entry point, found {value.name!r}")
    return replace(value, build=guard(plugin, value.build))


RECIPES = Registry("recipes", _RECIPES, _read_plugin)
"""Every recipe by its name, also those of plug-ins."""
DEFAULT_RECIPES: Mapping[str, str] = {"affect": "logistic", "classic": "mlp", ENCODER: "encoder"}
"""By feature set; the first is the default of all."""


_PLUGIN_RECIPE = "logistic"
"""For feature sets of plug-ins."""
DEFAULT_FEATURES = next(iter(DEFAULT_RECIPES))
DEFAULT_SEED = 9
"""Seed of the tutorial."""


def choose_recipe(recipe: str | Recipe | None, features: str | None) -> Recipe:
    """Recipe that is given or named, or else the one advised for the features.

    Raises
    ------
    TrainingError
        If there is none of that name.
    """
    if isinstance(recipe, Recipe):
        return recipe
    advised = DEFAULT_RECIPES.get(features or DEFAULT_FEATURES, _PLUGIN_RECIPE)
    return get_recipe(recipe or advised)


def get_recipe(name: str) -> Recipe:
    """Recipe of a name.

    Raises
    ------
    TrainingError
        If there is none of that name.

    Examples
    --------
    >>> va.get_recipe("logistic").features
    'affect'
    """
    if not is_known(name, RECIPES):
        raise TrainingError(f"no recipe named {name!r}; there are: {', '.join(RECIPES)}.")
    return RECIPES[name]


def make_estimator(name: str, seed: int = 0) -> Any:
    """Make the unfitted scikit-learn pipeline of a recipe.

    Raises
    ------
    TrainingError
        If there is none of that name.

    Examples
    --------
    >>> list(va.make_estimator("mlp", seed=9).named_steps)
    ['standardscaler', 'mlpclassifier']
    """
    chosen = get_recipe(name)
    check_kind(seed, Integral, "seed", "a whole number")
    if not 0 <= seed < 2**32:  # as scikit-learn and NumPy take it
        raise ArgumentError(f"seed: expected 0 to {2**32 - 1}, found {shortened(seed)}.")
    return chosen.build(seed)
