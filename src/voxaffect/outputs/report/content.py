"""From the document to a report: which sections, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voxaffect.files import escape_control
from voxaffect.outputs.report import behavior, overview, provenance
from voxaffect.outputs.report.blocks import Missing, Report, Section
from voxaffect.outputs.report.reading import Document


def lay_out(document: Document, *, folder: Path) -> Report:
    """Decide all words, tables and figures.

    Parameters
    ----------
    document : mapping
        Format 1, as ``json.loads`` gives it. Optional parts may be null, empty or absent.
    folder : Path
        Where the report will lie, for links to recordings.

    Returns
    -------
    Report
    """
    paths = [each["path"] for each in document["utterances"]]
    document = _printable(document)
    found: list[Section | Missing] = [
        overview.headline(document),
        overview.systems_section(document),
        behavior.confusion_section(document),
        behavior.emotions_section(document),
        behavior.reliability_section(document),
        behavior.abstention_section(document),
        behavior.speakers_section(document),
        behavior.groups_section(document),
        behavior.robustness_section(document),
        behavior.insight_section(document),
        behavior.embedding_section(document),
        provenance.errors_section(document, paths=paths, folder=folder),
        provenance.data_section(document),
        overview.protocol_section(document),
        provenance.leaks_section(document),
        provenance.origin_section(document),
    ]
    sections = [each for each in found if isinstance(each, Section)]
    missing = [each for each in found if isinstance(each, Missing)]
    sections.append(provenance.reading_section(missing))
    return Report(
        title=provenance.title(document),
        lead=provenance.lead(document),
        summary=overview.summary(document),
        sections=tuple(sections),
    )


def _printable(value: Any) -> Any:
    """Every word as one line that XML can hold: names of files and emotions may be anything."""
    if isinstance(value, str):
        return escape_control(value)
    if isinstance(value, Mapping):
        return {escape_control(str(key)): _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list | tuple) else value
