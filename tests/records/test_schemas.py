"""The published JSON Schemas are those of the records."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMAS: dict[str, str] = runpy.run_path(str(FOLDER / "write.py"))["make_schemas"]()


def simplify(schema: Any) -> Any:
    """Schema without what versions of msgspec write differently: names of keys, and indentation."""
    if isinstance(schema, list):
        return [simplify(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: simplify(value) for key, value in schema.items()}
    if "enum" in kept.get("propertyNames", {}):
        del kept["propertyNames"]
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    return kept


def test_every_schema_is_published_and_no_other() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_that_of_the_record(name: str) -> None:
    published = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    generated = simplify(json.loads(SCHEMAS[name]))
    assert simplify(published) == generated, "run: python docs/schemas/write.py"
