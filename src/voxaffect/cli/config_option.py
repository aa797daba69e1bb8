"""Option ``--config``, and the environment variables of options.

The file becomes click's ``default_map``, so that its values are checked by the code that checks
the command line. An option of the command line comes first, then its environment variable, then
the table of the command, then the top level of the file, then the default.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from voxaffect.cli.config_file import (
    CONFIG_NAME,
    Origin,
    check_group,
    choose_values,
    find_near,
    name_key,
    read_config,
)
from voxaffect.cli.help import Option

_META = "voxaffect.cli.config_option"


class ConfigOption(Option):
    """Option ``--config`` of a command.

    Parameters
    ----------
    path : sequence of str
        Names of the groups and of the command; empty for the whole command line.
    commands : collection of str
        All commands.
    """

    def __init__(self, path: Sequence[str], commands: Collection[str]) -> None:
        variable = "_".join(["VOXAFFECT", *path, "CONFIG"]).upper()
        super().__init__(
            ["--config", CONFIG_NAME],
            type=click.Path(path_type=Path),
            metavar="FILE",
            is_eager=True,
            expose_value=False,
            envvar=variable,
            callback=self._apply,
            help="TOML file with options, in a table for each command. The command line comes "
            "first.",
        )
        self.path = tuple(path)
        self.commands = commands

    def _apply(self, context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        """Make the file the source of the options that nothing else sets."""
        state: dict[str, Any] = context.meta.setdefault(_META, {})
        is_typed = context.get_parameter_source(CONFIG_NAME) is ParameterSource.COMMANDLINE
        if is_typed and state.get("is_typed"):
            raise click.UsageError("--config is there twice: name one file.", context)
        if value is not None and (is_typed or not state.get("is_typed")):
            state |= {"path": value, "is_typed": is_typed}
        if not self.path or isinstance(context.command, click.Group) or "path" not in state:
            return
        if self.path[0] == "config":
            return
        config = read_config(state["path"])
        parent = context.parent.command if context.parent else None
        if len(self.path) > 1 and isinstance(parent, click.Group):
            check_group(config, self.path, parent.commands)
        chosen = choose_values(config, self.path, context.command, self.commands)
        state["origins"] = {name: origin for name, (_, origin) in chosen.items()}
        context.default_map = {name: given for name, (given, _) in chosen.items()}


def find_origin(context: click.Context, name: str) -> Origin | None:
    """Origin of an option's value; None where no file sets it."""
    if context.get_parameter_source(name) is not ParameterSource.DEFAULT_MAP:
        return None
    origins: Mapping[str, Origin] = context.meta.get(_META, {}).get("origins", {})
    return origins.get(name)


def find_config(context: click.Context) -> Path | None:
    """Path of the configuration file, if one is named."""
    path: Path | None = context.meta.get(_META, {}).get("path")
    return path


def explain_value(error: click.BadParameter) -> str | None:
    """One line on a value of a file that click refuses; None if it comes from elsewhere."""
    parameter, context = error.param, error.ctx
    if parameter is None or context is None or parameter.name is None:
        return None
    origin = find_origin(context, parameter.name)
    if origin is None:
        return None
    value = (context.default_map or {}).get(parameter.name)
    return describe_fault(origin, parameter, value, error.message)


def describe_fault(origin: Origin, parameter: click.Parameter, value: Any, message: str) -> str:
    """One line on a value of a file that click refuses, with a choice that is near."""
    if not isinstance(parameter.type, click.Choice):
        return f"{origin}: {message}"
    known = [str(choice) for choice in parameter.type.choices]
    words = value if isinstance(value, list) else [value]
    wrong = next((str(word) for word in words if word not in known), "")
    near = find_near(wrong, known)
    return f"{origin}: {message}" + (f" Did you mean {near[0]!r}?" if near else "")


def list_settings(context: click.Context) -> list[str]:
    """Notes on the options that a file sets, and on those that the environment sets."""
    parameters = {str(parameter.name): parameter for parameter in context.command.params}
    origins = [origin for name in parameters if (origin := find_origin(context, name))]
    variables = [
        variable
        for name, parameter in parameters.items()
        if context.get_parameter_source(name) is ParameterSource.ENVIRONMENT
        and (variable := find_variable(parameter))
    ]
    notes = []
    if origins:
        keys = ", ".join(origin.keys[-1] for origin in origins)
        notes.append(f"note: {origins[0].path} sets {keys}.")
    if variables:
        notes.append(f"note: set in the environment: {', '.join(variables)}.")
    return notes


def find_variable(parameter: click.Parameter) -> str | None:
    """Environment variable that sets a parameter; None without."""
    names = parameter.envvar or []
    names = [names] if isinstance(names, str) else names
    return next((name for name in names if os.environ.get(name)), None)


def add_config(command: click.Command, path: Sequence[str], commands: Collection[str]) -> None:
    """Add ``--config`` and the environment variables to a command and its subcommands, once."""
    if any(isinstance(parameter, ConfigOption) for parameter in command.params):
        return
    for parameter in command.params:
        _add_variable(parameter, path)
    command.params.append(ConfigOption(path, commands))
    if isinstance(command, click.Group):
        for name, subcommand in command.commands.items():
            add_config(subcommand, [*path, name], commands)


def _add_variable(parameter: click.Parameter, path: Sequence[str]) -> None:
    """Name the variable of an option that has one value."""
    key = name_key(parameter)
    if not isinstance(parameter, click.Option) or parameter.multiple or key is None:
        return
    variable = "_".join(["VOXAFFECT", *path, key]).upper().replace("-", "_")
    earlier = parameter.envvar or []
    parameter.envvar = [variable, *([earlier] if isinstance(earlier, str) else earlier)]
