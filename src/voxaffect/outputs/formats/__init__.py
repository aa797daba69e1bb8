"""Results as text and files, in the formats of the tools that people use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from voxaffect.outputs.formats import predictions, tiers, timelines
from voxaffect.outputs.formats.naming import places
from voxaffect.outputs.formats.tabular import aligned, check_parquet
from voxaffect.outputs.formats.timelines import Level, by_source

__all__ = [
    "PREDICTION_FORMATS",
    "TIMELINE_FORMATS",
    "Format",
    "Level",
    "aligned",
    "by_source",
    "places",
]


@dataclass(frozen=True)
class Format:
    """One way to write results down.

    Parameters
    ----------
    encode : callable
        From a sequence of results to the whole file: predictions; or timelines and a
        ``Level``.
    suffix : str
        What names of such files end in.
    holds : {"all", "recording", "channel"}
        What one file can hold: all results, those of one recording, or of one channel.
    levels : tuple of str
        Of timelines: ``segments``, and ``windows`` where stretches may overlap.
    is_text : bool
        Whether a terminal can show it.
    is_for_people : bool
        Whether people read it, so that a terminal's alphabet may shape it.
    check : callable
        Raises MissingExtraError where a library that it needs is not installed.
    """

    encode: Callable[..., str | bytes]
    suffix: str
    holds: Literal["all", "recording", "channel"] = "all"
    levels: tuple[Level, ...] = ("segments", "windows")
    is_text: bool = True
    is_for_people: bool = False
    check: Callable[[], None] = lambda: None


def _one(encode: Callable[..., Any], suffix: str, holds: Literal["recording", "channel"]) -> Format:
    return Format(encode, suffix, holds, ("segments",))


PREDICTION_FORMATS: Mapping[str, Format] = {
    "table": Format(predictions.to_table, ".txt", is_for_people=True),
    "json": Format(predictions.to_json, ".json"),
    "jsonl": Format(predictions.to_jsonl, ".jsonl"),
    "csv": Format(predictions.to_csv, ".csv"),
    "parquet": Format(predictions.to_parquet, ".parquet", is_text=False, check=check_parquet),
}
"""By name, of one emotion for each recording."""

TIMELINE_FORMATS: Mapping[str, Format] = {
    "table": Format(timelines.to_table, ".txt", is_for_people=True),
    "json": Format(timelines.to_json, ".json"),
    "jsonl": Format(timelines.to_jsonl, ".jsonl"),
    "csv": Format(timelines.to_csv, ".csv"),
    "parquet": Format(timelines.to_parquet, ".parquet", is_text=False, check=check_parquet),
    "audformat": Format(timelines.to_audformat, ".audformat.csv"),
    "rttm": Format(timelines.to_rttm, ".rttm"),
    "audacity": Format(tiers.to_audacity, ".labels.txt", "channel"),
    "raven": Format(tiers.to_raven, ".selections.txt", "recording"),
    "textgrid": _one(tiers.to_textgrid, ".TextGrid", "recording"),
    "eaf": _one(tiers.to_eaf, ".eaf", "recording"),
    "srt": _one(tiers.to_srt, ".srt", "channel"),
    "vtt": _one(tiers.to_vtt, ".vtt", "channel"),
}
"""By name, of emotion over time."""
