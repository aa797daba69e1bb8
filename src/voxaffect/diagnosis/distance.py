"""Distance: likeness of the features to the training data."""

from __future__ import annotations

from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding
from voxaffect.recognition.display import format_apart


def judge_distance(case: Case) -> Finding:
    """Judge the distance from the training data. Its topic is ``likeness``."""
    limits = case.card.distances
    if case.distance is None or not {"95", "99"} <= set(limits):
        return Finding("likeness", "the model does not describe its training data")
    distance, limit = format_apart(case.distance, limits["95"])
    text = f"distance {distance} from the training data, of which 95 % are within {limit}"
    finding = Finding("likeness", text, case.distance, "sd")
    if case.distance < limits["95"]:
        return finding
    is_far = case.distance >= limits["99"]
    return finding.flag(
        PROBLEM if is_far else WARNING,
        f"Less typical than {99 if is_far else 95} % of the training data: accuracy on such "
        "recordings was not measured.",
        "Mend first what else is listed here. Is it one person's speech, without music? "
        "Similar recordings in the training data help.",
    )
