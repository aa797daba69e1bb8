"""What of a long task is finished: one append-only file, which a kill cannot damage.

JSON Lines. The first line says what the task is; every other holds one file's name, its stamp
(size and time of change) and its result. A line is the unit, and ends with a checksum of itself:
one that a kill or a full disk cut short, or that a disk has damaged, is as if it had not been
written, and its file is done again. So nothing is ever rewritten, and every line that can be read
is true.

A journal is locked while it is open, by the system: a run that is killed leaves no lock behind.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, BinaryIO

from voxaffect.errors import JournalError
from voxaffect.files import escape_control, lock_file, open_locked

FORMAT_VERSION = 2
"""Of the file. To bump: write the new lines, raise this number; a journal of another version
is refused, as its task can always be begun anew."""

_SYNC_SECONDS = 1.0
_LONGEST_HEADING = 1 << 16
_CHECK = re.compile(rb', "check": "(?P<digest>[0-9a-f]{16})"\}')
_CHECK_BYTES = len(b', "check": "0123456789abcdef"}')

Stamp = tuple[int, int]


def stamp(path: Path) -> Stamp | None:
    """Size in bytes and time of change in nanoseconds; None if there is no such file."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


class Journal:
    """Finished files of one task; a context manager.

    Parameters
    ----------
    path : Path
        Made if there is none.
    task : mapping of str to JSON value
        All that can change a result. A journal of another task is refused.

    Raises
    ------
    JournalError
        If the file cannot be used, is no journal, belongs to another task, or is open already,
        here or in another process.
    """

    def __init__(self, path: Path, task: Mapping[str, Any]) -> None:
        self.path = path
        self._synced_at = -_SYNC_SECONDS
        self._heading = {"journal": "voxaffect", "format": FORMAT_VERSION, "task": dict(task)}
        self._stream = self._opened()
        try:
            self._finished = self._read()
        except BaseException:
            self._close()
            raise

    def _opened(self) -> BinaryIO:
        """Open and lock the file; again, if the run that held it has deleted it meanwhile."""
        try:
            return os.fdopen(open_locked(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "a+b")
        except BlockingIOError as error:
            raise JournalError(
                f"{escape_control(str(self.path))}: another run is writing to it. Wait until that "
                "has ended, or name another output."
            ) from error
        except OSError as error:
            raise self._problem(error) from error

    def _read(self) -> dict[str, tuple[Stamp, Any]]:
        """Finished files; a journal that was cut within its first line begins anew."""
        try:
            self._stream.seek(0)
            heading = self._stream.readline(_LONGEST_HEADING)
            if not heading.endswith(b"\n"):
                self._check_ours(heading)
                self._stream.truncate(0)
                self._write(self._heading)
                return {}
            self._check(heading)
            found, line = {}, heading
            for line in self._stream:
                entry = _entry(line)
                if entry:
                    name, *entered = entry
                    found[name] = (entered[0], entered[1])
            if not line.endswith(b"\n"):  # what follows the cut line gets a line of its own
                self._stream.write(b"\n")
        except OSError as error:
            raise self._problem(error) from error
        return found

    def _check_ours(self, torn: bytes) -> None:
        """Refuse to empty a file that is anything but the beginning of a journal."""
        if not _line(self._heading).startswith(torn[:24]):
            raise self._no_journal()

    def _check(self, line: bytes) -> None:
        heading = _json(line)
        if not isinstance(heading, dict) or heading.get("journal") != "voxaffect":
            raise self._no_journal()
        if heading.get("format") == FORMAT_VERSION and _checked(line) is None:
            raise JournalError(
                f"{escape_control(str(self.path))}: its first line is damaged. Delete the journal "
                "to begin anew, or name another output."
            )
        found = {"format": heading.get("format"), **_mapping(heading.get("task"))}
        wanted = {"format": FORMAT_VERSION, **self._heading["task"]}  # type: ignore[dict-item]
        wanted = json.loads(json.dumps(wanted, allow_nan=False))
        others = [
            f"{key} {_shown(found.get(key))}, now {_shown(wanted.get(key))}"
            for key in dict.fromkeys([*wanted, *found])
            if found.get(key) != wanted.get(key)
        ]
        if others:
            raise JournalError(
                f"{self.path}: belongs to a run with other settings ({'; '.join(others)}). "
                "Repeat that run, delete the journal to begin anew, or name another output."
            )

    def _no_journal(self) -> JournalError:
        return JournalError(
            f"{self.path}: is no voxaffect journal. Move it away, or name another output."
        )

    def _problem(self, error: OSError) -> JournalError:
        name = escape_control(str(self.path))
        return JournalError(f"{name}: cannot be used as journal ({error.strerror or error}).")

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        """Close the file; what of a line is still held back has failed before."""
        with suppress(OSError):
            self._stream.close()

    def result(self, name: str, now: Stamp | None) -> Any:
        """Return what a file's result was, or None if it is not finished or has changed since.

        Parameters
        ----------
        name : str
        now : tuple of int, optional
            The file's stamp.
        """
        then, found = self._finished.get(name, (None, None))
        return found if now is not None and then == now else None

    def add(self, name: str, then: Stamp, result: Any) -> None:
        """Keep a result: from a kill at once, from a failure of power within a second.

        Parameters
        ----------
        name : str
        then : tuple of int
            The file's stamp, taken before it was read.
        result : JSON value

        Raises
        ------
        JournalError
            If it cannot be written.
        """
        self._write({"file": name, "stamp": then, "result": result})

    def _write(self, value: Mapping[str, Any]) -> None:
        try:
            self._stream.write(_line(value))
            self._stream.flush()
            if monotonic() - self._synced_at > _SYNC_SECONDS:
                os.fsync(self._stream.fileno())
                self._synced_at = monotonic()
        except OSError as error:
            raise self._problem(error) from error


def forget(path: Path) -> None:
    """Delete a journal whose results are safe, unless another run has begun to write to it.

    Parameters
    ----------
    path : Path
        If there is none, nothing happens.
    """
    with suppress(FileNotFoundError, BlockingIOError), path.open("r+b") as stream:
        lock_file(stream.fileno())
        if sys.platform == "win32":  # where an open file cannot be deleted
            stream.close()
        path.unlink()


def _line(value: Mapping[str, Any]) -> bytes:
    """JSON object on a line that ends with a checksum of all before it."""
    # ASCII: a file name of bytes that are no UTF-8 comes back as it was.
    body = json.dumps(value, allow_nan=False).encode("ascii")[:-1]
    return body + f', "check": "{_digest(body)}"}}\n'.encode("ascii")


def _digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def _checked(line: bytes) -> Any:
    """Value of a whole line; None if it is cut short or changed."""
    line = line.removesuffix(b"\n")
    body, end = line[:-_CHECK_BYTES], _CHECK.fullmatch(line[-_CHECK_BYTES:])
    if end is None or end["digest"].decode("ascii") != _digest(body):
        return None
    return _json(line)


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _entry(line: bytes) -> tuple[str, Stamp, Any] | None:
    """Name, stamp and result; None if the line is not whole."""
    value = _checked(line)
    try:
        size, changed = value["stamp"]
        return str(value["file"]), (int(size), int(changed)), value["result"]
    except (TypeError, KeyError, ValueError):
        return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    text = escape_control(str(value)) if value is not None else "none"
    return text if len(text) <= 12 else text[:12] + "…"
