"""Storage: local folders, and the filesystems that fsspec opens by their addresses."""

from __future__ import annotations

import glob
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from voxaffect.audio import RandomAccess
from voxaffect.errors import AudioError, CredentialsError, StorageError, VoxaffectError, extra
from voxaffect.files import (
    escape_control,
    make_folder,
    name_errors,
    write_whole,
)
from voxaffect.files.media import EXTENSIONS

_ADDRESS = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+)://")
_LOCAL = re.compile(r"file://(localhost)?(?=/)")
_WHOLE = ("abfs", "abfss", "adl", "az", "gcs", "gs", "hf", "memory", "s3", "s3a")
"""Protocols of stores that show a file only when all of it is there."""
_REFUSALS = (
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
)
"""Codes of S3 for credentials that open no file. One file alone may be refused by AccessDenied."""
_LONGEST = 200
_SEEKABLE = (".aif", ".aiff", ".rf64", ".w64", ".wav", ".wave")
"""Endings of formats of which a part can be decoded without the rest. FLAC is not among them: to
find where its last frame ends, all of it is read."""
_OPTIONS = {protocol: {"max_concurrency": 1} for protocol in ("s3", "s3a")}
"""A recording is one request, and one version of the file, where s3fs would make several."""
_UNSURE = ("http", "https")
"""Protocols of servers that may send whole files only."""
_BLOCK_BYTES = 1 << 18
"""Of a recording that are fetched at once if a part of it is needed."""


def is_address(name: str) -> bool:
    """True of an address such as ``s3://bucket/a.wav``; false of a path."""
    return _ADDRESS.match(name) is not None


def is_atomic(name: str) -> bool:
    """True of an address whose store shows a file only when all of it is there."""
    return is_address(name) and _protocol(name) in _WHOLE


def as_local(name: str) -> str:
    """Path of a ``file://`` address; any other name as it is."""
    return _LOCAL.sub("", name, count=1)


def join_name(folder: str, name: str) -> str:
    """Name in a folder, either of them a path or an address."""
    if is_address(name):
        return as_local(name)
    if is_address(folder):
        return _join_remote(folder, name.replace(os.sep, "/").lstrip("/"))
    return os.path.normpath(os.path.join(folder, os.path.expanduser(name)))  # noqa: PTH111, PTH118


def _join_remote(folder: str, name: str) -> str:
    """Address in a remote folder, for whose stores ``.`` and ``..`` would be names like others."""
    protocol, rest = folder.split("://", 1)
    root, *parts = rest.rstrip("/").split("/")
    for part in name.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ".."):
            parts.append(part)
    return f"{protocol}://{'/'.join([root, *parts])}"


def make_absolute(name: str) -> str:
    """Name that is the same in every working folder; an address is."""
    return name if is_address(name) else os.path.abspath(name)  # noqa: PTH100


def get_parent(name: str) -> str:
    """Folder of a file, either of them a path or an address."""
    return name.rpartition("/")[0] if is_address(name) else str(Path(name).parent)


class Folder(Protocol):
    """Folder of results, local or remote."""

    @property
    def name(self) -> str:
        """Path or address."""

    def list_names(self) -> list[str]:
        """Names of all files in it and one level below, with ``/``; none if it does not exist."""

    def read(self, name: str) -> bytes:
        """Content of a file."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""


@dataclass(frozen=True)
class LocalFolder:
    """Folder of this machine.

    Parameters
    ----------
    path : Path
    """

    path: Path

    @property
    def name(self) -> str:
        """Path."""
        return str(self.path)

    def list_names(self) -> list[str]:
        """Names of all files in it and one level below; none if it does not exist."""
        with name_errors(self.path, "cannot be read"):
            if not self.path.exists():
                return []
            files = (path for form in ("*", "*/*") for path in self.path.glob(form))
            return sorted(
                path.relative_to(self.path).as_posix() for path in files if path.is_file()
            )

    def read(self, name: str) -> bytes:
        """Content of a file."""
        with name_errors(self.path / name, "cannot be read"):
            return (self.path / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        path = self.path / name
        make_folder(path.parent)
        write_whole(path, lambda stream: stream.write(content))

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        with name_errors(self.path / name, "cannot be removed"):
            (self.path / name).unlink(missing_ok=True)


@dataclass(frozen=True)
class RemoteFolder:
    """Folder of a filesystem that fsspec opens.

    Parameters
    ----------
    name : str
        Address.
    """

    name: str

    def list_names(self) -> list[str]:
        """Names of all files in it and one level below; none if it does not exist."""
        with _name_faults(self.name, "cannot be listed"):
            system, root = open_filesystem(self.name)
            try:
                paths = system.find(root, maxdepth=2)
            except FileNotFoundError:
                return []
            start = len(root.rstrip("/")) + 1
            return sorted(path[start:] for path in paths)

    def read(self, name: str) -> bytes:
        """Content of a file."""
        return fetch(f"{self.name}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        address = f"{self.name}/{name}"
        with _name_faults(address, "cannot be written"):
            system, path = open_filesystem(address)
            if _protocol(address) in _WHOLE:
                system.pipe_file(path, content)
                return
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.pipe_file(f"{path}.partial", content)
            with suppress(FileNotFoundError):
                system.rm_file(path)
            system.mv(f"{path}.partial", path)

    def remove(self, name: str) -> None:
        """Remove a file, if it exists."""
        address = f"{self.name}/{name}"
        with _name_faults(address, "cannot be removed"), suppress(FileNotFoundError):
            system, path = open_filesystem(address)
            system.rm_file(path)


def open_folder(name: str) -> Folder:
    """Open a folder by its path or address."""
    name = as_local(name)
    return RemoteFolder(name.rstrip("/")) if is_address(name) else LocalFolder(Path(name))


@lru_cache(maxsize=32)
def _open_root(root: str) -> Any:
    with extra("cluster"):
        from fsspec.core import url_to_fs

    try:
        return url_to_fs(root, use_listings_cache=False, **_OPTIONS.get(_protocol(root), {}))[0]
    except ImportError as error:  # a library of another store, such as gcsfs
        raise StorageError(f"{escape_control(root)}: {_shorten(error)}") from error
    except ValueError as error:
        raise StorageError(
            f"{escape_control(root)}: no such kind of storage ({_shorten(error)})."
        ) from error


def open_filesystem(address: str) -> tuple[Any, str]:
    """Filesystem of an address, and the path there.

    Raises
    ------
    MissingExtraError
        If fsspec is not installed.
    StorageError
        If there is no such filesystem, or it needs another library.
    """
    protocol, rest = address.split("://", 1)
    system = _open_root(f"{protocol.lower()}://{rest.split('/', 1)[0]}")
    return system, system._strip_protocol(address)


def fetch(address: str) -> bytes:
    """Content of a remote file.

    Raises
    ------
    StorageError
    """
    with _name_faults(address, "cannot be read"):
        system, path = open_filesystem(address)
        content: bytes = system.cat_file(path)
        return content


def fetch_recording(address: str) -> bytes:
    """Content of a remote recording.

    Raises
    ------
    AudioError
        If it cannot be read.
    CredentialsError
        If no recording of the store can be.
    """
    try:
        return fetch(address)
    except CredentialsError:
        raise
    except StorageError as error:
        raise AudioError(str(error)) from error


@contextmanager
def open_recording(address: str) -> Iterator[RandomAccess | bytes]:
    """Open a remote recording of which a part is needed: only that is fetched, or else all of it.

    Raises
    ------
    AudioError
        If it cannot be read.
    """
    if not address.lower().endswith(_SEEKABLE):
        yield fetch_recording(address)
        return
    try:
        with _name_faults(address, "cannot be read"):
            system, path = open_filesystem(address)
            stream = system.open(path, "rb", block_size=_BLOCK_BYTES, cache_type="blockcache")
    except StorageError as error:
        if isinstance(error.__cause__, PermissionError):
            fetch_recording(address)  # a request for a size has no reason in its answer; this has
        raise AudioError(str(error)) from error
    with stream, _Reader(stream) as reader:
        if _protocol(address) in _UNSURE and not reader.has_ranges():
            yield fetch_recording(address)
            return
        try:
            yield RandomAccess(cast(BinaryIO, reader))
        finally:
            if reader.fault is not None:
                reason = f"{type(reader.fault).__name__}: {_shorten(reader.fault)}"
                raise AudioError(
                    f"{escape_control(address)}: cannot be read ({reason}). Check the network, and "
                    "try again."
                ) from reader.fault


class _Reader(io.RawIOBase):
    """Stream that remembers a fault, which a decoder would take for the end of the recording."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.fault: Exception | None = None

    def has_ranges(self) -> bool:
        """True if the server sends any part of the file, such as its end."""
        try:
            self._stream.seek(max(0, self._stream.seek(0, io.SEEK_END) - 1))
            self._stream.read(1)
            self._stream.seek(0)
        except Exception:  # each library has errors of its own; reading all of it names the reason
            return False
        return True

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Offset."""
        return int(self._stream.tell())

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; nothing after a fault."""
        if self.fault is not None:
            return 0
        try:
            content = self._stream.read(len(buffer))
        except Exception as error:  # each library has errors of its own
            self.fault = error
            return 0
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def open_binary(name: str) -> Iterator[BinaryIO]:
    """Open a local or remote file that is read from its start.

    Raises
    ------
    StorageError
        If it cannot be read.
    """
    if not is_address(name):
        with (
            name_errors(Path(name), "cannot be read", StorageError),
            Path(name).open("rb") as stream,
        ):
            yield stream
        return
    with _name_faults(name, "cannot be read"):
        system, path = open_filesystem(name)
        with system.open(path, "rb") as stream:
            yield stream


def find_remote(address: str) -> list[str]:
    """Addresses of the recordings that an address names: a file, a pattern, or a folder.

    Raises
    ------
    StorageError
        If there is none.
    """
    with _name_faults(address, "cannot be listed"):
        system, path = open_filesystem(address)
        if glob.has_magic(path) and not system.isfile(path):
            paths = sorted(system.glob(path))
        elif system.isdir(path):
            paths = [one for one in sorted(system.find(path)) if _has_recording_name(one)]
        elif address.endswith("/"):
            paths = []
        else:
            return [address]
    if not paths:
        raise StorageError(
            f"{escape_control(address)}: no recordings there. Check the name, or list the files."
        )
    return [str(system.unstrip_protocol(one)) for one in paths]


def _has_recording_name(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in EXTENSIONS  # noqa: PTH122 (no path of this machine)


def sign(name: str) -> str:
    """Signature of a file: size, and time of change or entity tag; empty if it cannot be read."""
    try:
        if not is_address(name):
            status = os.stat(name)  # noqa: PTH116 (takes any name)
            return f"{status.st_size} {status.st_mtime_ns}"
        system, path = open_filesystem(name)
        info = system.info(path)
    except Exception:  # libraries raise their own; reading the recording will name the reason
        return ""
    marks = (info.get(key) for key in ("size", "ETag", "etag", "mtime", "LastModified", "created"))
    return " ".join(str(mark) for mark in marks if mark is not None)


@contextmanager
def _name_faults(name: str, what: str) -> Iterator[None]:
    """Turn any fault of a storage library inside the block into one line."""
    try:
        yield
    except (VoxaffectError, ImportError):
        raise
    except FileNotFoundError as error:
        raise StorageError(f"{escape_control(name)}: no such file.") from error
    except Exception as error:  # each library has errors of its own
        code = _get_code(error)
        is_refused = code in _REFUSALS or isinstance(error, PermissionError)
        reason = f"{code or type(error).__name__}: {_shorten(error)}"
        if is_refused:
            raise (CredentialsError if code in _REFUSALS else StorageError)(
                f"{escape_control(name)}: {what}, the store refuses it ({reason}). Check the "
                f"credentials{_hint(name)}, whether they have expired, and their rights, and run "
                "the command again: it continues where it stopped."
            ) from error
        raise StorageError(
            f"{escape_control(name)}: {what} ({reason}). Check the address, the credentials and "
            "the network, and run the command again: it continues where it stopped."
        ) from error


def _get_code(error: Exception) -> str:
    """Code by which S3 names a fault; empty for other stores."""
    response = getattr(error.__cause__ or error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or "")


def _hint(name: str) -> str:
    names = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE"
    return f" ({names})" if _protocol(name) in ("s3", "s3a") else ""


def _protocol(address: str) -> str:
    return address.split("://", 1)[0].lower()


def _shorten(error: Exception) -> str:
    text = escape_control(" ".join(str(error).split())) or "no message"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
