"""The command line: parse, call, print. It computes nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from voxaffect.errors import VoxaffectError
from voxaffect.files import printable

# Where each command lives; it is imported when it is called, so that none waits for another.
_COMMANDS = {
    "predict": ("recognition", "Recognise the emotion of recordings."),
    "info": ("recognition", "Show what a model file says of itself."),
    "train": ("study", "Train a model on a corpus and write it to a file."),
    "evaluate": ("evaluation", "Measure a recipe on a corpus by an honest protocol."),
    "compare": ("evaluation", "Compare two evaluations, with a paired interval and test."),
    "features": ("study", "Write the features of recordings to a file."),
    "doctor": ("diagnosis", "Say what is wrong with recordings, and how far to trust answers."),
    "explain": ("diagnosis", "Say what the answer to a recording rests on."),
    "listen": ("live", "Recognise emotion as it is spoken, from a microphone."),
    "corpora": ("corpora", "List, describe, download and check corpora."),
}


class _Commands(click.Group):
    """Commands by name, loaded when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        module = import_module(f"voxaffect.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in _COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="voxaffect")
def cli() -> None:
    """Speech emotion recognition that people can trust."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an expected error becomes one line and exit code 1.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own.
    """
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal cannot show is no error
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli(args=arguments, prog_name="voxaffect")
    except VoxaffectError as error:
        click.echo(printable(f"{type(error).__name__}: {error}"), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"VoxaffectError: the result cannot be printed ({error.strerror}).", err=True)
        sys.exit(1)
