"""``timeline``: emotion over the time of recordings."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

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
from voxaffect.recognition import timeline as recognize_timeline
from voxaffect.recognition.batch import Timelines
from voxaffect.recognition.timelines.windowing import WindowConfig

_DEFAULTS = WindowConfig()
_PROGRESS_FILES = 2
_TIMELINE_OPTIONS = ("channels", "vad", "max_seconds", "uncertain_below")
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
    help="Longest stretch of speech that the model classifies at once.",
)
@recognition_option(
    "--hop",
    "hop_seconds",
    type=float,
    metavar="SECONDS",
    default=_DEFAULTS.hop_seconds,
    show_default=True,
    help="From the end of a window to the end of the next.",
)
@output_options(TIMELINE_FORMATS)
@_output_option(
    "--level",
    type=click.Choice(["segments", "windows"]),
    default="segments",
    show_default=True,
    help="Smoothed segments, or the raw windows under them.",
)
@_output_option(
    "--plot",
    metavar="FILE | FOLDER",
    callback=check_named,
    help="Draw the timeline too: .png or .svg; of several recordings, a folder. "
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
    """Recognize emotion over the time of recordings.

    Finds speech, classifies it in overlapping windows and smooths them into segments. Name files,
    folders (searched through) or patterns; - reads one recording from standard input. A recording
    that cannot be used is listed on standard error; the others are recognized all the same.

    The exit code is 0 if every recording holds speech, 1 if any could not be used, and 3 if all
    could be used but in one or more no speech was found; these are listed on standard error.

    A format that holds one recording, of several, goes into a folder: a file for each, in
    sub-folders as the recordings are. So do several formats.
    """
    job = prepare_job(sources, options, TIMELINE_FORMATS, level=level, plot=plot)
    model = open_model(options["model_path"])
    WindowConfig(window_seconds, hop_seconds)  # refuses numbers
    settings: dict[str, Any] = {"window_seconds": window_seconds, "hop_seconds": hop_seconds}
    settings |= {name: options[name] for name in _TIMELINE_OPTIONS}
    recognize_one = partial(recognize_timeline, model=model, **settings)
    timelines = Timelines(recognize_one, model, settings, shows_progress=stderr_is_terminal())
    job.finish(job.recognize(timelines, progress_files=_PROGRESS_FILES), model)
