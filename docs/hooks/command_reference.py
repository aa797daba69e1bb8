"""Reference of the command line, made of the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import click

from voxaffect.cli import cli
from voxaffect.cli.help import Command


def list_commands() -> Iterator[tuple[str, click.Command]]:
    """List every command with its full name, such as ``corpora list``, groups first."""
    yield from _walk("", cli)


def _walk(name: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for key in group.list_commands(context):
        command = group.get_command(context, key)
        assert command is not None
        full = f"{name} {key}".strip()
        yield full, command
        if isinstance(command, click.Group):
            yield from _walk(full, command)


def write_commands() -> str:
    """Sections of all commands."""
    return "\n\n".join(_write_command(name, command) for name, command in list_commands())


def _write_command(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"voxaffect {name}")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    level = "##" + "#" * name.count(" ")
    parts = [f"{level} voxaffect {name}", f"```text\n{usage}\n```"]
    parts += [_escape(cleandoc(command.help or "").replace("\b", "").strip())]
    parts += [_write_options(title, rows) for title, rows in _sort_options(command, context)]
    if isinstance(command, Command) and command.examples:
        lines = "\n".join(f"$ {example}" for example in command.examples)
        parts.append(f"```console\n{lines}\n```")
    return "\n\n".join(part for part in parts if part)


def _sort_options(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    sections: dict[str, list[tuple[str, str]]] = {}
    for option in command.get_params(context):
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None and option.name != "help":
            sections.setdefault(getattr(option, "section", "Options"), []).append(record)
    yield from sections.items()


def _write_options(title: str, records: list[tuple[str, str]]) -> str:
    rows = [
        f"| {_as_code(names)} | {_escape(text).replace('|', chr(92) + '|')} |"
        for names, text in records
    ]
    return "\n".join([f"| {title} | meaning |", "|---|---|", *rows])


def _as_code(names: str) -> str:
    return f"`{names}`"


def _escape(text: Any) -> str:
    """Text in which nothing is taken for markup but paragraphs."""
    for mark in "\\`*_<>[":
        text = text.replace(mark, "\\" + mark)
    return str(text)
