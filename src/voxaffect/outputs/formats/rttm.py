"""Rich Transcription Time Marked: turns of speakers; the emotion is in the field of the words.

The fields are those of NIST's RT-09 evaluation plan, appendix A. Readers of ``SPEAKER`` lines take
file, channel, times and speaker, and skip field 6, the words: pyannote.database, dscore and
NIST's md-eval do. Field 7 has to be ``<NA>``, or md-eval refuses the file. Where the speaker is
unknown, its name is ``SPEECH``, as in pyannote's voice-activity detection.

A file is called by its name without extension, with the folders that tell it from others; what
RTTM cannot hold (blanks) is percent-encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.naming import name_outputs
from voxaffect.outputs.formats.ticks import MILLISECONDS, number_channel, round_times
from voxaffect.records.choices import LEVELS

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline

UNKNOWN_SPEAKER: Final = "SPEECH"
_NOTHING = "<NA>"
_MISSING = {"<na>", "na", "nan", "-nan", "n/a", "#n/a", "null", "none", "#na"}
"""Names that pandas, and so pyannote.database, would read as a missing value."""


def _encode(timelines: Sequence[Timeline], run: Run) -> str:
    names = name_outputs([*dict.fromkeys(timeline.source for timeline in timelines)])
    lines = []
    for timeline in timelines:
        name = _encode_word(names[timeline.source].as_posix())
        channel = number_channel(timeline.channel)
        for one in round_times(timeline, run.level, per_second=MILLISECONDS):
            start, length = one.start / MILLISECONDS, (one.end - one.start) / MILLISECONDS
            emotion = _encode_word(one.part.emotion) if one.part.emotion else _NOTHING
            speaker = _encode_word(one.part.speaker or "") or UNKNOWN_SPEAKER
            lines.append(
                f"SPEAKER {name} {channel} {start:.3f} {length:.3f} "
                f"{emotion} {_NOTHING} {speaker} {_NOTHING} {_NOTHING}\n"
            )
    return "".join(lines)


def _encode_word(text: str) -> str:
    """Text without blanks and quotation marks, each text another: they become %20 and the like."""
    word = "".join(
        quote(mark, safe="", errors="backslashreplace")
        if mark in '%"' or mark.isspace() or not mark.isprintable()
        else mark
        for mark in text
    )
    if word.casefold() in _MISSING:
        return f"%{ord(word[0]):02X}{word[1:]}"
    return word


TIMELINES = Format(_encode, ".rttm", levels=LEVELS, preferred=("turns",))
