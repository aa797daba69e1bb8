"""Recordings of any kind under names: files, bytes, streams and arrays, for workers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import (
    Blocks,
    Excerpt,
    Recording,
    Signal,
    Source,
    as_signal,
    digest_recording,
    get_file,
    open_blocks,
    read_bytes,
    read_recording,
)
from voxaffect.errors import ArgumentError, AudioError
from voxaffect.extraction.failures import describe_failure

MAX_HASHED_BYTES = 1 << 30
"""Larger files are not looked up in the cache: to read all of one takes longer than to refuse it,
or its features fill the memory anyway."""

_WAVE_ITEMS = 2_048
_WAVE_BYTES = 1 << 26  # with the items, bounds the memory that waiting work takes


@dataclass(frozen=True, eq=False)
class Named:
    """A recording in memory under a name.

    Parameters
    ----------
    name : str
    source : Path, bytes, ndarray, Signal or AudioError
        An error stands for a stream that could not be read.
    rate_hz : int, optional
        Sampling rate of an array.
    """

    name: str
    source: Path | bytes | NDArray[Any] | Signal | AudioError
    rate_hz: int | None = None

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        if isinstance(self.source, Signal):
            return self.source.samples.nbytes
        if isinstance(self.source, np.ndarray):
            return self.source.nbytes
        return len(self.source) if isinstance(self.source, bytes) else 0


Item = Recording | Named


def get_name(item: Item) -> str:
    """Name of a recording in messages and results."""
    return item.name if isinstance(item, Named) else str(item)


def get_subject(item: Item) -> str:
    """Name with which an error about a recording begins: the file of an excerpt."""
    return item.name if isinstance(item, Named) else str(get_file(item))


def name_sources(
    sources: Iterable[Source | tuple[str, Source]], rate_hz: int | None = None
) -> Iterator[Item]:
    """Give every recording a name, and read streams, as they are asked for.

    Parameters
    ----------
    sources : iterable of Source or tuple of (str, Source)
        A path is its own name; what else has no name is called ``<bytes 0>``, ``<array 1>`` and
        so on, by its index.
    rate_hz : int, optional
        Sampling rate of arrays.

    Raises
    ------
    AudioError
        If it is a single recording, not several.
    """
    if isinstance(sources, str | Path | bytes | bytearray | np.ndarray | Signal) or hasattr(
        sources, "read"
    ):
        raise AudioError(
            f"expected several recordings, found one ({type(sources).__name__}). Put it in a list."
        )
    if not isinstance(sources, Iterable):
        raise ArgumentError(f"expected recordings, found {type(sources).__name__}.")
    return (_item(source, index, rate_hz) for index, source in enumerate(sources))


def _item(source: Any, index: int, rate_hz: int | None) -> Item:
    name = None
    if isinstance(source, tuple) and len(source) == 2 and isinstance(source[0], str):
        name, source = source
    if isinstance(source, str | Path):
        return Path(source) if name is None else Named(name, Path(source))
    if isinstance(source, np.ndarray):
        return Named(name or f"<array {index}>", source, rate_hz)
    if isinstance(source, Signal):
        return Named(name or source.name, source)
    name = name or f"<bytes {index}>"
    try:
        return Named(name, read_bytes(source, name))
    except Exception as error:  # a stream of the user's may raise any
        return Named(name, AudioError(describe_failure(error, name)))


def batch_items(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Divide recordings into lists that fit into memory."""
    wave: list[Item] = []
    size = 0
    for item in items:
        wave.append(item)
        size += item.size if isinstance(item, Named) else 0
        if len(wave) >= _WAVE_ITEMS or size >= _WAVE_BYTES:
            yield wave
            wave, size = [], 0
    if wave:
        yield wave


def load_item(
    item: Item, *, needs_digest: bool = False, max_seconds: float | None = None
) -> tuple[bytes, Signal]:
    """Digest and sound of a recording that does not change meanwhile.

    Parameters
    ----------
    item : Path, Excerpt or Named
    needs_digest : bool
        Whether a file that is larger than ``MAX_HASHED_BYTES`` has to have one.
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Returns
    -------
    tuple of bytes and Signal
        The digest is empty where nothing is to be cached: of such a file, and of an array.

    Raises
    ------
    AudioError
        If the recording cannot be read, is too long, or changes while it is read.
    """
    if isinstance(item, Named):
        if isinstance(item.source, AudioError):
            raise item.source
        signal = as_signal(item.source, item.rate_hz, name=item.name, max_seconds=max_seconds)
        return compute_digest(item, limit=None) or b"", signal
    path = get_file(item)
    signature = _sign(path)
    signal = read_recording(item, max_seconds=max_seconds)  # refuses what is not audio
    digest = compute_digest(item, limit=None if needs_digest else MAX_HASHED_BYTES)
    if _sign(path) != signature:
        raise AudioError(f"{path}: changed while it was read. Try again when nothing writes to it.")
    return digest or b"", signal


@contextmanager
def open_item(item: Item, *, max_seconds: float | None = None) -> Iterator[Blocks]:
    """Open a recording to read it block by block.

    Parameters
    ----------
    item : Path, Excerpt or Named
    max_seconds : float, optional
        Longest recording to accept; any length by default.

    Yields
    ------
    Blocks
    """
    if isinstance(item, Named):
        if isinstance(item.source, AudioError):
            raise item.source
        source, rate_hz = item.source, item.rate_hz
        opened = open_blocks(source, rate_hz, name=item.name, max_seconds=max_seconds)
    elif isinstance(item, Excerpt):
        opened = open_blocks(read_recording(item, max_seconds=max_seconds))
    else:
        opened = open_blocks(item, max_seconds=max_seconds)
    with opened as blocks:
        yield blocks


def compute_digest(item: Item, *, limit: int | None = MAX_HASHED_BYTES) -> bytes | None:
    """SHA-256 of a recording's bytes.

    Parameters
    ----------
    item : Path, Excerpt or Named
    limit : int, optional
        Largest file to read.

    Returns
    -------
    bytes or None
        None of an array, of a larger file, and of one that cannot be read: that is reported
        when it is read as audio.
    """
    source = item.source if isinstance(item, Named) else item
    if isinstance(source, bytes):
        return hashlib.sha256(source).digest()
    if not isinstance(source, Path | Excerpt):
        return None
    if limit is not None and _size(get_file(source)) > limit:
        return None
    try:
        return digest_recording(source)
    except (AudioError, MemoryError):
        return None


def _sign(path: Path) -> tuple[int, int, int] | None:
    """Identity, size and time of a file; None if there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return 0  # reported when it is read
