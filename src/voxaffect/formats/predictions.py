"""Predictions as text: a table for people, JSON, JSON Lines and CSV for programs, Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from voxaffect.files import printable
from voxaffect.formats.tabular import DECIMALS, UNCERTAIN, aligned, csv_text, parquet_bytes
from voxaffect.recognizer import Prediction


def _record(prediction: Prediction) -> dict[str, Any]:
    rounded = {name: round(p, DECIMALS) for name, p in prediction.probabilities.items()}
    return {
        "source": prediction.source,
        "emotion": prediction.emotion,
        "probability": rounded[prediction.emotion],
        "uncertain": prediction.uncertain,
        "probabilities": rounded,
    }


def _emotions(predictions: Sequence[Prediction]) -> list[str]:
    return list(predictions[0].probabilities) if predictions else []


def to_json(predictions: Sequence[Prediction]) -> str:
    """One JSON list, an object a recording."""
    records = [_record(prediction) for prediction in predictions]
    return json.dumps(records, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_jsonl(predictions: Sequence[Prediction]) -> str:
    """JSON Lines: an object a line."""
    return "".join(
        json.dumps(_record(p), ensure_ascii=False, allow_nan=False) + "\n" for p in predictions
    )


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Comma-separated values: what JSON holds, with a column for every emotion."""
    records = map(_record, predictions)
    rows = (
        [one["source"], one["emotion"], one["probability"], str(one["uncertain"]).lower(),
         *one["probabilities"].values()]
        for one in records
    )  # fmt: skip
    heading = ["source", "emotion", "probability", "uncertain", *_emotions(predictions)]
    return csv_text(heading, rows)


def to_parquet(predictions: Sequence[Prediction]) -> bytes:
    """Parquet: the columns of ``to_csv``, probabilities in full."""
    kinds = {"source": "string", "emotion": "string", "probability": "float64",
             "uncertain": "bool", **dict.fromkeys(_emotions(predictions), "float64")}  # fmt: skip
    rows = (
        [p.source, p.emotion, p.probability, p.uncertain, *p.probabilities.values()]
        for p in predictions
    )
    return parquet_bytes(kinds, rows)


def to_table(predictions: Sequence[Prediction]) -> str:
    """Aligned columns: one line a recording, whatever its name holds, one column an emotion.

    A line ends with the word ``uncertain`` where the prediction is.
    """
    if not predictions:
        return ""
    emotions = _emotions(predictions)
    rows = [["recording", "emotion", *emotions, ""]]
    rows += [
        [p.source, p.emotion, *(f"{p.probabilities[name]:.2f}" for name in emotions),
         UNCERTAIN if p.uncertain else ""]
        for p in predictions
    ]  # fmt: skip
    return aligned([[printable(cell) for cell in row] for row in rows])
