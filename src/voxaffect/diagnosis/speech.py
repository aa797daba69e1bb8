"""Speech: its amount and its share of the recording."""

from __future__ import annotations

from typing import Final

from voxaffect.diagnosis.findings import PROBLEM, WARNING, Case, Finding

SHORT_SPEECH_SECONDS: Final = 0.8
SMALL_SPEECH_SHARE: Final = 0.15


def judge_speech(case: Case) -> Finding:
    """Judge the amount of speech."""
    speech, recording = case.sound.finding, case.recording
    share = min(1.0, speech.seconds / (len(recording.samples) / recording.rate_hz))
    unit = "share of the recording"
    if not case.has_speech:
        return Finding("speech", "none was found", 0.0, unit).flag(
            PROBLEM,
            "Without speech no emotion can be recognized: the answer is 'no speech'.",
            "Listen to it: does a person speak, close to the microphone? For singing and "
            "shouting, use voxaffect predict --vad energy.",
        )
    text = f"{speech.seconds:.1f} s, {100 * share:.0f} % of the recording"
    finding = Finding("speech", text, share, unit)
    if speech.seconds < SHORT_SPEECH_SECONDS:
        return finding.flag(
            WARNING,
            "Shorter than the training data, which are 1 s and longer.",
            "Let the speaker say a whole sentence.",
        )
    if share < SMALL_SPEECH_SHARE:
        return finding.flag(
            WARNING,
            "Only a small part is speech. Silence itself costs nothing: "
            + case.describe_cost("1 s silence around"),
            "Listen to it; cut it to the speech.",
        )
    return finding
