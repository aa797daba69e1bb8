"""Folders of corpora, and the recordings in them, found by name alone.

Recordings are found at any depth, whatever the case of their extension; hidden files, macOS's
``._*`` and ``__MACOSX`` and the like are passed over. The order is that of the relative paths, the
same on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from voxaffect.corpora.base import Corpus, FileIssue
from voxaffect.corpora.registry import OWN_DATA, get_corpus, split_own_name
from voxaffect.errors import CorpusError
from voxaffect.files import name_errors, walk_unique
from voxaffect.files.folders import expand_home, find_data_folder
from voxaffect.files.media import is_recording
from voxaffect.records.arguments import check_path

DATA_VARIABLE = "VOXAFFECT_DATA"
"""The environment variable that names the folder with one sub-folder for each corpus."""

_HIDDEN = {
    "__macosx",
    "$recycle.bin",
    "system volume information",
    "@eadir",
    "#recycle",
    "lost+found",
    "node_modules",
    "__pycache__",
}
_ARCHIVES = {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".rar", ".7z"}


@dataclass(frozen=True)
class Listing:
    """Files under a folder: recordings in order, archives, and folders that cannot be listed."""

    recordings: tuple[Path, ...]
    archives: tuple[Path, ...]
    unlisted: tuple[FileIssue, ...]


def list_files(root: Path, extensions: Collection[str] | None) -> Listing:
    """Recordings under a root with these extensions, in lower case; None for all that are known.

    Raises
    ------
    CorpusError
        If there is no such folder, or nothing in it can be looked into.
    """
    with name_errors(root, "cannot be read", CorpusError):
        if not root.is_dir():
            problem = "is a file, expected a folder" if root.exists() else "no such folder"
            raise CorpusError(f"{root}: {problem}.")
    recordings: list[Path] = []
    archives: list[Path] = []
    errors: list[OSError] = []
    for folder, subfolders, files in walk_unique(root, errors.append):
        subfolders[:] = [name for name in subfolders if not _is_hidden(name)]
        for path in (folder / file for file in files if not _is_hidden(file)):
            suffix = path.suffix.lower()
            if is_recording(path) if extensions is None else suffix in extensions:
                recordings.append(path)
            elif suffix in _ARCHIVES:
                archives.append(path)
    unlisted = tuple(
        FileIssue(Path(str(e.filename)), f"{e.filename}: cannot be listed ({e.strerror}).")
        for e in errors
    )
    if unlisted and not recordings:
        raise CorpusError(unlisted[0].reason)
    recordings.sort(key=lambda path: path.relative_to(root).parts)
    return Listing(tuple(recordings), tuple(sorted(archives)), unlisted)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _HIDDEN


def get_download_folder(name: str) -> Path:
    """Default folder of a downloaded corpus, in the user's data folder; it need not exist.

    Raises
    ------
    CorpusError
        If this user has no home folder.
    """
    folder = find_data_folder()
    if folder is None:
        raise CorpusError(
            f"{name}: this user has no home folder to keep it in. Name a folder, or set "
            f"{DATA_VARIABLE}."
        )
    return folder / "corpora" / name


def find_root(name: str, root: str | Path | None = None) -> Path:
    """Folder of a corpus.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``, or ``folder`` or ``csv``, which need `root`. ``csv:calls`` is a
        table that is called ``calls``.
    root : path, optional
        The corpus's folder, or the folder that holds it under its name. Otherwise the
        environment variable ``VOXAFFECT_DATA`` names the latter, or else it is looked for
        where `download` puts it.

    Returns
    -------
    Path

    Raises
    ------
    CorpusError
        If there is none; the message names every folder looked in.
    """
    kind, _ = split_own_name(name)
    if kind in OWN_DATA:
        if root is None:
            raise CorpusError(f"{name}: say where it is, {OWN_DATA[kind]}.")
        return expand_home(check_path(root, "root"))
    corpus = get_corpus(name)
    if root is not None:
        root = expand_home(check_path(root, "root"))
        inner = root / corpus.name
        return inner if inner.is_dir() else root
    data = os.environ.get(DATA_VARIABLE)
    folders = _list_candidates(data, corpus)
    for folder in folders:
        if _holds_something(folder):
            return folder
    unset = "" if data else f" ({DATA_VARIABLE} is not set)"
    raise CorpusError(
        f"{corpus.title}: not found. Looked in {' and '.join(map(str, folders)) or 'no folder'}"
        f"{unset}. {explain_source(corpus)}"
    )


def _list_candidates(data: str | None, corpus: Corpus) -> list[Path]:
    """Folders that may hold a corpus; the variable may also name the corpus itself."""
    folders = []
    if data:
        folder = expand_home(Path(data))
        folders.append(folder / corpus.name)
        has_actors = corpus.name == "ravdess" and any(folder.glob("Actor_*"))
        if has_actors or folder.name.lower() == corpus.name:
            folders.append(folder)
    if find_data_folder() is not None:
        folders.append(get_download_folder(corpus.name))
    return folders


def _holds_something(folder: Path) -> bool:
    """True if a folder is there and holds more than hidden files."""
    try:
        return any(not _is_hidden(name) for name in os.listdir(folder))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # whoever reads it says what is wrong


def explain_source(corpus: Corpus) -> str:
    """Sentence on how to get a corpus."""
    if corpus.downloads:
        return f"Get it with: voxaffect corpora download {corpus.name}"
    return f"To get it: {corpus.instructions}"
