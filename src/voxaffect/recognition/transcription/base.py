"""Settings of transcription, and its engines by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from voxaffect.errors import ArgumentError
from voxaffect.records.arguments import is_known
from voxaffect.records.choices import TRANSCRIPTION_ENGINES

FASTER_WHISPER: Final = "faster-whisper"


@dataclass(frozen=True)
class TranscriptionConfig:
    """Settings of transcription.

    Parameters
    ----------
    engine : str
        ``faster-whisper`` (extra ``transcribe``).
    model : str, optional
        A folder, or a name such as ``small``. A name is downloaded if need be. By default,
        ``small`` is taken from the cache, and nothing is downloaded.
    language : str, optional
        Code of the language, such as ``en``; recognized by default.

    Raises
    ------
    ArgumentError
        If there is no such engine.
    """

    engine: str = FASTER_WHISPER
    model: str | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        if not is_known(self.engine, TRANSCRIPTION_ENGINES):
            raise ArgumentError(
                f"transcribe: no engine named {self.engine!r}; there are: "
                f"{', '.join(TRANSCRIPTION_ENGINES)}."
            )
