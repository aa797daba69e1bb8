"""What a command writes, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

import click

from voxaffect.audio import EXTENSIONS
from voxaffect.errors import VoxaffectError
from voxaffect.extraction import Failure
from voxaffect.files import printable, write_text


def check_output(path: Path | None, *, sources: Collection[Path] = ()) -> None:
    """Refuse a place that cannot or must not be written to, before the work is done.

    Raises
    ------
    VoxaffectError
        If its folder does not exist, or it is a recording: a slip of the shell, as in
        ``predict -o *.wav``.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise VoxaffectError(f"{path}: the folder {path.parent} does not exist. Make it first.")
    if path.suffix.lower() in EXTENSIONS or path in sources:
        raise VoxaffectError(f"{path}: would overwrite a recording. Name another output.")


def emit(text: str, output: Path | None) -> None:
    """Print a result, or write it to a file."""
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)


def summarise(succeeded: int, failed: int, *, seconds: float, where: str) -> None:
    """Say on standard error what came of it, when the result itself went to a file."""
    counts = f"{succeeded} recognised, {failed} failed, {seconds:.1f} s"
    click.echo(printable(f"{counts}: {where}"), err=True)


def finish(failures: Collection[Failure], succeeded: int) -> None:
    """List what failed; exit code 1 if anything did."""
    if not failures:
        return
    for failure in failures:
        click.echo(f"failed: {printable(failure.reason)}", err=True)
    total = len(failures) + succeeded
    if total > 1:
        click.echo(f"{len(failures)} of {total} recordings could not be used.", err=True)
    sys.exit(1)
