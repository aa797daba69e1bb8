"""Folder of downloaded encoders, and their download."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from voxaffect.console import print_message
from voxaffect.corpora.transfer import compute_checksum, fetch_verified, name_disk_errors
from voxaffect.errors import ModelError, extra
from voxaffect.files import escape_control, lock_folder
from voxaffect.files.folders import expand_home, find_data_folder
from voxaffect.records.arguments import check_path, is_known
from voxaffect.training.encoders.catalog import ENCODERS, EncoderSource, get_encoder

ENCODERS_VARIABLE = "VOXAFFECT_ENCODERS"
"""The environment variable that names the folder of encoders."""
_ELSEWHERE = f"Name another folder with --to, or set {ENCODERS_VARIABLE}."


def get_encoder_folder() -> Path:
    """Folder of encoders: ``VOXAFFECT_ENCODERS``, or in the user's data folder; it need not exist.

    Raises
    ------
    ModelError
        If the variable is not set and this user has no home folder.
    """
    if chosen := os.environ.get(ENCODERS_VARIABLE):
        return expand_home(chosen)
    folder = find_data_folder()
    if folder is None:
        raise ModelError(
            f"this user has no home folder to keep encoders in. Set {ENCODERS_VARIABLE}."
        )
    return folder / "encoders"


def find_encoder(name: str | Path) -> Path:
    """File or folder of an encoder's weights.

    Parameters
    ----------
    name : str or Path
        A key of ``ENCODERS``, whose file (``base.pt``), or a folder of its name with the weights
        in another format, is looked for in the folder of encoders; or the path of a file or
        folder of weights. A file named as a key is given as ``./base``.

    Raises
    ------
    ModelError
        If there is none; the message states how to get it.
    """
    path = expand_home(check_path(name, "encoder"))
    if not is_known(name, ENCODERS):
        if path.exists():
            return path
        raise ModelError(
            f"{escape_control(str(path))}: no such file or folder, and no encoder of this name. "
            f"Choose from {', '.join(ENCODERS)}, or name the file or folder of its weights."
        )
    source = get_encoder(str(name))
    folder = get_encoder_folder()
    for candidate in (folder / source.file, folder / source.name):
        if candidate.exists():
            return candidate
    raise ModelError(
        f"{source.title}: not found in {escape_control(str(folder))}. Get it with: voxaffect "
        f"encoders download {source.name}; or name the file or folder of its weights instead."
    )


def download_encoder(
    name: str,
    folder: str | Path | None = None,
    *,
    source: EncoderSource | None = None,
    progress: bool = True,
) -> Path:
    """Download the weights of an encoder from their official address, and verify them.

    Only training needs them: a trained model file holds all that prediction needs. What is there
    already is not fetched again, and an interrupted download is taken up where it stopped.

    Parameters
    ----------
    name : str
        A key of ``ENCODERS``.
    folder : path, optional
        By default ``VOXAFFECT_ENCODERS``, or else in the user's data folder, where it is found
        again.
    source : EncoderSource, optional
        Fetch this file instead of the official one, for example from a mirror.
    progress : bool
        Whether to draw a progress bar.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    DownloadError
        If there is no network, no such file, too little disk, or a wrong checksum.
    MissingExtraError
        If requests is not installed.

    Examples
    --------
    ``va.download_encoder("base")`` downloads 145 MB and returns the path of ``base.pt``.

    >>> va.download_encoder("huge")
    Traceback (most recent call last):
    voxaffect.errors.ModelError: unknown encoder 'huge'. Choose from tiny, tiny.en, base, base.en, \
small, small.en, medium, medium.en, large-v3.
    """
    source = get_encoder(name) if source is None else source
    with extra("download"):
        import requests  # noqa: F401  (fail before anything is written)
    chosen = get_encoder_folder() if folder is None else expand_home(check_path(folder, "folder"))
    target = chosen / source.file

    def report_wait() -> None:
        if progress:
            print_message(f"{chosen}: waiting for another download into it to end")

    with name_disk_errors(chosen, _ELSEWHERE), lock_folder(chosen, report_wait):
        if not target.is_file() or compute_checksum(target) != source.sha256:
            _fetch(source, target, progress=progress)
    return target


def _fetch(source: EncoderSource, target: Path, *, progress: bool) -> None:
    """Bring the file to its name, in one step once it is whole and verified."""
    parts = target.parent / ".download"
    path = parts / source.file
    fetch_verified(
        source.url,
        path,
        size=source.bytes,
        checksum=f"sha256:{source.sha256}",
        homepage=source.homepage,
        progress=progress,
    )
    path.replace(target)
    with suppress(OSError):  # others' parts are kept
        parts.rmdir()
