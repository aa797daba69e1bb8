"""Transcription by faster-whisper: Whisper on CTranslate2."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.annotations import Sentence, Word
from voxaffect.errors import ModelError, extra
from voxaffect.recognition.transcription.base import TranscriptionConfig

EXTRA: Final = "transcribe"
MODEL: Final = "small"


def find_sentences(samples: NDArray[np.float32], config: TranscriptionConfig) -> list[Sentence]:
    """Sentences of a recording at 16 kHz, with their words."""
    with extra(EXTRA):
        from faster_whisper import WhisperModel
    model = _load(WhisperModel, config.model)
    segments, _ = model.transcribe(
        samples, language=config.language, word_timestamps=True, vad_filter=True
    )
    sentences = (_convert(segment) for segment in segments)
    return [one for one in sentences if one.text and one.end_seconds > one.start_seconds]


def _load(make_model: Any, name: str | None) -> Any:
    try:
        return make_model(name or MODEL, local_files_only=name is None)
    except (OSError, ValueError, RuntimeError) as error:  # of the hub and of the cache, too
        remedy = (
            f"Name one: --transcribe-model {MODEL} (model=). It is then downloaded. A folder will "
            "do, too."
            if name is None
            else "Check the name and the connection."
        )
        detail = " ".join(str(error).split())[:200]
        raise ModelError(
            f"faster-whisper: {name or MODEL}: cannot be loaded: {detail} {remedy}"
        ) from error


def _convert(segment: Any) -> Sentence:
    words = tuple(
        Word(float(word.start), float(word.end), word.word.strip()) for word in segment.words or ()
    )
    return Sentence(float(segment.start), float(segment.end), segment.text.strip(), None, words)
