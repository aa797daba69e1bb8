"""SubRip subtitles: the emotion and its confidence while it lasts."""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.ticks import MILLISECONDS, round_times
from voxaffect.recognition import Segment, Timeline, Window
from voxaffect.recognition.display import UNCERTAIN, format_percent


def make_cues(timelines: Sequence[Timeline], run: Run, *, mark: str) -> list[tuple[str, str]]:
    """Times and caption of each segment; the mark stands before the milliseconds."""
    return [
        (f"{_clock(one.start, mark)} --> {_clock(one.end, mark)}", _caption(one.part))
        for timeline in timelines
        for one in round_times(timeline, run.level, per_second=MILLISECONDS)
    ]


def _caption(part: Segment | Window) -> str:
    doubt = f", {UNCERTAIN}" if part.uncertain else ""
    return f"{escape_control(part.emotion)} ({format_percent(part.confidence)}{doubt})"


def _clock(milliseconds: int, mark: str) -> str:
    seconds, rest = divmod(milliseconds, MILLISECONDS)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    cues = make_cues(timelines, run, mark=",")
    return "".join(
        f"{number}\n{times}\n{text}\n\n" for number, (times, text) in enumerate(cues, start=1)
    )


TIMELINES = Format(_encode, ".srt", "channel", ("segments",))
