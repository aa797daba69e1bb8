"""``timeline``: emotion over the time of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from voxaffect.cli.adaptation import (
    SPEAKERS_REMEDY,
    choose_adaptation,
    list_adaptations,
    timeline_adapt_option,
)
from voxaffect.cli.advice import list_without_emotion, note_uncovered
from voxaffect.cli.conversation import ConversationCommand, conversation_options, take_engines
from voxaffect.cli.dataset import dataset_options, refuse_dataset_options, run_dataset
from voxaffect.cli.help import Option
from voxaffect.cli.inputs import note_threshold, open_model
from voxaffect.cli.recognition import (
    choose_channels,
    input_options,
    output_options,
    prepare_job,
    recognition_option,
    recognition_options,
    run_options,
)
from voxaffect.cli.results import check_named
from voxaffect.console import stderr_is_terminal
from voxaffect.outputs.formats import TIMELINE_FORMATS
from voxaffect.records.choices import HOP_SECONDS, LEVELS, WINDOW_SECONDS, Level

_PROGRESS_FILES = 2
_DATASET_OPTIONS = ("model", "vad", "max_seconds", "uncertain_below")
_EXAMPLES = (
    "voxaffect timeline meeting.flac -o meeting.TextGrid",
    "voxaffect timeline calls/ --channels each --format srt,csv,eaf -o out/",
    "voxaffect timeline call.wav -o call.html",
    "voxaffect timeline call.wav --speakers call.rttm --transcript call.srt --level turns",
    "voxaffect timeline call.wav --diarize --level turns",
    "voxaffect timeline call.wav --plot call.png",
)


def _open_path(context: click.Context, option: click.Parameter, value: str | None) -> Path | None:
    """Path of an option; an empty one, as of a variable that is not set, is no folder."""
    if value == "":
        raise click.BadParameter("expected a path, found an empty text.", context, option)
    return None if value is None else Path(value)


_conversation_option = partial(
    click.option,
    cls=Option,
    section="Conversation",
    type=click.Path(path_type=str),
    callback=_open_path,
    metavar="FILE | FOLDER",
)
_output_option = partial(click.option, cls=Option, section="Output")
_TURNS_REMEDY = "--level turns needs the turns: name them with --speakers, or add --diarize."
_DEFAULT = click.core.ParameterSource.DEFAULT


@click.command(cls=ConversationCommand, examples=_EXAMPLES)
@input_options
@_conversation_option(
    "--speakers",
    help="Turns of the speakers, such as an RTTM file. No window then contains two speakers or "
    "speech that overlaps. A folder has a file for each recording, with its name.",
)
@_conversation_option(
    "--transcript",
    help="What is said, such as an SRT file. If it names speakers, it serves as --speakers, too.",
)
@conversation_options
@recognition_options
@recognition_option(
    "--window",
    "window_seconds",
    type=float,
    metavar="SECONDS",
    default=WINDOW_SECONDS,
    show_default=True,
    help="Greatest length of a window: the speech that the model classifies at once.",
)
@recognition_option(
    "--hop",
    "hop_seconds",
    type=float,
    metavar="SECONDS",
    default=HOP_SECONDS,
    show_default=True,
    help="Time between the ends of two successive windows.",
)
@timeline_adapt_option
@output_options(TIMELINE_FORMATS)
@_output_option(
    "--level",
    type=click.Choice(LEVELS),
    default="segments",
    show_default=True,
    help="Write smoothed segments, the raw windows, or the turns (with --speakers or --diarize) or "
    "sentences (with --transcript or --transcribe) with their emotions. Without this option, rttm "
    "has turns, and srt and vtt have sentences, if there are any.",
)
@_output_option(
    "--plot",
    metavar="FILE | FOLDER",
    callback=check_named,
    help="Draw the timeline as well: .png or .svg. With several recordings, name a folder. "
    "Needs the extra plot.",
)
@_output_option(
    "--sound/--no-sound",
    default=True,
    show_default=True,
    help="Put the sound into the page of --format html, for its player. The page then contains "
    "the voices.",
)
@run_options
@dataset_options
def timeline(
    sources: tuple[str, ...],
    window_seconds: float,
    hop_seconds: float,
    level: Level,
    plot: str | None,
    sound: bool,
    speakers: Path | None,
    transcript: Path | None,
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
    from voxaffect.recognition.conversations import ConversationSource
    from voxaffect.recognition.measurement import SPEAKERS
    from voxaffect.recognition.tasks import TimelineTask
    from voxaffect.recognition.timelines.segmentation import configure_timeline
    from voxaffect.recognition.timelines.windowing import WindowConfig

    _check_level(level, speakers, transcript, options)
    windowing = WindowConfig(window_seconds, hop_seconds, options["vad"])
    choice = choose_channels(options)
    if options["dataset"]:
        settings = {name: options[name] for name in _DATASET_OPTIONS} | choice.settings
        run_dataset(level, sources, options, windowing=windowing, **settings)
        return
    refuse_dataset_options()
    diarization, transcription = take_engines(options)
    conversations = ConversationSource(
        speakers,
        transcript,
        diarization=diarization,
        transcription=transcription,
        remedy=_choose_remedy(level, options["adapt"]),
    )
    read = conversations.paths
    job = prepare_job(sources, options, TIMELINE_FORMATS, level=level, plot=plot, read=read)
    model = open_model(options["model"], labels=options["labels"], has_table=job.prints_table)
    uncertain_below = options["uncertain_below"]
    note_threshold(model, uncertain_below)
    kind, adaptation = choose_adaptation(
        model, options, has_speakers=bool(speakers or transcript or diarization)
    )
    config = configure_timeline(model, windowing, None, uncertain_below, adaptation)
    task = TimelineTask(
        replace(config, adapts_speakers=kind == SPEAKERS),
        choice,
        uncertain_below,
        options["max_seconds"],
        progress=stderr_is_terminal(),
        conversations=replace(conversations, is_single=len(job.paths) <= 1),
    )
    own = None if kind == SPEAKERS else kind
    batch = job.recognize(task, adapt=own, progress_files=_PROGRESS_FILES)
    list_adaptations(batch.results)
    list_without_emotion(batch.results)
    if diarization is None:
        note_uncovered(batch.results)
    is_default = click.get_current_context().get_parameter_source("level") is _DEFAULT
    job.finish(batch, model, has_sound=sound, is_level_free=is_default)


def _choose_remedy(level: Level, adapt: Sequence[str]) -> str:
    """Remedy where a transcript names no speaker, but turns are needed."""
    if level == "turns":
        return _TURNS_REMEDY
    return SPEAKERS_REMEDY if adapt == ("speakers",) else ""


def _check_level(
    level: Level, speakers: Path | None, transcript: Path | None, options: dict[str, Any]
) -> None:
    """Refuse turns and sentences where none are given."""
    has_sentences = bool(transcript or options["transcribe"])
    if level == "turns" and not (speakers or transcript or options["diarize"]):
        raise click.UsageError(_TURNS_REMEDY)
    if level == "sentences" and not has_sentences:
        raise click.UsageError(
            "--level sentences needs the sentences: add --transcript or --transcribe."
        )
