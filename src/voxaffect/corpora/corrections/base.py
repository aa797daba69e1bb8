"""Label that a person gave, as a file has it."""

from __future__ import annotations

from dataclasses import dataclass

from voxaffect.errors import CorpusError


@dataclass(frozen=True)
class Correction:
    """Emotion of a recording, or of a part of one, by a person.

    Parameters
    ----------
    where : str
        Its line, task or annotation in the file, for messages.
    source : str
        Recording as the file names it; empty if it names none.
    start_seconds, end_seconds : float or None
        None for the whole recording.
    emotion : str
        In the words of the file.
    speaker, rater : str or None
    model_emotion : str or None
        Answer of the model, if the file has it and it is another.
    channel : str
        ``mix``, or the channel that it is about.
    channel_index : int
        Channel that the part was drawn in, from 0, in a program that shows each.
    annotator : str or None
        Who made the tier, as ELAN has it: the rater where nobody else is named.
    linked : tuple of str
        Recordings that the file links; where none is there, its own name counts.
    """

    where: str
    source: str
    start_seconds: float | None
    end_seconds: float | None
    emotion: str
    speaker: str | None = None
    rater: str | None = None
    model_emotion: str | None = None
    channel: str = "mix"
    channel_index: int = 0
    annotator: str | None = None
    linked: tuple[str, ...] = ()


@dataclass(frozen=True)
class CorrectedFile:
    """Text of a file that a person corrected."""

    name: str
    text: str

    def refuse(self, where: str, problem: str) -> CorpusError:
        """Error about a part of the file; about all of it if empty."""
        return CorpusError(f"{self.name}{', ' if where else ''}{where}: {problem}")
