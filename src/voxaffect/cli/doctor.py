"""``doctor``: problems of recordings."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from voxaffect.cli.examination import examination_options, examine_each, is_json
from voxaffect.cli.help import Command, Option
from voxaffect.cli.inputs import find_recordings, max_seconds_option, open_model
from voxaffect.cli.outputs import check_result, emit, finish
from voxaffect.diagnosis import diagnose
from voxaffect.diagnosis.findings import PROBLEM
from voxaffect.outputs.diagnosis import show_diagnoses
from voxaffect.outputs.formats.base import Run, encode_document
from voxaffect.records.results import DiagnosisDocument


@click.command(cls=Command, examples=["voxaffect doctor my.wav"])
@examination_options
@max_seconds_option()
@click.option(
    "--strict",
    cls=Option,
    section="Output",
    is_flag=True,
    help="Exit with code 1 if a recording has a problem.",
)
def doctor(
    sources: tuple[str, ...],
    model_path: Path | None,
    format_: str | None,
    output: Path | None,
    max_seconds: float | None,
    strict: bool,
) -> None:
    """List problems of recordings, and how far to trust the predictions.

    The command examines length, format, channels, level, clipping, offset, share of speech,
    noise, bandwidth, hum, similarity to the training data, and the prediction itself.

    Exit code: 1 if a recording could not be examined. With --strict, also 1 if a recording has a
    problem.
    """
    paths, missing = find_recordings(sources)
    as_json = is_json(output, format_)
    check_result(output, sources=[*paths, model_path])
    model = open_model(model_path)
    diagnoses, failures = examine_each(
        paths, lambda path: diagnose(path, model=model, max_seconds=max_seconds)
    )
    failures += missing
    if as_json:
        run = Run(model=model, failures=failures)
        text = encode_document(DiagnosisDocument, diagnoses, run)
    else:
        text = show_diagnoses(diagnoses)
    emit(text, output, is_data=as_json)
    finish(failures, len(diagnoses))
    if strict and any(flaw.verdict == PROBLEM for one in diagnoses for flaw in one.flaws):
        sys.exit(1)
