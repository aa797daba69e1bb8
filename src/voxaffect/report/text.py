"""Evaluations as text and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from voxaffect.evaluation import Evaluation
from voxaffect.formats import aligned

_METRICS = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro-F1"}


def to_text(evaluations: Mapping[str, Evaluation]) -> str:
    """Scores side by side, then a confusion matrix for each.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By what was evaluated, such as ``mlp, random split``.

    Returns
    -------
    str
    """
    rows = [["", "folds", *_METRICS.values()]]
    for name, evaluation in evaluations.items():
        cells = [f"{v['mean']:.3f} ± {v['sd']:.3f}" for v in evaluation.summary.values()]
        rows.append([name, str(len(evaluation.folds)), *cells])
    protocols = {e.protocol.name: e.protocol.summary for e in evaluations.values()}
    notes = [f"{name}: {summary}." for name, summary in protocols.items()]
    matrices = [_details(name, evaluation) for name, evaluation in evaluations.items()]
    heading = "Mean ± standard deviation over folds\n"
    return "\n".join([heading + aligned(rows), "\n".join(notes) + "\n", *matrices])


def _details(name: str, evaluation: Evaluation) -> str:
    """Interval, calibration, sexes, and utterances by true (row) and recognised emotion."""
    low, high = evaluation.interval
    facts = [
        f"UAR of all, 95 % interval over speakers: {low:.3f} to {high:.3f}",
        f"calibration error (ECE): {evaluation.calibration_error:.3f}",
        *(f"UAR, {sex}: {value:.3f}" for sex, value in evaluation.by_sex.items()),
    ]
    rows = [["true \\ recognised", "", *evaluation.emotions, "recall"]]
    for place, (emotion, counts) in enumerate(
        zip(evaluation.emotions, evaluation.confusion, strict=True)
    ):
        recall = f"{counts[place] / counts.sum():.2f}" if counts.sum() else "–"
        rows.append([emotion, "", *map(str, counts), recall])
    return "\n".join([name, *facts, aligned(rows)])


def to_json(evaluations: Mapping[str, Evaluation]) -> str:
    """Everything but the probabilities, for programs."""
    document = {
        name: {
            "protocol": evaluation.protocol.name,
            "new_voices": evaluation.protocol.new_voices,
            "emotions": evaluation.emotions,
            "summary": evaluation.summary,
            "folds": [
                {
                    "name": result.fold.name,
                    "train": len(result.fold.train),
                    "test": len(result.fold.test),
                    **asdict(result.scores),
                }
                for result in evaluation.folds
            ],
            "confusion": evaluation.confusion.tolist(),
            "interval": evaluation.interval,
            "calibration_error": evaluation.calibration_error,
            "by_sex": evaluation.by_sex,
        }
        for name, evaluation in evaluations.items()
    }
    return json.dumps(document, indent=2) + "\n"
