"""``predict`` and ``info``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path

import click

from voxaffect.audio import read
from voxaffect.cli.output import check_output, emit, finish
from voxaffect.cli.sources import recordings
from voxaffect.errors import AudioError
from voxaffect.features.enrolment import Speaker
from voxaffect.files import printable
from voxaffect.formats import PREDICTION_FORMATS
from voxaffect.model import Model, load
from voxaffect.recognizer import Batch, enrol_speaker, predict_many
from voxaffect.recognizer import predict as predict_one

EXAMPLE = "example.wav"


@click.command()
@click.argument("sources", nargs=-1, metavar="[FILE | FOLDER | PATTERN | -]...")
@click.option("--example", is_flag=True, help="Recognise the bundled recording.")
@click.option("--model", "model_path", type=click.Path(path_type=Path), metavar="FILE",
              help="Model file; the bundled model by default.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(list(PREDICTION_FORMATS)), default="table",
              show_default=True)  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write here instead of standard output.")  # fmt: skip
@click.option("--enrol", multiple=True, metavar="FILE | FOLDER | PATTERN",
              help="Recordings of the one speaker in all sources, unlabelled, in varied emotions: "
                   "about eight sharpen recognition. Repeatable.")  # fmt: skip
@click.option("--workers", type=click.IntRange(min=1), help="Threads; all processors by default.")
def predict(
    sources: tuple[str, ...],
    example: bool,
    model_path: Path | None,
    enrol: tuple[str, ...],
    format_: str,
    output: Path | None,
    workers: int | None,
) -> None:
    """Recognise the emotion of recordings.

    Name files, folders (searched through) or patterns; - reads one recording from standard
    input. A recording that cannot be used is listed on standard error and makes the exit
    code 1; the others are recognised all the same.
    """
    if example == bool(sources):
        raise click.UsageError("Name recordings to recognise, or use --example; one of them.")
    if "-" in sources and sources != ("-",):
        raise click.UsageError("- reads one recording from standard input and stands alone.")
    paths, nowhere = recordings(() if example or sources == ("-",) else sources)
    check_output(output, sources=paths)
    model = load(model_path)
    speaker = _enrolled(enrol, model, workers) if enrol else None
    if example:
        batch = _one(_example(), EXAMPLE, model, speaker)
    elif sources == ("-",):
        batch = _one(_standard_input(), "-", model, speaker)
    else:
        progress = len(paths) > 20 and sys.stderr.isatty()
        batch = predict_many(
            paths, model=model, speaker=speaker, workers=workers, progress=progress
        )
    emit(PREDICTION_FORMATS[format_].encode(batch.predictions), output)
    finish((*batch.failures, *nowhere), len(batch.predictions))


def _enrolled(sources: tuple[str, ...], model: Model, workers: int | None) -> Speaker:
    paths, nowhere = recordings(sources)
    if nowhere:
        raise AudioError(nowhere[0].reason)
    return enrol_speaker(paths, model=model, workers=workers)


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.closed:
        raise AudioError("-: standard input is closed. Pipe a recording into it.")
    return sys.stdin.buffer.read()


def _example() -> bytes:
    return (files("voxaffect") / "data" / EXAMPLE).read_bytes()


def _one(content: bytes, name: str, model: Model, speaker: Speaker | None) -> Batch:
    """Recognise one recording that is no file, under a name to print."""
    found = predict_one(read(content, name=name), model=model, speaker=speaker)
    return Batch((found,), ())


@click.command()
@click.argument("path", required=False, type=click.Path(path_type=Path), metavar="[MODEL]")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True)  # fmt: skip
def info(path: Path | None, format_: str) -> None:
    """Show what a model file says of itself; the bundled model by default."""
    model = load(path)
    card = model.card
    if format_ == "json":
        click.echo(json.dumps(asdict(card), indent=2))
        return
    rate = f"{card.spec.rate_hz} Hz" if card.spec.rate_hz else "the recording's own rate"
    lines = [
        f"model     {model.name}, {len(model.content):,} bytes, format {card.format}",
        f"emotions  {', '.join(card.emotions)}",
        f"features  {card.spec.name} version {card.spec.version}, "
        f"{len(card.feature_names)} numbers at {rate}",
        f"recipe    {card.recipe}, seed {card.seed}, {card.created}",
    ]
    for name, corpus in card.corpora.items():
        lines.append(
            f"corpus    {name}: {corpus['utterances']} utterances, {corpus['speakers']} speakers, "
            f"{corpus['licence']}"
        )
    for protocol, metrics in card.scores.items():
        values = ", ".join(f"{m} {v['mean']:.3f} ± {v['sd']:.3f}" for m, v in metrics.items())
        lines.append(f"scores    {protocol}: {values}")
    lines.append(f"libraries {', '.join(f'{k} {v}' for k, v in card.libraries.items())}")
    click.echo("\n".join(map(printable, lines)))
