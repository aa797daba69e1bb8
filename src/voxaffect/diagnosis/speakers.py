"""Speakers: whether each name in the turns is one voice, and each voice one name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from voxaffect.annotations import Turn
from voxaffect.audio import Signal, resample
from voxaffect.diagnosis.findings import HIGH, WARNING, Finding
from voxaffect.files import escape_control, list_names
from voxaffect.recognition.diarization.finding import RATE_HZ
from voxaffect.recognition.diarization.voices import VoiceReport, compare_voices

_MIXED = "Emotions of such a speaker are those of several people."
_SAME = "Results of such speakers belong to one person."
_REMEDY = "Listen to their turns, and mend the names."


def judge_speakers(signal: Signal, turns: tuple[Turn, ...]) -> Finding:
    """Finding about the voices of the speakers of a recording."""
    samples = np.ascontiguousarray(resample(signal, RATE_HZ).samples, dtype=np.float32)
    return describe_voices(compare_voices(samples, RATE_HZ, turns))


def describe_voices(report: VoiceReport) -> Finding:
    """Finding of a comparison of voices."""
    least = min(report.inner.values(), default=None)
    finding = Finding("speakers", "; ".join(_describe(report)), least, "cosine")
    effects = [text for text, names in ((_MIXED, report.mixed), (_SAME, report.same)) if names]
    if not effects:
        return finding
    return finding.flag(WARNING, " ".join(effects), _REMEDY, trust=HIGH)


def _describe(report: VoiceReport) -> Iterator[str]:
    for name in report.mixed:
        cosine = report.inner[name]
        yield f"{escape_control(name)} seems to be two voices (cosine {cosine:.2f})"
    for one, two in report.same:
        names = f"{escape_control(one)} and {escape_control(two)}"
        yield f"{names} seem to be one voice (cosine {report.pairs[one, two]:.2f})"
    if report.inner and not (report.mixed or report.same):
        count = len(report.inner)
        yield "1 name, one voice" if count == 1 else f"{count} names, a voice each"
    if report.unknown:
        names = list_names([escape_control(name) for name in report.unknown])
        yield f"too little speech alone to compare: {names}"
