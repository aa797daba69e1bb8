"""One utterance: a recording, and what its corpus knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voxaffect.records.arguments import check_kind, check_path

EMOTIONS = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
    "bored",
)
"""The emotions in the words of RAVDESS, with one that EMO-DB adds; every corpus is mapped here."""


@dataclass(frozen=True)
class Utterance:
    """A recording with its emotion, its speaker and what else its corpus states.

    Parameters
    ----------
    path : Path or str
    corpus : str
        Name of the corpus in ``CORPORA``; of people's own data, the name they give it.
    emotion : str
        One of ``EMOTIONS``; in people's own data (`folder`, `csv`) any other word, too.
    speaker : str, optional
        Unique within the corpus; None where the corpus does not say.
    sex : str, optional
        ``female`` or ``male``.
    text : str, optional
        Which sentence is spoken, in the corpus's own code.
    intensity : str, optional
        In the corpus's own words, such as ``normal`` and ``strong``.
    take : str, optional
        Repetition or version of the same sentence.
    channel : str, optional
        ``speech`` or ``song``.
    subset : str, optional
        Set that the user's data put it into, such as ``train``; protocols split anew.
    start_seconds, end_seconds : float, optional
        Part of the recording that is the utterance; None for its beginning and its end.
    label : str, optional
        The word of the data, where ``emotion`` is another word for it.
    """

    path: Path
    corpus: str
    emotion: str
    speaker: str | None = None
    sex: str | None = None
    text: str | None = None
    intensity: str | None = None
    take: str | None = None
    channel: str | None = None
    subset: str | None = None
    start_seconds: float | None = None
    end_seconds: float | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, Path):
            object.__setattr__(self, "path", check_path(self.path, "path"))
        for name in ("corpus", "emotion"):
            check_kind(getattr(self, name), str, name, "text")
