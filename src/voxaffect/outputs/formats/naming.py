"""Names of the outputs of recordings, all different."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePath

NAMELESS = {"-": "stdin", "<bytes>": "bytes", "<array>": "array"}
"""Sources that are no files, and the names of their outputs."""
_ROOT = "root"
"""Name of the output of a folder that has no name."""
_LONGEST = 200
"""Bytes of a name; disks take 255, endings and channels among them."""


def name_outputs(sources: Sequence[str]) -> dict[str, PurePath]:
    """Return a relative path, without the ending of a format, for every recording.

    The folders under the one that all recordings share are kept: ``calls/may/a.wav`` and
    ``calls/june/a.wav`` become ``may/a`` and ``june/a``. The extension goes, unless it alone
    distinguishes two recordings: next to ``a.flac``, ``a.wav`` stays ``a.wav``. Capitals do not
    distinguish names, as on many disks, nor do two spellings of one letter. A long name is cut,
    so that the ending of a format fits behind it. Names that are still alike are numbered.

    Parameters
    ----------
    sources : sequence of str
        Paths, each once; or ``-``, ``<bytes>``, ``<array>``.

    Returns
    -------
    dict of str to PurePath
        In the order given.
    """
    relative = _under_their_folder(sources)
    stems = Counter(_key(_stem(path)) for path in relative.values())
    names: dict[str, PurePath] = {}
    taken: set[str] = set()
    for source, path in relative.items():
        stem = _stem(path)
        base = _short(stem if stems[_key(stem)] == 1 else path)
        name, number = base, 1
        while _key(name) in taken:
            number += 1
            name = base.with_name(f"{base.name}-{number}")
        taken.add(_key(name))
        names[source] = name
    return names


def _stem(path: PurePath) -> PurePath:
    """Path without extension, unless only dots would be left of the name."""
    return path.with_suffix("") if path.stem.strip(".") else path


def _short(path: PurePath) -> PurePath:
    name = path.name
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return path.with_name(name) if name != path.name else path


def _key(path: PurePath) -> str:
    """Name as a disk compares it that knows neither capitals nor two spellings of a letter."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold())


def _under_their_folder(sources: Sequence[str]) -> dict[str, PurePath]:
    """Paths relative to the deepest folder that holds all of them."""
    parts = {source: _parts(source) for source in sources}
    parents = [names[:-1] for names in parts.values()]
    shared = takewhile(lambda names: len(set(names)) == 1, zip(*parents, strict=False))
    depth = len(list(shared))
    return {source: PurePath(*names[depth:]) for source, names in parts.items()}


def _parts(source: str) -> list[str]:
    """Names of the folders on the way to a file, and its own; a drive counts as a folder."""
    path = Path(os.path.abspath(NAMELESS.get(source, source)))  # noqa: PTH100 (keeps links)
    names = path.parts[1:]
    letters = "".join(mark for mark in path.drive if mark.isalnum())
    return [*([letters] if letters else []), *names] or [_ROOT]
