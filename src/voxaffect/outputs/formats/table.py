"""Aligned columns for people: a line a prediction, or part of a timeline, a column an emotion.

A line ends with the word ``uncertain`` where the result is, and with the text where it is known.
A recording, or a channel, without speech gets a line that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from voxaffect.files import escape_control
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.recognition.display import (
    NO_EMOTION,
    NO_SPEECH,
    UNCERTAIN,
    describe_doubt,
    describe_limits,
    format_probability,
    name_channel,
)
from voxaffect.records.choices import LEVELS
from voxaffect.records.tables import list_dimensions

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Segment, Timeline, Utterance, Window


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
    known = (one.emotions or tuple(one.probabilities) for one in predictions)
    emotions = next(filter(None, known), ())
    has_channels = any(one.channel != "mix" for one in predictions)
    rated = list_dimensions(predictions)
    channels = ["channel"] if has_channels else []
    rows = [["recording", "emotion", *channels, *emotions, *rated, ""]]
    for one in predictions:
        numbers = [
            format_probability(one.probabilities[name]) if one.has_speech else ""
            for name in emotions
        ]
        rows.append(
            [
                one.source,
                one.emotion or (NO_EMOTION if one.has_speech else NO_SPEECH),
                *([name_channel(one)] if has_channels else []),
                *numbers,
                *_format_dimensions(one.dimensions, rated),
                UNCERTAIN if one.has_speech and one.uncertain else "",
            ]
        )
    return _align(rows) + _describe_limits(predictions, emotions)


def _describe_limits(results: Sequence[Prediction | Timeline], emotions: Sequence[str]) -> str:
    """Line under the table where answers were limited to some emotions."""
    return "" if all(one.calibrated for one in results) else f"{describe_limits(emotions)}\n"


def _format_dimensions(dimensions: Mapping[str, float] | None, names: Sequence[str]) -> list[str]:
    """Cells of the dimensions, on their scale from 0 to 1."""
    return [f"{dimensions[name]:.2f}" if dimensions else "" for name in names]


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> str:
    if not timelines:
        return ""
    emotions = timelines[0].emotions
    parts = [part for timeline in timelines for part in getattr(timeline, run.level)]
    has_speakers = any(part.speaker is not None for part in parts)
    rated = list_dimensions(parts)
    head = ["recording", "emotion", *(["speaker"] if has_speakers else []), "channel"]
    rows = [[*head, "start", "end", "confidence", *emotions, *rated, ""]]
    texts = [""]
    for timeline in timelines:
        for part in getattr(timeline, run.level):
            speaker = [part.speaker or ""] if has_speakers else []
            rows.append(
                [
                    timeline.source,
                    part.emotion or NO_EMOTION,
                    *speaker,
                    name_channel(timeline),
                    format_clock(part.start_seconds),
                    format_clock(part.end_seconds),
                    *_format_numbers(part, emotions),
                    *_format_dimensions(part.dimensions, rated),
                    describe_doubt(part) if part.emotion else "",
                ]
            )
            texts.append(getattr(part, "text", None) or "")
        if not getattr(timeline, run.level):
            times = [format_clock(0), format_clock(timeline.seconds)]
            blank = [""] * (2 + len(emotions) + len(rated))
            speaker = [""] if has_speakers else []
            channel = name_channel(timeline)
            rows.append([timeline.source, NO_SPEECH, *speaker, channel, *times, *blank])
            texts.append("")
    return _add_texts(_align(rows), texts) + _describe_limits(timelines, emotions)


def _format_numbers(part: Segment | Window | Utterance, emotions: Sequence[str]) -> list[str]:
    """Confidence and probabilities; empty cells without an emotion."""
    if part.confidence is None:
        return [""] * (1 + len(emotions))
    return [*map(format_probability, [part.confidence, *part.probabilities.values()])]


def _add_texts(table: str, texts: Sequence[str]) -> str:
    """Table with a text at the end of each line, where there are any."""
    if not any(texts):
        return table
    lines = table.splitlines()
    width = max(map(len, lines))
    pairs = zip(lines, texts, strict=True)
    return "".join(
        f"{line.ljust(width)}  {escape_control(text)}".rstrip() + "\n" for line, text in pairs
    )


def format_clock(seconds: float) -> str:
    """Hours, if there are any, minutes and seconds: ``1:02:03.45``, ``2:03.45``."""
    minutes, hundredths = divmod(round(seconds * 100), 6_000)
    rest = f"{hundredths // 100:02}.{hundredths % 100:02}"
    if minutes < 60:
        return f"{minutes}:{rest}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest}"


PREDICTIONS = Format(_encode_predictions, ".txt", is_for_people=True)
TIMELINES = Format(_encode_timelines, ".txt", levels=LEVELS, is_for_people=True)
