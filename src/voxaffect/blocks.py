"""A recording of any length, block by block, in bounded memory.

Conventions are those of ``audio``; channels are kept apart.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import (
    Signal,
    Source,
    as_floats,
    check_file,
    check_finite,
    check_rate,
    check_whole,
    content_of,
    go_forward,
    name_of,
    unreadable,
)
from voxaffect.errors import AudioError

Block = NDArray[np.float32]
BLOCK_SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """An open recording: what its header says, and its sound, once, by iteration.

    Parameters
    ----------
    name : str
        What messages call it.
    rate_hz : int
    channels : int
    frames : int
        Samples a channel that the header promises; it may be wrong.
    blocks : iterator of ndarray, shape (n, channels), float32
        Two seconds each but the last. They raise AudioError where the recording breaks.
    container, encoding : str
        As libsndfile calls them, such as ``WAV`` and ``PCM_16``; empty for an array.
    """

    name: str
    rate_hz: int
    channels: int
    frames: int
    blocks: Iterator[Block]
    container: str = ""
    encoding: str = ""

    def __iter__(self) -> Iterator[Block]:
        return self.blocks


@contextmanager
def opened(source: Source, rate_hz: int | None = None) -> Iterator[Blocks]:
    """Open a recording to read it block by block.

    A path is read as it is needed; bytes and streams are held as they come, encoded.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array, and of an array only.

    Yields
    ------
    Blocks

    Raises
    ------
    AudioError
        As ``audio.as_signal``; what only the sound shows is raised on the way, or at its end.
    """
    if isinstance(source, np.ndarray | Signal):
        yield _of_array(source, rate_hz)
        return
    if rate_hz is not None:
        raise AudioError("rate_hz goes with an array; a file or Signal knows its own rate.")
    import soundfile

    name = name_of(source)
    try:
        file = soundfile.SoundFile(_openable(source, name))
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        raise unreadable(name, error) from error
    with file:
        check_rate(file.samplerate, name)
        # What the header itself contradicts is found before an hour of work.
        check_whole(file.frames, file.frames, log=file.extra_info, name=name)
        yield Blocks(
            name, file.samplerate, file.channels, file.frames, _of_file(file, name),
            file.format, file.subtype,
        )  # fmt: skip


def _openable(source: Any, name: str) -> str | bytes | io.BytesIO:
    if not isinstance(source, str | Path):
        return io.BytesIO(content_of(source, name))
    path = Path(source)
    check_file(path, name)
    if not path.stat().st_size:
        raise AudioError(f"{name}: empty, 0 bytes long. Record or copy it again.")
    # soundfile encodes text strictly, and a name on a disk may be any bytes.
    return str(path) if os.name == "nt" else os.fsencode(path)


def _of_array(source: NDArray[Any] | Signal, rate_hz: int | None) -> Blocks:
    if isinstance(source, Signal):
        if rate_hz is not None:
            raise AudioError("rate_hz goes with an array; a file or Signal knows its own rate.")
        samples, rate, name = source.samples, source.rate_hz, source.name
    elif rate_hz is None:
        raise AudioError("<array>: an array needs its rate: rate_hz=…")
    else:
        samples, rate, name = source, rate_hz, "<array>"
    check_rate(rate, name)
    as_floats(samples[:0])  # refuses the kind and the shape at once
    if not len(samples):
        raise AudioError(f"{name}: holds no samples. Record it again.")
    channels = samples.shape[1] if samples.ndim == 2 else 1
    return Blocks(name, rate, channels, len(samples), _slices(samples, rate, name))


def _slices(samples: NDArray[Any], rate_hz: int, name: str) -> Iterator[Block]:
    size = int(BLOCK_SECONDS * rate_hz)
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        block = np.asarray(as_floats(part), dtype=np.float32).reshape(len(part), -1)
        check_finite(block, name)
        yield block


def _of_file(file: Any, name: str) -> Iterator[Block]:
    import soundfile

    go_forward(file)
    size, held = int(BLOCK_SECONDS * file.samplerate), 0
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError, ValueError, MemoryError) as error:
            raise unreadable(name, error) from error
        held += len(block)
        if len(block):
            check_finite(block, name)
            yield block
        if len(block) < size:
            break
    if not held:
        raise AudioError(f"{name}: holds no samples. Record it again.")
    check_whole(held, file.frames, log=file.extra_info, name=name)
