"""``doctor``: problems of recordings."""

from __future__ import annotations

import sys
from typing import Any

import click

from voxaffect.cli.examination import examination_options, examine
from voxaffect.cli.help import Command, Option
from voxaffect.cli.inputs import max_seconds_option
from voxaffect.cli.outputs import finish
from voxaffect.diagnosis import diagnose
from voxaffect.diagnosis.findings import PROBLEM
from voxaffect.outputs.diagnosis import show_diagnoses
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
def doctor(sources: tuple[str, ...], strict: bool, **options: Any) -> None:
    """List problems of recordings, and how far to trust the predictions.

    The command examines length, format, channels, level, clipping, offset, share of speech,
    noise, bandwidth, hum, similarity to the training data, and the prediction itself.

    Exit code: 1 if a recording could not be examined. With --strict, also 1 if a recording has a
    problem.
    """
    diagnoses, failures = examine(
        sources, options, diagnose, document=DiagnosisDocument, show=show_diagnoses
    )
    finish(failures, len(diagnoses))
    if strict and any(flaw.verdict == PROBLEM for one in diagnoses for flaw in one.flaws):
        sys.exit(1)
