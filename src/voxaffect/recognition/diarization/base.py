"""Settings of diarization, and its engines by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from voxaffect.errors import ArgumentError
from voxaffect.records.arguments import is_known
from voxaffect.records.choices import DIARIZATION_ENGINES

CAMPPLUS: Final = "campplus"
PYANNOTE: Final = "pyannote"


@dataclass(frozen=True)
class DiarizationConfig:
    """Settings of diarization.

    Parameters
    ----------
    engine : str
        ``campplus`` (extra ``diarize``) brings its weights and works offline. ``pyannote`` (extra
        ``diarize-pyannote``) takes weights that you have.
    min_speakers, max_speakers : int, optional
        Least and greatest number of speakers; equal if it is known.
    model : str, optional
        Of ``pyannote``: a folder, or a name on the hub. A name is downloaded if need be. By
        default, the community pipeline is taken from the cache, and nothing is downloaded.

    Raises
    ------
    ArgumentError
        If a setting is out of range, or does not belong to the engine.
    """

    engine: str = CAMPPLUS
    min_speakers: int | None = None
    max_speakers: int | None = None
    model: str | None = None

    def __post_init__(self) -> None:
        if not is_known(self.engine, DIARIZATION_ENGINES):
            raise ArgumentError(
                f"diarize: no engine named {self.engine!r}; there are: "
                f"{', '.join(DIARIZATION_ENGINES)}."
            )
        for name, value in (("min", self.min_speakers), ("max", self.max_speakers)):
            is_whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and (not is_whole or value < 1):
                raise ArgumentError(
                    f"{name}_speakers: expected a whole number of 1 or more, found {value!r}."
                )
        if (self.min_speakers or 1) > (self.max_speakers or self.min_speakers or 1):
            raise ArgumentError(
                f"min_speakers: {self.min_speakers} is more than max_speakers: "
                f"{self.max_speakers}. Exchange them."
            )
        if self.model is not None and self.engine != PYANNOTE:
            raise ArgumentError(
                f"the engine {self.engine!r} brings its own model. Leave {self.model!r} out, or "
                f"take the engine {PYANNOTE!r}."
            )
