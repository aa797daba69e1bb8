"""Transfer of a file from a server: resumed after interruptions, bounded in size and in time."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from voxaffect.console import show_progress
from voxaffect.errors import DownloadError

if TYPE_CHECKING:
    import requests

_TIMEOUT_SECONDS = 30
_ATTEMPTS = 3
# An answer that breaks off loses the chunk it was in, so chunks are small.
_CHUNK_BYTES = 1 << 14
_MIN_BYTES_PER_SECOND = 1_000
_SLOW_SECONDS = 60.0
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")
_RESUME = "Check the network and start again: it will resume."


class _BrokenOffError(Exception):
    """The connection broke, or the server sent what was not asked for: another attempt may do."""


@dataclass
class _Pace:
    """Refuses a server that sends next to nothing for a while, over all attempts.

    Parameters
    ----------
    url : str
    seconds : float
        How long is waited for 1,000 bytes a second.
    """

    url: str
    seconds: float
    _start: float = field(default_factory=time.monotonic)
    _count: int = 0

    def add(self, count: int) -> None:
        """Count bytes that came.

        Raises
        ------
        DownloadError
            If there were too few in the last while.
        """
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
    """Content of a short answer, such as a publisher's record.

    Parameters
    ----------
    url : str
    limit : int
        Most bytes that it can need.
    seconds : float
        Longest time to wait for all of it.

    Returns
    -------
    bytes

    Raises
    ------
    DownloadError
        If the server refuses, or the answer is too large or too slow.
    """
    import requests

    until = time.monotonic() + seconds
    content = b""
    try:
        with _ask(url, {"Accept-Encoding": "identity"}, seconds) as answer:
            answer.raise_for_status()
            for chunk in _chunks(answer):
                content += chunk
                if len(content) > limit:
                    raise DownloadError(
                        f"{url}: sends more than {limit:,} bytes, expected a short record. The "
                        "address may have moved; look at the corpus's homepage."
                    )
                if time.monotonic() > until:
                    raise DownloadError(f"{url}: too slow, no answer in {seconds:.0f} s. {_RESUME}")
    except (requests.RequestException, _BrokenOffError) as error:
        _give_up(url, error)
    return content


def _ask(url: str, headers: Mapping[str, str], seconds: float) -> requests.Response:
    """Answer of a server up to its headers, which a server could send byte by byte for ever."""
    import requests

    results: list[requests.Response | BaseException] = []

    def ask() -> None:
        try:
            results.append(
                requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT_SECONDS)
            )
        except BaseException as error:  # passed on to the thread that waits
            results.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not results:
        raise DownloadError(f"{url}: too slow, no answer in {seconds:.0f} s. {_RESUME}")
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def _chunks(answer: requests.Response) -> Iterator[bytes]:
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
        why = f"the server answered {response.status_code} {response.reason}"
        remedy = "The address may have moved; look at the corpus's homepage."
    elif isinstance(error, _BrokenOffError):
        why, remedy = f"no connection, or it broke: {error}", _RESUME
    else:
        why, remedy = f"no connection, or it broke ({type(error).__name__})", _RESUME
    raise DownloadError(f"{url}: {why}. {remedy}") from error


@dataclass(frozen=True)
class Resuming:
    """A downloader for ``pooch.retrieve`` that carries on where an earlier one stopped.

    Parameters
    ----------
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

    part: Path
    size: int | None = None
    progress: bool = True
    attempts: int = _ATTEMPTS
    pause_seconds: float = 0.5
    slow_seconds: float = _SLOW_SECONDS

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        """Download ``url`` into ``output_file``.

        Raises
        ------
        DownloadError
            If the server refuses, sends more than it should, next to nothing for a while, or
            does not answer ``attempts`` times in a row.
        """
        import requests

        failures = 0
        pace = _Pace(url, self.slow_seconds)
        while True:
            held = self._count_held()
            try:
                self._carry_on(url, pace)
                break
            except (requests.RequestException, _BrokenOffError) as error:
                failures = 1 if self._count_held() > held else failures + 1
                response = getattr(error, "response", None)
                refused = response is not None and response.status_code < 500
                if refused or failures == self.attempts:
                    _give_up(url, error)
                pace.add(0)
                time.sleep(self.pause_seconds * 2 ** (failures - 1))
        self.part.replace(output_file)

    def _count_held(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _carry_on(self, url: str, pace: _Pace) -> None:
        import requests

        held = self._count_held()
        if held and held == self.size:
            return
        # Compressed on the way, positions in the file would mean nothing.
        headers = {"Accept-Encoding": "identity"}
        if held:
            headers["Range"] = f"bytes={held}-"
        with _ask(url, headers, self.slow_seconds + _TIMEOUT_SECONDS) as answer:
            start, total = _position(answer.headers.get("Content-Range", ""))
            if held and answer.status_code == requests.codes.requested_range_not_satisfiable:
                if total == held:
                    return
                self._start_over("what was held is longer than the file")
            answer.raise_for_status()
            if answer.status_code != requests.codes.partial_content:
                held = 0  # the server sends the file from its beginning
            elif start != held:
                self._start_over("the server sent another part than asked for")
            if total is None:
                total = _length(url, answer, held)
            self._check_total(url, total)
            self._keep(url, _chunks(answer), held=held, total=total, on_chunk=pace.add)

    def _check_total(self, url: str, total: int | None) -> None:
        if total is not None and self.size is not None and total != self.size:
            self.part.unlink(missing_ok=True)
            raise DownloadError(
                f"{url}: the server announces {total:,} bytes, expected {self.size:,} as the "
                "publisher states. The file has changed; look at the corpus's homepage."
            )

    def _keep(
        self,
        url: str,
        chunks: Iterator[bytes],
        *,
        held: int,
        total: int | None,
        on_chunk: Callable[[int], None],
    ) -> None:
        limit = self.size if self.size is not None else total
        bar = show_progress(
            title=self.part.stem,
            is_shown=self.progress,
            total=total,
            initial=held,
            unit="B",
            unit_scale=True,
        )
        with bar, self.part.open("ab" if held else "wb") as file:
            for chunk in chunks:
                held += len(chunk)
                if limit is not None and held > limit:
                    break
                file.write(chunk)
                bar.update(len(chunk))
                on_chunk(len(chunk))
        if limit is not None and held > limit:
            self.part.unlink(missing_ok=True)
            raise DownloadError(
                f"{url}: the server sends more than the {limit:,} bytes that it should. The file "
                "has changed; look at the corpus's homepage."
            )
        if limit is not None and held < limit:
            raise _BrokenOffError(f"it broke off after {held:,} of {limit:,} bytes")

    def _start_over(self, why: str) -> NoReturn:
        self.part.unlink(missing_ok=True)
        raise _BrokenOffError(why)


def _length(url: str, answer: requests.Response, held: int) -> int | None:
    """Size of the whole file by the length of an answer; None if it states none."""
    text = answer.headers.get("Content-Length")
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise DownloadError(
            f"{url}: the server states the length {text[:20]!r}, expected a number of bytes. Try "
            "again later, or look at the corpus's homepage."
        )
    return held + int(text)


def _position(content_range: str) -> tuple[int | None, int | None]:
    """Read the first byte's position and the file's size from a Content-Range header."""
    match = _RANGE.match(content_range)
    if match is None:
        return None, None
    start, total = match.groups()
    return (int(start) if start else None), (int(total) if total != "*" else None)
