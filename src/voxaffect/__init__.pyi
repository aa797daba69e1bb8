"""Public names for type checkers; the package imports each when it is used."""

from .audio import (
    Signal as Signal,
)
from .audio import (
    read as read,
)
from .corpora import Utterance as Utterance
from .diagnosis import diagnose as diagnose
from .errors import VoxaffectError as VoxaffectError
from .evaluation import (
    Evaluation as Evaluation,
)
from .evaluation import (
    Study as Study,
)
from .evaluation import (
    System as System,
)
from .evaluation import (
    TrainingResult as TrainingResult,
)
from .evaluation import (
    evaluate as evaluate,
)
from .evaluation import (
    evaluate_estimator as evaluate_estimator,
)
from .evaluation import (
    evaluate_systems as evaluate_systems,
)
from .evaluation import (
    read_split as read_split,
)
from .evaluation import (
    train as train,
)
from .extraction import (
    FeatureCache as FeatureCache,
)
from .extraction import (
    extract as extract,
)
from .features import (
    FeatureSpec as FeatureSpec,
)
from .features import (
    compute_features as compute_features,
)
from .features import (
    get_feature_spec as get_feature_spec,
)
from .models import (
    Model as Model,
)
from .models import (
    load as load,
)
from .recognition import (
    Prediction as Prediction,
)
from .recognition import (
    Segment as Segment,
)
from .recognition import (
    Smoothing as Smoothing,
)
from .recognition import (
    Stream as Stream,
)
from .recognition import (
    Timeline as Timeline,
)
from .recognition import (
    Update as Update,
)
from .recognition import (
    Window as Window,
)
from .recognition import (
    enroll_speaker as enroll_speaker,
)
from .recognition import (
    explain as explain,
)
from .recognition import (
    predict as predict,
)
from .recognition import (
    predict_channels as predict_channels,
)
from .recognition import (
    predict_many as predict_many,
)
from .recognition import (
    timeline as timeline,
)
from .training import (
    Dataset as Dataset,
)
from .training import (
    augment_dataset as augment_dataset,
)
from .training import (
    export as export,
)
from .training import (
    fit as fit,
)
from .training import (
    get_recipe as get_recipe,
)
from .training import (
    load_dataset as load_dataset,
)
from .training import (
    make_estimator as make_estimator,
)
from .training.transformer import FeatureExtractor as FeatureExtractor
from .tutorial import (
    emotions as emotions,
)
from .tutorial import (
    extract_feature as extract_feature,
)
from .tutorial import (
    load_data as load_data,
)
from .tutorial import (
    observed_emotions as observed_emotions,
)

__version__: str
