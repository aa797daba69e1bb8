"""``train``, ``evaluate`` and ``features``: what researchers and learners run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.recognition import finish, write_text
from voxaffect.cli.sources import recordings
from voxaffect.evaluation import PROTOCOLS, Evaluation, held_out, protocol_named
from voxaffect.evaluation import evaluate as evaluate_by
from voxaffect.extraction import FeatureCache, extract
from voxaffect.features import SETS, feature_spec
from voxaffect.features import names as feature_names
from voxaffect.report import to_json, to_text
from voxaffect.tables import WRITERS, table_writer
from voxaffect.training import RECIPES, Dataset, export, fit, gather, recipe_named

DEFAULT_FEATURES = "classic"
DEFAULT_RECIPE = "mlp"


def _emotions(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    return None if value is None else [emotion.strip() for emotion in value.split(",")]


def _corpus_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options that every command on a corpus shares."""
    options = [
        click.option("--data", type=click.Path(path_type=Path), metavar="DIR",
                     help="The corpus's folder (for csv, the table); by default its sub-folder "
                          "of VOXAFFECT_DATA, else the download folder."),
        click.option("--features", type=click.Choice(list(SETS)), default=DEFAULT_FEATURES,
                     show_default=True),
        click.option("--emotions", callback=_emotions, metavar="A,B,…",
                     help="Keep only these; 'all' keeps all."),
        click.option("--seed", type=int, default=9, show_default=True),
        click.option("--workers", type=click.IntRange(min=1),
                     help="Threads; all processors by default."),
        click.option("--cache/--no-cache", "cached", default=True, show_default=True,
                     help="Keep features for the next time."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _gathered(corpus: str, features: str, emotions: list[str] | None, **rest: Any) -> Dataset:
    kept = None if emotions == ["all"] else emotions
    data = gather(corpus, feature_spec(features), root=rest["data"], emotions=kept,
                  workers=rest["workers"], cached=rest["cached"],
                  progress=sys.stderr.isatty())  # fmt: skip
    click.echo(
        f"{corpus}: {len(data.utterances)} utterances, {data.speakers} speakers, "
        f"{len(set(data.emotions))} emotions, at {data.spec.rate_hz} Hz",
        err=True,
    )
    return data


@click.command()
@click.argument("corpus")
@_corpus_options
@click.option("--recipe", "recipe_name", type=click.Choice(list(RECIPES)),
              default=DEFAULT_RECIPE, show_default=True)  # fmt: skip
@click.option("--test-size", type=click.FloatRange(0, 1, max_open=True), default=0.25,
              show_default=True, help="Share held out to measure; 0 measures nothing.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              default=Path("model.onnx"), show_default=True)  # fmt: skip
def train(
    corpus: str, recipe_name: str, test_size: float, output: Path, seed: int, **options: Any
) -> None:
    """Train a model on a corpus and write it to a file.

    A random share is held out to measure accuracy as the tutorial does, and speakers are held
    out to measure it on new voices. The model that is written is then trained on everything.
    """
    chosen = recipe_named(recipe_name)
    options["emotions"] = options["emotions"] or (
        list(chosen.emotions) if chosen.emotions else None
    )
    data = _gathered(corpus, **options)
    estimator = chosen.build(seed)
    scores = _measured(estimator, data, test_size=test_size, seed=seed) if test_size else {}
    pipeline = fit(chosen.build(seed), data.matrix, data.emotions)
    model = export(pipeline, data.matrix, spec=data.spec, recipe=chosen.name, seed=seed,
                   corpora=data.summary(), scores=scores)  # fmt: skip
    model.save(output)
    click.echo(f"Model trained on all {len(data.matrix)} utterances: {output}")
    finish(data.failures, len(data.matrix))


def _measured(estimator: Any, data: Dataset, *, test_size: float, seed: int) -> dict[str, Any]:
    """Print the tutorial's figures, and those on new voices beside them."""
    held = held_out(estimator, data.matrix, data.emotions, test_size=test_size, seed=seed)
    click.echo(f"{held.train_shape} {held.test_shape}")
    click.echo(f"Features extracted: {held.train_shape[1]}")
    click.echo(f"Accuracy: {held.scores.accuracy:.2%} on a random {test_size:.0%}, "
               "of voices heard in training")  # fmt: skip
    by_name = {f"random {test_size:.0%}, seed {seed}": _once(held.scores)}
    if data.speakers < 2:
        click.echo("Accuracy on new voices: unknown, at least 2 speakers are needed")
        return by_name
    voices = evaluate_by(estimator, data.matrix, data.utterances, protocol="speakers", seed=seed)
    mean = voices.summary["accuracy"]
    click.echo(f"Accuracy on new voices: {mean['mean']:.2%} ± {mean['sd']:.2%} "
               f"over {len(voices.folds)} folds")  # fmt: skip
    return {**by_name, "speakers": voices.summary}


def _once(scores: Any) -> dict[str, dict[str, float]]:
    return {metric: {"mean": value, "sd": 0.0} for metric, value in vars(scores).items()}


@click.command()
@click.argument("corpus")
@_corpus_options
@click.option("--protocol", type=click.Choice(list(PROTOCOLS)), default="speakers",
              show_default=True)  # fmt: skip
@click.option("--recipe", "recipe_names", type=click.Choice(list(RECIPES)), multiple=True,
              help="Repeat it to compare.  [default: mlp; for the tutorial protocol, "
                   "tutorial and mlp]")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the report here instead of standard output.")  # fmt: skip
def evaluate(
    corpus: str, protocol: str, recipe_names: tuple[str, ...], format_: str,
    output: Path | None, seed: int, **options: Any,
) -> None:  # fmt: skip
    """Measure recipes on a corpus by a protocol.

    A random split and folds on new voices always stand side by side. Protocols: tutorial
    (random 25 %, 20 seeds, four emotions), random (the same with 6 seeds, all emotions),
    speakers (six folds of unheard speakers), emobox (EmoBox's RAVDESS folds).
    """
    wanted = protocol_named(protocol)
    options["emotions"] = options["emotions"] or (
        list(wanted.emotions) if wanted.emotions else None
    )
    names = recipe_names or (("tutorial", "mlp") if protocol == "tutorial" else (DEFAULT_RECIPE,))
    data = _gathered(corpus, **options)
    text = {"text": to_text, "json": to_json}[format_](
        _side_by_side(data, names, protocol=protocol, seed=seed)
    )
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
    finish(data.failures, len(data.matrix))


def _side_by_side(
    data: Dataset, recipes: tuple[str, ...], *, protocol: str, seed: int
) -> dict[str, Evaluation]:
    """Evaluate every recipe by the protocol, and by one of the other kind."""
    other = "random" if protocol_named(protocol).new_voices else "speakers"
    has_voices = data.speakers > 1
    found = {}
    for name in (protocol, other) if has_voices else (protocol,):
        for recipe in recipes:
            estimator = recipe_named(recipe).build(seed)
            start = 0 if name == "tutorial" else seed
            found[f"{recipe}, {name}"] = evaluate_by(
                estimator, data.matrix, data.utterances, protocol=name, seed=start
            )
    return found


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="FILE | FOLDER | PATTERN ...")
@click.option("--features", "name", type=click.Choice(list(SETS)), default=DEFAULT_FEATURES,
              show_default=True)  # fmt: skip
@click.option("--rate", "rate_hz", type=click.IntRange(8_000, 192_000), metavar="HZ",
              help="Resample first; by default as the set or the recording says.")  # fmt: skip
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path, dir_okay=False),
              metavar="FILE", help=f"Table ending in {', '.join(WRITERS)}.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Threads; all processors by default.")
@click.option("--cache/--no-cache", "cached", default=True, show_default=True,
              help="Keep features for the next time: an interrupted run goes on.")  # fmt: skip
def features(
    sources: tuple[str, ...], name: str, rate_hz: int | None, output: Path,
    workers: int | None, cached: bool,
) -> None:  # fmt: skip
    """Write the features of recordings to a table, one row a recording.

    What was computed before an interruption comes from the cache.
    """
    writer = table_writer(output)
    paths, spec = recordings(sources), feature_spec(name, rate_hz=rate_hz)
    with FeatureCache() if cached else nullcontext() as cache:
        found = extract(paths, spec, workers=workers, cache=cache, progress=sys.stderr.isatty())
    kept = [str(paths[place]) for place in found.kept]
    writer(output, kept, feature_names(spec), found.matrix)
    click.echo(f"{len(kept)} recordings, {found.matrix.shape[1]} features: {output}")
    finish(found.failures, len(kept))
