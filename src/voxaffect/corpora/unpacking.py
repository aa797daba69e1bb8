"""Unpacking of an archive: safely, whole, and with a list of what was in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from voxaffect.console import show_progress
from voxaffect.errors import DownloadError
from voxaffect.files import read_bounded, write_text

LIST_NAME = ".voxaffect.json"
"""File in an unpacked folder that lists its files with their sizes."""

_WORK = ".unpacking-"
_LIST_LIMIT = 1 << 27
# Sound shrinks to a third at best; a larger archive than this is none of ours.
_MAX_RATIO = 20
_MIN_LIMIT_BYTES = 1 << 26
_MAX_MEMBERS = 200_000


# RuntimeError: encrypted; NotImplementedError: a compression that zipfile does not know.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,
    NotImplementedError,
    EOFError,
    FileExistsError,
    NotADirectoryError,
    IsADirectoryError,
    UnicodeError,
)


def unpack(archive: Path, folder: Path, *, progress: bool = False) -> None:
    """Unpack a Zip into a folder, which appears whole or not at all.

    Its parent must exist. Files that a folder lacks, if it is there already, are added to it.

    Raises
    ------
    DownloadError
        If it is no Zip, is empty or damaged, holds a member that would leave the folder or is a
        link, or would fill the disk.
    """
    work = Path(tempfile.mkdtemp(prefix=f"{_WORK}{folder.name}-", dir=folder.parent))
    work.chmod(0o777 & ~_read_umask())
    try:
        with zipfile.ZipFile(archive) as zipped:
            sizes = _unpack_members(zipped, archive, work, title=folder.name, progress=progress)
        if missing := _list_missing(work, sizes):
            raise DownloadError(
                f"{archive}: {len(missing):,} of {len(sizes):,} files were not written, such as "
                f"{missing[0]}. Start again."
            )
        write_text(work / LIST_NAME, json.dumps({"files": sizes}, indent=0, allow_nan=False))
        _move(work, folder, sizes)
    except _DAMAGE as error:
        raise DownloadError(
            f"{archive}: cannot be unpacked ({error}). Delete it and download it again."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _unpack_members(
    zipped: zipfile.ZipFile, archive: Path, work: Path, *, title: str, progress: bool
) -> dict[str, int]:
    """Unpack all members but clutter, and list the files with their sizes."""
    members = [member for member in zipped.infolist() if not _is_clutter(member)]
    # Every member is judged before the first is written.
    targets = [get_safe_target(member, work) for member in members]
    _check_size(archive, members)
    _check_names(members)
    pairs = list(zip(members, targets, strict=True))
    for member, target in show_progress(pairs, title=f"unpacking {title}", is_shown=progress):
        (target if member.is_dir() else target.parent).mkdir(parents=True, exist_ok=True)
        if not member.is_dir():
            # Reading stops at the declared size, which was checked; a longer member fails its CRC.
            with zipped.open(member) as source, target.open("xb") as file:
                shutil.copyfileobj(source, file)
    return {
        target.relative_to(work).as_posix(): member.file_size
        for member, target in pairs
        if not member.is_dir()
    }


def _read_umask() -> int:
    """Permissions that new files of this process lack."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# Whatever JSON can hold instead of a list of files with their sizes.
_NO_LIST = (
    *(DownloadError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
    OverflowError,
)


def find_missing(folder: Path) -> list[str] | None:
    """Files that an unpacked folder lacks, or that have another size than in the archive.

    It is None if the folder has no list of its files that can be read.
    """
    try:
        content = read_bounded(
            folder / LIST_NAME, limit=_LIST_LIMIT, what="a list of files", error=DownloadError
        )
        sizes = {str(name): int(size) for name, size in json.loads(content)["files"].items()}
    except _NO_LIST:
        return None
    return _list_missing(folder, sizes) if sizes else None


def _list_missing(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    return [name for name, size in sizes.items() if _get_size(folder / name) != size]


def _get_size(path: Path) -> int | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _move(work: Path, folder: Path, sizes: Mapping[str, int]) -> None:
    """Rename the work folder, or add what an incomplete folder lacks; its list comes last."""
    try:
        work.replace(folder)
        return
    except OSError:
        if not folder.is_dir():
            raise
    for name in [*_list_missing(folder, sizes), LIST_NAME]:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (work / name).replace(target)


def remove_litter(folder: Path) -> None:
    """Remove work folders that killed runs left; the lock of the folder must be held."""
    for path in folder.glob(f"{_WORK}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _check_names(members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what would overwrite itself, on file systems that ignore case too."""
    names = Counter(member.filename.rstrip("/").casefold() for member in members)
    twice = next((name for name, count in names.items() if count > 1), None)
    if twice is not None:
        raise zipfile.BadZipFile(f"'{twice}' is in it more than once")


def _is_clutter(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return "__MACOSX" in parts or (bool(parts) and parts[-1].startswith("._"))


def get_safe_target(member: zipfile.ZipInfo, folder: Path) -> Path:
    """Path at which a member is written, certainly inside the folder.

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
    if all(member.is_dir() for member in members):
        raise DownloadError(
            f"{archive}: holds no file. The publisher's archive is empty, or another one."
        )
    if len(members) > _MAX_MEMBERS:
        raise DownloadError(
            f"unsafe archive: {archive} holds {len(members):,} files, {_MAX_MEMBERS:,} at most are "
            "plausible. Not unpacked."
        )
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
