"""Tables of what the code knows: corpora and JSON documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from voxaffect.corpora import CORPORA

SCHEMAS = Path(__file__).parents[1] / "schemas"
COMMERCIAL = {True: "yes", False: "no", None: "unclear"}


def write_table(*rows: list[str]) -> str:
    """Table in Markdown; the first row is its head."""
    head, *body = [["\\|".join(cell.split("|")) for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_corpora() -> str:
    """Table of the public corpora."""
    rows = [
        [
            f"[{corpus.title}]({corpus.homepage})",
            f"`{corpus.name}`",
            corpus.language,
            " or ".join(f"{size:,}" for size in corpus.sizes) or "?",
            str(len(corpus.sexes) or "?"),
            str(len(set(corpus.emotions.values()))),
            corpus.license,
            COMMERCIAL[corpus.is_commercial],
            "yes" if corpus.downloads else "no",
        ]
        for corpus in CORPORA.values()
    ]
    head = ["corpus", "name", "language", "files", "speakers", "emotions", "license"]
    return write_table([*head, "commercial use", "`download`"], *rows)


def write_schemas() -> str:
    """Section for each JSON document: its schema and the fields of its records."""
    return "\n\n".join(_write_schema(path) for path in sorted(SCHEMAS.glob("*.json")))


def _write_schema(path: Path) -> str:
    schema = json.loads(path.read_text(encoding="utf-8"))
    records = [record for record in schema.get("$defs", {}).values() if "properties" in record]
    parts = [f"## {path.stem}", f"[{path.name}](schemas/{path.name})"]
    return "\n\n".join([*parts, *(_write_record(record) for record in records)])


def _write_record(record: dict[str, Any]) -> str:
    required = set(record.get("required", []))
    rows = [
        [f"`{name}`", _name_kind(field), "always" if name in required else "may be absent"]
        for name, field in record["properties"].items()
    ]
    text = " ".join(record.get("description", "").split()).translate({ord("`"): "", ord('"'): "'"})
    title = record["title"].lstrip("_") + (f": {text}" if text else "")
    body = write_table(["field", "type", ""], *rows).replace("\n", "\n    ")
    return f'??? note "{title}"\n\n    {body}'


def _name_kind(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rsplit("/", 1)[1]
    if "anyOf" in field:
        return " or ".join(_name_kind(option) for option in field["anyOf"])
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    kind = str(field.get("type", "any"))
    if kind == "array" and isinstance(field.get("items"), dict):
        return f"array of {_name_kind(field['items'])}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"object of {_name_kind(field['additionalProperties'])}"
    return kind
