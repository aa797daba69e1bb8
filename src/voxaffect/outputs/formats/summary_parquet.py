"""Summaries as Parquet: the columns of ``summary_csv``, numbers in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.parquet import check_parquet, write_table
from voxaffect.records.tables import tabulate_summaries

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], run: Run) -> bytes:
    return write_table(tabulate_summaries(timelines), run)


TIMELINES = Format(
    _encode, ".summary.parquet", levels=("segments",), is_text=False, check=check_parquet
)
