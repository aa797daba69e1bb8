"""``train`` and ``features``, and what every command on corpora shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.output import check_output, finish, max_seconds_option
from voxaffect.cli.own_data import own_options
from voxaffect.cli.sources import recordings
from voxaffect.console import print_message, print_note, stderr_is_terminal
from voxaffect.corpora import OWN_DATA
from voxaffect.errors import EvaluationError, TrainingError, VoxaffectError
from voxaffect.evaluation import HeldOut, evaluate_estimator, held_out, random_split
from voxaffect.evaluation.metrics.calibration import WANTED_RISK
from voxaffect.extraction import MAX_SECONDS, Failure, extract, open_cache
from voxaffect.features import SETS, feature_spec
from voxaffect.features import names as feature_names
from voxaffect.outputs.formats.features import WRITERS, table_writer
from voxaffect.training import (
    DEFAULT_RECIPES,
    RECIPES,
    Augmentation,
    Dataset,
    Recipe,
    augment_dataset,
    export,
    fit,
    get_recipe,
    load_dataset,
)
from voxaffect.training.augmentation.babble import BabbleSource, has_other_recordings
from voxaffect.training.augmentation.conditions import condition_transform

MAX_SEED = 2**32 - 100  # scikit-learn's limit, less the seeds that protocols count up
DEFAULT_FEATURES = next(iter(DEFAULT_RECIPES))


class Share(click.FloatRange):
    """A share from 0 to 1; NaN, which no comparison refuses, is none."""

    def __init__(self, *, max_open: bool = False) -> None:
        super().__init__(0, 1, max_open=max_open)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the share, or fail as click's types do."""
        share = super().convert(value, param, ctx)
        if math.isnan(share):
            self.fail(f"{share} is no number.", param, ctx)
        return share


def listed(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Split a comma-separated option."""
    return None if value is None else [emotion.strip() for emotion in value.split(",")]


def corpus_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that every command on corpora shares."""
    options = [
        click.option(
            "--data",
            "roots",
            type=click.Path(path_type=Path),
            multiple=True,
            metavar="DIR",
            help="Where each corpus is (for csv, the table); repeat it, in their order. "
            "By default its sub-folder of VOXAFFECT_DATA, else the download "
            "folder.",
        ),
        click.option(
            "--features",
            type=click.Choice(list(SETS)),
            help="[default: what the recipe is made for]",
        ),
        click.option(
            "--emotions", callback=listed, metavar="A,B,…", help="Keep only these; 'all' keeps all."
        ),
        click.option(
            "--name",
            metavar="NAME",
            help="Of folder or csv: what results and the model call the data.",
        ),
        click.option(
            "--augment/--no-augment",
            default=True,
            show_default=True,
            help="Train on augmented copies too, where the recipe does.",
        ),
        click.option(
            "--babble",
            type=Share(),
            metavar="SHARE",
            help="Share of the noisy copies that use background speech: other recordings "
            "of the same speaker.  "
            f"[default: {Augmentation().babble_probability:g}]",
        ),
        click.option("--seed", type=click.IntRange(0, MAX_SEED), default=9, show_default=True),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="At work at once; all processors by default.",
        ),
        click.option(
            "--cache/--no-cache",
            "cached",
            default=True,
            show_default=True,
            help="Keep features for the next time.",
        ),
        max_seconds_option(MAX_SECONDS),
    ]
    for option in reversed(options):
        command = option(command)
    return own_options(command)


def chosen_recipes(names: Sequence[str], features: str | None) -> list[Recipe]:
    """Recipes asked for, or what is advised for the features."""
    return [get_recipe(name) for name in names or [DEFAULT_RECIPES[features or DEFAULT_FEATURES]]]


def gathered(
    corpora: Sequence[str],
    recipe: Recipe,
    emotions: Sequence[str] | None,
    *,
    roots: Sequence[Path],
    features: str | None,
    augment: bool,
    babble: float | None,
    seed: int,
    workers: int | None,
    cached: bool,
    layout: str | None = None,
    labels: Any = None,
    columns: Mapping[str, str] | None = None,
    name: str | None = None,
    max_seconds: float = MAX_SECONDS,
    condition: str | None = None,
    source: BabbleSource | None = None,
) -> Dataset:
    """Utterances, features and copies, as the options say; what was found goes to stderr."""
    if len(set(corpora)) < len(corpora):
        raise click.UsageError("A corpus is named twice; merge its folders, or write one csv.")
    if roots and len(roots) != len(corpora):
        raise click.UsageError(f"{len(corpora)} corpora and {len(roots)} times --data.")
    same = features in (None, recipe.features)
    spec = feature_spec(features or recipe.features, groups=recipe.groups if same else None)
    places = dict(zip(corpora, roots or (None,) * len(corpora), strict=True))
    shared: dict[str, Any] = {
        "workers": workers,
        "cached": cached,
        "progress": stderr_is_terminal(),
        "max_seconds": max_seconds,
    }
    transform = None
    if condition:
        transform = condition_transform(condition, rate_hz=spec.rate_hz, babble=source)
    data = load_dataset(
        places,
        spec,
        emotions=None if emotions == ["all"] else emotions,
        transform=transform,
        layout=layout,
        labels=labels,
        columns=columns,
        name=name,
        **shared,
    )
    _say_notes(data.notes)
    titles = [name if name and corpus in OWN_DATA else corpus for corpus in corpora]
    print_message(
        f"{', '.join([*titles, condition] if condition else titles)}: "
        f"{len(data.utterances)} utterances, {data.speakers} speakers, "
        f"{data.matrix.shape[1]} {spec.name} features, {', '.join(sorted(set(data.emotions)))}"
    )
    policy = recipe.augmentation if augment else None
    if policy:
        count = len(data.utterances) * policy.copies
        print_message(f"{count:,} augmented copies to train on; --no-augment does without")
        if babble is not None:
            policy = replace(policy, babble_probability=babble)
        _check_babble(data, policy, is_asked=babble is not None)
        data = augment_dataset(data, policy, seed=seed, **shared)
    elif babble and not condition:
        why = "--no-augment" if recipe.augmentation else f"{recipe.name} trains on none"
        print_message(f"--babble changes nothing without augmented copies: {why}")
    return data


@contextmanager
def list_failures_on_error(failures: Sequence[Failure]) -> Iterator[None]:
    """Print the recordings that could not be used if an error ends the command before its end."""
    try:
        yield
    except VoxaffectError:
        for failure in failures:
            print_message(f"failed: {failure.reason}")
        raise


def _say_notes(notes: Sequence[str]) -> None:
    """Print how data were read, each note once in a command."""
    context = click.get_current_context(silent=True)  # None where no command runs
    shown: set[str] = context.meta.setdefault(f"{__name__}.notes", set()) if context else set()
    for note in notes:
        if note not in shown:
            shown.add(note)
            print_message(note)


def _check_babble(data: Dataset, policy: Augmentation, *, is_asked: bool) -> None:
    """Note that background speech is impossible here; refuse it if it was asked for."""
    if not policy.babble_probability or has_other_recordings(data.utterances):
        return
    reason = "no speaker is known by two recordings or more, so no copy has background speech"
    if is_asked:
        raise TrainingError(f"--babble: {reason}. Name the speakers, or leave the option out.")
    print_message(f"babble: {reason}")


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS...")
@corpus_options
@click.option(
    "--recipe",
    "recipe_name",
    type=click.Choice(list(RECIPES)),
    help="[default: logistic; for classic features, mlp]",
)
@click.option(
    "--test-size",
    type=Share(max_open=True),
    default=0.25,
    show_default=True,
    help="Share held out to measure; 0 measures nothing.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("model.onnx"),
    show_default=True,
)
def train(
    corpora: tuple[str, ...],
    recipe_name: str | None,
    test_size: float,
    output: Path,
    emotions: list[str] | None,
    **options: Any,
) -> None:
    """Train a model on one or more corpora and write it to a file.

    A random share is held out to measure accuracy as the tutorial does, and speakers are held
    out to measure it on new voices. The model that is written is then trained on everything.
    """
    check_output(output, sources=options["roots"])
    names = [recipe_name] if recipe_name else []
    chosen, seed = chosen_recipes(names, options["features"])[0], options["seed"]
    estimator = chosen.build(seed)  # says now, not after the work, what is not installed
    data = gathered(corpora, chosen, emotions or chosen.emotions, **options)
    with list_failures_on_error(data.failures):
        if test_size:
            random_split(len(data.matrix), test_size=test_size, seed=seed)  # refuses an empty side
        fitted = fit(chosen.build(seed), data.rows())
    # Written before it is measured: whoever interrupts the measuring keeps the model.
    export(fitted, data, recipe=chosen.name, seed=seed, scores={}).save(output)
    if test_size:
        scores, abstention = _measured(estimator, data, test_size=test_size, seed=seed)
        export(
            fitted, data, recipe=chosen.name, seed=seed, scores=scores, abstention=abstention
        ).save(output)
    count = len(data.matrix)
    share = f"{count} of {count + len(data.failures)}" if data.failures else f"all {count}"
    print_note(f"Model trained on {share} utterances: {output}")
    finish(data.failures, len(data.matrix))


def _measured(
    estimator: Any, data: Dataset, *, test_size: float, seed: int
) -> tuple[dict[str, Any], Mapping[str, float]]:
    """Print the tutorial's figures, and those on new voices beside them.

    Returns scores, and from which probability on few enough predictions were wrong.
    """
    held = held_out(estimator, data, test_size=test_size, seed=seed)
    _print_held_out(held, test_size)
    once = {metric: {"mean": value, "sd": 0.0} for metric, value in asdict(held.scores).items()}
    by_protocol: dict[str, Any] = {f"random {test_size:.0%}, seed {seed}": once}
    try:
        voices = evaluate_estimator(
            estimator,
            data.matrix,
            data.utterances,
            protocol="speakers",
            copies=data.copies,
            seed=seed,
        )
    except EvaluationError as error:
        print_note(f"Accuracy on new voices: unknown, {error}")
        return by_protocol, {}
    mean = voices.summary["accuracy"]
    print_note(
        f"Accuracy on new voices: {mean['mean']:.2%} ± {mean['sd']:.2%} "
        f"over {len(voices.folds)} folds"
    )
    return {**by_protocol, "speakers": voices.summary}, voices.risk_coverage.at_risk(WANTED_RISK)


def _print_held_out(held: HeldOut, test_size: float) -> None:
    print_note(f"{held.train_shape} {held.test_shape}")
    print_note(f"Features extracted: {held.train_shape[1]}")
    if held.heard is None:
        voices = "of unknown speakers"
    elif held.heard == 1:
        voices = "of voices heard in training"
    else:
        voices = f"{held.heard:.0%} of it voices heard in training"
    print_note(f"Accuracy: {held.scores.accuracy:.2%} on a random {test_size:.0%}, {voices}")


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE | FOLDER | PATTERN ...")
@click.option(
    "--features", "name", type=click.Choice(list(SETS)), default=DEFAULT_FEATURES, show_default=True
)
@click.option(
    "--groups",
    callback=listed,
    metavar="A,B,…",
    help="Some groups of the set: "
    + "; ".join(f"{name}: {', '.join(module.GROUPS)}" for name, module in SETS.items())
    + ".",
)
@click.option(
    "--rate",
    "rate_hz",
    type=click.IntRange(8_000, 192_000),
    metavar="HZ",
    help="Resample first; by default as the set or the recording says.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help=f"Table ending in {', '.join(WRITERS)}.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="At work at once; all processors by default."
)
@click.option(
    "--cache/--no-cache",
    "cached",
    default=True,
    show_default=True,
    help="Keep features for the next time: an interrupted run goes on.",
)
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
    """Write the features of recordings to a table, one row a recording.

    What was computed before an interruption comes from the cache.
    """
    paths, nowhere = recordings(sources)
    check_output(output, sources=paths)
    writer = table_writer(output)
    spec = feature_spec(name, groups=tuple(groups) if groups else None, rate_hz=rate_hz)
    with open_cache(is_wanted=cached) as cache:
        found = extract(
            paths,
            spec,
            workers=workers,
            cache=cache,
            progress=stderr_is_terminal(),
            max_seconds=max_seconds,
        )
    kept = [str(paths[place]) for place in found.kept]
    writer(output, kept, feature_names(spec), found.matrix)
    print_note(f"{len(kept)} recordings, {found.matrix.shape[1]} features: {output}")
    finish((*found.failures, *nowhere), len(kept))
