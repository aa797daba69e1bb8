"""Options on how people's own data are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from voxaffect.corpora import parse_columns, read_labels


def _labels(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Read a map of labels."""
    return None if value is None else read_labels(value)


def _columns(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Read names of columns."""
    return None if value is None else parse_columns(value)


def own_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options on how people's own data are read, for every command that reads them."""
    options = [
        click.option(
            "--layout",
            metavar="A/B/…",
            help="Of folder: what each level of folders names, such as "
            "speaker/emotion or set/emotion; by default as the names tell.",
        ),
        click.option(
            "--labels",
            callback=_labels,
            metavar="FILE",
            help="A CSV with the columns from,to: which emotion each label means; by "
            "default the usual synonyms are known. 'none' keeps every word.",
        ),
        click.option(
            "--columns",
            callback=_columns,
            metavar="A=B,…",
            help="Of csv: where its columns have other names, such as path=file,emotion=label.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
