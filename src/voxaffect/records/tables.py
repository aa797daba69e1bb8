"""Flat tables of results: a row for each prediction, segment or window.

CSV, Parquet, audformat and data frames have the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voxaffect.records.codec import to_plain
from voxaffect.records.results import PredictionRecord, SegmentRecord

ADAPTED = "adapted"
"""Column of tables of results for which adaptation was asked for: true where it was applied."""
PREFIX = "p_"
"""Of the column of an emotion: no emotion can then have the name of another column."""

_PREDICTION = {
    "source": "string",
    "emotion": "string",
    "confidence": "float64",
    "uncertain": "bool",
    "result": "string",
    "channel": "string",
    "seconds": "float64",
    "windows": "int64",
    "channels_differ": "bool",
}
_SEGMENT = {
    "source": "string",
    "channel": "string",
    "start_seconds": "float64",
    "end_seconds": "float64",
    "emotion": "string",
    "confidence": "float64",
    "uncertain": "bool",
}


@dataclass(frozen=True)
class Table:
    """Columns and rows.

    Parameters
    ----------
    kinds : mapping of str to str
        ``string``, ``float64``, ``int64`` or ``bool`` by the name of a column.
    rows : sequence of list
        A cell for each column; None where nothing is known.
    """

    kinds: Mapping[str, str]
    rows: Sequence[list[Any]]


def tabulate_predictions(predictions: Sequence[Any], decimals: int | None = None) -> Table:
    """Table with a row for each prediction.

    Parameters
    ----------
    predictions : sequence of Prediction
    decimals : int, optional
        Of numbers; all by default.
    """
    known = (one.emotions or tuple(one.probabilities) for one in predictions)
    emotions = list(next(filter(None, known), ()))
    kinds = _find_adapted(predictions)
    rows = []
    for prediction in predictions:
        plain = to_plain(prediction, PredictionRecord, decimals=decimals)
        adapted, probabilities = _list_adapted(prediction, kinds), plain["probabilities"]
        cells = [plain[name] for name in _PREDICTION]
        rows.append([*cells, *adapted, *(probabilities.get(emotion) for emotion in emotions)])
    return Table({**_PREDICTION, **kinds, **name_columns(emotions)}, rows)


def tabulate_segments(
    timelines: Sequence[Any], level: str = "segments", decimals: int | None = None
) -> Table:
    """Table with a row for each segment, or window, of timelines.

    Parameters
    ----------
    timelines : sequence of Timeline
    level : {"segments", "windows"}
    decimals : int, optional
        Of numbers; all by default.
    """
    emotions = timelines[0].emotions if timelines else ()
    kinds = _find_adapted(timelines)
    rows = []
    for timeline in timelines:
        for part in getattr(timeline, level):
            *cells, probabilities = to_plain(part, SegmentRecord, decimals=decimals).values()
            cells = [timeline.source, timeline.channel, *cells, *_list_adapted(timeline, kinds)]
            rows.append([*cells, *probabilities.values()])
    return Table({**_SEGMENT, **kinds, **name_columns(emotions)}, rows)


def _find_adapted(results: Sequence[Any]) -> dict[str, str]:
    """Column about adaptation, if it was asked for."""
    return {ADAPTED: "bool"} if any(one.adaptation is not None for one in results) else {}


def _list_adapted(result: Any, kinds: Mapping[str, str]) -> list[bool | None]:
    """Cell of that column, if there is one."""
    if ADAPTED not in kinds:
        return []
    return [result.adaptation.is_applied if result.adaptation is not None else None]


def name_columns(emotions: Iterable[str]) -> dict[str, str]:
    """Columns of the probabilities of emotions."""
    return {f"{PREFIX}{emotion}": "float64" for emotion in emotions}
