from .augmentation.policy import Augmentation as Augmentation
from .dataset import (
    LEAST_CORPORA as LEAST_CORPORA,
    AugmentedCopies as AugmentedCopies,
    Corpora as Corpora,
    Dataset as Dataset,
    LoadOptions as LoadOptions,
    TrainingRows as TrainingRows,
    augment_dataset as augment_dataset,
    join_datasets as join_datasets,
    load_dataset as load_dataset,
    load_training_data as load_training_data,
    match_emotion as match_emotion,
    read_utterances as read_utterances,
    select_emotions as select_emotions,
)
from .fitting import (
    attach_inputs as attach_inputs,
    can_use_soft_labels as can_use_soft_labels,
    check_estimator as check_estimator,
    clone_with_seed as clone_with_seed,
    describe_weights as describe_weights,
    fit as fit,
)
from .model_file import export as export
from .recipes import (
    DEFAULT_FEATURES as DEFAULT_FEATURES,
    DEFAULT_RECIPES as DEFAULT_RECIPES,
    DEFAULT_SEED as DEFAULT_SEED,
    OBSERVED_EMOTIONS as OBSERVED_EMOTIONS,
    RECIPES as RECIPES,
    Recipe as Recipe,
    choose_recipe as choose_recipe,
    get_recipe as get_recipe,
    make_estimator as make_estimator,
)
