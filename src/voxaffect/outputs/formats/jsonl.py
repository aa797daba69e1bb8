"""JSON Lines: a result a line, then a failure a line; each line carries ``schema_version``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from voxaffect.outputs.formats.base import Format, Run
from voxaffect.records.choices import LEVELS
from voxaffect.records.codec import to_line
from voxaffect.records.results import SCHEMA_VERSION

if TYPE_CHECKING:
    from voxaffect.recognition import Prediction, Timeline


def _encode(results: Sequence[Prediction | Timeline], run: Run) -> str:
    records = [result.to_dict() for result in results]
    records += [one.to_dict() for one in run.failures]
    return "".join(
        to_line({"schema_version": SCHEMA_VERSION, **record}) + "\n" for record in records
    )


PREDICTIONS = Format(_encode, ".jsonl")
TIMELINES = Format(_encode, ".jsonl", levels=LEVELS)
