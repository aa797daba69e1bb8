"""Diarization by pyannote.audio, for those who have its weights.

Nothing is downloaded unless a model is named. pyannote.audio reports its use by default; here
that is switched off, unless the user has decided about it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.annotations import Turn
from voxaffect.errors import ModelError, extra
from voxaffect.recognition.diarization.base import DiarizationConfig

EXTRA: Final = "diarize-pyannote"
MODEL: Final = "pyannote/speaker-diarization-community-1"
"""License CC BY 4.0; its page asks for a name and address before the download."""
TELEMETRY_VARIABLE: Final = "PYANNOTE_METRICS_ENABLED"


def find_turns(samples: NDArray[np.float32], rate_hz: int, config: DiarizationConfig) -> list[Turn]:
    """Turns of the speakers; those of several speakers may overlap."""
    os.environ.setdefault(TELEMETRY_VARIABLE, "false")
    with extra(EXTRA):
        import torch
        from huggingface_hub import snapshot_download
        from pyannote.audio import Pipeline

    pipeline = _load(Pipeline.from_pretrained, snapshot_download, config.model)
    sound = {"waveform": torch.from_numpy(samples[None].copy()), "sample_rate": rate_hz}
    output = pipeline(sound, min_speakers=config.min_speakers, max_speakers=config.max_speakers)
    annotation = getattr(output, "speaker_diarization", output)  # older pipelines give it itself
    return [
        Turn(float(segment.start), float(segment.end), str(label))
        for segment, _, label in annotation.itertracks(yield_label=True)
        if segment.end > segment.start
    ]


def _load(
    from_pretrained: Callable[[str], Any],
    snapshot_download: Callable[..., str],
    model: str | None,
) -> Any:
    """Pipeline of a folder, of a name, or of the cache."""
    try:
        pipeline = from_pretrained(
            snapshot_download(MODEL, local_files_only=True) if model is None else model
        )
    except (OSError, ValueError) as error:  # of the hub and of the cache, too
        remedy = (
            f"Accept its terms on its page, and name it: --diarize-model {MODEL} (model=). It is "
            "then downloaded with your token. A folder will do, too."
            if model is None
            else "Check the name, the token and the connection."
        )
        detail = " ".join(str(error).split())[:200]
        raise ModelError(f"{model or MODEL}: cannot be loaded: {detail} {remedy}") from error
    if pipeline is None:  # the hub refused it
        raise ModelError(f"{model or MODEL}: refused by the hub. Accept its terms on its page.")
    return pipeline
