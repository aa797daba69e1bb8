"""Work that ends or stops the worker process that does it; a process imports nothing else."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any


def die(_item: object) -> None:
    signal.raise_signal(signal.SIGKILL)


def die_once(mark: str, item: int) -> int:
    """Return the item; at 2 the first process ends."""
    if item == 2 and not Path(mark).exists():
        Path(mark).touch()
        signal.raise_signal(signal.SIGKILL)
    return item


def die_differently(mark: str, _item: object) -> None:
    """End the first process with an exit code, the second by a signal."""
    if Path(mark).exists():
        signal.raise_signal(signal.SIGKILL)
    Path(mark).touch()
    os._exit(3)


def stop_once(mark: str, item: int) -> int:
    """Return the item; the first process is stopped."""
    if not Path(mark).exists():
        Path(mark).touch()
        signal.raise_signal(signal.SIGSTOP)
    return item


def die_at(names: list[str], parent: int, recording: Any, _digest: bytes) -> Any:
    """Return the recording, unless it is one of some, in another process than the parent."""
    if recording.name in names and os.getpid() != parent:
        signal.raise_signal(signal.SIGKILL)
    return recording


class DieAtWindow:
    """Describe windows; the first process that does ends."""

    def __init__(self, mark: Path) -> None:
        self.mark, self.parent = mark, os.getpid()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from voxaffect.recognition.timelines.windowing import extract_speech_features

        if os.getpid() != self.parent and not self.mark.exists():
            self.mark.touch()
            signal.raise_signal(signal.SIGKILL)
        return extract_speech_features(*arguments, **options)


class DieAt(Executor):
    """Executor of processes that end when they come to a row of a manifest.

    Parameters
    ----------
    executor : Executor
    row : int
    """

    def __init__(self, executor: Executor, row: int) -> None:
        self._executor, self._row = executor, row
        self._max_workers = 2

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        return self._executor.submit(die_at_row, self._row, function, *arguments, **options)


def die_at_row(row: int, function: Any, part: Any, *arguments: Any) -> Any:
    """Do a part or a list of entries, unless one of them has the row."""
    if row in [entry.row for entry in getattr(part, "entries", part)]:
        signal.raise_signal(signal.SIGKILL)
    return function(part, *arguments)
