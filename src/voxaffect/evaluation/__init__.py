"""Evaluation: an estimator, features and a protocol become honest numbers."""

from __future__ import annotations

from voxaffect.evaluation.experiments import TrainingResult, evaluate, train
from voxaffect.evaluation.leaks import Leak, LeakCheck, check_leaks
from voxaffect.evaluation.metrics.categorical import Scores
from voxaffect.evaluation.protocols import (
    PROTOCOLS,
    Fold,
    Protocol,
    protocol_named,
    random_split,
)
from voxaffect.evaluation.result import Evaluation, FoldResult, Group
from voxaffect.evaluation.runner import HeldOut, evaluate_conditions, evaluate_estimator, held_out
from voxaffect.evaluation.splits import read_split, write_split
from voxaffect.evaluation.studies import Found, Study, System, evaluate_systems

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Fold",
    "FoldResult",
    "Found",
    "Group",
    "HeldOut",
    "Leak",
    "LeakCheck",
    "Protocol",
    "Scores",
    "Study",
    "System",
    "TrainingResult",
    "check_leaks",
    "evaluate",
    "evaluate_conditions",
    "evaluate_estimator",
    "evaluate_systems",
    "held_out",
    "protocol_named",
    "random_split",
    "read_split",
    "train",
    "write_split",
]
