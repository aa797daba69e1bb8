"""Crash-safe list of the finished files of a long task.

JSON Lines. The first line says what the task is; every other holds the name of a file, its
signature (size and time of change) and its result. A line ends with a checksum of itself. A line
that a kill or a full disk cut short, or that a disk has damaged, counts as not written, and its
file is done again. So nothing is ever rewritten, and every line that can be read is true.

A checkpoint is locked while it is open, by the system: a run that is killed leaves no lock behind.
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

from voxaffect.errors import CheckpointError
from voxaffect.files import describe_reason, escape_control, lock_file, open_locked

FORMAT_VERSION = 2
"""Of the file. To bump: write the new lines, raise this number; a checkpoint of another version
is refused, as its task can always be begun anew."""

_SYNC_SECONDS = 1.0
_LONGEST_HEADING = 1 << 16
_CHECK = re.compile(rb', "check": "(?P<digest>[0-9a-f]{16})"\}')
_CHECK_BYTES = len(b', "check": "0123456789abcdef"}')

FileSignature = tuple[int, int]


def sign_file(path: Path) -> FileSignature | None:
    """Size in bytes and time of change in nanoseconds; None if there is no such file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


class Checkpoint:
    """Finished files of one task; a context manager.

    Parameters
    ----------
    path : Path
        Made if there is none.
    task : mapping of str to JSON value
        All settings that can change a result. A checkpoint of another task is refused.

    Raises
    ------
    CheckpointError
        If the file cannot be used, is no checkpoint, belongs to another task, or is open already,
        here or in another process.
    """

    def __init__(self, path: Path, task: Mapping[str, Any]) -> None:
        self.path = path
        self._synced_at = -_SYNC_SECONDS
        self._heading = {"journal": "voxaffect", "format": FORMAT_VERSION, "task": dict(task)}
        self._stream = self._open()
        try:
            self._finished = self._read()
        except BaseException:
            self._close()
            raise

    def _open(self) -> BinaryIO:
        """Open and lock the file; again, if the run that held it has deleted it meanwhile."""
        try:
            return os.fdopen(open_locked(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND), "a+b")
        except BlockingIOError as error:
            raise CheckpointError(
                f"{escape_control(str(self.path))}: another run is writing to it. Wait until that "
                "has ended, or name another output."
            ) from error
        except OSError as error:
            raise self._make_error(error) from error

    def _read(self) -> dict[str, tuple[FileSignature, Any]]:
        """Finished files; a checkpoint that was cut within its first line begins anew."""
        try:
            self._stream.seek(0)
            heading = self._stream.readline(_LONGEST_HEADING)
            if not heading.endswith(b"\n"):
                self._check_start(heading)
                self._stream.truncate(0)
                self._write(self._heading)
                return {}
            self._check_heading(heading)
            finished, line = {}, heading
            for line in self._stream:
                entry = _parse_entry(line)
                if entry:
                    finished[entry[0]] = entry[1:]
            if not line.endswith(b"\n"):  # what follows the cut line gets a line of its own
                self._stream.write(b"\n")
        except OSError as error:
            raise self._make_error(error) from error
        return finished

    def _check_start(self, torn: bytes) -> None:
        """Refuse to empty a file that is anything but the beginning of a checkpoint."""
        if not _format_line(self._heading).startswith(torn[:24]):
            raise self._make_foreign_error()

    def _check_heading(self, line: bytes) -> None:
        heading = _parse_json(line)
        if not isinstance(heading, dict) or heading.get("journal") != "voxaffect":
            raise self._make_foreign_error()
        if heading.get("format") == FORMAT_VERSION and _parse_line(line) is None:
            raise CheckpointError(
                f"{escape_control(str(self.path))}: its first line is damaged. Delete the "
                "checkpoint to begin anew, or name another output."
            )
        stored = {"format": heading.get("format"), **_mapping(heading.get("task"))}
        wanted = {"format": FORMAT_VERSION, **self._heading["task"]}  # type: ignore[dict-item]
        wanted = json.loads(json.dumps(wanted, allow_nan=False))
        others = [
            f"{key} {_shorten(stored.get(key))}, now {_shorten(wanted.get(key))}"
            for key in dict.fromkeys([*wanted, *stored])
            if stored.get(key) != wanted.get(key)
        ]
        if others:
            raise CheckpointError(
                f"{self.path}: belongs to a run with other settings ({'; '.join(others)}). "
                "Repeat that run, delete the checkpoint to begin anew, or name another output."
            )

    def _make_foreign_error(self) -> CheckpointError:
        return CheckpointError(
            f"{self.path}: is no voxaffect checkpoint. Move it away, or name another output."
        )

    def _make_error(self, error: OSError) -> CheckpointError:
        name = escape_control(str(self.path))
        return CheckpointError(f"{name}: cannot be used as checkpoint ({describe_reason(error)}).")

    def __enter__(self) -> Checkpoint:
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

    def result(self, name: str, now: FileSignature | None) -> Any:
        """Result of a file; None if it is not finished or has changed since.

        Parameters
        ----------
        name : str
        now : tuple of int, optional
            Signature of the file now.
        """
        then, result = self._finished.get(name, (None, None))
        return result if now is not None and then == now else None

    def add(self, name: str, then: FileSignature, result: Any) -> None:
        """Keep a result: from a kill at once, from a failure of power within a second.

        Parameters
        ----------
        name : str
        then : tuple of int
            Signature of the file, taken before it was read.
        result : JSON value

        Raises
        ------
        CheckpointError
            If it cannot be written.
        """
        self._write({"file": name, "stamp": then, "result": result})

    def _write(self, value: Mapping[str, Any]) -> None:
        try:
            self._stream.write(_format_line(value))
            self._stream.flush()
            if monotonic() - self._synced_at > _SYNC_SECONDS:
                os.fsync(self._stream.fileno())
                self._synced_at = monotonic()
        except OSError as error:
            raise self._make_error(error) from error


def discard(path: Path) -> None:
    """Delete a checkpoint whose results are safe, unless another run has begun to write to it.

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


def _format_line(value: Mapping[str, Any]) -> bytes:
    """JSON object on a line that ends with a checksum of all before it."""
    # ASCII: a file name of bytes that are no UTF-8 comes back as it was.
    body = json.dumps(value, allow_nan=False).encode("ascii")[:-1]
    return body + f', "check": "{_compute_digest(body)}"}}\n'.encode("ascii")


def _compute_digest(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def _parse_line(line: bytes) -> Any:
    """Value of a whole line; None if it is cut short or changed."""
    line = line.removesuffix(b"\n")
    body, end = line[:-_CHECK_BYTES], _CHECK.fullmatch(line[-_CHECK_BYTES:])
    if end is None or end["digest"].decode("ascii") != _compute_digest(body):
        return None
    return _parse_json(line)


def _parse_json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _parse_entry(line: bytes) -> tuple[str, FileSignature, Any] | None:
    """Name, stamp and result; None if the line is not whole."""
    value = _parse_line(line)
    try:
        size, changed = value["stamp"]
        return str(value["file"]), (int(size), int(changed)), value["result"]
    except (TypeError, KeyError, ValueError):
        return None


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shorten(value: object) -> str:
    text = escape_control(str(value)) if value is not None else "none"
    return text if len(text) <= 12 else text[:12] + "…"
