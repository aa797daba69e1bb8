"""Rich Transcription Time Marked: the emotion stands where the name of the speaker would.

A file is called by its name without extension, with the folders that tell it from others; what
RTTM cannot hold (blanks) is percent-encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.naming import name_outputs
from voxaffect.outputs.formats.ticks import MILLISECONDS, number_channel, round_times
from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    names = name_outputs([*dict.fromkeys(timeline.source for timeline in timelines)])
    lines = []
    for timeline in timelines:
        name = _encode_word(names[timeline.source].as_posix())
        channel = number_channel(timeline.channel)
        for one in round_times(timeline, run.level, per_second=MILLISECONDS):
            start, length = one.start / MILLISECONDS, (one.end - one.start) / MILLISECONDS
            emotion = _encode_word(one.part.emotion)
            lines.append(
                f"SPEAKER {name} {channel} {start:.3f} {length:.3f} <NA> <NA> {emotion} <NA> <NA>\n"
            )
    return "".join(lines)


def _encode_word(text: str) -> str:
    """Text without blanks, each text another: blanks, controls and % become %20 and the like."""
    return "".join(
        quote(mark, safe="", errors="backslashreplace")
        if mark == "%" or mark.isspace() or not mark.isprintable()
        else mark
        for mark in text
    )


TIMELINES = Format(_encode, ".rttm")
