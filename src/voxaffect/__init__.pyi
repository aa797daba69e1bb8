"""Public names for type checkers; the package imports each when it is used."""

from .audio import (
    Signal as Signal,
    read as read,
)
from .corpora import Utterance as Utterance
from .diagnosis import diagnose as diagnose
from .errors import VoxaffectError as VoxaffectError
from .evaluation import (
    Evaluation as Evaluation,
    Study as Study,
    System as System,
    TrainingResult as TrainingResult,
    evaluate as evaluate,
    evaluate_estimator as evaluate_estimator,
    evaluate_systems as evaluate_systems,
    read_split as read_split,
    train as train,
)
from .extraction import (
    FeatureCache as FeatureCache,
    extract as extract,
)
from .features import (
    FeatureSpec as FeatureSpec,
    compute_features as compute_features,
    get_feature_spec as get_feature_spec,
)
from .models import (
    Model as Model,
    load as load,
)
from .recognition import (
    Prediction as Prediction,
    Segment as Segment,
    Smoothing as Smoothing,
    Stream as Stream,
    Timeline as Timeline,
    Update as Update,
    Window as Window,
    explain as explain,
    measure_adaptation as measure_adaptation,
    predict as predict,
    predict_channels as predict_channels,
    predict_many as predict_many,
    timeline as timeline,
    timeline_many as timeline_many,
)
from .training import (
    Dataset as Dataset,
    augment_dataset as augment_dataset,
    export as export,
    fit as fit,
    get_recipe as get_recipe,
    join_datasets as join_datasets,
    load_dataset as load_dataset,
    make_estimator as make_estimator,
)
from .training.encoders import (
    download_encoder as download_encoder,
    open_encoder as open_encoder,
)
from .training.transformer import FeatureExtractor as FeatureExtractor
from .tutorial import (
    emotions as emotions,
    extract_feature as extract_feature,
    load_data as load_data,
    observed_emotions as observed_emotions,
)

__version__: str
