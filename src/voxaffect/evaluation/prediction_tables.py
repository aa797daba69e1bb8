"""Tables of predictions as files: CSV with any separator, JSON, JSON Lines and Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from voxaffect.corpora.own_table import COLUMNS, NOTHING
from voxaffect.corpora.tables import Table, load_table, normalize_column, refuse_header
from voxaffect.errors import EvaluationError, extra
from voxaffect.files import escape_control, read_bounded
from voxaffect.records.tables import PREFIX

_LIMIT_BYTES = 1 << 28
_KIND = "a table of predictions"
_PREFIXES = {"probabilities": PREFIX, "dimensions": ""}
"""Objects of a row, whose parts become columns, and what begins their names."""
_Rows = list[tuple[int, Mapping[str, Any]]]
_ANSWERS = (
    *("predicted", "prediction", "predictions", "predicted_emotion", "predicted_label"),
    *("predicted_class", "prediction_label", "pred", "preds", "pred_emotion", "pred_label"),
    *("emotion_pred", "emotion_predicted", "label_pred", "y_pred", "y_hat", "yhat", "model"),
    *("model_output", "model_prediction", "output", "answer", "hypothesis", "hyp", "recognized"),
)
EMOTION_COLUMNS = (*_ANSWERS, *COLUMNS["emotion"])
"""Names of a column of emotions. The later ones may be those of the labels, so if a table has
several, none wins."""
_TRUTHS = (
    *("expected", "truth", "true", "y_true", "true_label", "true_emotion", "ground_truth"),
    *("groundtruth", "gold", "reference", "actual", "gt"),
)
"""Names of a column that no one takes for answers."""
_LEAST_WORDS = 2


def load_predictions(path: Path, *, columns: Iterable[str]) -> Table:
    """Table of a file, read as its ending says: ``.json``, ``.jsonl``, ``.parquet``, else CSV.

    Of a folder, all of its Parquet files: the parts of a dataset that ``predict --dataset`` wrote.
    JSON is the document of ``predict``, or a list of objects. The object ``probabilities`` becomes
    a column for each emotion, and the object ``dimensions`` one for each of its own.

    Raises
    ------
    EvaluationError, CorpusError
        If it is missing or no such file.
    MissingExtraError
        If it is Parquet and pyarrow is not installed.
    """
    if path.is_dir():
        return _load_parts(path)
    ending = path.suffix.lower()
    if ending not in _READERS:
        return load_table(path, kind=_KIND, columns=frozenset(columns))
    name = escape_control(str(path))
    content = read_bounded(path, limit=_LIMIT_BYTES, what=_KIND, error=EvaluationError)
    rows = _READERS[ending](content, name)
    if not rows:
        raise EvaluationError(f"{name}: holds no prediction. Expected {_KIND}.")
    return _tabulate(name, [(number, _flatten(row, name, number)) for number, row in rows])


def _load_parts(folder: Path) -> Table:
    """Table of the Parquet files of a folder, in the order of their names."""
    name = escape_control(str(folder))
    parts = sorted(path for path in folder.glob("*.parquet") if path.is_file())
    if not parts:
        raise EvaluationError(
            f"{name}: a folder without Parquet files. Expected a file with {_KIND}, or the folder "
            "that voxaffect predict --dataset writes."
        )
    rows: list[dict[str, str]] = []
    for part in parts:
        content = read_bounded(part, limit=_LIMIT_BYTES, what=_KIND, error=EvaluationError)
        where = escape_control(str(part))
        rows += [_flatten(row, where, number) for number, row in _read_parquet(content, where)]
    if not rows:
        raise EvaluationError(f"{name}: holds no prediction. Expected {_KIND}.")
    return _tabulate(name, [*enumerate(rows, 1)])


def refuse_rivals(table: Table, column: int, is_emotion: Callable[[str], bool]) -> None:
    """Refuse a column such as ``emotion`` that may hold the labels, next to another of emotions.

    Parameters
    ----------
    table : Table
    column : int
        That would be read.
    is_emotion : callable
        Whether a word is an emotion.

    Raises
    ------
    CorpusError
        If all words of another column are emotions, and neither name says which holds the answers.
    """
    title = table.header[column]
    if title in _ANSWERS:
        return
    for number, other in enumerate(table.header):
        cells = {row[number].lower() for _, row in table.rows if number < len(row)} - {*NOTHING}
        if number == column or other in _TRUTHS or len(cells) < _LEAST_WORDS:
            continue
        if all(map(is_emotion, cells)):
            name = escape_control(other)
            raise refuse_header(
                table,
                f"{title} and {name} both hold emotions, and {title} may be the labels. Say which "
                f"holds the answers, such as --prediction-columns emotion={name} (in Python "
                f"prediction_columns={{'emotion': {name!r}}})",
            )


def _read_json(content: bytes, name: str) -> _Rows:
    value = _parse(content, name)
    if isinstance(value, Mapping):
        value = value.get("results")
    if not isinstance(value, list):
        raise EvaluationError(
            f"{name}: expected the JSON that voxaffect predict writes, or a list of objects."
        )
    return _check_rows(enumerate(value, 1), name)


def _read_lines(content: bytes, name: str) -> _Rows:
    lines = [(n, line) for n, line in enumerate(content.split(b"\n"), 1) if line.strip()]
    return _check_rows([(n, _parse(line, f"{name}, line {n}")) for n, line in lines], name)


def _parse(content: bytes, name: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"{name}: cannot be read (not JSON: {error}).") from error


def _check_rows(rows: Iterable[tuple[int, Any]], name: str) -> _Rows:
    checked = []
    for number, row in rows:
        if not isinstance(row, Mapping):
            kind = type(row).__name__
            raise EvaluationError(f"{name}, entry {number}: expected an object, found {kind}.")
        checked.append((number, row))
    return checked


def _read_parquet(content: bytes, name: str) -> _Rows:
    with extra("parquet"):
        import pyarrow
        from pyarrow import parquet
    try:
        rows = parquet.read_table(io.BytesIO(content)).to_pylist()
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = escape_control(str(error))
        raise EvaluationError(f"{name}: cannot be read as Parquet ({reason}).") from error
    return [*enumerate(rows, 1)]


def _flatten(row: Mapping[str, Any], name: str, number: int) -> dict[str, str]:
    """Row of text with a column for each probability."""
    cells: dict[str, str] = {}
    for title, value in row.items():
        values = {title: value}
        if title in _PREFIXES and (value is None or isinstance(value, Mapping)):
            values = {f"{_PREFIXES[title]}{key}": part for key, part in (value or {}).items()}
        for key, cell in values.items():
            column = normalize_column(str(key))
            if column in cells:
                raise EvaluationError(f"{name}, entry {number}: has {key!r} twice. Rename one.")
            cells[column] = "" if cell is None else str(cell).strip()
    return cells


def _tabulate(name: str, rows: list[tuple[int, dict[str, str]]]) -> Table:
    header = tuple(dict.fromkeys(column for _, row in rows for column in row))
    cells = tuple((number, [row.get(column, "") for column in header]) for number, row in rows)
    return Table(name, header, cells, separator="")


_READERS: Mapping[str, Callable[[bytes, str], _Rows]] = {
    ".json": _read_json,
    ".jsonl": _read_lines,
    ".ndjson": _read_lines,
    ".parquet": _read_parquet,
}
