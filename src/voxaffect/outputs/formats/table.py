"""Aligned columns for people: a line a prediction, segment or window, a column an emotion.

A line ends with the word ``uncertain`` where the result is. A recording, or a channel, without
speech gets a line that says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.recognition import Prediction, Timeline
from voxaffect.recognition.display import NO_SPEECH, UNCERTAIN, format_probability


def align_columns(rows: Sequence[Sequence[str]]) -> str:
    """Pad cells to columns: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def _align(rows: Sequence[Sequence[str]]) -> str:
    return align_columns([[escape_control(cell) for cell in row] for row in rows])


def _encode_predictions(predictions: Sequence[Prediction], _: Run) -> str:
    """Table of predictions; a column names the channel where not all are the mix."""
    if not predictions:
        return ""
    emotions = next(filter(None, (one.emotions or [*one.probabilities] for one in predictions)))
    has_channels = any(one.channel != "mix" for one in predictions)
    rows = [["recording", "emotion", *(["channel"] if has_channels else []), *emotions, ""]]
    for one in predictions:
        numbers = [
            format_probability(one.probabilities[name]) if one.has_speech else ""
            for name in emotions
        ]
        rows.append(
            [
                one.source,
                one.emotion or NO_SPEECH,
                *([one.channel] if has_channels else []),
                *numbers,
                UNCERTAIN if one.has_speech and one.uncertain else "",
            ]
        )
    return _align(rows)


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> str:
    if not timelines:
        return ""
    emotions = timelines[0].emotions
    rows = [["recording", "emotion", "channel", "start", "end", "confidence", *emotions, ""]]
    for timeline in timelines:
        parts = getattr(timeline, run.level)
        for part in parts:
            rows.append(
                [
                    timeline.source,
                    part.emotion,
                    timeline.channel,
                    format_clock(part.start_seconds),
                    format_clock(part.end_seconds),
                    *map(format_probability, [part.confidence, *part.probabilities.values()]),
                    UNCERTAIN if part.uncertain else "",
                ]
            )
        if not parts:
            times = [format_clock(0), format_clock(timeline.seconds)]
            blank = [""] * (2 + len(emotions))
            rows.append([timeline.source, NO_SPEECH, timeline.channel, *times, *blank])
    return _align(rows)


def format_clock(seconds: float) -> str:
    """Hours, if there are any, minutes and seconds: ``1:02:03.45``, ``2:03.45``."""
    minutes, hundredths = divmod(round(seconds * 100), 6_000)
    rest = f"{hundredths // 100:02}.{hundredths % 100:02}"
    if minutes < 60:
        return f"{minutes}:{rest}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest}"


PREDICTIONS = Format(_encode_predictions, ".txt", is_for_people=True)
TIMELINES = Format(_encode_timelines, ".txt", is_for_people=True)
