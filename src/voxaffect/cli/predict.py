"""``predict``: the emotion of recordings."""

from __future__ import annotations

from typing import Any

import click

from voxaffect.cli.advice import warn
from voxaffect.cli.help import Command
from voxaffect.cli.inputs import find_recordings, open_model
from voxaffect.cli.recognition import (
    input_options,
    output_options,
    prepare_job,
    recognition_option,
    recognition_options,
    run_options,
)
from voxaffect.errors import AudioError
from voxaffect.features.affect.enrollment import Speaker
from voxaffect.models import Model
from voxaffect.outputs.formats import PREDICTION_FORMATS
from voxaffect.recognition import enroll_speaker
from voxaffect.recognition.prediction import Predictor
from voxaffect.recognition.tasks import PredictionTask

_PROGRESS_FILES = 21
_PREDICTOR_OPTIONS = ("channels", "vad", "max_seconds", "uncertain_below")
_EXAMPLES = (
    "voxaffect predict call.wav",
    "voxaffect predict calls/ --format csv,json -o out/",
    "voxaffect predict call.wav --channels each",
)


@click.command(cls=Command, examples=_EXAMPLES)
@input_options
@recognition_options
@recognition_option(
    "--enroll",
    multiple=True,
    metavar="FILE | FOLDER | PATTERN",
    help="Adapt to one speaker: unlabeled recordings of the person who speaks in all sources. "
    "About eight recordings with different emotions work well. Repeatable.",
)
@output_options(PREDICTION_FORMATS)
@run_options
def predict(sources: tuple[str, ...], enroll: tuple[str, ...], **options: Any) -> None:
    """Recognize the emotion of recordings.

    Name files, folders or patterns. Folders are searched with their subfolders. The name -
    reads one recording from standard input. If a recording cannot be used, it is listed on
    standard error. The others are still recognized.

    Exit code: 0 if every recording got an emotion; 1 if a recording could not be used; 3 if all
    could be used, but a recording contains no speech. These are listed on standard error.

    A recording longer than 30 s is recognized window by window. Its answer is the mean over the
    windows of speech and is marked uncertain. The command timeline shows how emotion changes.

    Several formats need a folder: -o FOLDER.
    """
    job = prepare_job(sources, options, PREDICTION_FORMATS)
    model = open_model(options["model"])
    speaker = _enroll(enroll, model, options) if enroll else None
    predictor = Predictor(model, speaker, **{name: options[name] for name in _PREDICTOR_OPTIONS})
    batch = job.recognize(PredictionTask(predictor), progress_files=_PROGRESS_FILES)
    warn(batch.results)
    job.finish(batch, model)


def _enroll(sources: tuple[str, ...], model: Model, options: dict[str, Any]) -> Speaker:
    paths, failures = find_recordings(sources)
    if failures:
        raise AudioError(failures[0].reason)
    return enroll_speaker(paths, model=model, vad=options["vad"], workers=options["workers"])
