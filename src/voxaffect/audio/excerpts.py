"""Excerpts: parts of recordings that count as recordings of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf
from pathlib import Path

from voxaffect.audio.blocks import join_blocks, limit_error, open_blocks, read
from voxaffect.audio.content import name_reading_errors, open_content
from voxaffect.audio.parts import Block, Blocks
from voxaffect.audio.signal import Signal
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

    def explain_missing(self, seconds: float, name: str | None = None) -> str | None:
        """Message that a recording of some length does not hold this part; None if it does."""
        last = self.start_seconds if self.end_seconds is None else self.end_seconds
        if self.start_seconds < seconds and last - seconds <= _TOLERANCE_SECONDS:
            return None
        return f"{name or self}: the recording is {seconds:g} s long. Correct the start and end."

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
    with open_blocks(recording.path) as blocks:
        return join_blocks(take_part(blocks, recording, max_seconds=max_seconds))


def take_part(
    blocks: Blocks, part: Excerpt, *, name: str | None = None, max_seconds: float | None = None
) -> Blocks:
    """Blocks of a part of an open recording, all channels of it.

    Parameters
    ----------
    blocks : Blocks
        Of which nothing was read yet.
    part : Excerpt
    name : str, optional
        Name of the part in messages.
    max_seconds : float, optional
        Longest part to accept; any length by default.
    """
    first = round(part.start_seconds * blocks.rate_hz)
    last = inf if part.end_seconds is None else round(part.end_seconds * blocks.rate_hz)
    limit = inf if max_seconds is None else max_seconds * blocks.rate_hz
    frames = max(int(min(last, blocks.frames)) - first, 0)
    named = replace(blocks, name=name or str(part))
    taken = _take_blocks(named, part, first, last, limit)
    return replace(named, frames=frames, blocks=taken, seek=None)


def _take_blocks(
    blocks: Blocks, part: Excerpt, first: int, last: float, limit: float
) -> Iterator[Block]:
    held = taken = 0
    if blocks.seek is not None and first < blocks.frames:
        blocks.seek(first)  # a part of an hour is found at once
        held = first
    for block in blocks:
        low, high = max(first - held, 0), int(min(last - held, len(block)))
        held += len(block)
        if low < high:
            taken += high - low
            if taken > limit:
                raise limit_error(blocks.name, limit / blocks.rate_hz)
            yield block[low:high]
        if held >= last:
            break
    if fault := part.explain_missing(held / blocks.rate_hz, blocks.name):
        raise AudioError(fault)
    if not taken:
        raise AudioError(f"{blocks.name}: holds no sample. Correct the start and end.")
