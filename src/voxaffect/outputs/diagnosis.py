"""Diagnoses as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from voxaffect.diagnosis import Diagnosis
from voxaffect.diagnosis.findings import OK, PROBLEM, WARNING, Finding
from voxaffect.files import escape_control
from voxaffect.models.card import describe_protocol

VERDICTS = (PROBLEM, WARNING, OK)
_WIDTH = 100


def show_diagnoses(diagnoses: Sequence[Diagnosis]) -> str:
    """Show a block for each recording: its trust, then a line for each finding, with advice."""
    notes = dict.fromkeys(_explain_trust(diagnosis) for diagnosis in diagnoses)
    return "\n".join([*map(_show_diagnosis, diagnoses), *notes])


def _explain_trust(diagnosis: Diagnosis) -> str:
    """Explain high trust by the scores of the model on new speakers.

    UAR is the mean share of right answers over the emotions, not the share of right answers.
    """
    lines = [
        f"  {100 * metrics['uar']['mean']:.0f}  (UAR {metrics['uar']['mean']:.3f}) "
        f"{escape_control(describe_protocol(protocol))}\n"
        for protocol, metrics in diagnosis.scores.items()
        if "uar" in metrics and not protocol.startswith("random")
    ]
    if not lines:
        return (
            "This model has no scores on new speakers. High trust only means that no problem of "
            "the recording was found.\n"
        )
    heading = (
        "High trust means: as good as in our tests. Of 100 of each emotion, so many were right on "
        "average:\n"
    )
    return "".join([heading, *lines])


def _show_diagnosis(diagnosis: Diagnosis) -> str:
    reasons = ", ".join(diagnosis.reasons)
    lines = [
        escape_control(diagnosis.source),
        f"  trust in the answer: {diagnosis.trust}{': ' if reasons else ''}{reasons}",
    ]
    for finding in sorted(diagnosis.findings, key=lambda one: VERDICTS.index(one.verdict)):
        lines += _show_finding(finding)
    return "\n".join(lines) + "\n"


def _show_finding(finding: Finding) -> list[str]:
    indent = " " * 22
    wrapped = textwrap.wrap(finding.advice, _WIDTH - len(indent)) if finding.advice else []
    head = f"  {finding.verdict:8} {finding.topic:10} {escape_control(finding.text)}"
    return [head, *(indent + line for line in wrapped)]
