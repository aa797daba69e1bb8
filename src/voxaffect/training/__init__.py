"""Training: recipes, fitting, and the export to a model file."""

from __future__ import annotations

from voxaffect.training.augmentation.policy import Augmentation
from voxaffect.training.dataset import (
    LEAST_CORPORA,
    AugmentedCopies,
    Corpora,
    Dataset,
    LoadOptions,
    TrainingRows,
    augment_dataset,
    join_datasets,
    load_dataset,
    load_training_data,
    match_emotion,
    read_utterances,
    select_emotions,
)
from voxaffect.training.fitting import (
    attach_inputs,
    check_estimator,
    clone_with_seed,
    describe_weights,
    fit,
)
from voxaffect.training.model_file import export
from voxaffect.training.recipes import (
    DEFAULT_FEATURES,
    DEFAULT_RECIPES,
    DEFAULT_SEED,
    OBSERVED_EMOTIONS,
    RECIPES,
    Recipe,
    choose_recipe,
    get_recipe,
    make_estimator,
)

__all__ = [
    "DEFAULT_FEATURES",
    "DEFAULT_RECIPES",
    "DEFAULT_SEED",
    "LEAST_CORPORA",
    "OBSERVED_EMOTIONS",
    "RECIPES",
    "Augmentation",
    "AugmentedCopies",
    "Corpora",
    "Dataset",
    "LoadOptions",
    "Recipe",
    "TrainingRows",
    "attach_inputs",
    "augment_dataset",
    "check_estimator",
    "choose_recipe",
    "clone_with_seed",
    "describe_weights",
    "export",
    "fit",
    "get_recipe",
    "join_datasets",
    "load_dataset",
    "load_training_data",
    "make_estimator",
    "match_emotion",
    "read_utterances",
    "select_emotions",
]
