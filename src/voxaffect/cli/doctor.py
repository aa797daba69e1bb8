"""``doctor``: problems of recordings."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from voxaffect.cli.examination import examination_options, examine
from voxaffect.cli.help import Command, Option
from voxaffect.cli.inputs import find_recordings, max_seconds_option
from voxaffect.cli.outputs import finish
from voxaffect.records.results import DiagnosisDocument


@click.command(
    cls=Command,
    examples=["voxaffect doctor my.wav", "voxaffect doctor call.wav --speakers call.rttm"],
)
@examination_options
@max_seconds_option()
@click.option(
    "--speakers",
    cls=Option,
    section="Input",
    type=click.Path(path_type=str),
    metavar="FILE | FOLDER",
    help="Turns of the speakers, as for timeline: is each name one voice, and each voice one name? "
    "Needs the extra diarize.",
)
@click.option(
    "--strict",
    cls=Option,
    section="Output",
    is_flag=True,
    help="Exit with code 1 if a recording has a problem.",
)
def doctor(sources: tuple[str, ...], strict: bool, speakers: str | None, **options: Any) -> None:
    """List problems of recordings, and how far to trust the predictions.

    The command examines length, format, channels, level, clipping, offset, share of speech,
    noise, bandwidth, hum, similarity to the training data, and the prediction itself. With
    --speakers, it compares the voices of the speakers.

    Exit code: 1 if a recording could not be examined. With --strict, also 1 if a recording has a
    problem.
    """
    from voxaffect.diagnosis import diagnose
    from voxaffect.diagnosis.findings import PROBLEM
    from voxaffect.outputs.diagnosis import show_diagnoses
    from voxaffect.recognition.conversations import ConversationSource

    conversations = None
    if speakers is not None:
        is_single = len(find_recordings(sources)[0]) <= 1
        conversations = ConversationSource(speakers, is_single=is_single)
    examine_recording = partial(diagnose, speakers=conversations)
    diagnoses, failures = examine(
        sources, options, examine_recording, document=DiagnosisDocument, show=show_diagnoses
    )
    finish(failures, len(diagnoses))
    if strict and any(flaw.verdict == PROBLEM for one in diagnoses for flaw in one.flaws):
        sys.exit(1)
