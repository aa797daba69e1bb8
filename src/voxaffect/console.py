"""Printing: results, messages and progress bars.

Text from outside (names of files, emotions and speakers, model cards, messages of libraries) may
hold control codes that a terminal would obey, and marks that hide or reorder what it shows. None
reaches a terminal as it is. Data for programs keep every character where no terminal reads them.
Text that cannot be printed is a VoxaffectError.
"""

from __future__ import annotations

import codecs
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from voxaffect.errors import VoxaffectError
from voxaffect.files import describe_reason, escape_control, escape_surrogates

READER_GONE = 141
"""Exit code when the reader of standard output has closed the pipe, as of other programs."""
_BAR_LOCK = threading.RLock()
_OPEN_IT = "Leave it open, or send it to a file with >."
_PLAIN = dict(zip("█▒░│─·−–µ×“”‘’", "#=.|-.--ux\"\"''", strict=True)) | {
    "…": "...",
    "±": "+/-",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
}
"""Plain marks for ours, where the alphabet of a terminal lacks them."""


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Plain marks for ours, escapes for other characters: a handler for ``codecs``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    shown = (_PLAIN.get(mark) or mark.encode("unicode_escape").decode("ascii") for mark in text)
    return "".join(shown), error.end


codecs.register_error("voxaffect", _replace)


class Terminal:
    """Text stream to a terminal that escapes everything but ends of lines and tabs."""

    def __init__(self, stream: TextIO) -> None:
        self.raw_stream = stream

    def write(self, text: str) -> int:
        """Write text, with escapes for what the terminal would obey or not show."""
        self.raw_stream.write(escape_lines(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write text as ``write`` does."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw_stream, name)


def escape_lines(text: str) -> str:
    r"""Text with its ends of lines and tabs, and with escapes for what is not visible.

    Examples
    --------
    >>> escape_lines("one\x1b[31m\ntwo\n")
    'one\\x1b[31m\ntwo\n'
    """
    lines = (line.split("\t") for line in text.replace("\r\n", "\n").split("\n"))
    return "\n".join("\t".join(map(escape_control, cells)) for cells in lines)


@contextmanager
def guard_streams() -> Iterator[None]:
    """Inside the block, escape all text on its way to a terminal, also that of libraries."""
    before = sys.stdout, sys.stderr
    for stream in before:
        if hasattr(
            stream, "reconfigure"
        ):  # a name that the terminal cannot show is escaped, not an error
            stream.reconfigure(errors="voxaffect")
    sys.stdout, sys.stderr = (
        Terminal(stream) if _is_terminal(stream) else stream for stream in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def get_raw_stream(stream: TextIO) -> TextIO:
    """Stream for a program that draws, such as a progress bar: its text must be escaped already."""
    raw: TextIO = getattr(stream, "raw_stream", stream)
    return raw


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def stdout_is_terminal() -> bool:
    """True if standard output is a terminal."""
    return _is_terminal(sys.stdout)


def stderr_is_terminal() -> bool:
    """True if standard error is a terminal; it can be closed, or missing in a service."""
    return _is_terminal(sys.stderr)


def check_stdout(remedy: str = _OPEN_IT) -> None:
    """Refuse to go on without standard output.

    Raises
    ------
    VoxaffectError
        If it is closed. A pipe whose reader has gone is another matter, and customary.
    """
    if sys.stdout is None or sys.stdout.closed:
        raise VoxaffectError(f"standard output is closed. {remedy}")


def print_line(text: str) -> None:
    """Print a line for people on standard output, with escapes for control codes in names."""
    print_text(f"{escape_control(text)}\n")


def print_text(text: str) -> None:
    """Print text for people on standard output; it has its own ends of lines."""
    check_stdout()
    _print(lambda: sys.stdout.write(escape_lines(text)))


def print_note(text: str) -> None:
    """Print a line for people; if standard output is closed, nothing happens."""
    if sys.stdout is not None:
        print_line(text)


def print_data(text: str) -> None:
    """Print data for programs: UTF-8, character by character, unless a terminal shows them.

    It has its own ends of lines. Surrogates, of file names that are no UTF-8, become escapes, as
    in files.
    """
    check_stdout()
    stream = getattr(sys.stdout, "buffer", None)
    if stdout_is_terminal() or stream is None:
        _print(lambda: sys.stdout.write(escape_lines(text)))
        return
    content = escape_surrogates(text).encode("utf-8")
    _print(lambda: (sys.stdout.flush(), stream.write(content)))


def flush() -> None:
    """Print text that is still in the buffer."""
    if sys.stdout is not None and not sys.stdout.closed:
        _print(lambda: None)


def _print(write: Callable[[], object]) -> None:
    try:
        write()
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
        raise SystemExit(READER_GONE) from None
    except OSError as error:
        discard_output()
        raise VoxaffectError(f"the result cannot be printed ({describe_reason(error)}).") from error


def discard_output() -> None:
    """Discard text in the buffer, so that the interpreter does not fail on it at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def print_message(text: str) -> None:
    """Print a line for people on standard error; where it is closed or full, nothing happens."""
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{escape_control(text)}\n")
        sys.stderr.flush()


def show_progress(
    items: Iterable[Any] | None = None, *, title: str = "", is_shown: bool = True, **options: Any
) -> Any:
    """Progress bar on standard error, as ``tqdm`` draws it.

    Parameters
    ----------
    items : iterable, optional
        Counted as they are taken; without, ``update`` counts.
    title : str
    is_shown : bool
    **options
        Of ``tqdm``.
    """
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        monitor_interval = 0  # no thread, which some systems do not allow
        _lock = _BAR_LOCK  # tqdm's own is for several processes, and outlives a worker

    if sys.stderr is None:
        return Bar(items, disable=True)
    return Bar(
        items,
        desc=escape_control(title) or None,
        disable=not is_shown,
        file=get_raw_stream(sys.stderr),
        mininterval=0.1 if stderr_is_terminal() else 10,  # a log needs no line for each step
        **options,
    )
