"""Options that do not go together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import click
from click.core import ParameterSource

from voxaffect.cli.config_option import find_origin


def refuse_options(names: Collection[str], message: str) -> None:
    """Refuse options of the present command that were given, and go with nothing else there.

    Given is what was typed, and what the table of the command in a file sets. The environment and
    the top level of a file are for several commands.

    Parameters
    ----------
    names : collection of str
        Of the parameters.
    message : str
        With ``{}`` for the first that was given.

    Raises
    ------
    click.UsageError
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        if name not in names:
            continue
        origin = find_origin(context, name)
        if origin is not None:
            is_given = not (origin.is_common or _is_default(parameter, context.params[name]))
        else:
            is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if is_given:
            raise click.UsageError(message.format(parameter.opts[0]))


def _is_default(parameter: click.Parameter, value: Any) -> bool:
    if getattr(parameter, "is_bool_flag", False):
        return bool(value) == (parameter.default is True)
    return bool(value == parameter.default)
