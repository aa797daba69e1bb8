"""Timelines for programs: a table for people, JSON, JSON Lines, CSV, Parquet, audformat, RTTM.

Each holds any number of recordings and channels. A *stretch* is a segment or a window,
whichever ``level`` asks for; of a window, the emotion is the most probable one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

from voxaffect.files import escape_control
from voxaffect.outputs.formats.naming import places
from voxaffect.outputs.formats.tabular import (
    DECIMALS,
    aligned,
    csv_text,
    parquet_bytes,
    probability_columns,
)
from voxaffect.recognition import Segment, Timeline
from voxaffect.recognition.display import NO_SPEECH, UNCERTAIN, format_probability

Level = Literal["segments", "windows"]

CHANNEL_NUMBERS = {"mix": 1, "left": 1, "right": 2}
"""For formats that count channels, from 1."""


@dataclass(frozen=True)
class Ticks:
    """A stretch in whole ticks of a clock, so that rounding can break no order.

    Parameters
    ----------
    start, end : int
        ``start < end``.
    stretch : Segment
    """

    start: int
    end: int
    stretch: Segment


def stretches(timeline: Timeline, level: Level) -> list[Segment]:
    """Segments, or windows under their most probable emotion."""
    if level == "segments":
        return list(timeline.segments)
    return [
        Segment(
            window.start_seconds,
            window.end_seconds,
            max(window.probabilities, key=window.probabilities.__getitem__),
            window.probabilities,
            window.uncertain,
        )
        for window in timeline.windows
    ]


def ticked(timeline: Timeline, level: Level, *, per_second: int) -> list[Ticks]:
    """Stretches on a clock: within the recording, none empty, segments apart.

    Parameters
    ----------
    timeline : Timeline
    level : {"segments", "windows"}
        Windows may overlap; segments do not, after rounding neither.
    per_second : int
        Ticks of the clock.
    """
    last, earliest = round(timeline.seconds * per_second), 0
    found = []
    for stretch in stretches(timeline, level):
        start = min(max(round(stretch.start_seconds * per_second), earliest), last)
        end = min(round(stretch.end_seconds * per_second), last)
        if end > start:
            found.append(Ticks(start, end, stretch))
            earliest = end if level == "segments" else 0
    return found


def channel_number(channel: str) -> int:
    """Return the number of a channel, from 1; the mix counts as the first."""
    return CHANNEL_NUMBERS.get(channel) or int(channel)


def _record(stretch: Segment) -> dict[str, Any]:
    return {
        "start_seconds": round(stretch.start_seconds, DECIMALS),
        "end_seconds": round(stretch.end_seconds, DECIMALS),
        "emotion": stretch.emotion,
        "confidence": round(stretch.confidence, DECIMALS),
        "uncertain": stretch.uncertain,
        "probabilities": {n: round(p, DECIMALS) for n, p in stretch.probabilities.items()},
    }


def _heading(timeline: Timeline) -> dict[str, Any]:
    return {
        "source": timeline.source,
        "channel": timeline.channel,
        "seconds": round(timeline.seconds, DECIMALS),
        "result": timeline.result,
        "emotions": list(timeline.emotions),
    }


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def to_json(timelines: Sequence[Timeline], level: Level = "segments") -> str:  # noqa: ARG001
    """One JSON list, an object a channel, with segments and windows, each on a line."""
    blocks = []
    for timeline in timelines:
        lines = [f"    {_dumped(k)}: {_dumped(v)}" for k, v in _heading(timeline).items()]
        for name in ("segments", "windows"):
            inner = [f"      {_dumped(_record(one))}" for one in stretches(timeline, name)]
            body = "[\n" + ",\n".join(inner) + "\n    ]" if inner else "[]"
            lines.append(f"    {_dumped(name)}: {body}")
        blocks.append("  {\n" + ",\n".join(lines) + "\n  }")
    return "[\n" + ",\n".join(blocks) + "\n]\n" if blocks else "[]\n"


def to_jsonl(timelines: Sequence[Timeline], level: Level = "segments") -> str:  # noqa: ARG001
    """JSON Lines: the objects of ``to_json``, one a line."""
    names: tuple[Level, Level] = ("segments", "windows")
    records = (
        {**_heading(one), **{name: [*map(_record, stretches(one, name))] for name in names}}
        for one in timelines
    )
    return "".join(_dumped(record) + "\n" for record in records)


def _emotions(timelines: Sequence[Timeline]) -> tuple[str, ...]:
    return timelines[0].emotions if timelines else ()


def _flat(timelines: Sequence[Timeline], level: Level) -> Iterator[tuple[Timeline, Segment]]:
    for timeline in timelines:
        for stretch in stretches(timeline, level):
            yield timeline, stretch


_FIXED = {
    "source": "string",
    "channel": "string",
    "start_seconds": "float64",
    "end_seconds": "float64",
    "emotion": "string",
    "confidence": "float64",
    "uncertain": "bool",
}
"""Columns of a table of stretches, and what they hold; one for every emotion follows."""


def to_csv(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """Comma-separated values: a line a stretch, a column for every emotion."""
    rows = (
        [timeline.source, timeline.channel, *_cells(stretch)]
        for timeline, stretch in _flat(timelines, level)
    )
    return csv_text([*_FIXED, *probability_columns(_emotions(timelines))], rows)


def _cells(stretch: Segment) -> list[Any]:
    """What a line of text says of a stretch: its times first."""
    *values, is_uncertain, probabilities = _record(stretch).values()
    return [*values, str(is_uncertain).lower(), *probabilities.values()]


def to_parquet(timelines: Sequence[Timeline], level: Level = "segments") -> bytes:
    """Parquet: the columns of ``to_csv``, numbers in full."""
    rows = (
        [
            t.source,
            t.channel,
            s.start_seconds,
            s.end_seconds,
            s.emotion,
            s.confidence,
            s.uncertain,
            *s.probabilities.values(),
        ]
        for t, s in _flat(timelines, level)
    )
    numbers = dict.fromkeys(probability_columns(_emotions(timelines)), "float64")
    return parquet_bytes({**_FIXED, **numbers}, rows)


def to_audformat(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """CSV under audformat's segmented index: file, start, end; then as ``to_csv``."""
    rows = []
    for timeline, stretch in _flat(timelines, level):
        start, end, *values = _cells(stretch)
        times = [_timedelta(start), _timedelta(end)]
        rows.append([timeline.source, *times, timeline.channel, *values])
    header = [
        "file",
        "start",
        "end",
        "channel",
        *[*_FIXED][4:],
        *probability_columns(_emotions(timelines)),
    ]
    return csv_text(header, rows)


def _timedelta(seconds: float) -> str:
    """Return what pandas writes for a time, and audformat reads."""
    minutes, ticks = divmod(round(seconds * 1_000_000), 60_000_000)
    days, rest = divmod(minutes, 24 * 60)
    whole, micro = divmod(ticks, 1_000_000)
    return f"{days} days {rest // 60:02}:{rest % 60:02}:{whole:02}.{micro:06}"


def to_rttm(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """Rich Transcription Time Marked: the emotion stands where the speaker's name would.

    A file is called by its name without extension, with the folders that tell it from
    others; what RTTM cannot hold (blanks) is percent-encoded.
    """
    names = places([*dict.fromkeys(timeline.source for timeline in timelines)])
    lines = []
    for timeline in timelines:
        name = _word(names[timeline.source].as_posix())
        channel = channel_number(timeline.channel)
        for cell in ticked(timeline, level, per_second=1_000):
            start, length = cell.start / 1_000, (cell.end - cell.start) / 1_000
            emotion = _word(cell.stretch.emotion)
            lines.append(
                f"SPEAKER {name} {channel} {start:.3f} {length:.3f} <NA> <NA> {emotion} <NA> <NA>\n"
            )
    return "".join(lines)


def _word(text: str) -> str:
    """Text without blanks, each text another: blanks, controls and % become %20 and the like."""
    return "".join(
        quote(mark, safe="", errors="backslashreplace")
        if mark == "%" or mark.isspace() or not mark.isprintable()
        else mark
        for mark in text
    )


def to_table(timelines: Sequence[Timeline], level: Level = "segments") -> str:
    """Aligned columns: a line a stretch; a channel without speech gets a line that says so.

    A line ends with the word ``uncertain`` where the stretch is.
    """
    if not timelines:
        return ""
    emotions = _emotions(timelines)
    rows = [["recording", "emotion", "channel", "start", "end", "confidence", *emotions, ""]]
    for timeline in timelines:
        found = stretches(timeline, level)
        for one in found:
            times = [clock(one.start_seconds), clock(one.end_seconds)]
            numbers = [one.confidence, *one.probabilities.values()]
            rows.append(
                [
                    timeline.source,
                    one.emotion,
                    timeline.channel,
                    *times,
                    *map(format_probability, numbers),
                    UNCERTAIN if one.uncertain else "",
                ]
            )
        if not found:
            blank = [""] * (2 + len(emotions))
            times = [clock(0), clock(timeline.seconds)]
            rows.append([timeline.source, NO_SPEECH, timeline.channel, *times, *blank])
    return aligned([[escape_control(cell) for cell in row] for row in rows])


def clock(seconds: float) -> str:
    """Hours, if there are any, minutes and seconds: ``1:02:03.45``, ``2:03.45``."""
    minutes, hundredths = divmod(round(seconds * 100), 6_000)
    rest = f"{hundredths // 100:02}.{hundredths % 100:02}"
    if minutes < 60:
        return f"{minutes}:{rest}"
    return f"{minutes // 60}:{minutes % 60:02}:{rest}"


def by_source(timelines: Sequence[Timeline]) -> Mapping[str, list[Timeline]]:
    """Timelines of each recording, in order."""
    found: dict[str, list[Timeline]] = {}
    for timeline in timelines:
        found.setdefault(timeline.source, []).append(timeline)
    return found
