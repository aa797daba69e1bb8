"""``predict``: the emotion of recordings."""

from __future__ import annotations

from typing import Any

import click

from voxaffect.cli.adaptation import adapt_option, choose_adaptation, list_adaptations
from voxaffect.cli.advice import warn
from voxaffect.cli.dataset import dataset_options, refuse_dataset_options, run_dataset
from voxaffect.cli.help import Command
from voxaffect.cli.inputs import note_threshold, open_model
from voxaffect.cli.recognition import (
    choose_channels,
    input_options,
    output_options,
    prepare_job,
    recognition_options,
    run_options,
)
from voxaffect.outputs.formats import PREDICTION_FORMATS

_PROGRESS_FILES = 21
_PREDICTOR_OPTIONS = ("vad", "max_seconds", "uncertain_below")
_EXAMPLES = (
    "voxaffect predict call.wav",
    "voxaffect predict calls/ --format csv,json -o out/",
    "voxaffect predict call.wav --channels each --channel-names agent,customer",
    "voxaffect predict calls/ --adapt folder",
    "voxaffect predict calls.csv --dataset -o emotions/",
)


@click.command(cls=Command, examples=_EXAMPLES)
@input_options
@recognition_options
@adapt_option
@output_options(PREDICTION_FORMATS)
@run_options
@dataset_options
def predict(sources: tuple[str, ...], **options: Any) -> None:
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
    from voxaffect.recognition.prediction import Predictor
    from voxaffect.recognition.tasks import PredictionTask

    choice = choose_channels(options)
    settings = {name: options[name] for name in _PREDICTOR_OPTIONS}
    if options["dataset"]:
        settings |= {"model": options["model"], **choice.settings}
        run_dataset("predictions", sources, options, **settings)
        return
    refuse_dataset_options()
    job = prepare_job(sources, options, PREDICTION_FORMATS)
    model = open_model(options["model"], labels=options["labels"], has_table=job.prints_table)
    note_threshold(model, options["uncertain_below"])
    kind, adaptation = choose_adaptation(model, options)
    task = PredictionTask(Predictor(model, adaptation, channels=choice, **settings))
    batch = job.recognize(task, adapt=kind, progress_files=_PROGRESS_FILES)
    list_adaptations(batch.results)
    warn(batch.results)
    job.finish(batch, model)
