"""Options and the loop that ``doctor`` and ``explain`` share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from voxaffect.cli.help import Option, group_options
from voxaffect.cli.inputs import (
    EXAMPLE,
    find_recordings,
    list_files,
    model_option,
    open_model,
    read_example,
)
from voxaffect.cli.outputs import check_result, choose_format, emit
from voxaffect.extraction import Failure, describe_failure
from voxaffect.outputs.formats.base import Run, encode_document
from voxaffect.records.results import Document

Result = TypeVar("Result")

_output_option = partial(click.option, cls=Option, section="Output")
_ENDINGS = {".txt": "text", ".json": "json"}

examination_options = group_options(
    click.argument("sources", nargs=-1, metavar="[FILE | FOLDER | PATTERN]..."),
    click.option(
        "--example",
        cls=Option,
        section="Input",
        is_flag=True,
        help="Examine the bundled recording.",
    ),
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


def examine(
    sources: tuple[str, ...],
    options: Mapping[str, Any],
    examine_recording: Callable[..., Result],
    *,
    document: type[Document],
    show: Callable[[Sequence[Result]], str],
) -> tuple[list[Result], list[Failure]]:
    """Examine recordings, and write all results at once.

    Parameters
    ----------
    sources : tuple of str
    options : mapping of str to value
        Of `examination_options`, with ``max_seconds``.
    examine_recording : callable
        From a path, ``model`` and ``max_seconds`` to a result.
    document : type
        Schema of the results as JSON.
    show : callable
        From all results to text for people.

    Returns
    -------
    list of results, and list of Failure
    """
    output = options["output"]
    is_json = choose_format(output, options["format_"], _ENDINGS) == "json"
    if options["example"] == bool(sources):
        raise click.UsageError("Name recordings to examine, or use --example; one of them.")
    paths, failures = find_recordings(sources)
    check_result(output, sources=[*paths, *list_files(options["model"])])
    model = open_model(options["model"])
    results: list[Result] = []
    reasons: list[Failure] = []
    example = [(read_example(), EXAMPLE)] if options["example"] else []
    for source, name in [*example, *((path, str(path)) for path in paths)]:
        try:
            result = examine_recording(
                source, name=name, model=model, max_seconds=options["max_seconds"]
            )
            results.append(result)
        except Exception as error:  # whatever it is, the others are examined
            reasons.append(Failure(Path(name), describe_failure(error, name)))
    reasons += failures
    if is_json:
        text = encode_document(document, results, Run(model=model, failures=reasons))
    else:
        text = show(results)
    emit(text, output, is_data=is_json)
    return results, reasons
