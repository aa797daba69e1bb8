"""Reading of recordings, block by block in bounded memory, or whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio.arrays import as_array, as_floats, is_array
from voxaffect.audio.content import (
    Content,
    RandomAccess,
    check_file,
    describe_source,
    open_content,
    open_pipe,
)
from voxaffect.audio.decoding import decode
from voxaffect.audio.parts import BLOCK_SECONDS, Block, Blocks
from voxaffect.audio.pipes import Pipe, decode_pipe
from voxaffect.audio.signal import (
    Mixer,
    Samples,
    Signal,
    check_finite,
    check_rate,
    empty_error,
)
from voxaffect.errors import AudioError

_READ_SECONDS = 60.0
"""Longest block that is read at once where all is wanted: most recordings are one."""

Source = str | Path | bytes | BinaryIO | NDArray[Any] | Signal


@contextmanager
def open_blocks(
    source: Source | RandomAccess,
    rate_hz: int | None = None,
    *,
    name: str | None = None,
    max_seconds: float | None = None,
) -> Iterator[Blocks]:
    """Open a recording to read it block by block.

    A file and a `RandomAccess` are read as needed. Bytes, streams and pipes are held as they come.
    Parameters are those of `as_signal`. Damage in the sound is raised on the way, or at its end; so
    is a recording longer than `max_seconds`.

    Examples
    --------
    >>> import numpy as np
    >>> with open_blocks(np.zeros(40_000), 16_000) as blocks:
    ...     [len(block) for block in blocks]
    [32000, 8000]
    """
    with _open(source, rate_hz, name, max_seconds, BLOCK_SECONDS) as blocks:
        yield replace(blocks, blocks=_check_numbers(blocks))


@contextmanager
def open_live(
    source: str | Path | BinaryIO, *, name: str | None = None, max_seconds: float | None = None
) -> Iterator[Blocks]:
    """Open a recording that another program may still write.

    WAV from a pipe or a stream comes as it is written, in blocks of 0.1 s or less; an empty
    block says that nothing has come for a while. Other formats are read as by ``open_blocks``: a
    pipe to its end first. Parameters and errors are those of `open_blocks`.
    """
    name = name or describe_source(source)
    with ExitStack() as stack:
        if isinstance(source, str | Path):
            if not check_file(Path(source), name):
                yield stack.enter_context(open_blocks(source, name=name, max_seconds=max_seconds))
                return
            pipe = Pipe(*stack.enter_context(open_pipe(Path(source), name)), name)
        else:
            pipe = Pipe(source, b"", name)
        blocks = stack.enter_context(decode_pipe(pipe))
        if blocks is None:
            yield stack.enter_context(
                open_blocks(cast(BinaryIO, pipe), name=name, max_seconds=max_seconds)
            )
            return
        blocks = _limit(blocks, max_seconds)
        yield replace(blocks, blocks=_check_numbers(blocks))


@contextmanager
def _open(
    source: Any,
    rate_hz: float | None,
    name: str | None,
    max_seconds: float | None,
    block_seconds: float,
) -> Iterator[Blocks]:
    """Open a recording without a check for NaN and infinity."""
    if isinstance(source, Signal) or is_array(source):
        yield _limit(_open_array(source, rate_hz, name), max_seconds)
        return
    if isinstance(source, str | Path | bytes | RandomAccess) or hasattr(source, "read"):
        _check_no_rate(rate_hz)  # anything else is an error of open_content
    with open_content(source, name) as content, decode(content, block_seconds) as blocks:
        yield _limit(blocks, max_seconds, content)


def _check_numbers(blocks: Blocks) -> Iterator[Block]:
    for block in blocks:
        check_finite(block, blocks.name)
        yield block


def read(
    source: str | Path | bytes | BinaryIO,
    *,
    name: str | None = None,
    max_seconds: float | None = None,
) -> Signal:
    """Decode a recording at its own rate and mix it down to mono.

    Parameters
    ----------
    source : path, bytes or binary stream
        WAV of any width, FLAC, OGG, Opus, MP3, AIFF and more; with the extra ``media`` also M4A,
        AMR, WebM, MP4 and all others that FFmpeg decodes.
    name : str, optional
        Name of the recording in messages; its path by default.
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Returns
    -------
    Signal

    Raises
    ------
    AudioError
        If there is no such file, or it is empty, cut short, not audio, or too long.

    Examples
    --------
    >>> va.read("call.wav").rate_hz
    16000
    """
    if isinstance(source, Signal) or is_array(source):
        raise AudioError(
            f"{name or '<array>'}: expected a path, bytes or a binary stream, found "
            f"{type(source).__name__}. Give it to predict or timeline as it is."
        )
    return as_signal(source, name=name, max_seconds=max_seconds)


def as_signal(
    source: Source,
    rate_hz: int | None = None,
    *,
    name: str | None = None,
    max_seconds: float | None = None,
) -> Signal:
    """Turn a path, bytes, a binary stream, an array or a ``Signal`` into a ``Signal``.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,), (n, channels) or (channels, n); integers are scaled by their
        full range.
    rate_hz : int, optional
        Sampling rate of an array, and of an array only: a file knows its own.
    name : str, optional
        Name of the recording in messages; its path by default.
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Raises
    ------
    AudioError
        As ``read``; and if an array comes without a rate, or something else with one.
    """
    if isinstance(source, Signal) and rate_hz is None and name is None and max_seconds is None:
        return source
    with _open(source, rate_hz, name, max_seconds, _READ_SECONDS) as blocks:
        return join_blocks(blocks)


def join_blocks(blocks: Blocks) -> Signal:
    """Signal of all blocks. Each is mixed down as it comes, so that memory holds one channel."""
    try:
        mixer = Mixer()
        parts = [mixer.mix(block) for block in blocks]
        mixer.check(blocks.name)
        samples = parts[0] if len(parts) == 1 else np.concatenate(parts)
    except MemoryError as error:
        raise AudioError(
            f"{blocks.name}: too long for the memory of this machine. Take its timeline, which "
            "is read in blocks, or cut it."
        ) from error
    return Signal(samples, blocks.rate_hz, blocks.name)


def _limit(blocks: Blocks, max_seconds: float | None, content: Content | None = None) -> Blocks:
    """Blocks whose rate is one that we can use, and no more of them than is accepted."""
    check_rate(blocks.rate_hz, blocks.name)
    return replace(blocks, blocks=_count_blocks(blocks, max_seconds, content))


def _count_blocks(
    blocks: Blocks, max_seconds: float | None, content: Content | None
) -> Iterator[Block]:
    limit = np.inf if max_seconds is None else max_seconds * blocks.rate_hz
    held = 0
    for block in _check_unchanged(blocks, content):
        held += len(block)
        if held > limit:
            raise limit_error(blocks.name, limit / blocks.rate_hz)
        yield block
    if not held:
        raise empty_error(blocks.name)


def limit_error(name: str, max_seconds: float) -> AudioError:
    """Error for a recording that is longer than what is accepted."""
    return AudioError(
        f"{name}: longer than the limit of {max_seconds:g} s. Cut it, or raise the limit: "
        "--max-seconds (max_seconds=).",
        code="too_long",
    )


def _check_unchanged(blocks: Blocks, content: Content | None) -> Iterator[Block]:
    """Blocks of a file that must not change. A change is named instead of the errors it causes."""
    try:
        yield from blocks
    except AudioError:
        if content is not None:
            content.check_unchanged()
        raise
    if content is not None:
        content.check_unchanged()


def _check_no_rate(rate_hz: float | None) -> None:
    if rate_hz is not None:
        raise AudioError("rate_hz goes with an array; a file or Signal knows its own rate.")


def _open_array(source: Any, rate_hz: float | None, name: str | None) -> Blocks:
    if isinstance(source, Signal):
        _check_no_rate(rate_hz)
        samples, rate, name = source.samples, source.rate_hz, name or source.name
    else:
        name = name or "<array>"
        if rate_hz is None:
            raise AudioError(f"{name}: an array needs its rate: rate_hz=…")
        samples, rate = as_array(source, name), check_rate(rate_hz, name)
    channels = samples.shape[1] if samples.ndim == 2 else 1
    return Blocks(name, rate, channels, len(samples), _slice(samples, rate, name))


def _slice(samples: NDArray[Any], rate_hz: int, name: str) -> Iterator[Samples]:
    size = int(BLOCK_SECONDS * rate_hz)
    for start in range(0, len(samples), size):
        part = samples[start : start + size]
        yield as_floats(part, name).reshape(len(part), -1)
