"""Sentences of a recording by transcription."""

from __future__ import annotations

from typing import Final

import numpy as np

from voxaffect.annotations import Sentence
from voxaffect.audio import Signal, Source, as_signal, resample
from voxaffect.recognition.transcription.base import FASTER_WHISPER, TranscriptionConfig

RATE_HZ: Final = 16_000


def transcribe(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    engine: str = FASTER_WHISPER,
    model: str | None = None,
    language: str | None = None,
    max_seconds: float | None = None,
) -> tuple[Sentence, ...]:
    """Transcribe speech by a recognizer that is installed.

    The channels are mixed. The whole recording is held in memory.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    name : str, optional
        Of the recording in messages; its path by default.
    engine, model, language
        As for `TranscriptionConfig`.
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Returns
    -------
    tuple of Sentence
        In order of their start, with their words.

    Raises
    ------
    ArgumentError
        If there is no such engine.
    AudioError
        If the recording cannot be read.
    MissingExtraError
        If the library of the engine is not installed.
    ModelError
        If its weights cannot be loaded.
    """
    config = TranscriptionConfig(engine, model, language)
    return find_sentences(as_signal(source, rate_hz, name=name, max_seconds=max_seconds), config)


def find_sentences(signal: Signal, config: TranscriptionConfig) -> tuple[Sentence, ...]:
    """Sentences of a recording that is already read; as `transcribe`."""
    from voxaffect.recognition.transcription import faster_whisper

    samples = np.ascontiguousarray(resample(signal, RATE_HZ).samples, dtype=np.float32)
    return tuple(sorted(faster_whisper.find_sentences(samples, config)))
