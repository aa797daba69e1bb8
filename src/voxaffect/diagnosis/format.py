"""Format: coarse and lossy encodings."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from voxaffect.diagnosis.findings import WARNING, Case, Finding

COARSE: Final = frozenset(
    {"PCM_S8", "PCM_U8", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "VOX_ADPCM", "GSM610"}
)
FINE: Final = frozenset({"PCM_24", "PCM_32", "FLOAT", "DOUBLE"})
LOSSY: Final = frozenset({"MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III", "VORBIS", "OPUS"})


def judge_format(case: Case) -> Finding:
    """Judge the encoding of the recording."""
    recording = case.recording
    kind = f"{recording.container} {recording.encoding}".strip() or "samples"
    text = f"{kind}, {recording.rate_hz} Hz"
    finding = Finding("format", text, recording.rate_hz, "Hz")
    if recording.encoding in COARSE:
        return finding.flag(
            WARNING,
            "Coarse steps add noise. They were measured only as a part of 'telephone': "
            + case.describe_cost("telephone"),
            "Save as WAV or FLAC with 16 bits or more.",
        )
    if recording.encoding in LOSSY:
        cost = case.describe_cost("MP3 at 64 kbit/s")
        return replace(finding, effect=f"Lossy. The effect is small: {cost}")
    return finding
