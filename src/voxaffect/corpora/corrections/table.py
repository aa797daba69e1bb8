"""Tables of labels: of the page, and of ``predict`` and ``timeline``, as a person edited them."""

from __future__ import annotations

from pathlib import Path

from voxaffect.corpora.corrections.base import CorrectedFile, Correction
from voxaffect.corpora.own_table import COLUMNS, NANS, advise_empty, is_empty, parse_seconds
from voxaffect.corpora.tables import find_columns, list_header, load_table, refuse_header

_COLUMNS = {name: COLUMNS[name] for name in ("emotion", "speaker", "start", "end", "rater")} | {
    "path": (*COLUMNS["path"], "source"),
    "channel": ("channel",),
    "model_emotion": ("model_emotion",),
}
_KIND = "labels: the JSON of Label Studio, an EAF, a TextGrid, a label track of Audacity or a CSV"


def read_corrected_table(file: CorrectedFile, path: Path) -> list[Correction]:
    """Labels of a table with a path and an emotion; rows without an emotion are left out.

    Raises
    ------
    CorpusError
        If it is no such table.
    """
    names = {name for synonyms in _COLUMNS.values() for name in synonyms}
    table = load_table(path, kind=_KIND, columns=names)
    indices = find_columns(table, _COLUMNS, {}, clear=("path", "emotion", "start", "end"))
    for column in ("path", "emotion"):
        if column not in indices:
            raise refuse_header(table, f"expected {_KIND}, found the columns {list_header(table)}")
    corrections = []
    for line, cells in table.rows:
        row = {
            column: cells[index]
            for column, index in indices.items()
            if index < len(cells) and not is_empty(cells[index], column)
        }
        where = f"line {line}"
        for column in ("start", "end"):
            if (text := row.get(column)) is not None and parse_seconds(text) is None:
                problem = f"{column} is '{text}', expected seconds or hh:mm:ss"
                raise file.refuse(where, f"{problem}{advise_empty(text)}.")
        for column in ("emotion", "rater"):
            if row.get(column, "").lower() in NANS:
                raise file.refuse(where, f"{column} is '{row[column]}'{advise_empty(row[column])}.")
        if "path" not in row:
            raise file.refuse(where, "'path' is empty. Name the recording.")
        if "emotion" in row:
            corrections.append(
                Correction(
                    where,
                    row["path"],
                    parse_seconds(row.get("start", "")),
                    parse_seconds(row.get("end", "")),
                    row["emotion"],
                    speaker=row.get("speaker"),
                    rater=row.get("rater"),
                    model_emotion=row.get("model_emotion"),
                    channel=row.get("channel", "mix"),
                )
            )
    return corrections
