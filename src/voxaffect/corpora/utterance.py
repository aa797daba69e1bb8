"""One utterance: a recording, and what its corpus knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    path : Path
    corpus : str
        Name of the corpus in ``CORPORA``.
    emotion : str
        One of ``EMOTIONS``; in people's own data (`folder`, `csv`) any word.
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
