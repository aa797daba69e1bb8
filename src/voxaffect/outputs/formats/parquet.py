"""Parquet: the columns of ``csv``, numbers in full, null where nothing is known.

The metadata of a file name the version of voxaffect and the model.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from voxaffect.errors import extra
from voxaffect.files import escape_surrogates
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.recognition import Prediction, Timeline
from voxaffect.records.results import SCHEMA_VERSION
from voxaffect.records.tables import Table, tabulate_predictions, tabulate_segments


def check_parquet() -> None:
    """Refuse to begin where pyarrow is missing.

    Raises
    ------
    MissingExtraError
    """
    with extra("parquet"):
        import pyarrow  # noqa: F401


def write_parquet(columns: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """Content of a Parquet file.

    Parameters
    ----------
    columns : mapping of str to array
        By name, each of NumPy or pyarrow.
    metadata : mapping of str to str
        Facts about the table; the version of voxaffect is added.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    check_parquet()
    import pyarrow
    from pyarrow import parquet

    facts = {"voxaffect": version("voxaffect"), "schema_version": str(SCHEMA_VERSION), **metadata}
    table = pyarrow.table(dict(columns)).replace_schema_metadata(facts)
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def _write(table: Table, run: Run) -> bytes:
    check_parquet()
    import pyarrow

    columns = [*zip(*table.rows, strict=True)] or [()] * len(table.kinds)
    arrays = {
        name: pyarrow.array(
            [escape_surrogates(cell) if isinstance(cell, str) else cell for cell in column],
            type=kind,
        )
        for (name, kind), column in zip(table.kinds.items(), columns, strict=True)
    }
    model = {"model_sha256": run.model.sha256} if run.model else {}
    return write_parquet(arrays, model)


def _encode_predictions(predictions: Sequence[Prediction], run: Run) -> bytes:
    return _write(tabulate_predictions(predictions), run)


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> bytes:
    return _write(tabulate_segments(timelines, run.level), run)


PREDICTIONS = Format(_encode_predictions, ".parquet", is_text=False, check=check_parquet)
TIMELINES = Format(_encode_timelines, ".parquet", is_text=False, check=check_parquet)
