"""Options for reading people's own data."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import click

from voxaffect.corpora import parse_columns, read_labels


def convert_by(read: Callable[[str], Any]) -> Callable[..., Any]:
    """Callback that reads the value of an option, if it is given."""
    return lambda _context, _parameter, value: None if value is None else read(value)


def own_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for reading people's own data to a command."""
    options = [
        click.option(
            "--layout",
            metavar="A/B/…",
            help="With folder: meaning of each level of folders, such as speaker/emotion or "
            "set/emotion. By default, it is detected from the names.",
        ),
        click.option(
            "--labels",
            callback=convert_by(read_labels),
            metavar="FILE",
            help="CSV with the columns from,to: the emotion that each label means. By default, "
            "common synonyms are replaced. 'none' keeps every label.",
        ),
        click.option(
            "--columns",
            callback=convert_by(parse_columns),
            metavar="A=B,…",
            help="With csv: names of its columns, such as path=file,emotion=label.",
        ),
    ]
    return reduce(lambda result, option: option(result), reversed(options), command)
