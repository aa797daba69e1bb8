"""Feature vectors on disk, addressed by the content they were computed from.

The key is the SHA-256 of the file's bytes and the canonical JSON of the spec (with its
version), so a renamed file is found, a changed one is not, and a new version of the
features never meets old numbers. SQLite in write-ahead mode lets several processes share
the file, and keeps every finished batch when a process is killed.

Every row holds a checksum of its key and numbers. A row that a disk has damaged is as if it were
not there: its features are computed anew, and replace it.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import CacheError
from voxaffect.files import describe_reason, escape_control
from voxaffect.files.folders import CACHE_VARIABLE, find_cache_folder
from voxaffect.records.arguments import check_path

SCHEMA_VERSION = 2
"""Of the database. To bump: raise it, and let `_prepare` drop the table of the version before."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    content BLOB NOT NULL, recipe TEXT NOT NULL, vector BLOB NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (content, recipe)
)
"""
_COLUMNS_OF_VERSION_1 = [b"content", b"recipe", b"vector"]
_WAIT_SECONDS = 60
_KEYS_PER_QUERY = 500
_NUMBER_BYTES = np.dtype(np.float32).itemsize
_CHECKSUM_BYTES = 16
_ERRORS = (sqlite3.Error, UnicodeError, OverflowError)
"""What SQLite raises over a damaged file; the latter two are of its Python module."""

_FULL = "The disk is full: free space on it, or set VOXAFFECT_CACHE to a folder on another one."
_BUSY = "Another process is using it: try again when that has ended."
_ELSEWHERE = "Set VOXAFFECT_CACHE to a folder that you can write to."
_DISK = "The disk may be failing: set VOXAFFECT_CACHE to a folder on another one."
_REMEDIES = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_READONLY: _ELSEWHERE,
    sqlite3.SQLITE_CANTOPEN: _ELSEWHERE,
    sqlite3.SQLITE_PERM: _ELSEWHERE,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_NOMEM: "Memory has run out: try --workers 1.",
}
"""By primary error code. Whatever else SQLite reports, the file is damaged."""

_log = logging.getLogger("voxaffect")


class CacheFolderError(CacheError):
    """No folder for the cache, or none that can be written to: the file is not at fault."""


def get_cache_path() -> Path:
    """Path of the cache: in ``VOXAFFECT_CACHE``, else in the user's cache folder.

    Raises
    ------
    CacheError
        If that is in a home folder that nobody knows.
    """
    folder = find_cache_folder()
    if folder is None:
        raise CacheFolderError(
            "this user has no home folder to keep a feature cache in. Set VOXAFFECT_CACHE to a "
            "folder that you can write to."
        )
    return folder / "features.sqlite"


@contextmanager
def open_cache(*, is_wanted: bool = True) -> Iterator[FeatureCache | None]:
    """Open the user's feature cache, or go on without one where no folder can hold it.

    That is so for a container user without a home folder, or with one that is not writable. A
    line in the log reports it, once. A folder that ``VOXAFFECT_CACHE`` names has to be usable.

    Parameters
    ----------
    is_wanted : bool
        False for no cache at all.

    Yields
    ------
    FeatureCache or None

    Raises
    ------
    CacheError
        If the file is damaged, or the place that the user names cannot be used.
    """
    opened = None
    if is_wanted:
        try:
            opened = FeatureCache()
        except CacheFolderError as error:
            if os.environ.get(CACHE_VARIABLE):
                raise
            warn_once(f"No feature cache, so that features are computed each time: {error}")
    if opened is None:
        yield None
        return
    with opened:
        yield opened


@cache
def warn_once(text: str) -> None:
    """Log a warning, unless it was logged before."""
    _log.warning("%s", escape_control(text))


class FeatureCache:
    """Vectors by content and recipe; a context manager.

    Parameters
    ----------
    path : Path, optional
        The database file; ``get_cache_path()`` if not given. Its folder is made.

    Raises
    ------
    CacheError
        If the file cannot be opened, is damaged, or has another schema.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = get_cache_path() if path is None else check_path(path, "path")
        self.damaged = 0
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
            self._database.text_factory = bytes  # a damaged row may hold any
        except (OSError, *_ERRORS) as error:
            raise self._problem(error) from error
        try:
            self._prepare_in_turn()
        except _ERRORS as error:
            self._database.close()
            raise self._problem(error) from error
        except CacheError:
            self._database.close()
            raise

    def _prepare_in_turn(self) -> None:
        """Prepare; wait for another process that is at it, as SQLite does not by itself here."""
        until = monotonic() + _WAIT_SECONDS
        while True:
            try:
                return self._prepare()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or monotonic() > until:
                    raise
                sleep(0.02)

    def _prepare(self) -> None:
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, 1, SCHEMA_VERSION):
            raise CacheError(
                f"{self.path}: schema {version}, expected {SCHEMA_VERSION}. "
                "Delete the file, or set VOXAFFECT_CACHE to another folder."
            )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        if version != SCHEMA_VERSION:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                columns = self._database.execute("PRAGMA table_info(vectors)").fetchall()
                if [column[1] for column in columns] == _COLUMNS_OF_VERSION_1:
                    self._database.execute("DROP TABLE vectors")  # nothing tells its damage
                self._database.execute(_SCHEMA)
                self._database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _problem(self, error: Exception) -> CacheError:
        code = getattr(error, "sqlite_errorcode", None)
        remedy = _REMEDIES.get(code & 0xFF) if code is not None else None
        if isinstance(error, OSError):
            is_full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
            remedy = _FULL if is_full else _ELSEWHERE
        kind = CacheFolderError if remedy else CacheError
        return kind(
            f"{self.path}: cannot be used as feature cache ({describe_reason(error)}). "
            + (remedy or "It is damaged: delete it, and it is made anew.")
        )

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()

    def get(
        self, contents: Iterable[bytes], recipe: str, *, length: int
    ) -> dict[bytes, NDArray[np.float32]]:
        """Vectors that are known, by content.

        Parameters
        ----------
        contents : iterable of bytes
            Digests of the files.
        recipe : str
            What was computed from them: the spec's JSON.
        length : int
            Numbers in a vector.

        Returns
        -------
        dict of bytes to ndarray, shape (length,), float32

        Raises
        ------
        CacheError
            If the database cannot be read. Damaged rows are left out; ``damaged`` counts them.
        """
        wanted = list(dict.fromkeys(contents))
        vectors: dict[bytes, NDArray[np.float32]] = {}
        damaged = 0
        for content, stored, checksum in self._rows(wanted, recipe):
            vector = _vector(stored, length)
            if vector is None or checksum != _checksum(content, recipe, vector.tobytes()):
                damaged += 1
            else:
                vectors[content] = vector
        if damaged:
            self.damaged += damaged
            name = escape_control(str(self.path))
            _log.warning("%s: damaged rows: %d. Their features are computed anew.", name, damaged)
        return vectors

    def _rows(self, wanted: list[bytes], recipe: str) -> list[tuple[bytes, object, object]]:
        """Rows as they are stored: SQLite keeps any type in any column."""
        rows: list[tuple[bytes, object, object]] = []
        try:
            for start in range(0, len(wanted), _KEYS_PER_QUERY):
                part = wanted[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(part))
                query = (
                    "SELECT content, vector, checksum FROM vectors "
                    f"WHERE recipe=? AND content IN ({marks})"
                )
                rows += self._database.execute(query, (recipe, *part)).fetchall()
        except _ERRORS as error:
            raise self._problem(error) from error
        return rows

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]], recipe: str) -> None:
        """Keep vectors, in one transaction: all of them or none.

        Parameters
        ----------
        vectors : mapping of bytes to ndarray, shape (length,), float32
        recipe : str

        Raises
        ------
        CacheError
            If the database cannot be written.
        """
        rows = []
        for content, vector in vectors.items():
            stored = vector.tobytes()
            rows.append((content, recipe, stored, _checksum(content, recipe, stored)))
        try:
            with self._database:
                self._database.executemany(
                    "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows
                )
        except _ERRORS as error:
            raise self._problem(error) from error


def _vector(stored: object, length: int) -> NDArray[np.float32] | None:
    """Return the numbers of a row; None if they are not what was asked for."""
    if not isinstance(stored, bytes) or len(stored) != length * _NUMBER_BYTES:
        return None
    vector = np.frombuffer(stored, np.float32)
    return vector if np.isfinite(vector).all() else None


def _checksum(content: bytes, recipe: str, vector: bytes) -> bytes:
    """Digest of a row: a changed bit anywhere in it changes the digest."""
    digest = hashlib.blake2b(content, digest_size=_CHECKSUM_BYTES)
    digest.update(b"\0" + recipe.encode() + b"\0" + vector)
    return digest.digest()
