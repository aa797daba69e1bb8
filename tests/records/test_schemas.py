"""The published JSON Schemas are those of the records."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMAS: dict[str, str] = runpy.run_path(str(FOLDER / "write.py"))["make_schemas"]()


def test_every_schema_is_published_and_no_other() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_that_of_the_record(name: str) -> None:
    published = (FOLDER / name).read_text(encoding="utf-8")
    assert published == SCHEMAS[name], "run: python docs/schemas/write.py"
