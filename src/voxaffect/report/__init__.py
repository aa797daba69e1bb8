"""Studies as text for people and as plain data for programs."""

from __future__ import annotations

from pathlib import Path

from voxaffect.files import write_text
from voxaffect.report.documents import Document, compare, document, read_document, to_json
from voxaffect.report.text import to_text


def write_report(found: Document, folder: Path) -> list[Path]:
    write_text(folder / "report.json", to_json(found))
    return [folder / "report.json"]


__all__ = ["Document", "compare", "document", "read_document", "to_json", "to_text"]
