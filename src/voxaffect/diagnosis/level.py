"""Level: silent, quiet and far too loud recordings."""

from __future__ import annotations

from typing import Final

from voxaffect.audio import MAX_PEAK
from voxaffect.diagnosis.channels import CANCELED_DB
from voxaffect.diagnosis.findings import HIGH, PROBLEM, TAKE_ONE_CHANNEL, WARNING, Case, Finding
from voxaffect.diagnosis.format import FINE
from voxaffect.diagnosis.sound import to_decibels

QUIET_DB: Final = -57.0
FAINT_DB: Final = -70.0
STEP_DB: Final = -90.3
"""One step of 16 bits."""
LOUD_PEAK: Final = 2.0
"""Lossy files of full scale decode to somewhat over it, and never to twice."""


def judge_level(case: Case) -> Finding:
    """Judge the level of the speech."""
    measures = case.measures
    peak_db = to_decibels(measures.peak**2)
    if measures.is_silent or measures.sound is None:
        return _judge_unusable(case, peak_db)
    level_db = to_decibels(measures.sound.speech.power)
    text = f"{case.subject} at {level_db:.1f} dBFS, peak at {peak_db:.1f}"
    finding = Finding("level", text, level_db, "dBFS")
    if measures.peak > LOUD_PEAK:
        return finding.flag(
            WARNING,
            f"Samples reach {measures.peak:,.0f}, and full scale is 1. The answer does not "
            "depend on level, but a player clips it, and so does saving it as integers.",
            "Divide integers in a float array by their full scale: 32768 for 16 bits.",
            trust=HIGH,
        )
    if level_db >= QUIET_DB or case.recording.encoding in FINE:
        return finding
    bits = max(0.0, (level_db - STEP_DB) / 6.02)
    return finding.flag(
        PROBLEM if level_db < FAINT_DB else WARNING,
        f"Level itself changes nothing, but the speech uses only {bits:.1f} of 16 bits. "
        + case.describe_cost("gain -20 dB, 16 bit"),
        "Raise the microphone's gain. Raising the gain of the file does not restore the bits.",
    )


def _judge_unusable(case: Case, peak_db: float) -> Finding:
    measures = case.measures
    peak = f"peak at {peak_db:.1f} dBFS"
    if measures.is_silent:
        text = "silent" if len(measures.channels.levels_db) == 1 else "silent when mixed"
        is_canceled = measures.channels.mix_db <= CANCELED_DB
        return Finding("level", f"{text}, {peak}", peak_db, "dBFS").flag(
            PROBLEM,
            "There is no sound: no emotion is predicted.",
            TAKE_ONE_CHANNEL
            if is_canceled
            else "Check the microphone, its permission, and the export.",
        )
    finding = Finding("level", peak, peak_db, "dBFS")
    if measures.peak <= MAX_PEAK:
        return finding
    return finding.flag(
        PROBLEM,
        "No sound card gives such samples: no emotion is predicted.",
        "Normalize it to −1 to 1. Divide integers in a float array by their full scale.",
    )
