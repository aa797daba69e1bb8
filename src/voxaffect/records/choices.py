"""Choices by name and their defaults, the same in Python, on the command line and over HTTP.

Help and server show them without the libraries that carry them out.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

Channels = Literal["mix", "left", "right", "each"]
CHANNELS: Final[tuple[str, ...]] = get_args(Channels)
Vad = Literal["silero", "energy", "webrtc"]
VADS: Final[tuple[str, ...]] = get_args(Vad)
"""Names of the voice-activity detections, the default first."""
DEFAULT_VAD: Final = "silero"
Level = Literal["segments", "windows", "turns", "sentences"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
WINDOW_SECONDS: Final = 3.0
HOP_SECONDS: Final = 1.0
LONG_SECONDS: Final = 30.0
"""A longer recording is more than an utterance: it is recognized window by window."""
PART_ROWS: Final = 1_000
"""Recordings of a part: files of some hundred kilobytes, and some seconds of work."""

DIMENSIONS = ("arousal", "valence", "dominance")
"""Dimensions of emotion that a model may know, in the order of all results; each from 0 to 1."""
DiarizationEngine = Literal["campplus", "pyannote"]
DIARIZATION_ENGINES: Final[tuple[str, ...]] = get_args(DiarizationEngine)
"""Names of the engines of diarization, the default first."""
TranscriptionEngine = Literal["faster-whisper"]
TRANSCRIPTION_ENGINES: Final[tuple[str, ...]] = get_args(TranscriptionEngine)
"""Names of the engines of transcription, the default first."""

FEW_SPEAKERS = 5
"""Up to so many, an interval is rough, and a paired test cannot have p under 0.05."""
