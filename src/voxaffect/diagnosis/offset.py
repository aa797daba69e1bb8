"""Offset: a constant that the sound card adds to every sample."""

from __future__ import annotations

from typing import Final

from voxaffect.diagnosis.findings import HIGH, WARNING, Case, Finding, format_percent

OFFSET_SHARE: Final = 0.02
OFFSET_RE_SPEECH: Final = 0.2


def judge_offset(case: Case) -> Finding:
    """Judge the mean of the samples."""
    offset = case.measures.offset
    text = f"{format_percent(offset)} % of full scale"
    finding = Finding("offset", text, offset, "share of full scale")
    sound = case.measures.sound
    power = sound.speech.power if sound else 0.0  # 0 of a click after the last whole frame
    re_speech = abs(offset) / power**0.5 if power else 0.0
    if abs(offset) < OFFSET_SHARE and (re_speech < OFFSET_RE_SPEECH or abs(offset) < 1e-3):
        return finding
    name = case.card.spec.name
    remedy = "Filter it out (high-pass at 20 Hz); check the sound card."
    if name == "affect":
        effect = "Removed before features are computed, so it costs only headroom."
        return finding.flag(WARNING, effect, remedy, trust=HIGH)
    return finding.flag(WARNING, f"A tone of 0 Hz for the features {name!r}.", remedy)
