"""Labels in one line: who speaks, the words, and the emotion with its confidence."""

from __future__ import annotations

import re
from typing import Any, Final

from voxaffect.files import escape_control
from voxaffect.recognition.display import CORRECTED, describe_doubt, format_percent

SEVERAL_SPEAKERS: Final = "several speakers"
"""Shown instead of an emotion where speech overlaps."""
_DIRECTIONS = re.compile("([\u200e\u200f\u061c])")
"""Marks that words of right-to-left scripts need; they reorder nothing outside of themselves."""


def clean_words(text: str) -> str:
    r"""Text of a transcript, or the name of a speaker, as one line.

    White space becomes single blanks. Control characters, and marks that reorder the text around
    them, become escapes; the marks of right-to-left words stay.

    Examples
    --------
    >>> clean_words(" two\nlines\x1b")
    'two lines\\x1b'
    """
    words = " ".join(text.split())
    return "".join(
        one if _DIRECTIONS.fullmatch(one) else escape_control(one)
        for one in _DIRECTIONS.split(words)
    )


def describe_emotion(part: Any) -> str:
    """Emotion and confidence in a few words, such as ``sad 81%, uncertain``; empty without one."""
    if part.emotion is None:
        return SEVERAL_SPEAKERS if part.overlap_seconds > 0 else ""
    doubt = describe_doubt(part)
    words = [escape_control(part.emotion)]
    if not doubt.startswith(CORRECTED):  # the percentage would look like a prediction
        words = [f"{words[0]} {format_percent(part.confidence)}"]
    return ", ".join(filter(None, [*words, doubt]))


def label_speech(part: Any, *, has_speaker: bool = True) -> str:
    """Label such as ``SPEAKER_00: Not again. [sad 81%]``; empty if nothing is known.

    Parameters
    ----------
    part : Segment, Window or Utterance
    has_speaker : bool
        Whether the label begins with the speaker, if it is known.
    """
    speaker = clean_words(part.speaker or "") if has_speaker else ""
    words = clean_words(getattr(part, "text", None) or "")
    emotion = describe_emotion(part)
    content = " ".join(filter(None, [words, emotion and f"[{emotion}]"]))
    return ": ".join(filter(None, [speaker, content]))


def has_words(part: Any) -> bool:
    """True of a turn or sentence, and of a segment or window with a speaker or text."""
    is_utterance = hasattr(part, "overlap_seconds")
    return bool(is_utterance or part.speaker or getattr(part, "text", None))
