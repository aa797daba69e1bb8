"""Evaluation: an estimator, features and a protocol become honest numbers."""

from __future__ import annotations

from voxaffect.evaluation.experiments import TrainingResult, evaluate, train
from voxaffect.evaluation.leaks import Leak, LeakCheck, check_leaks
from voxaffect.evaluation.metrics.categorical import Scores
from voxaffect.evaluation.protocols import (
    PROTOCOLS,
    Fold,
    Protocol,
    get_protocol,
    random_split,
)
from voxaffect.evaluation.result import Evaluation, FoldResult, GroupScores
from voxaffect.evaluation.runner import (
    HoldoutResult,
    evaluate_conditions,
    evaluate_estimator,
    hold_out,
)
from voxaffect.evaluation.splits import read_split, write_split
from voxaffect.evaluation.studies import Study, System, SystemResult, evaluate_systems

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Fold",
    "FoldResult",
    "GroupScores",
    "HoldoutResult",
    "Leak",
    "LeakCheck",
    "Protocol",
    "Scores",
    "Study",
    "System",
    "SystemResult",
    "TrainingResult",
    "check_leaks",
    "evaluate",
    "evaluate_conditions",
    "evaluate_estimator",
    "evaluate_systems",
    "get_protocol",
    "hold_out",
    "random_split",
    "read_split",
    "train",
    "write_split",
]
