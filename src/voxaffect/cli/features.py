"""Command ``features``."""

from __future__ import annotations

from pathlib import Path

import click

from voxaffect.cli.inputs import find_recordings, max_seconds_option
from voxaffect.cli.options import cache_option, split_names, workers_option
from voxaffect.cli.outputs import check_output, finish
from voxaffect.console import print_note, stderr_is_terminal
from voxaffect.extraction import MAX_SECONDS, extract, open_cache
from voxaffect.features import SETS, get_feature_names, get_feature_spec
from voxaffect.outputs.formats.features import WRITERS, table_writer
from voxaffect.training import DEFAULT_FEATURES


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE | FOLDER | PATTERN ...")
@click.option(
    "--features", "name", type=click.Choice(list(SETS)), default=DEFAULT_FEATURES, show_default=True
)
@click.option(
    "--groups",
    callback=split_names,
    metavar="A,B,…",
    help="Only these groups of features. "
    + "; ".join(f"{name}: {', '.join(chosen.groups)}" for name, chosen in SETS.items())
    + ".",
)
@click.option(
    "--rate",
    "rate_hz",
    type=click.IntRange(8_000, 192_000),
    metavar="HZ",
    help="Resample to this rate. By default the rate of the feature set, or of the recording.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Table ending in {', '.join(WRITERS)}.",
)
@workers_option
@cache_option
@max_seconds_option(MAX_SECONDS)
def features(
    sources: tuple[str, ...],
    name: str,
    groups: list[str] | None,
    rate_hz: int | None,
    output: Path,
    workers: int | None,
    cached: bool,
    max_seconds: float,
) -> None:
    """Write the features of recordings to a table, one row for each recording.

    Features are cached. After an interruption, run the command again.
    """
    paths, nowhere = find_recordings(sources)
    check_output(output, sources=paths)
    writer = table_writer(output)
    spec = get_feature_spec(name, groups=tuple(groups) if groups else None, rate_hz=rate_hz)
    with open_cache(is_wanted=cached) as cache:
        extraction = extract(
            paths,
            spec,
            workers=workers,
            cache=cache,
            progress=stderr_is_terminal(),
            max_seconds=max_seconds,
        )
    kept = [str(paths[index]) for index in extraction.kept]
    writer(output, kept, get_feature_names(spec), extraction.matrix)
    print_note(f"{len(kept)} recordings, {extraction.matrix.shape[1]} features: {output}")
    finish((*extraction.failures, *nowhere), len(kept))
