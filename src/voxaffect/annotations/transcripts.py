"""Transcripts: sentences with their times, and their words where these are known."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Word:
    """Word of a transcript.

    Parameters
    ----------
    start_seconds, end_seconds : float
        From the beginning of the recording.
    text : str
    """

    start_seconds: float
    end_seconds: float
    text: str


@dataclass(frozen=True, order=True)
class Sentence:
    """Sentence, cue or segment of a transcript.

    Parameters
    ----------
    start_seconds, end_seconds : float
        From the beginning of the recording.
    text : str
    speaker : str or None
        Name of the speaker, where the transcript has it.
    words : tuple of Word
        In order; empty where the transcript has no times of words.
    """

    start_seconds: float
    end_seconds: float
    text: str
    speaker: str | None = None
    words: tuple[Word, ...] = ()
