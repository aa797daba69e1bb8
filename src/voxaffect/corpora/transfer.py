"""Transfer of a file from a server: resumed after interruptions, bounded in size and in time.

Archives of corpora come this way, and the weights of encoders.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from voxaffect.console import show_progress
from voxaffect.errors import DownloadError
from voxaffect.files import describe_reason

if TYPE_CHECKING:
    import requests

_TIMEOUT_SECONDS = 30
# An answer that breaks off loses the chunk it was in, so chunks are small.
_CHUNK_BYTES = 1 << 14
_MIN_BYTES_PER_SECOND = 1_000
_SLOW_SECONDS = 60.0
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_RESUME = "Check the network and start again: it will resume."
_MOVED = "The address may have moved; look at the publisher's homepage."
_CHANGED = "The file has changed; look at the publisher's homepage."
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


class _BrokenOffError(Exception):
    """The connection broke, or the server sent what was not asked for: another attempt may do."""


@dataclass
class _Pace:
    """Watch over a server that sends next to nothing for a while, over all attempts."""

    url: str
    seconds: float
    _start: float = field(default_factory=time.monotonic)
    _count: int = 0

    def add(self, count: int) -> None:
        """Count bytes that came; refuse the server if there were too few in the last while."""
        self._count += count
        now = time.monotonic()
        if now - self._start < self.seconds:
            return
        if self._count < _MIN_BYTES_PER_SECOND * self.seconds:
            raise DownloadError(
                f"{self.url}: too slow, {self._count:,} bytes in {now - self._start:.0f} s. Start "
                "again when the server or the network is faster: it will resume."
            )
        self._start, self._count = now, 0


def fetch_small(url: str, *, limit: int, seconds: float = _SLOW_SECONDS) -> bytes:
    """Content of a short answer, such as a publisher's record: at most `limit` bytes.

    Raises
    ------
    DownloadError
        If the server refuses, or the answer is too large or too slow.
    """
    import requests

    end = time.monotonic() + seconds
    content = b""
    try:
        with _ask(url, {}, seconds) as answer:
            answer.raise_for_status()
            for chunk in _read_chunks(answer):
                content += chunk
                if len(content) > limit:
                    raise DownloadError(
                        f"{url}: sends more than {limit:,} bytes, expected a short record. {_MOVED}"
                    )
                if time.monotonic() > end:
                    raise _refuse_silence(url, seconds)
    except (requests.RequestException, _BrokenOffError) as error:
        _give_up(url, error)
    return content


def _ask(url: str, headers: Mapping[str, str], seconds: float) -> requests.Response:
    """Answer of a server up to its headers, which a server could send byte by byte for ever."""
    import requests

    future: Future[requests.Response] = Future()
    # Compressed on the way, positions in the file would mean nothing.
    options = {"headers": {"Accept-Encoding": "identity", **headers}, "timeout": _TIMEOUT_SECONDS}

    def ask() -> None:
        try:
            future.set_result(requests.get(url, stream=True, **options))  # type: ignore[arg-type]
        except BaseException as error:  # passed on to the thread that waits
            future.set_exception(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError as error:
        raise _refuse_silence(url, seconds) from error


def _refuse_silence(url: str, seconds: float) -> DownloadError:
    return DownloadError(f"{url}: too slow, no answer in {seconds:.0f} s. {_RESUME}")


def _read_chunks(answer: requests.Response) -> Iterator[bytes]:
    """Bytes as they come, without waiting for a whole chunk of them."""
    import urllib3

    try:
        while chunk := answer.raw.read1(_CHUNK_BYTES):
            yield chunk
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _BrokenOffError(f"the connection broke ({type(error).__name__})") from error


def _give_up(url: str, error: Exception) -> NoReturn:
    response = getattr(error, "response", None)
    if response is not None:
        problem = f"the server answered {response.status_code} {response.reason}. {_MOVED}"
    elif isinstance(error, _BrokenOffError):
        problem = f"no connection, or it broke: {error}. {_RESUME}"
    else:
        problem = f"no connection, or it broke ({type(error).__name__}). {_RESUME}"
    raise DownloadError(f"{url}: {problem}") from error


@dataclass(frozen=True)
class Transfer:
    """Transfer of one file that carries on where an earlier one stopped.

    Parameters
    ----------
    url : str
    part : Path
        Keeps what has arrived so far, between calls too.
    size : int, optional
        In bytes, as the publisher states it: a server that sends more is refused at once.
    progress : bool
    attempts : int
        How many failures in a row, without one byte of progress, make it give up.
    pause_seconds : float
        Before the second attempt; doubled before each further one.
    slow_seconds : float
        How long a server may send less than 1,000 bytes a second.
    """

    url: str
    part: Path
    size: int | None = None
    progress: bool = True
    attempts: int = 3
    pause_seconds: float = 0.5
    slow_seconds: float = _SLOW_SECONDS

    def fetch(self, path: Path) -> None:
        """Bring the file to `path`.

        Raises
        ------
        DownloadError
            If the server refuses, sends more than it should, next to nothing for a while, or
            does not answer ``attempts`` times in a row.
        """
        import requests

        failures = 0
        pace = _Pace(self.url, self.slow_seconds)
        while True:
            start = self._count_bytes()
            try:
                self._carry_on(pace)
                break
            except (requests.RequestException, _BrokenOffError) as error:
                failures = 1 if self._count_bytes() > start else failures + 1
                response = getattr(error, "response", None)
                is_refusal = response is not None and response.status_code < 500
                if is_refusal or failures == self.attempts:
                    _give_up(self.url, error)
                pace.add(0)
                time.sleep(self.pause_seconds * 2 ** (failures - 1))
        self.part.replace(path)

    def _count_bytes(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _carry_on(self, pace: _Pace) -> None:
        import requests

        start = self._count_bytes()
        if start and start == self.size:
            return
        headers = {"Range": f"bytes={start}-"} if start else {}
        with _ask(self.url, headers, self.slow_seconds + _TIMEOUT_SECONDS) as answer:
            position, total = _parse_range(answer.headers.get("Content-Range", ""))
            if start and answer.status_code == requests.codes.requested_range_not_satisfiable:
                if total == start:
                    return
                self._start_over("the part here is longer than the file")
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                start = 0  # the server sends the file from its beginning
            elif position != start:
                self._start_over("the server sent another part than asked for")
            if total is None and (length := self._parse_length(answer)) is not None:
                total = start + length
            if None not in (total, self.size) and total != self.size:
                self._refuse(
                    f"announces {total:,} bytes, expected {self.size:,} as the publisher states"
                )
            self._write(_read_chunks(answer), start=start, total=total, pace=pace)

    def _write(
        self, chunks: Iterable[bytes], *, start: int, total: int | None, pace: _Pace
    ) -> None:
        limit = self.size if self.size is not None else total
        count = start
        bar = show_progress(
            title=self.part.stem,
            is_shown=self.progress,
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
        )
        with bar, self.part.open("ab" if start else "wb") as file:
            for chunk in chunks:
                count += len(chunk)
                if limit is not None and count > limit:
                    break
                file.write(chunk)
                bar.update(len(chunk))
                pace.add(len(chunk))
        if limit is not None and count > limit:
            self._refuse(f"sends more than the {limit:,} bytes that it should")
        if limit is not None and count < limit:
            raise _BrokenOffError(f"it broke off after {count:,} of {limit:,} bytes")

    def _refuse(self, problem: str) -> NoReturn:
        self.part.unlink(missing_ok=True)
        raise DownloadError(f"{self.url}: the server {problem}. {_CHANGED}")

    def _start_over(self, reason: str) -> NoReturn:
        self.part.unlink(missing_ok=True)
        raise _BrokenOffError(reason)

    def _parse_length(self, answer: requests.Response) -> int | None:
        """Length of an answer; None if it states none."""
        text = answer.headers.get("Content-Length")
        if text is None or (text.isascii() and text.isdecimal() and len(text) <= 18):
            return None if text is None else int(text)
        raise DownloadError(
            f"{self.url}: the server states the length {text[:20]!r}, expected a number of bytes. "
            "Try again later, or look at the publisher's homepage."
        )


def _parse_range(content_range: str) -> tuple[int | None, int | None]:
    """Position of the first byte and size of the file in a Content-Range header."""
    match = _RANGE.match(content_range)
    start, total = match.groups() if match else (None, "*")
    return (int(start) if start else None), (int(total) if total != "*" else None)


def fetch_verified(
    url: str, path: Path, *, size: int | None, checksum: str, homepage: str, progress: bool
) -> None:
    """Bring a file to a path, whole and with its checksum; what is there already stays.

    Parameters
    ----------
    url : str
    path : Path
        In a folder of its own for what has not been verified, which is made in a folder that
        exists.
    size : int, optional
        In bytes.
    checksum : str
        Such as ``sha256:ed3a…``.
    homepage : str
        For messages.
    progress : bool

    Raises
    ------
    DownloadError
        If the server refuses, the disk has too little space, or the checksum is wrong.
    """
    algorithm, _, expected = checksum.lower().rpartition(":")
    folder = path.parent.parent
    free = shutil.disk_usage(folder).free
    if size is not None and free < size:
        raise DownloadError(
            f"{folder}: {free:,} bytes free, {size:,} are needed for {path.name}. Free some space "
            "or name another folder."
        )
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or compute_checksum(path, algorithm) != expected:
        part = path.with_name(f"{path.name}.part")
        Transfer(url, part, size, progress=progress).fetch(path)
    if (digest := compute_checksum(path, algorithm)) != expected:
        path.unlink()  # so that the next call starts afresh
        raise DownloadError(
            f"{url}: wrong checksum, expected {checksum}, found {digest}. Try again; if it stays "
            f"so, the publisher has changed the file: {homepage}"
        )


def compute_checksum(path: Path, algorithm: str = "sha256") -> str:
    """Checksum of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm or "sha256").hexdigest()


@contextmanager
def name_disk_errors(folder: Path, elsewhere: str) -> Iterator[None]:
    """Make a folder, and turn the system's errors inside the block into one with a remedy.

    Parameters
    ----------
    folder : Path
    elsewhere : str
        Sentence on how to name another folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        is_full = error.errno in _FULL
        remedy = "Free some space, then start again: it will resume." if is_full else elsewhere
        raise DownloadError(
            f"{error.filename or folder}: cannot be written ({describe_reason(error)}). {remedy}"
        ) from error
