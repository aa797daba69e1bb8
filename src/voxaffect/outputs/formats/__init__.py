"""Results as text and files, in the formats of the tools that people use.

A module of this package is a format if it holds ``PREDICTIONS`` or ``TIMELINES``, each a
``Format``; the format has the name of the module. An entry point of a plug-in names such a module,
or any object with these attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from voxaffect.outputs.formats.base import (
    LOCAL_FILES,
    AudioAddress,
    Format,
    Run,
    group_by_source,
)
from voxaffect.outputs.formats.naming import name_outputs
from voxaffect.outputs.formats.table import align_columns
from voxaffect.plugins import Plugin, Registry, guard

__all__ = [
    "LOCAL_FILES",
    "PREDICTION_FORMATS",
    "TIMELINE_FORMATS",
    "AudioAddress",
    "Format",
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


def _read_plugin(kind: str, plugin: Plugin, value: Any) -> Format:
    formats = [getattr(value, one, None) for one in ("PREDICTIONS", "TIMELINES")]
    wrong = next((one for one in formats if not isinstance(one, Format | None)), None)
    if wrong is not None or formats == [None, None]:
        raise ValueError(
            "expected a voxaffect.outputs.formats.Format as PREDICTIONS, TIMELINES or both, found "
            f"{'none' if wrong is None else type(wrong).__name__}"
        )
    form: Format | None = getattr(value, kind, None)
    if form is None:
        raise KeyError(plugin.name)
    if not form.suffix.startswith("."):
        raise ValueError(f"suffix: expected an ending such as .txt, found {form.suffix!r}")
    return replace(form, encoder=guard(plugin, form.encoder))


class _Formats(Registry[Format]):
    """Formats of predictions or of timelines: a plug-in may be of one of them only."""

    def __init__(self, kind: str) -> None:
        super().__init__("formats", _list_formats(kind), partial(_read_plugin, kind))

    def __contains__(self, name: object) -> bool:
        if name in self.builtins:
            return True
        return isinstance(name, str) and super().__contains__(name) and self.get(name) is not None


PREDICTION_FORMATS = _Formats("PREDICTIONS")
"""By name, of one emotion for each recording."""
TIMELINE_FORMATS = _Formats("TIMELINES")
"""By name, of emotion over time."""
