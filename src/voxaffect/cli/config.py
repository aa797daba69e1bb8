"""``config``: show, plugins."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from voxaffect.cli.config_file import (
    ConfigFile,
    Origin,
    check_group,
    choose_values,
    holds_paths,
    list_keys,
    read_config,
)
from voxaffect.cli.config_option import describe_fault, find_config, find_variable
from voxaffect.cli.help import Command
from voxaffect.console import print_data, print_line, print_message, print_text
from voxaffect.errors import ConfigError, MissingExtraError, PluginError
from voxaffect.files import escape_control

if TYPE_CHECKING:
    from voxaffect.plugins import Registry

_SECRET = re.compile(r"(^|-)(token|password|secret)$")
_WIDEST = 40
"""Columns of a value that others are aligned with."""
_HIDDEN = "(not shown)"
_EXAMPLES = (
    "voxaffect config show predict",
    "voxaffect config show --config run.toml --changed",
    "voxaffect config show predict --format toml > run.toml",
    "voxaffect config show predict -- calls/ --vad energy",
)


@dataclass(frozen=True)
class Setting:
    """Option of a command with its value.

    Parameters
    ----------
    key : str
    value : text, number, bool, list of text, or None
        None if it is not set.
    source : str
        ``command line``, ``environment``, ``file`` or ``default``.
    is_path : bool
        Whether it is for files or folders.
    origin : Origin, optional
        Of a file.
    variable : str, optional
        Of the environment.
    """

    key: str
    value: Any
    source: str
    is_path: bool
    origin: Origin | None = None
    variable: str | None = None

    @property
    def is_secret(self) -> bool:
        """True of an option whose value is not printed."""
        return bool(_SECRET.search(self.key))

    @property
    def shown_value(self) -> Any:
        """Value, or a sign that there is one."""
        return _HIDDEN if self.is_secret and self.value else self.value

    def describe_source(self) -> str:
        """File with line, variable, or kind of the source."""
        if self.origin is not None:
            line = "" if self.origin.line is None else f", line {self.origin.line}"
            return f"{self.origin.path}{line}"
        return self.variable or self.source


@click.group()
def config() -> None:
    """Show the options in effect and the plug-ins, and where each comes from."""


@config.command(cls=Command, examples=_EXAMPLES)
@click.argument("words", nargs=-1, metavar="[COMMAND]... [-- OPTIONS...]")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "toml"]),
    default="text",
    show_default=True,
    help="toml: a file for --config, with the defaults as comments.",
)
@click.option("--changed", is_flag=True, help="Only options that are not defaults.")
def show(words: tuple[str, ...], format_: str, changed: bool) -> None:
    """Show the options of commands in effect, and where each comes from.

    Without a command, show all. After --, options of one command may follow.

    An option of the command line comes first, then its environment variable, then the file that
    --config names, then the default. Each option with one value has a variable: --vad of predict
    is VOXAFFECT_PREDICT_VAD. VOXAFFECT_CONFIG names a file.
    """
    context = click.get_current_context()
    path = find_config(context)
    file = None if path is None else read_config(path)
    shown = {
        " ".join(names): [
            one
            for one in _list_settings(names, command, arguments, file)
            if not changed or one.source != "default"
        ]
        for names, command, arguments in _choose_commands(words, file)
    }
    if changed:
        shown = {name: settings for name, settings in shown.items() if settings}
    if format_ == "json":
        print_data(_to_json(shown, path))
    elif format_ == "toml":
        print_data(_to_toml(shown))
    else:
        _print_table(shown)


@config.command()
def plugins() -> None:
    """List the plug-ins of installed packages, and load each to check it.

    Exit code: 1 if one cannot be used.
    """
    from voxaffect.plugins import list_plugins

    registries = _import_registries()
    faults = [fault for one in registries.values() for fault in one[0].list_faults()]
    rows = []
    for plugin in list_plugins():
        state = "ok"
        try:
            for registry in registries[plugin.kind]:
                registry.get(plugin.name)
        except PluginError as error:
            faults.append(str(error))
            state = "cannot be used"
        if plugin.name not in [*registries[plugin.kind][0]]:
            state = "ignored"
        rows.append((plugin.kind, plugin.name, f"{plugin.package} {plugin.version}", state))
    for kind, name, package, state in rows:
        print_line(f"{kind:9} {name}, of {package}: {state}")
    if not rows:
        print_line(
            "No installed package has plug-ins. docs/plug-ins.md describes how to write one."
        )
    for fault in dict.fromkeys(faults):
        print_message(fault)
    if faults:
        sys.exit(1)


def _import_registries() -> dict[str, list[Registry[Any]]]:
    from voxaffect.corpora import CORPORA
    from voxaffect.features import SETS
    from voxaffect.outputs.formats import PREDICTION_FORMATS, TIMELINE_FORMATS
    from voxaffect.training import RECIPES

    return {
        "corpora": [CORPORA],
        "features": [SETS],
        "recipes": [RECIPES],
        "formats": [PREDICTION_FORMATS, TIMELINE_FORMATS],
    }


def _choose_commands(
    words: Sequence[str], file: ConfigFile | None
) -> Iterator[tuple[list[str], click.Command, list[str]]]:
    """Commands that are named, or all, with the arguments that follow."""
    from voxaffect.cli import cli

    names = [name for name in cli.list_commands(click.Context(cli)) if name != "config"]
    if words:
        command, rest = _get_command(words[0], names), list(words[1:])
        yield from _list_commands([words[0]], command, rest, file)
        return
    for name in names:
        try:
            command = _get_command(name, names)
        except MissingExtraError as error:
            print_message(f"{name}: {error}")
            continue
        yield from _list_commands([name], command, [], file)


def _get_command(name: str, names: Sequence[str]) -> click.Command:
    from voxaffect.cli import cli

    command = cli.get_command(click.Context(cli), name) if name in names else None
    if command is None:
        raise click.UsageError(f"{name!r} is no command; there are {', '.join(names)}.")
    return command


def _list_commands(
    names: list[str], command: click.Command, rest: list[str], file: ConfigFile | None
) -> Iterator[tuple[list[str], click.Command, list[str]]]:
    """Command, or the commands of a group."""
    if not isinstance(command, click.Group):
        yield names, command, rest
        return
    if file is not None:
        check_group(file, names, command.commands)
    if rest and rest[0] not in command.commands:
        known = ", ".join(command.commands)
        raise click.UsageError(f"{rest[0]!r} is no command of {names[0]}; there are {known}.")
    for name in rest[:1] or command.commands:
        yield [*names, name], command.commands[name], rest[1:]


def _list_settings(
    names: Sequence[str], command: click.Command, arguments: list[str], file: ConfigFile | None
) -> list[Setting]:
    """Options of a command with their values, checked as by the command; nothing is required."""
    from voxaffect.cli import cli

    tables = [name for name in cli.list_commands(click.Context(cli)) if name != "config"]
    chosen = {} if file is None else choose_values(file, names, command, tables)
    context = click.Context(command, info_name=" ".join(names))
    context.default_map = {name: value for name, (value, _) in chosen.items()}
    values, _, _ = command.make_parser(context).parse_args(list(arguments))
    settings = []
    for key, parameter in list_keys(command).items():
        name, is_path = str(parameter.name), holds_paths(parameter)
        value, source = parameter.consume_value(context, values)
        if source is ParameterSource.DEFAULT_MAP:
            origin = chosen[name][1]
            try:
                value = parameter.type_cast_value(context, value)
            except click.BadParameter as error:
                line = describe_fault(origin, parameter, chosen[name][0], error.message)
                raise ConfigError(line) from error
            settings.append(Setting(key, _to_plain(value), "file", is_path, origin))
            continue
        value = _to_plain(parameter.type_cast_value(context, None if _is_unset(value) else value))
        variable = find_variable(parameter) if source is ParameterSource.ENVIRONMENT else None
        kind = _SOURCES.get(source, "default")
        settings.append(Setting(key, value, kind, is_path, variable=variable))
    return settings


_SOURCES = {
    ParameterSource.COMMANDLINE: "command line",
    ParameterSource.ENVIRONMENT: "environment",
}


def _is_unset(value: Any) -> bool:
    """True of click's sign for a value that is not set, which it does not export."""
    return value is None or type(value).__name__ == "Sentinel"


def _to_plain(value: Any) -> Any:
    """Value as TOML holds it."""
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def _print_table(shown: Mapping[str, Sequence[Setting]]) -> None:
    for index, (name, settings) in enumerate(shown.items()):
        print_text(f"\n{name}\n" if index else f"{name}\n")
        rows = [(one.key, _format(one.shown_value), one.describe_source()) for one in settings]
        width = max((len(key) for key, _, _ in rows), default=0)
        room = max((len(value) for _, value, _ in rows if len(value) <= _WIDEST), default=0)
        for key, value, source in rows:
            print_line(f"{key:{width}}  {value:{room}}  {source}")


def _format(value: Any) -> str:
    if value is None or value == []:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    return ", ".join(value) if isinstance(value, list) else str(value)


def _to_json(shown: Mapping[str, Sequence[Setting]], path: Path | None) -> str:
    commands = {
        name: {
            one.key: {
                "value": str(one.value) if _is_infinite(one.value) else one.shown_value,
                "source": one.source,
                "variable": one.variable,
                "file": one.origin and str(one.origin.path),
                "line": one.origin and one.origin.line,
            }
            for one in settings
        }
        for name, settings in shown.items()
    }
    document = {"config": path and str(path), "commands": commands}
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _to_toml(shown: Mapping[str, Sequence[Setting]]) -> str:
    """Tables in which defaults are comments, so that they stay defaults."""
    lines = ["# Paths begin at the folder of this file: save it in the working folder."]
    for name, settings in shown.items():
        lines += ["", f"[{name.replace(' ', '.')}]"]
        for one in settings:
            if one.is_secret and one.value:
                lines.append(f"# {one.key}: not printed; from {one.describe_source()}")
            elif one.value is None or (one.value == [] and one.source == "default"):
                lines.append(f"# {one.key} is not set")
            elif one.source == "default":
                lines.append(f"# {one.key} = {_quote(one.value)}")
            else:
                comment = escape_control(one.describe_source())
                value = _keep_tilde(one.value) if one.is_path else one.value
                lines.append(f"{one.key} = {_quote(value)}  # {comment}")
    return "\n".join(lines) + "\n"


def _is_infinite(value: Any) -> bool:
    """True of a number that JSON lacks."""
    return isinstance(value, float) and math.isinf(value)


def _keep_tilde(value: Any) -> Any:
    """Paths that begin with a tilde, which a file would replace by the home folder."""
    if isinstance(value, list):
        return [_keep_tilde(item) for item in value]
    return f"./{value}" if value.startswith("~/") else value


def _quote(value: Any) -> str:
    """Value in TOML."""
    if isinstance(value, list):
        return f"[{', '.join(map(_quote, value))}]"
    if _is_infinite(value):
        return str(value)
    # JSON and TOML quote alike, but for DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
