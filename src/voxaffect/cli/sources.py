"""What people name on the command line becomes a list of recordings."""

from __future__ import annotations

import codecs
import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from voxaffect.errors import AudioError
from voxaffect.extraction import Failure
from voxaffect.files import walked
from voxaffect.media import EXTENSIONS


def recordings(arguments: Sequence[str]) -> tuple[list[Path], tuple[Failure, ...]]:
    """Find recordings by files, folders (searched through) and patterns, each once, in order.

    Returns
    -------
    list of Path
        A file that is named is taken as it is: whether it can be read is found out later.
    tuple of Failure
        Folders without a recording or that cannot be read, patterns that match nothing.

    Raises
    ------
    AudioError
        If nothing at all is found.
    """
    found: dict[Path, None] = {}
    failures: list[Failure] = []
    for argument in arguments:
        paths = _named_by(argument, failures)
        found.update(dict.fromkeys(paths))
    if failures and not found:
        raise AudioError(" ".join(failure.reason for failure in failures))
    return list(found), tuple(failures)


def listed(path: Path) -> list[str]:
    """Read a list of recordings, one a line; ``-`` is standard input.

    Empty lines are passed over, and the mark that Windows sets before UTF-8. Names may hold
    any bytes but a line break.

    Raises
    ------
    AudioError
        If the list cannot be read, or is empty.
    """
    if str(path) == "-" and (sys.stdin is None or sys.stdin.closed):
        raise AudioError("-: standard input is closed. Pipe a list of recordings into it.")
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{path}: the list cannot be read ({reason}).") from error
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines()
    names = [os.fsdecode(line) for line in lines if line.strip()]
    if not names:
        raise AudioError(f"{path}: the list is empty, expected a recording a line.")
    return names


def _named_by(argument: str, failures: list[Failure]) -> list[Path]:
    path = Path(argument)
    if not argument:
        failures.append(Failure(path, "'': an empty name. Is a variable unset?"))
        return []
    if os.path.isdir(path):  # noqa: PTH112 (unlike Path.is_dir, it never raises)
        return _inside(path, failures)
    # What holds a NUL names no file and is no pattern: it fails by its name when it is read.
    if "\0" in argument or os.path.lexists(path) or not glob.has_magic(argument):
        return [path]
    matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207
    if not matches:
        failures.append(Failure(path, f"{argument}: no file matches this pattern."))
    return [found for match in matches for found in _named_by(match, failures)]


def _inside(folder: Path, failures: list[Failure]) -> list[Path]:
    """Recordings anywhere under a folder, by extension; hidden files are none."""
    problems: list[OSError] = []
    found = [
        parent / name
        for parent, _, names in walked(folder, problems.append)
        for name in names
        if Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")
    ]
    failures += [
        Failure(Path(str(problem.filename)), f"{problem.filename}: {problem.strerror}.")
        for problem in problems
    ]
    if not found and not problems:
        endings = ", ".join(sorted(EXTENSIONS))
        reason = f"{folder}: no recordings in this folder. Expected files ending in {endings}."
        failures.append(Failure(folder, reason))
    return sorted(found)
