"""Predictions as text: a table for people, JSON, JSON Lines and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from voxaffect.files import printable
from voxaffect.recognizer import Prediction

_DECIMALS = 6


def _record(prediction: Prediction) -> dict[str, Any]:
    rounded = {name: round(p, _DECIMALS) for name, p in prediction.probabilities.items()}
    return {
        "source": prediction.source,
        "emotion": prediction.emotion,
        "probability": rounded[prediction.emotion],
        "probabilities": rounded,
    }


def to_json(predictions: Sequence[Prediction]) -> str:
    """One JSON list, an object a recording."""
    records = [_record(prediction) for prediction in predictions]
    return json.dumps(records, indent=2, ensure_ascii=False) + "\n"


def to_jsonl(predictions: Sequence[Prediction]) -> str:
    """JSON Lines: an object a line."""
    return "".join(json.dumps(_record(p), ensure_ascii=False) + "\n" for p in predictions)


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Comma-separated values: source, emotion, probability, and a column for every emotion."""
    emotions = list(predictions[0].probabilities) if predictions else []
    lines = [_csv_line(["source", "emotion", "probability", *emotions])]
    for prediction in predictions:
        record = _record(prediction)
        values = record["probabilities"].values()
        lines.append(
            _csv_line([prediction.source, prediction.emotion, record["probability"], *values])
        )
    return "".join(lines)


def _csv_line(cells: Sequence[object]) -> str:
    """One line that ends as text files do, though a cell may hold any line break."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n") + "\n"


def to_table(predictions: Sequence[Prediction]) -> str:
    """Aligned columns: one line a recording, whatever its name holds, one column an emotion."""
    if not predictions:
        return ""
    emotions = list(predictions[0].probabilities)
    rows = [["recording", "emotion", *emotions]]
    rows += [
        [p.source, p.emotion, *(f"{p.probabilities[name]:.2f}" for name in emotions)]
        for p in predictions
    ]
    return aligned([[printable(cell) for cell in row] for row in rows])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Pad cells to columns: the first two to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[Prediction]], str]] = {
    "table": to_table,
    "json": to_json,
    "jsonl": to_jsonl,
    "csv": to_csv,
}
