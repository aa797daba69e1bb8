"""Options of diarization and transcription."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import click

from voxaffect.cli.help import Command, Option, group_options
from voxaffect.records.choices import DIARIZATION_ENGINES, TRANSCRIPTION_ENGINES

_ENGINES: Final = {"--diarize": DIARIZATION_ENGINES, "--transcribe": TRANSCRIPTION_ENGINES}
_option = partial(click.option, cls=Option, section="Conversation")
_engine_option = partial(_option, is_flag=False, metavar="[ENGINE]")

conversation_options = group_options(
    _engine_option(
        "--diarize",
        flag_value=DIARIZATION_ENGINES[0],
        type=click.Choice(DIARIZATION_ENGINES),
        help="Find out who speaks when, and follow these turns. campplus (the default) works "
        "offline and needs the extra diarize. pyannote needs weights that you have.",
    ),
    _option(
        "--min-speakers",
        type=click.IntRange(min=1),
        metavar="NUMBER",
        help="With --diarize: at least so many speakers.",
    ),
    _option(
        "--max-speakers",
        type=click.IntRange(min=1),
        metavar="NUMBER",
        help="With --diarize: at most so many speakers.",
    ),
    _option(
        "--diarize-model",
        metavar="FOLDER | NAME",
        help="Pipeline of pyannote. A name is downloaded if need be. By default, the community "
        "pipeline is taken from the cache.",
    ),
    _engine_option(
        "--transcribe",
        flag_value=TRANSCRIPTION_ENGINES[0],
        type=click.Choice(TRANSCRIPTION_ENGINES),
        help="Transcribe the speech with faster-whisper. Needs the extra transcribe.",
    ),
    _option(
        "--transcribe-model",
        metavar="FOLDER | NAME",
        help="Model of faster-whisper. A name is downloaded if need be. By default, small is "
        "taken from the cache.",
    ),
    _option(
        "--language",
        metavar="CODE",
        help="With --transcribe: the language, such as en. By default it is recognized.",
    ),
)
"""Options of diarization and transcription."""


class ConversationCommand(Command):
    """Command whose options --diarize and --transcribe take an engine or none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments; after a bare option, what is no engine is a recording."""
        return super().parse_args(ctx, _name_engines(args))


def _name_engines(args: list[str]) -> list[str]:
    """Arguments in which each bare option names its default engine."""
    stop = args.index("--") if "--" in args else len(args)
    named = []
    for index, argument in enumerate(args):
        engines = _ENGINES.get(argument, ()) if index < stop else ()
        is_bare = bool(engines) and (index + 1 >= stop or args[index + 1] not in engines)
        named.append(f"{argument}={engines[0]}" if is_bare else argument)
    return named


def take_engines(options: dict[str, Any]) -> tuple[Any, Any]:
    """Settings of diarization and of transcription, taken out of the options; None without.

    Raises
    ------
    click.UsageError
        If an option lacks the one that it belongs to.
    """
    from voxaffect.errors import ArgumentError
    from voxaffect.recognition.diarization import DiarizationConfig
    from voxaffect.recognition.transcription import TranscriptionConfig

    names = {
        "diarize": ("min_speakers", "max_speakers", "diarize_model"),
        "transcribe": ("transcribe_model", "language"),
    }
    values = {name: options.pop(name) for name in names}
    settings = {name: [options.pop(one) for one in names[name]] for name in names}
    for name, engine in values.items():
        for dependent, value in zip(names[name], settings[name], strict=True):
            if engine is None and value is not None:
                option = dependent.replace("_", "-")
                raise click.UsageError(f"--{option} goes with --{name}: add it.")
    try:
        return (
            values["diarize"] and DiarizationConfig(values["diarize"], *settings["diarize"]),
            values["transcribe"]
            and TranscriptionConfig(values["transcribe"], *settings["transcribe"]),
        )
    except ArgumentError as error:
        raise click.UsageError(str(error)) from error
