"""JSON Lines: a result a line, then a failure a line; each line carries ``schema_version``."""

from __future__ import annotations

from collections.abc import Sequence

from voxaffect.outputs.formats.base import Format, Run, describe_failure
from voxaffect.recognition import Prediction, Timeline
from voxaffect.records.codec import to_line, to_plain
from voxaffect.records.results import SCHEMA_VERSION, FailureRecord


def _encode(results: Sequence[Prediction | Timeline], run: Run) -> str:
    records = [result.to_dict() for result in results]
    records += [to_plain(describe_failure(one), FailureRecord) for one in run.failures]
    return "".join(
        to_line({"schema_version": SCHEMA_VERSION, **record}) + "\n" for record in records
    )


PREDICTIONS = Format(_encode, ".jsonl")
TIMELINES = Format(_encode, ".jsonl")
