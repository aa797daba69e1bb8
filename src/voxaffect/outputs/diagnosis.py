"""Diagnoses as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from voxaffect.diagnosis import Diagnosis
from voxaffect.diagnosis.findings import OK, PROBLEM, WARNING, Finding
from voxaffect.files import escape_control

VERDICTS = (PROBLEM, WARNING, OK)
_WIDTH = 100


def show_diagnoses(diagnoses: Sequence[Diagnosis]) -> str:
    """Show a block for each recording: its trust, then a line for each finding, with advice."""
    notes = dict.fromkeys(line for diagnosis in diagnoses for line in _explain_trust(diagnosis))
    return "\n".join([*map(_show_diagnosis, diagnoses), *(f"{note}\n" for note in notes)])


def _explain_trust(diagnosis: Diagnosis) -> list[str]:
    """Explain high trust by the scores of the model on new speakers."""
    lines = [
        "High trust means: as good as in our tests, where about "
        f"{100 * metrics['uar']['mean']:.0f} of 100 were right "
        f"(UAR {metrics['uar']['mean']:.3f}, {escape_control(protocol)})."
        for protocol, metrics in diagnosis.scores.items()
        if "uar" in metrics and not protocol.startswith("random")
    ]
    return lines or [
        "This model has no scores on new speakers. High trust only means that no problem of the "
        "recording was found."
    ]


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
    advice = " ".join(filter(None, (finding.effect, finding.remedy)))
    indent = " " * 22
    wrapped = textwrap.wrap(advice, _WIDTH - len(indent)) if advice else []
    head = f"  {finding.verdict:8} {finding.topic:10} {escape_control(finding.text)}"
    return [head, *(indent + line for line in wrapped)]
