"""Feature vectors on disk, addressed by the content they were computed from.

The key is the SHA-256 of the file's bytes and the canonical JSON of the spec (with its
version), so a renamed file is found, a changed one is not, and a new version of the
features never meets old numbers. SQLite in write-ahead mode lets several processes share
the file, and keeps every finished batch when a process is killed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from time import monotonic, sleep
from types import TracebackType

import numpy as np
import platformdirs
from numpy.typing import NDArray

from voxaffect.errors import CacheError

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    content BLOB NOT NULL, recipe TEXT NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (content, recipe)
)
"""
_WAIT_SECONDS = 60
_KEYS_PER_QUERY = 500
_NUMBER_BYTES = np.dtype(np.float32).itemsize


def default_path() -> Path:
    """Where the cache lies: ``VOXAFFECT_CACHE``, else the user's cache folder."""
    folder = os.environ.get("VOXAFFECT_CACHE") or platformdirs.user_cache_dir("voxaffect")
    return Path(folder) / "features.sqlite"


class FeatureCache:
    """Vectors by content and recipe; a context manager.

    Parameters
    ----------
    path : Path, optional
        The database file; ``default_path()`` if not given. Its folder is made.

    Raises
    ------
    CacheError
        If the file cannot be opened, is damaged, or has another schema.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or default_path()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
        except (OSError, sqlite3.Error) as error:
            raise self._problem(error) from error
        try:
            self._prepare_in_turn()
        except sqlite3.Error as error:
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
        found = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, SCHEMA_VERSION):
            raise CacheError(
                f"{self.path}: schema {found}, expected {SCHEMA_VERSION}. "
                "Delete the file, or set VOXAFFECT_CACHE to another folder."
            )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        if not found:
            with self._database:
                self._database.execute(_SCHEMA)
                self._database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    def _problem(self, error: Exception) -> CacheError:
        return CacheError(
            f"{self.path}: cannot be used as feature cache ({error}). "
            "Delete it, or set VOXAFFECT_CACHE to a folder that you can write to."
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
            If the database is damaged or holds a vector of another length, or one that is
            not finite.
        """
        wanted = list(dict.fromkeys(contents))
        found: dict[bytes, object] = {}  # SQLite keeps any type in any column
        try:
            for start in range(0, len(wanted), _KEYS_PER_QUERY):
                part = wanted[start : start + _KEYS_PER_QUERY]
                marks = ",".join("?" * len(part))
                query = (
                    f"SELECT content, vector FROM vectors WHERE recipe=? AND content IN ({marks})"
                )
                found.update(self._database.execute(query, (recipe, *part)).fetchall())
        except sqlite3.Error as error:
            raise self._problem(error) from error
        return {content: self._vector(stored, length) for content, stored in found.items()}

    def _vector(self, stored: object, length: int) -> NDArray[np.float32]:
        """Return what a row holds, or refuse it."""
        if not isinstance(stored, bytes) or len(stored) != length * _NUMBER_BYTES:
            raise self._problem(ValueError(f"a vector of other than {length} numbers"))
        vector = np.frombuffer(stored, np.float32)
        if not np.isfinite(vector).all():
            raise self._problem(ValueError("a vector with NaN or infinity"))
        return vector

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
        rows = [(content, recipe, vector.tobytes()) for content, vector in vectors.items()]
        try:
            with self._database:
                self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            raise self._problem(error) from error
