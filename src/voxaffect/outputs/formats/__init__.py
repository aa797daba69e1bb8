"""Results as text and files, in the formats of the tools that people use.

A module of this package is a format if it holds ``PREDICTIONS`` or ``TIMELINES``, each a
``Format``; the format has the name of the module.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from voxaffect.outputs.formats.base import Format, Level, Run, group_by_source
from voxaffect.outputs.formats.naming import name_outputs
from voxaffect.outputs.formats.table import align_columns

__all__ = [
    "PREDICTION_FORMATS",
    "TIMELINE_FORMATS",
    "Format",
    "Level",
    "Run",
    "align_columns",
    "group_by_source",
    "name_outputs",
]

_FIRST = ("table", "json", "jsonl", "csv", "parquet")
"""Formats that are listed before the others, which follow by name."""


def _list_formats(kind: str) -> Mapping[str, Format]:
    names = [module.name for module in iter_modules(__path__)]
    ordered = [*_FIRST, *(name for name in names if name not in _FIRST)]
    modules = {name: import_module(f"{__name__}.{name}") for name in ordered}
    return {name: getattr(one, kind) for name, one in modules.items() if hasattr(one, kind)}


PREDICTION_FORMATS = _list_formats("PREDICTIONS")
"""By name, of one emotion for each recording."""
TIMELINE_FORMATS = _list_formats("TIMELINES")
"""By name, of emotion over time."""
