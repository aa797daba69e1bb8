"""Help of a command: its options in sections, and examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

_OTHER_OPTIONS = "Options"


class Option(click.Option):
    """Option that help lists in a section.

    Parameters
    ----------
    section : str
        Title of the section.
    **options
        As for ``click.Option``.
    """

    def __init__(self, *names: Any, section: str = _OTHER_OPTIONS, **options: Any) -> None:
        super().__init__(*names, **options)
        self.section = section


class Command(click.Command):
    """Command whose help shows its options in sections, and examples.

    Parameters
    ----------
    examples : sequence of str
        Command lines.
    **options
        As for ``click.Command``.
    """

    def __init__(self, *names: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*names, **options)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section, in the order of their definition."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx) if isinstance(option, click.Option) else None
            if record is not None:
                section = getattr(option, "section", _OTHER_OPTIONS)
                sections.setdefault(section, []).append(record)
        for section, records in sections.items():
            with formatter.section(section):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples as they are typed."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")


def group_options(*options: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Make one decorator of several options, in their order."""

    def add_options(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
        return command

    return add_options
