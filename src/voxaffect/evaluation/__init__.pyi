from .experiments import TrainingResult as TrainingResult, evaluate as evaluate, train as train
from .leaks import Leak as Leak, LeakCheck as LeakCheck, check_leaks as check_leaks
from .metrics.categorical import Scores as Scores
from .protocols import (
    PROTOCOLS as PROTOCOLS,
    Fold as Fold,
    Protocol as Protocol,
    get_protocol as get_protocol,
    random_split as random_split,
)
from .result import Evaluation as Evaluation, FoldResult as FoldResult, GroupScores as GroupScores
from .runner import (
    HoldoutResult as HoldoutResult,
    evaluate_conditions as evaluate_conditions,
    evaluate_estimator as evaluate_estimator,
    hold_out as hold_out,
)
from .splits import read_split as read_split, write_split as write_split
from .studies import (
    Study as Study,
    System as System,
    SystemResult as SystemResult,
    evaluate_systems as evaluate_systems,
)
