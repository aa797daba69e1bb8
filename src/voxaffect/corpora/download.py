"""Fetch a corpus from its official address: resumed, verified, unpacked safely.

Each archive becomes one folder, named after it, inside the corpus's folder. That folder appears
in one step once everything in it is there, so whatever interrupts us leaves either a whole part
or none. A list of its files in it shows a later call whether it is still whole. What has arrived
of an archive stays in the hidden sub-folder ``.download`` and is taken up again by the next call.
A lock keeps two processes from working in one folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from voxaffect.console import print_message
from voxaffect.corpora.base import Corpus, Download
from voxaffect.corpora.folders import get_download_folder
from voxaffect.corpora.registry import get_corpus
from voxaffect.corpora.transfer import fetch_small, fetch_verified, name_disk_errors
from voxaffect.corpora.unpacking import find_missing, remove_litter, unpack
from voxaffect.errors import DownloadError, extra
from voxaffect.files import lock_folder
from voxaffect.files.folders import expand_home

_RECORD_LIMIT = 1 << 22
_ELSEWHERE = "Name another folder with --to, and for the commands after it with --data."
_CHECKSUM = re.compile(r"(?:md5|sha1|sha256|sha512):[0-9a-f]{32,128}")
_MAX_BYTES = 1 << 40


def download(
    name: str,
    folder: str | Path | None = None,
    *,
    files: Collection[str] | None = None,
    downloads: Sequence[Download] | None = None,
    progress: bool = True,
) -> Path:
    """Download a corpus and unpack it.

    What is there already is not fetched again, and an interrupted download is taken up where
    it stopped. Files that a folder lacks are added. An archive whose checksum nobody states is
    never unpacked. While another process downloads into the folder, it waits.

    Parameters
    ----------
    name : str
        A key of ``CORPORA``.
    folder : path, optional
        The corpus's folder; by default in the user's data folder, where it is found again.
    files : collection of str, optional
        Which of the corpus's archives to fetch, by file name; by default all but the optional
        ones (RAVDESS: speech, not song).
    downloads : sequence of Download, optional
        Fetch these archives instead of the official ones, for example from a mirror.
    progress : bool
        Whether to draw a progress bar.

    Returns
    -------
    Path
        The corpus's folder.

    Raises
    ------
    DownloadError
        If there is no direct address (the message says how to get the corpus by hand), no
        network, no such file, too little disk, a wrong checksum or an unsafe archive.
    MissingExtraError
        If requests is not installed.

    Examples
    --------
    >>> download("ravdess")  # doctest: +SKIP
    PosixPath('…/voxaffect/corpora/ravdess')
    """
    corpus = get_corpus(name)
    chosen = _choose(corpus, files, corpus.downloads if downloads is None else downloads)
    with extra("download"):
        import requests  # noqa: F401  (fail before anything is written)
    folder = expand_home(Path(folder)) if folder is not None else get_download_folder(corpus.name)

    def report_wait() -> None:
        if progress:
            print_message(f"{folder}: waiting for another download into it to end")

    with name_disk_errors(folder, _ELSEWHERE), lock_folder(folder, report_wait):
        remove_litter(folder)
        for archive in chosen:
            _fetch_and_unpack(corpus, archive, folder, progress=progress)
    return folder


def _fetch_and_unpack(corpus: Corpus, archive: Download, folder: Path, *, progress: bool) -> None:
    """Fetch and unpack one archive, unless its folder is there and whole."""
    target = folder / PurePosixPath(archive.file).stem
    if target.is_dir() and _is_whole(corpus, archive, target):
        return
    parts = folder / ".download"
    path = parts / archive.file
    _fetch(corpus, archive, path, progress=progress)
    unpack(path, target, progress=progress)
    path.unlink(missing_ok=True)
    with suppress(OSError):  # others' parts are kept
        parts.rmdir()


def _is_whole(corpus: Corpus, archive: Download, target: Path) -> bool:
    """True if no file of its archive is known to be missing from a folder."""
    missing = find_missing(target)
    if missing is not None:
        return not missing
    # Unpacked by hand, or before such folders had lists: the corpus's size is known.
    count = sum(
        1
        for path in target.rglob("*")
        if path.suffix.lower() in corpus.extensions and not path.name.startswith(".")
    )
    is_official = any(archive.file == known.file for known in corpus.downloads)
    return count in corpus.sizes if is_official else count > 0


def _choose(
    corpus: Corpus, files: Collection[str] | None, downloads: Sequence[Download]
) -> list[Download]:
    if not downloads:
        raise DownloadError(
            f"{corpus.title}: has no direct address that we could verify. "
            f"{corpus.instructions} ({corpus.homepage})"
        )
    if files is None:
        return [archive for archive in downloads if not archive.is_optional]
    known = {archive.file: archive for archive in downloads}
    if strange := sorted(set(files) - set(known)):
        raise DownloadError(
            f"{corpus.title}: has no archive '{strange[0]}'. Choose from {', '.join(known)}."
        )
    return [archive for file, archive in known.items() if file in files]


def _fetch(corpus: Corpus, archive: Download, path: Path, *, progress: bool) -> None:
    """Bring one archive to a path, whole and verified."""
    archive = _add_checksum(corpus, archive)
    fetch_verified(
        archive.url,
        path,
        size=archive.size,
        checksum=archive.checksum or "",
        homepage=corpus.homepage,
        progress=progress,
    )


def _add_checksum(corpus: Corpus, archive: Download) -> Download:
    """Archive with size and checksum; the publisher is asked for what the corpus does not state."""
    if archive.checksum is not None:
        return archive
    by_hand = f"{corpus.instructions} ({corpus.homepage})"
    if archive.listing is None:
        raise DownloadError(
            f"{archive.url}: nobody states its checksum, so it is not trusted. {by_hand}"
        )
    record = fetch_small(archive.listing, limit=_RECORD_LIMIT)
    try:
        listed = {file["key"]: file for file in json.loads(record)["files"]}
        checksum, size = listed[archive.file]["checksum"], listed[archive.file]["size"]
        if not _CHECKSUM.fullmatch(checksum) or type(size) is not int or not 0 < size < _MAX_BYTES:
            raise ValueError("another kind of checksum or size")
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise DownloadError(
            f"{archive.listing}: does not state size and checksum of {archive.file}. {by_hand}"
        ) from error
    return replace(archive, checksum=checksum, size=size)
