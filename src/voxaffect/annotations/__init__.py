"""Annotations that other programs write: turns of speakers and transcripts."""

from voxaffect.annotations.reading import read_transcript, read_turns
from voxaffect.annotations.transcripts import Sentence, Word
from voxaffect.annotations.turns import (
    MOST_SPEAKERS,
    Stretch,
    Turn,
    find_exclusive,
    find_overlaps,
    find_stretches,
)

__all__ = [
    "MOST_SPEAKERS",
    "Sentence",
    "Stretch",
    "Turn",
    "Word",
    "find_exclusive",
    "find_overlaps",
    "find_stretches",
    "read_transcript",
    "read_turns",
]
