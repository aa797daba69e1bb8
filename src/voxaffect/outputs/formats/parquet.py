"""Parquet: the columns of ``csv``, numbers in full, null where nothing is known.

The metadata of a file name the version of voxaffect and the model.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from voxaffect.errors import extra
from voxaffect.files import escape_surrogates
from voxaffect.outputs.formats.base import Format, Run
from voxaffect.records.choices import LEVELS
from voxaffect.records.results import SCHEMA_VERSION
from voxaffect.records.tables import Table, tabulate_predictions, tabulate_segments

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Timeline


def check_parquet() -> None:
    """Refuse to begin where pyarrow is missing.

    Raises
    ------
    MissingExtraError
    """
    with extra("parquet"):
        import pyarrow  # noqa: F401


def make_columns(kinds: Mapping[str, Any], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Arrays of pyarrow by the names of columns, whose text Parquet can hold.

    Parameters
    ----------
    kinds : mapping of str to str or Arrow type
        By the name of a column.
    rows : sequence of list
        A cell for each column; None where nothing is known.
    """
    import pyarrow

    columns = [*zip(*rows, strict=True)] or [()] * len(kinds)
    return {
        name: pyarrow.array(
            [escape_surrogates(cell) if isinstance(cell, str) else cell for cell in column],
            type=kind,
        )
        for (name, kind), column in zip(kinds.items(), columns, strict=True)
    }


def write_parquet(
    columns: Mapping[str, Any], metadata: Mapping[str, str], *, compression: str = "snappy"
) -> bytes:
    """Content of a Parquet file.

    Parameters
    ----------
    columns : mapping of str to array
        By name, each of NumPy or pyarrow.
    metadata : mapping of str to str
        Facts about the table; the version of voxaffect is added.
    compression : str
        As pyarrow names it.

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
    parquet.write_table(table, sink, compression=compression)
    return sink.getvalue()


def write_table(table: Table, run: Run) -> bytes:
    """Content of a Parquet file with the digest of the model."""
    check_parquet()
    model = {"model_sha256": run.model.sha256} if run.model else {}
    return write_parquet(make_columns(table.kinds, table.rows), model)


def _encode_predictions(predictions: Sequence[Prediction], run: Run) -> bytes:
    return write_table(tabulate_predictions(predictions), run)


def _encode_timelines(timelines: Sequence[Timeline], run: Run) -> bytes:
    return write_table(tabulate_segments(timelines, run.level), run)


PREDICTIONS = Format(_encode_predictions, ".parquet", is_text=False, check=check_parquet)
TIMELINES = Format(_encode_timelines, ".parquet", levels=LEVELS, is_text=False, check=check_parquet)
