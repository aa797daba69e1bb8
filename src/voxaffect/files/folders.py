"""Folders: those of the user (home, cache and data), and what a folder holds.

A container may run as a user that the system does not know (``--user 12345``): then there is no
home folder, ``~`` means nothing, and the platform's folders are unknown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

CACHE_VARIABLE = "VOXAFFECT_CACHE"


def expand_home(path: str | Path) -> Path:
    """Path with ``~`` at its start replaced by a home folder, as shells do.

    Returns
    -------
    Path
        As it was if nobody knows the home folder.

    Examples
    --------
    >>> expand_home("corpora/ravdess").as_posix()
    'corpora/ravdess'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def has_home() -> bool:
    """True if the home folder of this user is known."""
    return os.path.expanduser("~") != "~"  # noqa: PTH111 (unlike Path, it never raises)


def find_cache_folder() -> Path | None:
    """Folder for results that can be computed again: ``VOXAFFECT_CACHE``, or the user's own.

    Returns
    -------
    Path or None
        None if it would be in a home folder that nobody knows.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        folder = expand_home(chosen)
        return None if folder.parts[:1] == ("~",) else folder
    if not has_home() and not os.environ.get("XDG_CACHE_HOME"):
        return None
    import platformdirs

    return Path(platformdirs.user_cache_dir("voxaffect"))


def find_data_folder() -> Path | None:
    """Folder for files that the user keeps, such as corpora: the user's data folder.

    Returns
    -------
    Path or None
        None if this user has no home folder.
    """
    if not has_home() and not os.environ.get("XDG_DATA_HOME"):
        return None
    import platformdirs

    return Path(platformdirs.user_data_path("voxaffect", appauthor=False))


def walk_unique(
    folder: Path, on_error: Callable[[OSError], object]
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Go through a folder, and through folders that links lead to, each real folder once.

    It yields a folder, its sub-folders and its files, as ``os.walk`` does. A sub-folder that the
    caller removes from the list is not searched. Folders may be nested as deep as the system
    allows, and a link to a folder above ends.

    Parameters
    ----------
    folder : Path
    on_error : callable
        Gets the error of a folder that cannot be read; the others come all the same.
    """
    visited: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        parent = waiting.pop()
        try:
            status = parent.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            folders, names = _list_entries(parent)
        except (OSError, ValueError) as error:
            on_error(error if isinstance(error, OSError) else OSError(0, str(error), str(parent)))
            continue
        visited.add((status.st_dev, status.st_ino))
        yield parent, folders, names
        waiting += [parent / name for name in reversed(folders)]


def _list_entries(folder: Path) -> tuple[list[str], list[str]]:
    """Sub-folders, in order, and files of a folder."""
    folders: list[str] = []
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link to nowhere
                is_folder = False
            (folders if is_folder else names).append(entry.name)
    return sorted(folders), names
