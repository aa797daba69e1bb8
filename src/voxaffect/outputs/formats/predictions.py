"""Predictions as text: a table for people, JSON, JSON Lines and CSV for programs, Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from voxaffect.files import escape_control
from voxaffect.outputs.formats.tabular import (
    DECIMALS,
    aligned,
    csv_text,
    parquet_bytes,
    probability_columns,
)
from voxaffect.recognition import Prediction
from voxaffect.recognition.display import NO_SPEECH, UNCERTAIN, format_probability

_COLUMNS: Final = {
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
"""Columns of a table of predictions, and what they hold; one for every emotion follows."""


def _record(prediction: Prediction, decimals: int | None = DECIMALS) -> dict[str, Any]:
    """Values of a prediction by their names; None where there is no speech."""

    def number(value: float | None) -> float | None:
        return value if value is None or decimals is None else round(value, decimals)

    return {
        "source": prediction.source,
        "emotion": prediction.emotion,
        "confidence": number(prediction.confidence),
        "uncertain": prediction.uncertain,
        "result": prediction.result,
        "channel": prediction.channel,
        "seconds": number(prediction.seconds),
        "windows": prediction.windows,
        "channels_differ": prediction.channels_differ,
        "probabilities": {name: number(p) for name, p in prediction.probabilities.items()},
    }


def _emotions(predictions: Sequence[Prediction]) -> list[str]:
    """Emotions of the model, also where no recording holds speech."""
    known = (one.emotions or tuple(one.probabilities) for one in predictions)
    return list(next(filter(None, known), ()))


def to_json(predictions: Sequence[Prediction]) -> str:
    """One JSON list, an object a prediction."""
    records = [_record(prediction) for prediction in predictions]
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_jsonl(predictions: Sequence[Prediction]) -> str:
    """JSON Lines: an object a line."""
    return "".join(
        json.dumps(_record(p), ensure_ascii=False, allow_nan=False) + "\n" for p in predictions
    )


def _rows(predictions: Sequence[Prediction], decimals: int | None) -> list[list[Any]]:
    """Cells of each prediction: what JSON holds, then the probability of every emotion."""
    emotions, rows = _emotions(predictions), []
    for prediction in predictions:
        *cells, probabilities = _record(prediction, decimals).values()
        rows.append([*cells, *(probabilities.get(emotion) for emotion in emotions)])
    return rows


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Comma-separated values: what JSON holds, with a column for every emotion.

    A cell is empty where there is nothing to tell.
    """
    rows = [
        [str(cell).lower() if isinstance(cell, bool) else cell for cell in row]
        for row in _rows(predictions, DECIMALS)
    ]
    return csv_text([*_COLUMNS, *probability_columns(_emotions(predictions))], rows)


def to_parquet(predictions: Sequence[Prediction]) -> bytes:
    """Parquet: the columns of ``to_csv``, numbers in full, null where there is nothing to tell."""
    numbers = dict.fromkeys(probability_columns(_emotions(predictions)), "float64")
    return parquet_bytes({**_COLUMNS, **numbers}, _rows(predictions, None))


def to_table(predictions: Sequence[Prediction]) -> str:
    """Aligned columns: one line a prediction, whatever its name holds, one column an emotion.

    A line ends with the word ``uncertain`` where the prediction is. A column names the channel
    where not all are the mix.
    """
    if not predictions:
        return ""
    emotions = _emotions(predictions)
    has_channels = any(one.channel != "mix" for one in predictions)
    channel = ["channel"] if has_channels else []
    rows = [["recording", "emotion", *channel, *emotions, ""]]
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
    return aligned([[escape_control(cell) for cell in row] for row in rows])
