"""``timeline``: emotion over the time of recordings."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from voxaffect.cli.adaptation import adapt_option, choose_adaptation, list_adaptations
from voxaffect.cli.help import Command, Option
from voxaffect.cli.inputs import open_model
from voxaffect.cli.recognition import (
    input_options,
    output_options,
    prepare_job,
    recognition_option,
    recognition_options,
    run_options,
)
from voxaffect.cli.results import check_named
from voxaffect.console import stderr_is_terminal
from voxaffect.outputs.formats import TIMELINE_FORMATS, Level
from voxaffect.recognition.tasks import TimelineTask
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.windowing import WindowConfig

_DEFAULTS = WindowConfig()
_PROGRESS_FILES = 2
_EXAMPLES = (
    "voxaffect timeline meeting.flac -o meeting.TextGrid",
    "voxaffect timeline calls/ --channels each --format srt,csv,eaf -o out/",
    "voxaffect timeline call.wav --plot call.png",
)
_output_option = partial(click.option, cls=Option, section="Output")


@click.command(cls=Command, examples=_EXAMPLES)
@input_options
@recognition_options
@recognition_option(
    "--window",
    "window_seconds",
    type=float,
    metavar="SECONDS",
    default=_DEFAULTS.window_seconds,
    show_default=True,
    help="Greatest length of a window: the speech that the model classifies at once.",
)
@recognition_option(
    "--hop",
    "hop_seconds",
    type=float,
    metavar="SECONDS",
    default=_DEFAULTS.hop_seconds,
    show_default=True,
    help="Time between the ends of two successive windows.",
)
@adapt_option
@output_options(TIMELINE_FORMATS)
@_output_option(
    "--level",
    type=click.Choice(["segments", "windows"]),
    default="segments",
    show_default=True,
    help="Write smoothed segments, or the raw windows.",
)
@_output_option(
    "--plot",
    metavar="FILE | FOLDER",
    callback=check_named,
    help="Draw the timeline as well: .png or .svg. With several recordings, name a folder. "
    "Needs the extra plot.",
)
@run_options
def timeline(
    sources: tuple[str, ...],
    window_seconds: float,
    hop_seconds: float,
    level: Level,
    plot: str | None,
    **options: Any,
) -> None:
    """Recognize emotion over time in recordings.

    The command finds speech, classifies it in overlapping windows and smooths them into segments.
    The model is accurate by default, since short windows of unknown voices are hard. With --model
    fast, the command takes a fraction of the time.

    Name files, folders or patterns. Folders are searched with their subfolders. The name -
    reads one recording from standard input. If a recording cannot be used, it is listed on
    standard error. The others are still recognized.

    Exit code: 0 if every recording contains speech; 1 if a recording could not be used; 3 if all
    could be used, but a recording contains no speech. These are listed on standard error.

    Some formats hold one recording in a file, such as textgrid and srt. With several recordings
    they need a folder: -o FOLDER. Each recording gets its own file. The subfolders are those of
    the recordings. Several formats need a folder, too.
    """
    job = prepare_job(sources, options, TIMELINE_FORMATS, level=level, plot=plot)
    model = open_model(options["model"])
    windowing = WindowConfig(window_seconds, hop_seconds, options["vad"])
    uncertain_below = options["uncertain_below"]
    kind, adaptation = choose_adaptation(model, options)
    task = TimelineTask(
        configure_timeline(model, windowing, None, uncertain_below, adaptation),
        options["channels"],
        uncertain_below,
        options["max_seconds"],
        progress=stderr_is_terminal(),
    )
    batch = job.recognize(task, adapt=kind, progress_files=_PROGRESS_FILES)
    list_adaptations(batch.results)
    job.finish(batch, model)
