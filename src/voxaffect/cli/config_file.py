"""Configuration file: TOML whose tables are commands and whose keys are their options."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from voxaffect.errors import ConfigError
from voxaffect.files import escape_control, read_bounded

COMMON = ("cache", "channels", "max-seconds", "model", "seed", "uncertain-below", "vad", "workers")
"""Keys of the top level: options with one meaning in several commands. Not for ``serve``."""
_OWN_MEANING = {"model": ("evaluate", "features", "info", "push"), "max-seconds": ("listen",)}
"""Commands that a key of the top level is not for: there it changes what they do, or fails."""
SETTINGS_COMMAND = "serve"
"""Command whose file may also be its settings alone, without a table."""
CONFIG_NAME = "config_path"
"""Name of the parameter ``--config``, which has no key."""
_LARGEST_FILE = 1 << 20
_ARGUMENTS = {"sources": "paths"}
"""Keys of arguments whose names say less."""
_PATH_WORDS = re.compile(r"\b(FILE|FOLDER|DIR|PATH|PATTERN)\b")
_NO_LABELS = "none"
"""Value of ``--labels FILE`` that is no file."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_HEADER = re.compile(r"\s*\[+([^\[\]]+)\]+\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*([\w."'-]+)\s*=""")


@dataclass(frozen=True)
class Origin:
    """Key of a file that sets an option.

    Parameters
    ----------
    path : Path
        Of the file.
    keys : tuple of str
        Tables, and the key.
    line : int, optional
        From 1, where it is known.
    """

    path: Path
    keys: tuple[str, ...]
    line: int | None = None

    @property
    def is_common(self) -> bool:
        """True of a key of the top level."""
        return len(self.keys) == 1

    def __str__(self) -> str:
        *tables, key = self.keys
        line = "" if self.line is None else f" line {self.line}:"
        table = f" in [{'.'.join(tables)}]" if tables else ""
        return escape_control(f"{self.path}:{line} {key}{table}")


@dataclass(frozen=True)
class ConfigFile:
    """Content of a configuration file.

    Parameters
    ----------
    path : Path
    document : mapping of str to value
    lines : mapping of tuple of str to int
        Line of each key, by its tables and name.
    """

    path: Path
    document: Mapping[str, Any]
    lines: Mapping[tuple[str, ...], int]

    def locate(self, *keys: str) -> Origin:
        """Origin of a key."""
        return Origin(self.path, keys, self.lines.get(keys))


def read_config(path: Path) -> ConfigFile:
    """Read a configuration file.

    Raises
    ------
    ConfigError
        If it cannot be read, or is not TOML.
    """
    import tomllib

    content = read_bounded(path, limit=_LARGEST_FILE, what="a TOML file", error=ConfigError)
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return ConfigFile(path, tomllib.loads(text), _find_lines(text))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 (byte {error.start:,}). Save it so.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML: {error}.") from error


def _find_lines(text: str) -> dict[tuple[str, ...], int]:
    """Line of each key, as far as each stands on a line of its own."""
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.split("\n"), start=1):
        if header := _HEADER.match(line):
            table = _split_keys(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_split_keys(key[1])), number)
    return lines


def _split_keys(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in text.split("."))


def name_key(parameter: click.Parameter) -> str | None:
    """Key of an option, which is its long name, or of an argument; None of what has none."""
    if parameter.name in (None, CONFIG_NAME):
        return None
    if isinstance(parameter, click.Argument):
        return _ARGUMENTS.get(parameter.name, parameter.name.replace("_", "-"))
    return next((name[2:] for name in parameter.opts if name.startswith("--")), None)


def list_keys(command: click.Command) -> dict[str, click.Parameter]:
    """Options and arguments of a command by their keys."""
    keys = ((name_key(parameter), parameter) for parameter in command.params)
    return {key: parameter for key, parameter in keys if key is not None}


def check_tables(config: ConfigFile, commands: Collection[str]) -> None:
    """Refuse keys of the top level that are neither commands nor common options.

    Raises
    ------
    ConfigError
    """
    for key, value in config.document.items():
        is_table = isinstance(value, dict)
        if key in commands and not is_table:
            raise ConfigError(
                f"{config.locate(key)}: expected a table [{key}], found {_describe(value)}."
            )
        if is_table and key not in commands:
            raise ConfigError(
                f"{config.locate(key)}: is no command{_suggest(key, commands)} Tables are "
                f"commands: {', '.join(commands)}."
            )
        if not is_table and _normalize(key) not in COMMON:
            raise ConfigError(
                f"{config.locate(key)}: is no key of the top level{_suggest(key, COMMON)} There "
                f"are {', '.join(COMMON)}; other options belong in the table of their command, "
                "such as [predict]."
            )


def choose_values(
    config: ConfigFile, path: Sequence[str], command: click.Command, commands: Collection[str]
) -> dict[str, tuple[Any, Origin]]:
    """Values and origins of a command's options, by the names of the parameters.

    Parameters
    ----------
    config : ConfigFile
    path : sequence of str
        Names of the groups and of the command.
    command : click.Command
    commands : collection of str
        All commands.

    Raises
    ------
    ConfigError
        If a key or table is not known, or a value has another type than its option.
    """
    parameters = list_keys(command)
    is_bare = _is_settings(config, path, parameters)
    if not is_bare:
        check_tables(config, commands)
    values: dict[str, tuple[Any, Origin]] = {}
    for keys, value in _walk(config, path, is_bare=is_bare):
        origin = config.locate(*keys)
        key = _normalize(keys[-1])
        parameter = parameters.get(key)
        is_for_others = parameter is None or path[0] in _OWN_MEANING.get(key, ())
        if origin.is_common and not is_bare and is_for_others:
            continue
        if parameter is None:
            raise ConfigError(f"{origin}: {_explain_unknown(key, path, parameters)}")
        name = str(parameter.name)
        previous = values.get(name)
        if previous is not None and previous[1].is_common == origin.is_common:
            raise ConfigError(f"{origin}: the key is there twice, as {previous[1].keys[-1]}, too.")
        values[name] = (_convert(value, parameter, origin), origin)
    return values


def _walk(
    config: ConfigFile, path: Sequence[str], *, is_bare: bool
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Keys and values that concern a command: those of the top level first."""
    table: Any = config.document
    if is_bare or path[0] != SETTINGS_COMMAND:
        yield from (((key,), value) for key, value in table.items() if not isinstance(value, dict))
    for depth, name in enumerate(path, start=1):
        table = table.get(name, {})
        if not isinstance(table, dict):
            origin = config.locate(*path[:depth])
            raise ConfigError(f"{origin}: expected a table, found {_describe(table)}.")
    yield from (((*path, key), value) for key, value in table.items())


def _is_settings(config: ConfigFile, path: Sequence[str], parameters: Collection[str]) -> bool:
    """True of a file that holds the settings of the service alone, without a table."""
    tables = [key for key, value in config.document.items() if isinstance(value, dict)]
    keys = map(_normalize, config.document)
    others = [key for key in keys if key in COMMON and key not in parameters]
    return list(path) == [SETTINGS_COMMAND] and not (tables or others)


def check_group(config: ConfigFile, path: Sequence[str], names: Collection[str]) -> None:
    """Refuse keys of a group's table that are no commands of it.

    Raises
    ------
    ConfigError
    """
    table = config.document.get(path[0], {})
    for key, value in table.items() if isinstance(table, dict) else ():
        if key in names and not isinstance(value, dict):
            raise ConfigError(
                f"{config.locate(path[0], key)}: expected a table [{path[0]}.{key}], found "
                f"{_describe(value)}."
            )
        if key not in names:
            known = ", ".join(f"[{path[0]}.{name}]" for name in names)
            raise ConfigError(
                f"{config.locate(path[0], key)}: is no command of {path[0]}"
                f"{_suggest(key, names)} Expected tables: {known}."
            )


def _normalize(key: str) -> str:
    return key.replace("_", "-")


def _explain_unknown(key: str, path: Sequence[str], known: Mapping[str, click.Parameter]) -> str:
    negated = key.removeprefix("no-")
    if negated in known and f"--{key}" in known[negated].secondary_opts:
        return f"expected {negated} = false."
    command = " ".join(path)
    return f"is no option of {command}{_suggest(key, known)} There are {', '.join(known)}."


def find_near(word: str, known: Collection[str]) -> list[str]:
    """Known word that is like another; empty without one."""
    from difflib import get_close_matches

    return get_close_matches(word, list(known), n=1)


def _suggest(word: str, known: Collection[str]) -> str:
    """End of a sentence, with a suggestion if one is near."""
    near = find_near(_normalize(word), known)
    return f". Did you mean {near[0]}?" if near else "."


def _describe(value: Any) -> str:
    """Value and type of TOML."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    kinds = {bool: "a boolean", int: "an integer", float: "a number", str: "a text"}
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return f"{shown}, {kinds.get(type(value), 'a date or time')}"


def _convert(value: Any, parameter: click.Parameter, origin: Origin) -> Any:
    """Value as click takes it, after a check of its type; paths begin at the file's folder."""
    is_repeated = getattr(parameter, "multiple", False) or parameter.nargs == -1
    is_listed = str(parameter.metavar).endswith(",…")
    items = value if isinstance(value, list) and (is_repeated or is_listed) else [value]
    converted = [_convert_item(item, parameter, origin) for item in items]
    if is_repeated:
        return converted
    if is_listed and isinstance(value, list):
        for item in converted:
            if "," in item:
                raise ConfigError(f"{origin}: expected texts without commas, found {item!r}.")
        return ",".join(converted)
    return converted[0]


def _convert_item(value: Any, parameter: click.Parameter, origin: Origin) -> Any:
    kind = parameter.type
    number = (int, float)
    if getattr(parameter, "is_bool_flag", False):
        expected, is_right = "true or false", isinstance(value, bool)
    elif isinstance(kind, click.types.IntParamType):
        expected, is_right = "an integer", type(value) is int
    elif isinstance(kind, click.types.FloatParamType):
        expected, is_right = "a number", type(value) in number
    elif isinstance(kind, click.Path | click.Choice):
        expected, is_right = _name_text(kind), isinstance(value, str)
    else:  # typed on the command line, a number is a text
        expected, is_right = "a text", isinstance(value, str) or type(value) in number
    if not is_right:
        raise ConfigError(f"{origin}: expected {expected}, found {_describe(value)}.")
    if isinstance(value, float) and value != value:
        raise ConfigError(f"{origin}: expected a number, found nan.")
    if isinstance(kind, click.types.StringParamType):
        value = str(value)
    return _resolve(value, parameter, origin.path.parent) if isinstance(value, str) else value


def _name_text(kind: object) -> str:
    choices = kind.choices if isinstance(kind, click.Choice) else ()
    return f"one of {', '.join(map(str, choices))}" if choices else "a text"


def holds_paths(parameter: click.Parameter) -> bool:
    """True of an option or argument for files or folders."""
    metavar = str(parameter.metavar or "")
    return isinstance(parameter.type, click.Path) or bool(_PATH_WORDS.search(metavar))


def _expand_home(value: str) -> str:
    return f"{Path.home()}{value[1:]}" if value.startswith("~/") else value


def _resolve(value: str, parameter: click.Parameter, folder: Path) -> str:
    """Path of an option from the file's folder; other texts as they are."""
    words = str(parameter.metavar or "").split(" | ")
    is_word = value in ("", "-", *words) or (parameter.name == "labels" and value == _NO_LABELS)
    if not holds_paths(parameter) or is_word or _ADDRESS.match(value):
        return value
    expanded = value[2:] if value.startswith("./~/") else _expand_home(value)
    path = expanded if folder == Path() else os.path.join(folder, expanded)  # noqa: PTH118
    if "NAME" in words and not (value.startswith((".", "~/")) or os.path.lexists(path)):
        from voxaffect.models.bundled import is_bundled

        is_file = isinstance(parameter.type, click.Path) and not is_bundled(value)
        return path if is_file else value
    return path
