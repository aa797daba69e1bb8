"""Turns of a recording by diarization."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from voxaffect.annotations import Turn
from voxaffect.audio import Signal, Source, as_signal, resample
from voxaffect.recognition.diarization.base import CAMPPLUS, DiarizationConfig

RATE_HZ = 16_000


def diarize(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    engine: str = CAMPPLUS,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    model: str | None = None,
    max_seconds: float | None = None,
) -> tuple[Turn, ...]:
    """Find the turns of the speakers of a recording.

    The channels are mixed. The whole recording is held in memory.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    name : str, optional
        Of the recording in messages; its path by default.
    engine, min_speakers, max_speakers, model
        As for `DiarizationConfig`.
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Returns
    -------
    tuple of Turn
        In order of their start; none without speech. The speakers are ``SPEAKER_00`` and so on,
        in the order of their first speech.

    Raises
    ------
    ArgumentError
        If a setting is out of range.
    AudioError
        If the recording cannot be read.
    MissingExtraError
        If the library of the engine is not installed.
    ModelError
        If its weights cannot be loaded.
    """
    config = DiarizationConfig(engine, min_speakers, max_speakers, model)
    return find_turns(as_signal(source, rate_hz, name=name, max_seconds=max_seconds), config)


def find_turns(signal: Signal, config: DiarizationConfig) -> tuple[Turn, ...]:
    """Turns of a recording that is already read; as `diarize`."""
    samples = np.ascontiguousarray(resample(signal, RATE_HZ).samples, dtype=np.float32)
    engine = import_module(f"voxaffect.recognition.diarization.{config.engine}")
    turns: list[Turn] = engine.find_turns(samples, RATE_HZ, config)
    return name_speakers(turns)


def name_speakers(turns: list[Turn]) -> tuple[Turn, ...]:
    """Turns in order, whose speakers are numbered by their first speech."""
    ordered = sorted(turns)
    labels = list(dict.fromkeys(turn.speaker for turn in ordered))
    names = {label: f"SPEAKER_{index:02d}" for index, label in enumerate(labels)}
    return tuple(
        Turn(turn.start_seconds, turn.end_seconds, names[turn.speaker]) for turn in ordered
    )
