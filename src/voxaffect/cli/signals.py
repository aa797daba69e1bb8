"""Signals that end a command: it cleans up, and ends with 128 plus the signal's number."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
_AGAIN_SECONDS = 0.05


class Interruption(KeyboardInterrupt):
    """Ctrl-C; after the class itself, Python would end by the signal, not with an exit code."""


def exit_code(number: int) -> int:
    """Exit code of a command that a signal ended, as shells give it: 130 after Ctrl-C."""
    return 128 + number


@contextmanager
def catch_signals() -> Iterator[list[int]]:
    """Turn signals inside the block into exceptions, so that files are closed and removed.

    Ctrl-C is a ``KeyboardInterrupt``, a request to end is a ``SystemExit``. What the caller's
    shell ignores, as ``nohup`` does, stays ignored.

    Yields
    ------
    list of int
        Numbers of the signals that came. A library may have turned the exception into another.
    """
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # others cannot set handlers
        yield received
        return

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if number == signal.SIGINT:
            raise Interruption
        raise SystemExit(exit_code(number))

    before = {number: signal.getsignal(number) for number in _numbers()}
    caught = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    hook = sys.unraisablehook

    timers: list[threading.Timer] = []

    def send_again(unraisable: Any) -> None:
        """Repeat a signal that came where no exception can be raised, as in a destructor."""
        if received and isinstance(unraisable.exc_value, KeyboardInterrupt | SystemExit):
            timers.append(threading.Timer(_AGAIN_SECONDS, signal.raise_signal, [received[-1]]))
            timers[-1].start()
        elif not received:
            hook(unraisable)

    for number in caught:
        signal.signal(number, end)
    sys.unraisablehook = send_again
    try:
        yield received
    finally:
        for timer in timers:
            timer.cancel()
        sys.unraisablehook = hook
        for number in caught:
            signal.signal(number, before[number])


def _numbers() -> list[int]:
    """Signals that the system knows."""
    return [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
