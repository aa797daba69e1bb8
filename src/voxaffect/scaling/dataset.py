"""Files of a dataset: parts of Parquet, their failures, and a description of the run.

A part is named by its number and by a key of everything in it: rows of the manifest, and size and
time of change of each recording. A part that is there is whole. So a list of names is all that
an interrupted run needs to go on.

::

    out/part-00000000-0f3a….parquet       results; readers of Parquet take the whole folder
    out/_failures/part-00000000-0f3a….parquet   recordings that could not be used, if any
    out/_run.json                         settings, model, version
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from voxaffect.errors import CheckpointError, StorageError
from voxaffect.features import FeatureSpec
from voxaffect.files import escape_control
from voxaffect.outputs.formats.parquet import check_parquet, make_columns, write_parquet
from voxaffect.records.codec import to_json
from voxaffect.records.results import SCHEMA_VERSION
from voxaffect.scaling.manifest import list_values
from voxaffect.scaling.storage import Folder, open_binary
from voxaffect.scaling.work import Columns, Failed, Row, Settings

RUN = "_run.json"
FAILURES = "_failures"
_PART = re.compile(r"(?P<folder>_failures/)?part-(?P<number>\d{8})-(?P<key>[0-9a-f]{16})\.parquet")
_MODEL = re.compile(r"_model-[0-9a-f]{16}\.onnx")
_FAILED = b"failed"
FAILURE_KINDS = {
    "row": "int64",
    "source": "string",
    "manifest_start_seconds": "float64",
    "manifest_end_seconds": "float64",
    "error": "string",
    "reason": "string",
}


def name_part(number: int, key: str, *, has_failed: bool = False) -> str:
    """Name of the file of a part, or of its failures."""
    folder = f"{FAILURES}/" if has_failed else ""
    return f"{folder}part-{number:08d}-{key}.parquet"


@dataclass(frozen=True)
class Parts:
    """Parts that a folder holds.

    Parameters
    ----------
    results, failures : mapping of int to list of str
        Keys by the number of a part.
    """

    results: Mapping[int, list[str]] = field(default_factory=dict)
    failures: Mapping[int, list[str]] = field(default_factory=dict)


def list_parts(names: Iterable[str]) -> Parts:
    """Parts among the names of files."""
    results: dict[int, list[str]] = {}
    failures: dict[int, list[str]] = {}
    for name in names:
        if match := _PART.fullmatch(name):
            group = failures if match["folder"] else results
            group.setdefault(int(match["number"]), []).append(match["key"])
    return Parts(results, failures)


def open_run(folder: Folder, settings: Mapping[str, Any], *, overwrite: bool = False) -> Parts:
    """Parts that a folder holds of this run; of a new one, none.

    Parameters
    ----------
    folder : Folder
    settings : mapping of str to JSON value
        All that can change the dataset.
    overwrite : bool
        Remove the dataset that is there.

    Raises
    ------
    CheckpointError
        If it holds something else, or the dataset of a run with other settings.
    """
    names = folder.list_names()
    stored = _read_run(folder) if RUN in names else None
    if stored is None:
        _check_empty(folder, names, overwrite=overwrite)
    elif not overwrite:
        _check_settings(folder, stored, settings)
        return list_parts(names)
    for name in names:
        if _PART.fullmatch(name) or _MODEL.fullmatch(name):
            folder.remove(name)
    _write_run(folder, settings)
    return Parts()


def _check_empty(folder: Folder, names: Iterable[str], *, overwrite: bool) -> None:
    """Refuse a folder without a description that holds anything but what may be overwritten."""
    for name in names:
        is_hidden = any(part.startswith(".") for part in name.split("/"))
        if not is_hidden and not _MODEL.fullmatch(name) and not (overwrite and _PART.match(name)):
            raise CheckpointError(
                f"{escape_control(folder.name)}: is no dataset of voxaffect, and not empty "
                f"({escape_control(name)}). Name another folder."
            )


def _write_run(folder: Folder, settings: Mapping[str, Any]) -> None:
    document = {"dataset": "voxaffect", "schema_version": SCHEMA_VERSION, **settings}
    folder.write(RUN, (to_json(document) + "\n").encode())


def _read_run(folder: Folder) -> dict[str, Any]:
    """Description of the dataset in a folder."""
    try:
        stored = json.loads(folder.read(RUN))
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict) or stored.get("dataset") != "voxaffect":
        name = escape_control(f"{folder.name}/{RUN}")
        raise CheckpointError(
            f"{name}: describes no dataset of voxaffect. Name another folder, or delete this file "
            "if it is damaged, and begin anew with --overwrite (overwrite=True)."
        )
    return stored


def _check_settings(folder: Folder, stored: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    name = escape_control(f"{folder.name}/{RUN}")
    wanted = json.loads(json.dumps(settings))
    others = [
        f"{key} {_show(stored.get(key))}, now {_show(value)}"
        for key, value in wanted.items()
        if stored.get(key) != value
    ]
    if others:
        raise CheckpointError(
            f"{name}: the dataset is of a run with other settings ({'; '.join(others)}). Repeat "
            "that run, name another folder, or begin anew with --overwrite (overwrite=True)."
        )


def _show(value: object) -> str:
    text = escape_control(str(value)) if value is not None else "none"
    return text if len(text) <= 40 else text[:40] + "…"


def describe_settings(
    settings: Settings, spec: FeatureSpec | None, *, part_rows: int, columns: Columns
) -> dict[str, Any]:
    """Settings as JSON values, for the description of a run."""
    plain = {
        name: value
        for name, value in asdict(settings).items()
        if name not in ("spec", "channels", "windowing", "sha256")
    }
    return {
        **plain,
        **{"channel_names": None, **settings.channels.settings},
        "model_sha256": settings.sha256,
        "features": None if spec is None else spec.to_json(),
        **asdict(settings.windowing),
        "part_rows": part_rows,
        "columns": {name: str(kind) for name, kind in columns.kinds.items()},
    }


def write_rows(
    columns: Columns, rows: Sequence[Row], metadata: Mapping[str, str], *, failed: int
) -> bytes:
    """Content of the file of a part, which names the number of recordings that failed."""
    return _write(columns.kinds, rows, {**metadata, _FAILED.decode(): str(failed)})


def write_failures(failures: Sequence[Failed], metadata: Mapping[str, str]) -> bytes:
    """Content of the file of the failures of a part."""
    names = [each.name for each in fields(Failed)]
    rows = [[getattr(failure, name) for name in names] for failure in failures]
    return _write(FAILURE_KINDS, rows, metadata)


def _write(kinds: Mapping[str, Any], rows: Sequence[Row], metadata: Mapping[str, str]) -> bytes:
    check_parquet()
    return write_parquet(make_columns(kinds, rows), metadata, compression="zstd")


def count_failed(folder: Folder, name: str, columns: Columns) -> int | None:
    """Number of failures that the file of a part names; None if the file is damaged."""
    from pyarrow import parquet

    try:
        with open_binary(f"{folder.name}/{name}") as stream:
            schema = parquet.ParquetFile(stream).schema_arrow
        return int(schema.metadata[_FAILED]) if schema.names == list(columns.kinds) else None
    except (ValueError, KeyError, TypeError, StorageError):
        return None


def read_rows(folder: Folder, name: str, kinds: Iterable[str]) -> list[Row] | None:
    """Rows of the file of a part; None if it is damaged, or has other columns."""
    import pyarrow
    from pyarrow import parquet

    content = folder.read(name)
    try:
        file = parquet.ParquetFile(pyarrow.BufferReader(content))
        table = file.read(use_threads=False)  # threads of Arrow can abort a process that ends
    except (ValueError, OSError):
        return None
    if table.column_names != list(kinds):
        return None
    return [list(row) for row in zip(*map(list_values, table.columns), strict=True)]
