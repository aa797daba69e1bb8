"""A study as plain data for programs; as text, figures, Markdown and a web page for people."""

from __future__ import annotations

from voxaffect.outputs.report.comparison import compare
from voxaffect.outputs.report.documents import Document, document, read_document
from voxaffect.outputs.report.rows import tabulate_evaluation, to_csv
from voxaffect.outputs.report.text import to_text
from voxaffect.outputs.report.writing import check_installed, write_report
from voxaffect.records.codec import to_json

__all__ = [
    "Document",
    "check_installed",
    "compare",
    "document",
    "read_document",
    "tabulate_evaluation",
    "to_csv",
    "to_json",
    "to_text",
    "write_report",
]
