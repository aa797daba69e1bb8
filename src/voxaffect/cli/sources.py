"""What people name on the command line becomes a list of recordings."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path

from voxaffect.audio import EXTENSIONS
from voxaffect.errors import AudioError


def recordings(arguments: Sequence[str]) -> list[Path]:
    """List recordings named by files, folders (searched through) and patterns, each once, in order.

    Raises
    ------
    AudioError
        If a folder holds no recording, or a pattern matches nothing.
    """
    found: dict[Path, None] = {}
    for argument in arguments:
        found.update(dict.fromkeys(_named_by(argument)))
    return list(found)


def _named_by(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if _is_recording(p))
        if not inside:
            raise AudioError(
                f"{argument}: no recordings in this folder. Expected files ending in "
                f"{', '.join(sorted(EXTENSIONS))}."
            )
        return inside
    if not path.exists() and glob.has_magic(argument):
        matches = sorted(Path(match) for match in glob.glob(argument, recursive=True))  # noqa: PTH207
        if not matches:
            raise AudioError(f"{argument}: no file matches this pattern.")
        return recordings([str(match) for match in matches])
    return [path]


def _is_recording(path: Path) -> bool:
    """By extension; leaves out hidden files, as copying from a Mac makes them."""
    is_hidden = path.name.startswith(".")
    return path.suffix.lower() in EXTENSIONS and not is_hidden and path.is_file()
