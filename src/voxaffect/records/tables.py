"""Flat tables of results: a row for each prediction, segment, window, turn or sentence.

CSV, Parquet, audformat and data frames have the same columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voxaffect.records.codec import to_plain
from voxaffect.records.results import (
    PredictionRecord,
    SegmentRecord,
    SpeechSummaryRecord,
    UtteranceRecord,
)

ADAPTED = "adapted"
"""Column of tables of results for which adaptation was asked for: true where it was applied."""
CALIBRATED = "calibrated"
"""Column of tables of results that were limited to some emotions: false for these."""
CHANNEL_NAME = "channel_name"
"""Column of tables of results whose channels the caller named; null for the mix."""
CORRECTED = "model_emotion"
"""Column of tables of segments that a person has corrected: the emotion of the model there."""
_OPTIONAL = {"speaker": "string", "text": "string", CORRECTED: "string"}
"""Columns that are there only where something is known."""
_UTTERANCE = {"overlap_seconds": "float64"}
"""Columns of turns and sentences alone."""
SHARE = "share_"
"""Of the column with the share of an emotion in the speech of a summary."""
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
_THIRDS = ("first third", "second third", "last third")
_SPEECH = {
    "start_seconds": "float64",
    "end_seconds": "float64",
    "speaker": "string",
    "speech_seconds": "float64",
    "changes_per_minute": "float64",
    "certain_share": "float64",
    "confidence": "float64",
}
"""Columns of a summary itself."""
_PART = tuple(_SEGMENT)[2:]
"""Columns of a segment itself."""


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


def list_prediction_columns(
    emotions: Iterable[str], dimensions: Iterable[str] = (), *, is_named: bool = False
) -> dict[str, str]:
    """Columns of a table of predictions without adaptation, and their kinds."""
    columns = {**_PREDICTION, **_list_named(is_named=is_named), **name_columns(emotions)}
    return {**columns, **dict.fromkeys(dimensions, "float64")}


def list_segment_columns(
    emotions: Iterable[str], dimensions: Iterable[str] = (), *, is_named: bool = False
) -> dict[str, str]:
    """Columns of a table of segments or windows without adaptation, and their kinds."""
    columns = {**_SEGMENT, **_list_named(is_named=is_named), **name_columns(emotions)}
    return {**columns, **dict.fromkeys(dimensions, "float64")}


def tabulate_predictions(
    predictions: Sequence[Any],
    decimals: int | None = None,
    *,
    dimensions: Sequence[str] | None = None,
    is_named: bool | None = None,
) -> Table:
    """Table with a row for each prediction.

    Parameters
    ----------
    predictions : sequence of Prediction
    decimals : int, optional
        Of numbers; all by default.
    dimensions : sequence of str, optional
        With a column each; by default those that a prediction has.
    is_named : bool, optional
        Whether there is a column of channel names; by default, if a prediction has one.
    """
    rated = list_dimensions(predictions) if dimensions is None else dimensions
    known = (one.emotions or tuple(one.probabilities) for one in predictions)
    emotions = list(next(filter(None, known), ()))
    kinds = _find_adapted(predictions)
    named = _list_named(is_named=_find_names(predictions) if is_named is None else is_named)
    rows = []
    for prediction in predictions:
        plain = to_plain(prediction, PredictionRecord, decimals=decimals)
        adapted, probabilities = _list_adapted(prediction, kinds), plain["probabilities"]
        cells = [plain[name] for name in _PREDICTION] + [plain.get(name) for name in named]
        cells += [*adapted, *(probabilities.get(emotion) for emotion in emotions)]
        rows.append([*cells, *_list_rated(plain, rated)])
    columns = {**_PREDICTION, **named, **kinds, **name_columns(emotions)}
    return Table({**columns, **dict.fromkeys(rated, "float64")}, rows)


def tabulate_segments(
    timelines: Sequence[Any],
    level: str = "segments",
    decimals: int | None = None,
    *,
    is_named: bool | None = None,
) -> Table:
    """Table with a row for each segment, or another part, of timelines.

    Parameters
    ----------
    timelines : sequence of Timeline
    level : {"segments", "windows", "turns", "sentences"}
    decimals : int, optional
        Of numbers; all by default.
    is_named : bool, optional
        Whether there is a column of channel names; by default, if a timeline has one.
    """
    emotions = timelines[0].emotions if timelines else ()
    named = _list_named(is_named=_find_names(timelines) if is_named is None else is_named)
    is_utterance = level in ("turns", "sentences")
    schema = UtteranceRecord if is_utterance else SegmentRecord
    own = {**_find_optional(timelines, level), **(_UTTERANCE if is_utterance else {})}
    decided = _find_adapted(timelines)
    kinds = {**named, **own, **decided}
    rated = list_dimensions(part for one in timelines for part in getattr(one, level))
    rows = []
    for timeline in timelines:
        for part in getattr(timeline, level):
            plain = to_plain(part, schema, decimals=decimals)
            cells = [timeline.source, timeline.channel, *(plain[name] for name in _PART)]
            cells += [timeline.channel_name for _ in named]
            cells += [plain.get(name) for name in own]
            cells += _list_adapted(timeline, decided, part.speaker)
            cells += [plain["probabilities"].get(name) for name in emotions]
            rows.append([*cells, *_list_rated(plain, rated)])
    columns = {**_SEGMENT, **kinds, **name_columns(emotions)}
    return Table({**columns, **dict.fromkeys(rated, "float64")}, rows)


def tabulate_summaries(timelines: Sequence[Any], decimals: int | None = None) -> Table:
    """Table of the summaries of timelines: the whole, each speaker, each third.

    Parameters
    ----------
    timelines : sequence of Timeline
    decimals : int, optional
        Of numbers; all by default.
    """
    emotions = timelines[0].emotions if timelines else ()
    named = _list_named(is_named=_find_names(timelines))
    rows = []
    for timeline in timelines:
        summary = timeline.summary
        parts = [("whole", one) for one in (summary.whole, *summary.speakers)]
        count = len(summary.course) // len(_THIRDS)
        parts += [(_THIRDS[index // count], one) for index, one in enumerate(summary.course)]
        for period, part in parts:
            plain = to_plain(part, SpeechSummaryRecord, decimals=decimals)
            cells = [timeline.source, timeline.channel, period, *(plain[name] for name in _SPEECH)]
            cells += [timeline.channel_name for _ in named]
            rows.append([*cells, *(plain["shares"].get(emotion) for emotion in emotions)])
    columns = dict.fromkeys(("source", "channel", "period"), "string")
    shares = {f"{SHARE}{emotion}": "float64" for emotion in emotions}
    return Table({**columns, **_SPEECH, **named, **shares}, rows)


def _find_names(results: Iterable[Any]) -> bool:
    """True if the channels of a result have names."""
    return any(one.channel_name is not None for one in results)


def _list_named(*, is_named: bool) -> dict[str, str]:
    """Column of channel names, where there are any."""
    return {CHANNEL_NAME: "string"} if is_named else {}


def list_dimensions(results: Iterable[Any]) -> tuple[str, ...]:
    """Dimensions of results, such as arousal, by the first that has any."""
    return next((tuple(one.dimensions) for one in results if one.dimensions), ())


def _list_rated(plain: Mapping[str, Any], names: Sequence[str]) -> list[float | None]:
    """Cells of the dimensions."""
    return [(plain.get("dimensions") or {}).get(name) for name in names]


def _find_optional(timelines: Sequence[Any], level: str) -> dict[str, str]:
    """Columns about speakers, text and corrections, if there are any."""
    parts = [part for timeline in timelines for part in getattr(timeline, level)]
    return {
        name: kind
        for name, kind in _OPTIONAL.items()
        if any(getattr(part, name, None) is not None for part in parts)
    }


def _find_adapted(results: Sequence[Any]) -> dict[str, str]:
    """Columns about adaptation, if it was asked for, and about calibration, if it is lost."""
    has_decision = any(_list_decisions(one) for one in results)
    kinds = {ADAPTED: "bool"} if has_decision else {}
    return kinds | ({} if all(one.calibrated for one in results) else {CALIBRATED: "bool"})


def _list_decisions(result: Any) -> dict[str | None, bool]:
    """True by speaker where a result was adapted; under None, all of it."""
    by_speaker = getattr(result, "speaker_adaptations", ())
    decisions = {None: result.adaptation} if result.adaptation is not None else {}
    decisions |= {decision.group: decision for decision in by_speaker}
    return {speaker: decision.is_applied for speaker, decision in decisions.items()}


def _list_adapted(
    result: Any, kinds: Mapping[str, str], speaker: str | None = None
) -> list[bool | None]:
    """Cells of these columns, as far as there are any."""
    decisions = _list_decisions(result)
    is_applied = decisions.get(speaker, decisions.get(None))
    cells = {ADAPTED: is_applied, CALIBRATED: result.calibrated}
    return [cells[name] for name in kinds]


def name_columns(emotions: Iterable[str]) -> dict[str, str]:
    """Columns of the probabilities of emotions."""
    return {f"{PREFIX}{emotion}": "float64" for emotion in emotions}
