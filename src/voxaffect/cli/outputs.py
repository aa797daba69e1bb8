"""Outputs of a command, their checks before the work, and the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from voxaffect.console import check_stdout, escape_lines, print_data, print_message, print_text
from voxaffect.errors import VoxaffectError
from voxaffect.extraction import Failure
from voxaffect.files import check_folder, check_writable, write_text
from voxaffect.files.media import EXTENSIONS

_NAME_A_FILE = "Name a file with -o."


def check_output(path: Path | None, *, sources: Collection[Path | None] = ()) -> None:
    """Refuse a place that cannot or must not be written to, before the work is done.

    Parameters
    ----------
    path : Path, optional
    sources : collection of Path
        What the command reads; None stands for nothing.

    Raises
    ------
    VoxaffectError
        If it cannot be written, or it is a recording or what the command reads, by whatever
        name or link: a slip of the shell, as in ``predict -o *.wav``.
    """
    if path is None:
        return
    check_apart_from(path, sources)
    check_writable(path)


def check_output_folder(path: Path, *, sources: Collection[Path | None] = ()) -> None:
    """Refuse a folder that cannot be made or written to, before the work; it is not made yet.

    Raises
    ------
    VoxaffectError
        Also if the folder above does not exist.
    """
    if not os.path.isdir(path.parent):  # noqa: PTH112 (unlike Path.is_dir, it never raises)
        raise VoxaffectError(f"{path}: the folder {path.parent} does not exist. Make it first.")
    check_apart_from(path, sources)
    check_folder(path)


def check_apart_from(path: Path, sources: Collection[Path | None]) -> None:
    """Refuse an output that is a recording or what the command reads, by any name or link.

    Raises
    ------
    VoxaffectError
    """
    target = resolve_links(path)
    if any(name.suffix.lower() in EXTENSIONS for name in (path, Path(target))):
        raise VoxaffectError(f"{path}: would overwrite a recording. Name another output.")
    if target in {resolve_links(source) for source in sources if source is not None}:
        raise VoxaffectError(
            f"{path}: would overwrite a recording or other input. Name another output."
        )


def choose_format(output: Path | None, name: str | None, endings: Mapping[str, str]) -> str:
    """Format that was asked for, or that of the output's ending, or the first.

    Parameters
    ----------
    output : Path, optional
    name : str, optional
        As it was asked for.
    endings : mapping of str to str
        Ending of a file to its format.

    Raises
    ------
    click.UsageError
        If the ending fits no format, or not the one that was asked for.
    """
    first = next(iter(endings.values()))
    if output is None or not output.suffix:
        return name or first
    known = ", ".join(endings)
    by_ending = endings.get(output.suffix.lower())
    if by_ending is None and name is None:
        raise click.UsageError(
            f"{output}: expected a name ending in {known}; or name a format with --format."
        )
    if by_ending and name and by_ending != name:
        raise click.UsageError(
            f"{output}: the ending is of {by_ending}, and --format says {name}. Change one of them."
        )
    return name or by_ending or first


class Writes:
    """Writes of finished work: one that fails is reported, and the others are done all the same."""

    def __init__(self) -> None:
        self.failures = 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do one write inside the block."""
        try:
            yield
        except VoxaffectError as error:
            print_message(f"{type(error).__name__}: {error}")
            self.failures += 1

    def finish(self) -> None:
        """End with exit code 1 if a write failed."""
        if self.failures:
            sys.exit(1)


def check_result(output: Path | None, *, sources: Collection[Path | None] = ()) -> None:
    """Refuse, before the work, a result that could not be written to ``-o`` or else printed.

    Raises
    ------
    VoxaffectError
    """
    if output is None:
        check_stdout(_NAME_A_FILE)
    check_output(output, sources=sources)


def check_apart(*outputs: Path | None) -> None:
    """Refuse two outputs that would go to one file, where the later would replace the other.

    Raises
    ------
    click.UsageError
        If there are such.
    """
    taken: set[str] = set()
    for path in filter(None, outputs):
        if resolve_links(path) in taken:
            raise click.UsageError(f"{path}: two outputs would go there. Name another for one.")
        taken.add(resolve_links(path))


def resolve_links(path: Path) -> str:
    """Name what a path leads to, links followed; unlike ``Path.resolve``, it never raises."""
    return os.path.realpath(path)


def emit(text: str, output: Path | None, *, is_data: bool = False) -> None:
    """Print a result, or write it to a file.

    Parameters
    ----------
    text : str
    output : Path, optional
    is_data : bool
        Whether programs read it.

    Raises
    ------
    VoxaffectError
        If there is nowhere to print it.
    """
    if output is not None:
        write_text(output, text if is_data else escape_lines(text))
        return
    check_stdout(_NAME_A_FILE)
    (print_data if is_data else print_text)(text)


def summarize(
    succeeded: int, failed: int, *, without_speech: int, seconds: float, output: str, model: str
) -> None:
    """Report counts and model on standard error, when the result itself went to a file."""
    counts = [f"{succeeded - without_speech} recognized"]
    counts += [f"{without_speech} without speech"] if without_speech else []
    print_message(f"{', '.join(counts)}, {failed} failed, {seconds:.1f} s, model {model}: {output}")


NO_SPEECH_CODE = 3
"""Exit code of a command that used every recording, but found no speech in one or more."""


def finish(failures: Collection[Failure], succeeded: int, *, without_speech: int = 0) -> None:
    """List what failed; exit code 1 if anything did, 3 if only speech is missing somewhere."""
    total = len(failures) + succeeded
    if not failures:
        if without_speech:
            sys.exit(NO_SPEECH_CODE)
        return
    for failure in failures:
        print_message(f"failed: {failure.reason}")
    if total > 1:
        print_message(f"{len(failures)} of {total} recordings could not be used.")
    sys.exit(1)
