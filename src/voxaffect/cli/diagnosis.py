"""``doctor`` and ``explain``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from voxaffect.cli.advice import count_without_speech, list_without_speech, warn_of_whole
from voxaffect.cli.output import check_result, emit, finish, format_of, max_seconds_option
from voxaffect.cli.sources import open_model, recordings
from voxaffect.diagnosis import diagnose
from voxaffect.diagnosis.findings import PROBLEM
from voxaffect.extraction import Failure, failure_reason
from voxaffect.outputs.diagnosis import show_diagnoses
from voxaffect.outputs.explanation import show_explanations
from voxaffect.outputs.formats.base import Run, encode_document
from voxaffect.recognition import explain as explain_one
from voxaffect.recognition.utterance import LONG_SECONDS
from voxaffect.records.results import DiagnosisDocument, ExplanationDocument

_SOURCES = click.argument("sources", nargs=-1, required=True, metavar="FILE | FOLDER | PATTERN...")
_MODEL = click.option(
    "--model",
    "model_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Model file; the bundled model by default.",
)
_FORMAT = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    help="[default: as the output's name ends, else text]",
)
_OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write here instead of standard output.",
)


_ENDINGS = {".txt": "text", ".json": "json"}

Told = TypeVar("Told")


def _each(
    paths: Sequence[Path], examine: Callable[[Path], Told]
) -> tuple[list[Told], list[Failure]]:
    """What there is to say of each recording, and those that cannot be examined."""
    found: list[Told] = []
    failures: list[Failure] = []
    for path in paths:
        try:
            found.append(examine(path))
        except Exception as error:  # whatever it is, the others are examined
            failures.append(Failure(path, failure_reason(error, str(path))))
    return found, failures


@click.command()
@_SOURCES
@_MODEL
@_FORMAT
@_OUTPUT
@max_seconds_option()
@click.option("--strict", is_flag=True, help="Exit code 1 also if a recording has a problem.")
def doctor(
    sources: tuple[str, ...],
    model_path: Path | None,
    format_: str | None,
    output: Path | None,
    max_seconds: float | None,
    strict: bool,
) -> None:
    """Say what is wrong with recordings, and how far the answer can be trusted.

    Examines length, format, channels, level, clipping, offset, share of speech, noise, bandwidth,
    hum, likeness to what the model was trained on, and the answer itself. The exit code is 1 if a
    recording could not be examined; a problem found is no failure, unless --strict.
    """
    paths, nowhere = recordings(sources)
    is_json = format_of(output, format_, _ENDINGS) == "json"
    check_result(output, sources=[*paths, model_path])
    model = open_model(model_path)
    found, failures = _each(
        paths, lambda path: diagnose(path, model=model, max_seconds=max_seconds)
    )
    failures += nowhere
    run = Run(model=model, failures=failures)
    text = encode_document(DiagnosisDocument, found, run) if is_json else show_diagnoses(found)
    emit(text, output, is_data=is_json)
    finish(failures, len(found))
    if strict and any(flaw.verdict == PROBLEM for one in found for flaw in one.flaws):
        sys.exit(1)


@click.command()
@_SOURCES
@_MODEL
@_FORMAT
@_OUTPUT
@max_seconds_option(LONG_SECONDS)
def explain(
    sources: tuple[str, ...],
    model_path: Path | None,
    format_: str | None,
    output: Path | None,
    max_seconds: float,
) -> None:
    """Say what the answer rests on: timbre, pitch, rhythm and the like.

    For each family of features, what the log-odds of the emotions lose when the family is
    replaced by the mean of the training data. For the recipes logistic and accurate, of which the
    bundled model is one, that is exact: it adds up.

    The exit code is 1 if a recording could not be used, and 3 if all could but in one or more no
    speech was found.
    """
    paths, nowhere = recordings(sources)
    is_json = format_of(output, format_, _ENDINGS) == "json"
    check_result(output, sources=[*paths, model_path])
    model = open_model(model_path)
    found, failures = _each(
        paths, lambda path: explain_one(path, model=model, max_seconds=max_seconds)
    )
    failures += nowhere
    run = Run(model=model, failures=failures)
    text = encode_document(ExplanationDocument, found, run) if is_json else show_explanations(found)
    emit(text, output, is_data=is_json)
    predictions = [one.prediction for one in found]
    warn_of_whole(predictions)
    list_without_speech(predictions, len(found) + len(failures))
    without_speech = count_without_speech(predictions)
    finish(failures, len(found), without_speech=without_speech)
