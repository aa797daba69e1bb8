"""Length: long enough to recognize, short enough for one emotion."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from voxaffect.audio import MIN_SECONDS
from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding

LONG_SECONDS: Final = 15.0


def judge_length(case: Case) -> Finding:
    """Judge the length of the recording."""
    recording = case.recording
    finding = Finding("length", f"{recording.seconds:.2f} s", recording.seconds, "s")
    if int(MIN_SECONDS * recording.rate_hz) > len(recording.samples):
        return finding.flag(
            PROBLEM,
            f"Too short to recognize: less than {MIN_SECONDS} s. No emotion is predicted.",
            "Record a whole sentence, two to four seconds.",
        )
    if recording.seconds <= LONG_SECONDS:
        return finding
    if not recording.is_whole:
        examined_seconds = len(recording.samples) / recording.rate_hz
        text = f"{finding.text}, of which the first {examined_seconds:.0f} were examined"
        finding = replace(finding, text=text)
    return finding.flag(
        WARNING,
        "The model was trained on single sentences. In a long recording, emotions change.",
        "Cut it into sentences, or ask for emotion over time: voxaffect timeline.",
    )
