"""Folders of the user: home, cache and data, also where the user has no home folder.

A container may run as a user that the system does not know (``--user 12345``): then there is no
home folder, ``~`` means nothing, and the platform's folders are unknown.
"""

from __future__ import annotations

import os
from pathlib import Path

CACHE_VARIABLE = "VOXAFFECT_CACHE"


def expand_home(path: str | Path) -> Path:
    """Path with ``~`` at its start replaced by a home folder, as shells do.

    Parameters
    ----------
    path : str or Path

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
    """Whether the home folder of this user is known."""
    return os.path.expanduser("~") != "~"  # noqa: PTH111 (unlike Path, it never raises)


def find_cache_folder() -> Path | None:
    """Folder for what can be computed again: ``VOXAFFECT_CACHE``, else the user's cache folder.

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
    """Folder for what the user keeps, as corpora: the user's data folder.

    Returns
    -------
    Path or None
        None if this user has no home folder.
    """
    if not has_home() and not os.environ.get("XDG_DATA_HOME"):
        return None
    import platformdirs

    return Path(platformdirs.user_data_path("voxaffect", appauthor=False))
