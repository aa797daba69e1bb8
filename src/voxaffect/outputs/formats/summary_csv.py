"""Summaries as comma-separated values: a line for all speech, each speaker and each third."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.outputs.formats.csv import write_rows
from voxaffect.records.codec import DECIMALS
from voxaffect.records.tables import tabulate_summaries

if TYPE_CHECKING:
    from voxaffect.recognition import Timeline


def _encode(timelines: Sequence[Timeline], _: Run) -> str:
    table = tabulate_summaries(timelines, DECIMALS)
    return write_rows([*table.kinds], table.rows)


TIMELINES = Format(_encode, ".summary.csv", levels=("segments",))
