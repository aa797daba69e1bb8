"""Fetch a corpus from its official address: resumed, verified, unpacked safely.

Each archive becomes one folder, named after it, inside the corpus's folder. That folder appears
in one step once everything in it is there, so whatever interrupts us leaves either a whole part
or none. What has arrived of an archive stays in the hidden sub-folder ``.download`` and is taken
up again by the next call.
"""

from __future__ import annotations

import logging
import re
import shutil
import stat
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn

from voxaffect.corpora.reading import download_folder
from voxaffect.corpora.table import Corpus, Download, look_up
from voxaffect.errors import DownloadError, extra

if TYPE_CHECKING:
    import requests

_TIMEOUT_SECONDS = 30
_ATTEMPTS = 3
# An answer that breaks off loses the chunk it was in, so chunks are small.
_CHUNK_BYTES = 1 << 14
# Sound shrinks to a third at best; a larger archive than this is none of ours.
_MAX_RATIO = 20
_MIN_LIMIT_BYTES = 1 << 26
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


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
    it stopped. An archive whose checksum nobody states is never unpacked.

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
        If pooch is not installed.
    """
    corpus = look_up(name)
    chosen = _choose(corpus, files, corpus.downloads if downloads is None else downloads)
    with extra("download"):
        import pooch  # noqa: F401  (fail before anything is written)
    folder = Path(folder).expanduser() if folder is not None else download_folder(corpus.name)
    for archive in chosen:
        target = folder / PurePosixPath(archive.file).stem
        if not target.is_dir():
            with _disk_errors(folder):
                path = _fetch(corpus, archive, folder / ".download", progress=progress)
                unpack(path, target, progress=progress)
                shutil.rmtree(folder / ".download")
    return folder


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


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise DownloadError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error}). "
            "Free some space or name another folder, then start again: it will resume."
        ) from error


def _fetch(corpus: Corpus, archive: Download, folder: Path, *, progress: bool) -> Path:
    """Bring one archive whole and verified into the folder."""
    import pooch

    archive = _with_checksum(corpus, archive)
    free = shutil.disk_usage(folder.parent).free
    if archive.size is not None and free < archive.size:
        raise DownloadError(
            f"{folder.parent}: {free:,} bytes free, {archive.size:,} are needed for "
            f"{archive.file}. Free some space or name another folder."
        )
    try:
        with _quiet(pooch.get_logger()):
            path = pooch.retrieve(
                url=archive.url,
                known_hash=archive.checksum,
                fname=archive.file,
                path=folder,
                downloader=Resuming(folder / f"{archive.file}.part", progress=progress),
            )
    except ValueError as error:
        # pooch has deleted the file, so that the next call starts afresh.
        found = re.search(r"but got (\w+)", str(error))
        raise DownloadError(
            f"{archive.url}: wrong checksum, expected {archive.checksum}, "
            f"found {found[1] if found else 'another'}. Try again; if it stays so, the "
            f"publisher has changed the file: {corpus.homepage}"
        ) from error
    return Path(path)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Leave the terminal to the progress bar."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _with_checksum(corpus: Corpus, archive: Download) -> Download:
    """Ask the publisher for what the table does not know."""
    if archive.checksum is not None:
        return archive
    if archive.listing is None:
        raise DownloadError(
            f"{archive.url}: nobody states its checksum, so it is not trusted. "
            f"{corpus.instructions} ({corpus.homepage})"
        )
    import requests

    try:
        with requests.get(archive.listing, timeout=_TIMEOUT_SECONDS) as answer:
            answer.raise_for_status()
            listed = {file["key"]: file for file in answer.json()["files"]}
        entry = listed[archive.file]
        return replace(archive, checksum=str(entry["checksum"]), size=int(entry["size"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DownloadError(
            f"{archive.listing}: does not state size and checksum of {archive.file}. "
            f"{corpus.instructions} ({corpus.homepage})"
        ) from error
    except requests.RequestException as error:
        _give_up(archive.listing, error)


def _give_up(url: str, error: requests.RequestException) -> NoReturn:
    if error.response is not None:
        why = f"the server answered {error.response.status_code} {error.response.reason}"
        remedy = "The address may have moved; look at the corpus's homepage."
    else:
        why = f"no connection, or it broke ({type(error).__name__})"
        remedy = "Check the network and start again: it will resume."
    raise DownloadError(f"{url}: {why}. {remedy}") from error


@dataclass(frozen=True)
class Resuming:
    """A downloader for ``pooch.retrieve`` that carries on where an earlier one stopped.

    Parameters
    ----------
    part : Path
        Keeps what has arrived so far, between calls too.
    progress : bool
    attempts : int
        How many failures in a row, without one byte of progress, make it give up.
    pause_seconds : float
        Before the second attempt; doubled before each further one.
    """

    part: Path
    progress: bool = True
    attempts: int = _ATTEMPTS
    pause_seconds: float = 0.5

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        """Download ``url`` into ``output_file``.

        Raises
        ------
        DownloadError
            If the server refuses, or does not answer ``attempts`` times in a row.
        """
        import requests

        failures = 0
        while True:
            held = self._held()
            try:
                self._carry_on(url)
                break
            except requests.RequestException as error:
                failures = 1 if self._held() > held else failures + 1
                refused = error.response is not None and error.response.status_code < 500
                if refused or failures == self.attempts:
                    _give_up(url, error)
                time.sleep(self.pause_seconds * 2 ** (failures - 1))
        self.part.replace(output_file)

    def _held(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _carry_on(self, url: str) -> None:
        import requests

        held = self._held()
        # Compressed on the way, positions in the file would mean nothing.
        headers = {"Accept-Encoding": "identity"}
        if held:
            headers["Range"] = f"bytes={held}-"
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
            start, total = _position(answer.headers.get("Content-Range", ""))
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                if total == held:
                    return
                self._start_over("what we hold is longer than the file")
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                held = 0  # the server sends the file from its beginning
            elif start != held:
                self._start_over("the server sent another part than asked for")
            if total is None and "Content-Length" in answer.headers:
                total = held + int(answer.headers["Content-Length"])
            self._keep(answer, held=held, total=total)

    def _keep(self, answer: requests.Response, *, held: int, total: int | None) -> None:
        import requests
        from tqdm import tqdm

        bar = tqdm(
            desc=self.part.stem, total=total, initial=held, unit="B", unit_scale=True,
            disable=not self.progress,
        )  # fmt: skip
        with bar, self.part.open("ab" if held else "wb") as file:
            for chunk in answer.iter_content(_CHUNK_BYTES):
                held += file.write(chunk)
                bar.update(len(chunk))
        if total is not None and held < total:
            raise requests.ConnectionError(f"it broke off after {held:,} of {total:,} bytes")

    def _start_over(self, why: str) -> NoReturn:
        import requests

        self.part.unlink(missing_ok=True)
        raise requests.ConnectionError(why)


def _position(content_range: str) -> tuple[int | None, int | None]:
    """Read the first byte's position and the file's size from a Content-Range header."""
    match = _RANGE.match(content_range)
    if match is None:
        return None, None
    start, total = match.groups()
    return (int(start) if start else None), (int(total) if total != "*" else None)


def unpack(archive: Path, folder: Path, *, progress: bool = False) -> None:
    """Unpack a Zip into a new folder, which appears whole or not at all.

    Parameters
    ----------
    archive : Path
    folder : Path
        Must not exist; its parent must.
    progress : bool
        Whether to draw a progress bar.

    Raises
    ------
    DownloadError
        If it is no Zip, is damaged, holds a member that would leave the folder or is a link,
        or would fill the disk.
    """
    from tqdm import tqdm

    workshop = folder.parent / f".unpacking-{folder.name}"
    shutil.rmtree(workshop, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = [member for member in zipped.infolist() if not _is_clutter(member)]
            # Every member is judged before the first is written.
            targets = [safe_target(member, workshop) for member in members]
            _check_size(archive, members)
            _check_names(members)
            workshop.mkdir()
            pairs = zip(members, targets, strict=True)
            bar = tqdm(
                pairs, desc=f"unpacking {folder.name}", total=len(members), disable=not progress
            )
            for member, target in bar:
                _write(zipped, member, target)
        workshop.replace(folder)
    except _DAMAGE as error:
        raise DownloadError(
            f"{archive}: cannot be unpacked ({error}). Delete it and download it again."
        ) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


# RuntimeError: encrypted; NotImplementedError: a compression that zipfile does not know.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError,
    FileExistsError, NotADirectoryError, IsADirectoryError,
)  # fmt: skip


def _check_names(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what would overwrite itself, on file systems that ignore case too."""
    names = Counter(member.filename.rstrip("/").casefold() for member in members)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise zipfile.BadZipFile(f"'{twice}' is in it more than once")


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1].startswith("._"))


def safe_target(member: zipfile.ZipInfo, folder: Path) -> Path:
    """Where a member is to be written, certainly inside the folder.

    Parameters
    ----------
    member : ZipInfo
    folder : Path

    Returns
    -------
    Path

    Raises
    ------
    DownloadError
        If its name is absolute, climbs out by ``..``, holds a backslash, a drive, a control
        character or nothing, or if it is a link or another special file.
    """
    name = member.filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    parts = name.rstrip("/").split("/")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DownloadError(f"unsafe archive: '{name}' is a link or a special file. Not unpacked.")
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\:\x00-\x1f\x7f]", name):
        raise DownloadError(f"unsafe archive: {name!r} may leave the folder. Not unpacked.")
    return folder.joinpath(*parts)


def _check_size(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    size = sum(member.file_size for member in members)
    limit = max(_MIN_LIMIT_BYTES, _MAX_RATIO * archive.stat().st_size)
    if size > limit:
        raise DownloadError(
            f"unsafe archive: {archive} would unpack to {size:,} bytes, {limit:,} at most are "
            "plausible for sound. Not unpacked."
        )
    free = shutil.disk_usage(archive.parent).free
    if size > free:
        raise DownloadError(
            f"{archive.parent}: {free:,} bytes free, {size:,} are needed to unpack "
            f"{archive.name}. Free some space, then start again."
        )


def _write(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    if member.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # Reading stops at the size that was declared and checked; a longer member fails its CRC.
    with zipped.open(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file)
