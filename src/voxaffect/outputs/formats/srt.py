"""SubRip subtitles: who speaks, the words, and the emotion and its confidence while they last.

SRT knows no markup for speakers and no escapes: the name stands before the words, and an arrow
in the words (``-->``) is shortened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import SPEECH_LEVELS, Format, Run
from voxaffect.outputs.formats.labels import has_words, label_speech
from voxaffect.outputs.formats.ticks import MILLISECONDS, round_times
from voxaffect.recognition.display import CORRECTED, describe_doubt, format_percent

if TYPE_CHECKING:
    from voxaffect.recognition import Segment, Timeline, Window


def list_cues(timelines: Sequence[Timeline], run: Run, *, mark: str) -> list[tuple[str, Any]]:
    """Times and part of each cue; the mark stands before the milliseconds."""
    return [
        (f"{_clock(one.start, mark)} --> {_clock(one.end, mark)}", one.part)
        for timeline in timelines
        for one in round_times(timeline, run.level, per_second=MILLISECONDS)
    ]


def caption_emotion(part: Segment | Window) -> str:
    """Caption of speech by an unknown speaker without words, such as ``sad (81%)``."""
    words = [describe_doubt(part)]
    if not words[0].startswith(CORRECTED):  # the percentage would look like a prediction
        words.insert(0, format_percent(part.confidence))
    return f"{escape_control(part.emotion)} ({', '.join(filter(None, words))})"


def _clock(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, MILLISECONDS)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    cues = list_cues(timelines, run, mark=",")
    has_labels = any(has_words(part) for _, part in cues)
    texts = [
        (times, (label_speech if has_labels else caption_emotion)(part).replace("-->", "->"))
        for times, part in cues
    ]
    return "".join(
        f"{number}\n{times}\n{text}\n\n"
        for number, (times, text) in enumerate(filter(_has_text, texts), start=1)
    )


def _has_text(cue: tuple[str, str]) -> bool:
    return bool(cue[1])


TIMELINES = Format(_encode, ".srt", "channel", SPEECH_LEVELS, ("sentences",))
