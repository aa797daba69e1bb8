"""Excerpts: parts of recordings that count as recordings of their own."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voxaffect.audio.blocks import open_blocks, read
from voxaffect.audio.content import content_of
from voxaffect.audio.signal import Mixer, Signal
from voxaffect.errors import AudioError

_TOLERANCE_SECONDS = 0.1  # an end that is rounded up may lie a little after the recording's


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

    @property
    def key(self) -> bytes:
        """Bytes that name the part, whatever the recording is called."""
        return f"{self.start_seconds!r} {self.end_seconds!r}".encode()


Recording = Path | Excerpt


def load_content(recording: Recording) -> tuple[bytes, bytes]:
    """Bytes of the whole file, and a digest that tells its parts apart.

    Parameters
    ----------
    recording : Path or Excerpt

    Returns
    -------
    content : bytes
    digest : bytes
        SHA-256 of the content; of an excerpt, also of its start and end.

    Raises
    ------
    AudioError
        As ``content_of``.
    """
    if not isinstance(recording, Excerpt):
        content = content_of(recording)
        return content, hashlib.sha256(content).digest()
    content = content_of(recording.path)
    whole = hashlib.sha256(content).digest()
    return content, hashlib.sha256(whole + recording.key).digest()


def read_recording(recording: Recording, content: bytes | None = None) -> Signal:
    """Decode a recording, or the part of it that an excerpt names.

    Parameters
    ----------
    recording : Path or Excerpt
    content : bytes, optional
        Of the whole file, where it is read already.

    Returns
    -------
    Signal

    Raises
    ------
    AudioError
        As ``read``; and if the recording ends before the excerpt does.
    """
    if not isinstance(recording, Excerpt):
        return read(recording if content is None else content, name=str(recording))
    source = recording.path if content is None else content
    start, end = recording.start_seconds, recording.end_seconds
    parts, held, mixer = [], 0, Mixer()
    with open_blocks(source, name=str(recording.path)) as blocks:
        first = round(start * blocks.rate_hz)
        last = None if end is None else round(end * blocks.rate_hz)
        for block in blocks:
            low = max(first - held, 0)
            high = len(block) if last is None else min(last - held, len(block))
            if low < high:
                parts.append(mixer.mix(block[low:high]))
            held += len(block)
            if last is not None and held >= last:
                break
        seconds = held / blocks.rate_hz
    missing = (end or start) - seconds
    if not parts or missing > _TOLERANCE_SECONDS:
        raise AudioError(
            f"{recording}: the recording is {seconds:g} s long. Correct the start and end."
        )
    mixer.check(str(recording))
    return Signal(np.concatenate(parts), blocks.rate_hz, str(recording))
