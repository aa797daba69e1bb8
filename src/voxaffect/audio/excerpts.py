"""Excerpts: parts of recordings that count as recordings of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from voxaffect.audio.blocks import limit_error, open_blocks, read
from voxaffect.audio.content import name_reading_errors, open_content
from voxaffect.audio.signal import Mixer, Signal
from voxaffect.errors import AudioError

_PIECE_BYTES = 1 << 20
_TOLERANCE_SECONDS = 0.1  # an end that was rounded up may lie a little after the recording's end


@dataclass(frozen=True)
class Excerpt:
    """Part of a recording.

    Parameters
    ----------
    path : Path
    start_seconds : float
    end_seconds : float, optional
        By default the end of the recording.
    """

    path: Path
    start_seconds: float = 0.0
    end_seconds: float | None = None

    def __str__(self) -> str:
        end = "the end" if self.end_seconds is None else f"{self.end_seconds:g} s"
        return f"{self.path}, {self.start_seconds:g} s to {end}"

    def explain_missing(self, seconds: float) -> str | None:
        """Message that a recording of some length does not hold this part; None if it does."""
        last = self.start_seconds if self.end_seconds is None else self.end_seconds
        if self.start_seconds < seconds and last - seconds <= _TOLERANCE_SECONDS:
            return None
        return f"{self}: the recording is {seconds:g} s long. Correct the start and end."

    @property
    def key(self) -> bytes:
        """Bytes that name the part, without the name of the recording."""
        return f"{self.start_seconds!r} {self.end_seconds!r}".encode()


Recording = Path | Excerpt


def digest_recording(recording: Recording) -> bytes:
    """SHA-256 of a recording's file; of an excerpt, also of its start and end."""
    if not isinstance(recording, Excerpt):
        return _digest_file(recording)
    try:
        status = recording.path.stat()
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):
        state = None  # reading it will name the reason
    return hashlib.sha256(_digest_in_state(recording.path, state) + recording.key).digest()


@lru_cache(maxsize=256)
def _digest_in_state(path: Path, _state: tuple[int, int, int] | None) -> bytes:
    """Digest of a file in its present state; a file of many excerpts is read once."""
    return _digest_file(path)


def _digest_file(path: Path) -> bytes:
    digest = hashlib.sha256()
    with open_content(path) as content:
        with name_reading_errors(content.name):
            for start in range(0, content.size, _PIECE_BYTES):
                digest.update(content.read(start, _PIECE_BYTES))
        content.check_unchanged()
    return digest.digest()


def get_file(recording: Recording) -> Path:
    """Path of the file that holds a recording."""
    return recording.path if isinstance(recording, Excerpt) else recording


def read_recording(recording: Recording, *, max_seconds: float | None = None) -> Signal:
    """Decode a recording, or the part of it that an excerpt names.

    A recording that ends before the excerpt does, and one that is longer than `max_seconds`, are
    refused.
    """
    if not isinstance(recording, Excerpt):
        return read(recording, max_seconds=max_seconds)
    start, end = recording.start_seconds, recording.end_seconds
    parts, held, mixer = [], 0, Mixer()
    with open_blocks(recording.path) as blocks:
        first = round(start * blocks.rate_hz)
        last = None if end is None else round(end * blocks.rate_hz)
        if blocks.seek is not None and first < blocks.frames:
            blocks.seek(first)  # a part of an hour is found at once
            held = first
        for block in blocks:
            low = max(first - held, 0)
            high = len(block) if last is None else min(last - held, len(block))
            if low < high:
                parts.append(mixer.mix(block[low:high]))
            held += len(block)
            if max_seconds is not None and sum(map(len, parts)) > max_seconds * blocks.rate_hz:
                raise limit_error(str(recording), max_seconds)
            if last is not None and held >= last:
                break
        seconds = held / blocks.rate_hz
    if fault := recording.explain_missing(seconds):
        raise AudioError(fault)
    if not parts:
        raise AudioError(f"{recording}: holds no sample. Correct the start and end.")
    mixer.check(str(recording))
    return Signal(np.concatenate(parts), blocks.rate_hz, str(recording))
