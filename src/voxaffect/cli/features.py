"""Command ``features``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from voxaffect.cli.dataset import dataset_options, refuse_dataset_options, run_dataset
from voxaffect.cli.inputs import ModelName, find_recordings, max_seconds_option, open_model
from voxaffect.cli.options import RegistryChoice, cache_option, split_names, workers_option
from voxaffect.cli.outputs import check_output, finish
from voxaffect.cli.usage import refuse_options
from voxaffect.console import print_note, stderr_is_terminal
from voxaffect.extraction import MAX_SECONDS, extract, open_cache
from voxaffect.features import ENCODER, SETS, FeatureSpec, get_feature_names, get_feature_spec
from voxaffect.outputs.formats.features import WRITERS, table_writer
from voxaffect.training import DEFAULT_FEATURES

_CHOICES = ("name", "encoder", "groups", "rate_hz")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE | FOLDER | PATTERN ...")
@click.option(
    "--features",
    "name",
    type=RegistryChoice(SETS, ENCODER),
    default=DEFAULT_FEATURES,
    show_default=True,
)
@click.option(
    "--model",
    type=ModelName(),
    metavar="NAME | FILE",
    help="The features that this model classifies, instead of --features: accurate or fast, or a "
    "model file. Of a model with an encoder, the pooled hidden states; nothing is downloaded.",
)
@click.option(
    "--encoder",
    metavar="NAME | FILE",
    help="With --features encoder: a downloaded encoder, or the path of its weights.  "
    "[default: base]",
)
@click.option(
    "--groups",
    callback=split_names,
    metavar="A,B,…",
    help="Only these groups of features. "
    + "; ".join(f"{name}: {', '.join(chosen.groups)}" for name, chosen in SETS.builtins.items())
    + f"; {ENCODER}: layer_1, layer_2 and so on.",
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
    metavar="FILE | FOLDER",
    help=f"Table ending in {', '.join(WRITERS)}; with --dataset, a folder.",
)
@workers_option
@cache_option
@max_seconds_option(MAX_SECONDS)
@dataset_options
def features(
    sources: tuple[str, ...],
    name: str,
    model: str | Path | None,
    encoder: str | None,
    groups: list[str] | None,
    rate_hz: int | None,
    output: str,
    workers: int | None,
    cached: bool,
    max_seconds: float,
    dataset: bool,
    **options: Any,
) -> None:
    """Write the features of recordings to a table, one row for each recording.

    Features are cached. After an interruption, run the command again.
    """
    spec = _make_spec(name, encoder, groups, rate_hz) if model is None else _get_spec(model)
    if dataset:
        options |= {"output": output, "workers": workers}
        chosen = {"spec": spec} if model is None else {"model": model}
        run_dataset("features", sources, options, max_seconds=max_seconds, **chosen)
        return
    refuse_dataset_options()
    paths, nowhere = find_recordings(sources)
    table = Path(output)
    check_output(table, sources=paths)
    writer = table_writer(table)
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
    writer(table, kept, get_feature_names(spec), extraction.matrix)
    print_note(f"{len(kept)} recordings, {extraction.matrix.shape[1]} features: {output}")
    finish((*extraction.failures, *nowhere), len(kept))


def _get_spec(model: str | Path) -> FeatureSpec:
    """Feature spec of a model, which has no other options."""
    refuse_options(_CHOICES, "--model and {}: one of them. A model has features of its own.")
    return open_model(model).spec


def _make_spec(
    name: str, encoder: str | None, groups: list[str] | None, rate_hz: int | None
) -> FeatureSpec:
    """Feature spec of the options."""
    if name != ENCODER:
        if encoder is not None:
            raise click.UsageError("--encoder goes with --features encoder.")
        return get_feature_spec(name, groups=tuple(groups) if groups else None, rate_hz=rate_hz)
    if rate_hz is not None:
        raise click.UsageError("--rate: encoders have a rate of their own, 16000 Hz.")
    from voxaffect.training.encoders.opening import DEFAULT_ENCODER, open_encoder

    layers = [group.removeprefix("layer_") for group in groups or ()]
    if not all(layer.isdecimal() for layer in layers):
        raise click.UsageError(f"--groups: expected layer_1, layer_2, …, found {groups}.")
    return open_encoder(encoder or DEFAULT_ENCODER, layers=[*map(int, layers)] or None)
