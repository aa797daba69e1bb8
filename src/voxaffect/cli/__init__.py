"""The command line: parse, call, print. It computes nothing."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Sequence

import click

from voxaffect.cli.config_option import ConfigOption, add_config, explain_value, list_settings
from voxaffect.cli.signals import catch_signals, exit_code
from voxaffect.console import READER_GONE, discard_output, flush, guard_streams, print_message
from voxaffect.errors import ConfigError, VoxaffectError
from voxaffect.files import describe_reason, remove_partials

# Each command is a module of its name, imported when it is called: none waits for another.
_COMMANDS = {
    "predict": "Recognize the emotion of recordings.",
    "timeline": "Recognize emotion over time in recordings.",
    "info": "Show the card of a model file.",
    "train": "Train a model on a corpus and write it to a file.",
    "evaluate": "Evaluate recipes on corpora, with new speakers and a leak check.",
    "compare": "Compare two evaluations by a paired test.",
    "features": "Write the features of recordings to a file.",
    "doctor": "List problems of recordings, and how far to trust predictions.",
    "explain": "Show how much each feature group contributes to a prediction.",
    "listen": "Recognize emotion live, from a microphone.",
    "push": "Push a model to the Hugging Face Hub.",
    "serve": "Recognize emotion over HTTP and WebSocket.",
    "corpora": "List, describe, download and check corpora.",
    "encoders": "List, describe and download pretrained speech encoders.",
    "config": "Show the options in effect and the plug-ins, and where each comes from.",
}
_USAGE_CODE = 2
_CONFIGURED = [name for name in _COMMANDS if name != "config"]


class _Commands(click.Group):
    """Commands by name, loaded when used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        from importlib import import_module

        module = import_module(f"voxaffect.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        add_config(command, [cmd_name], _CONFIGURED)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="voxaffect")
def cli() -> None:
    """Speech emotion recognition that people can trust."""


cli.params.append(ConfigOption([], _CONFIGURED))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an expected error becomes one line and exit code 1.

    Parameters
    ----------
    arguments : sequence of str, optional
        Instead of the process's own.

    Raises
    ------
    SystemExit
        Always, with the exit code: 0, 1, 2 for options that do not fit, 130 after Ctrl-C, 143
        after a request to end.
    """
    with guard_streams():
        code, lines, received = 0, [""], [int(signal.SIGINT)]
        try:
            with catch_signals() as received:
                code, lines = _run(arguments)
        except (KeyboardInterrupt, SystemExit):  # a signal, while the handlers are put back
            pass
        finally:
            remove_partials()
        if received:  # what a library made of the exception is of no use
            code, lines = exit_code(received[0]), ["Interrupted."]
        for line in lines:
            print_message(line)
        sys.exit(code)


def _run(arguments: Sequence[str] | None) -> tuple[int, list[str]]:
    """Run a command; return the exit code, and what is wrong as lines."""
    stream = sys.stdout
    try:
        code = cli.main(args=arguments, prog_name="voxaffect", standalone_mode=False)
        flush()
    except SystemExit as ended:  # a command has said all, and knows the code
        if sys.stdout is not stream:  # click has set another: the reader of the help has gone
            discard_output()
            return READER_GONE, []
        return ended.code if isinstance(ended.code, int) else 1, []
    except (KeyboardInterrupt, click.Abort):
        return exit_code(signal.SIGINT), ["Interrupted."]
    except click.ClickException as error:
        return error.exit_code, _usage_lines(error)
    except ConfigError as error:
        return _USAGE_CODE, [f"ConfigError: {error}"]
    except VoxaffectError as error:
        return 1, [f"{type(error).__name__}: {error}"]
    except MemoryError:
        return 1, ["VoxaffectError: not enough memory. Name fewer recordings, or fewer --workers."]
    except OSError as error:
        path = "" if error.filename is None else f"{error.filename}: "
        return 1, [f"VoxaffectError: {path}{describe_reason(error)}."]
    except Exception:  # a fault of ours, whose traceback a report needs
        return 1, traceback.format_exc().splitlines()
    return code if isinstance(code, int) else 0, []


def _usage_lines(error: click.ClickException) -> list[str]:
    """Fault of the options, below the usage of the command; or the help, where nothing is asked."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message().splitlines()
    reason = explain_value(error) if isinstance(error, click.BadParameter) else None
    if reason:
        return [f"ConfigError: {reason}"]
    message = f"Error: {error.format_message()}"
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return [message]
    hint = f"Try '{context.command_path} --help' for help."
    notes = list_settings(context)
    return [*context.get_usage().splitlines(), hint, "", message, *notes]
