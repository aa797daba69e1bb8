from .adaptation import Adaptation as Adaptation, AdaptationDecision as AdaptationDecision
from .batch import Batch as Batch, predict_many as predict_many, timeline_many as timeline_many
from .explanation import Explanation as Explanation, explain as explain
from .iteration import (
    iter_predictions as iter_predictions,
    iter_timelines as iter_timelines,
)
from .measurement import measure_adaptation as measure_adaptation
from .prediction import (
    Prediction as Prediction,
    predict as predict,
    predict_channels as predict_channels,
)
from .timelines.offline import timeline as timeline
from .timelines.segments import (
    Event as Event,
    Overlap as Overlap,
    Segment as Segment,
    Timeline as Timeline,
    Update as Update,
    Utterance as Utterance,
    Window as Window,
)
from .timelines.smoothing import Smoothing as Smoothing
from .timelines.stream import Stream as Stream
from .timelines.summary import SpeechSummary as SpeechSummary, Summary as Summary
