"""Evaluation: an estimator, features and a protocol become honest numbers."""

from __future__ import annotations

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
from voxaffect.evaluation.runner import HeldOut, evaluate, evaluate_conditions, held_out
from voxaffect.evaluation.splits import read_split, write_split
from voxaffect.evaluation.studies import Found, Study, System, study

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
    "check_leaks",
    "evaluate",
    "evaluate_conditions",
    "held_out",
    "protocol_named",
    "random_split",
    "read_split",
    "study",
    "write_split",
]
