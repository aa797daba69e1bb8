"""Options and the loop that ``doctor`` and ``explain`` share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from voxaffect.cli.help import Option, group_options
from voxaffect.cli.inputs import model_option
from voxaffect.cli.outputs import choose_format
from voxaffect.extraction import Failure, describe_failure

Result = TypeVar("Result")

_output_option = partial(click.option, cls=Option, section="Output")
_ENDINGS = {".txt": "text", ".json": "json"}

examination_options = group_options(
    click.argument("sources", nargs=-1, required=True, metavar="FILE | FOLDER | PATTERN..."),
    model_option,
    _output_option(
        "--format",
        "format_",
        type=click.Choice(["text", "json"]),
        help="[default: from the ending of --output, otherwise text]",
    ),
    _output_option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write to this file, not to standard output.",
    ),
)


def is_json(output: Path | None, format_: str | None) -> bool:
    """Whether JSON is asked for, by name or by the output's ending."""
    return choose_format(output, format_, _ENDINGS) == "json"


def examine_each(
    paths: Sequence[Path], examine: Callable[[Path], Result]
) -> tuple[list[Result], list[Failure]]:
    """Results of the recordings, and those that cannot be examined."""
    results: list[Result] = []
    failures: list[Failure] = []
    for path in paths:
        try:
            results.append(examine(path))
        except Exception as error:  # whatever it is, the others are examined
            failures.append(Failure(path, describe_failure(error, str(path))))
    return results, failures
