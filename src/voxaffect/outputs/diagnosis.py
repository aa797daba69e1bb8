"""Diagnoses as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from voxaffect.diagnosis import Diagnosis
from voxaffect.diagnosis.findings import OK, Finding
from voxaffect.files import escape_control

_WIDTH = 100


def show_diagnoses(diagnoses: Sequence[Diagnosis]) -> str:
    """One block a recording: answer, trust, then a line a finding with advice where it helps."""
    notes = dict.fromkeys(line for diagnosis in diagnoses for line in _meaning(diagnosis))
    return "\n".join([*map(_block, diagnoses), *(f"{note}\n" for note in notes)])


def _meaning(diagnosis: Diagnosis) -> list[str]:
    """Say what high trust is at best: as good as where the model was measured on new voices."""
    lines = [
        f"High trust means: as where the model was measured, UAR {metrics['uar']['mean']:.3f} "
        f"({escape_control(protocol)})."
        for protocol, metrics in diagnosis.scores.items()
        if "uar" in metrics and not protocol.startswith("random")
    ]
    return lines or [
        "This model states no measurement on new voices: high trust says no more than that "
        "nothing is wrong with the recording."
    ]


def _block(diagnosis: Diagnosis) -> str:
    reasons = ", ".join(diagnosis.reasons)
    flaws = [finding for finding in diagnosis.findings if finding.verdict != OK]
    fine = [finding for finding in diagnosis.findings if finding.verdict == OK]
    grave = sorted(flaws, key=lambda finding: finding.verdict)  # problem before warning
    lines = [
        escape_control(diagnosis.source),
        f"  trust in the answer: {diagnosis.trust}{': ' if reasons else ''}{reasons}",
    ]
    for finding in (*grave, *fine):
        lines += _lines(finding)
    return "\n".join(lines) + "\n"


def _lines(finding: Finding) -> list[str]:
    advice = " ".join(filter(None, (finding.effect, finding.remedy)))
    indent = " " * 22
    wrapped = textwrap.wrap(advice, _WIDTH - len(indent)) if advice else []
    head = f"  {finding.verdict:8} {finding.topic:10} {escape_control(finding.text)}"
    return [head, *(indent + line for line in wrapped)]
