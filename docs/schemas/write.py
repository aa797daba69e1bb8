"""Write the JSON Schemas of all documents into this folder: python docs/schemas/write.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from voxaffect.models.card import CardSchema
from voxaffect.records import evaluation, results
from voxaffect.records.codec import to_json

FOLDER = Path(__file__).parent
DOCUMENTS: dict[str, Any] = {
    "predictions": results.PredictionDocument,
    "timelines": results.TimelineDocument,
    "events": results.WindowEvent | results.UpdateEvent | results.SegmentEvent,
    "diagnoses": results.DiagnosisDocument,
    "explanations": results.ExplanationDocument,
    "evaluation": evaluation.EvaluationDocument,
    "card": CardSchema,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schemas() -> dict[str, str]:
    """Content of each file, by its name."""
    schemas = {name: msgspec.json.schema(document) for name, document in DOCUMENTS.items()}
    return {
        f"{name}.json": to_json({"$schema": DIALECT, **schema}) for name, schema in schemas.items()
    }


if __name__ == "__main__":
    for name, content in make_schemas().items():
        (FOLDER / name).write_text(content, encoding="utf-8")
