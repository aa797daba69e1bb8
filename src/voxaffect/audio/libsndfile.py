"""Decoding with libsndfile: WAV, FLAC, Ogg, MP3, AIFF and more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voxaffect.audio.content import reading_error
from voxaffect.audio.parts import (
    BLOCK_SECONDS,
    Block,
    Blocks,
    Part,
    damage_error,
    length_error,
)
from voxaffect.files import describe_reason
from voxaffect.runtime.forks import no_fork

_MAX_BLOCK_SAMPLES = 1 << 22
_EXACT_CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC"})
_EXACT_ENCODINGS = frozenset(
    {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
)
_ESTIMATE_FACTOR = 128  # more than the longest frame of MPEG audio is to the shortest
_UNKNOWN_FRAMES = 1 << 48


class OpenError(Exception):
    """libsndfile cannot open a recording; the text is its reason."""


@contextmanager
def open_part(part: Part, block_seconds: float = BLOCK_SECONDS) -> Iterator[Blocks]:
    """Open a recording, or one of the parts that it was joined from.

    Raises
    ------
    OpenError
        If libsndfile cannot open it. Damage that shows later is an AudioError.
    """
    import soundfile

    view = part.view
    try:
        with no_fork:
            if part.is_estimated:
                with view.claim(view.size * _ESTIMATE_FACTOR):
                    file = soundfile.SoundFile(view)
            else:
                view.fast_stream.seek(0)
                file = soundfile.SoundFile(view.fast_stream)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        if view.error:
            raise reading_error(view.content.name, view.error) from error
        raise OpenError(describe_reason(error)) from error
    with file:
        # soundfile seeks after every read to where it is already. That empties the decoder's
        # bit reservoir in an MP3, and fails in a FLAC of unknown length.
        file.seekable = lambda: False
        is_known = not part.is_estimated and file.frames < _UNKNOWN_FRAMES
        # A seek to a sample is exact, and needs none of the samples before it.
        is_exact = (
            is_known and file.format in _EXACT_CONTAINERS and file.subtype in _EXACT_ENCODINGS
        )
        yield Blocks(
            view.content.name,
            file.samplerate,
            file.channels,
            file.frames if is_known else 0,
            _read_blocks(file, part, block_seconds, is_exact=is_exact),
            file.format,
            file.subtype,
            _make_seek(file, part) if is_exact else None,
        )


def _make_seek(file: Any, part: Part) -> Callable[[int], None]:
    def seek(frame: int) -> None:
        with _name_errors(part), no_fork:
            file.seek(frame)

    return seek


def _read_blocks(file: Any, part: Part, block_seconds: float, *, is_exact: bool) -> Iterator[Block]:
    name = part.view.content.name
    size = int(block_seconds * file.samplerate)
    size = max(1, min(size, _MAX_BLOCK_SAMPLES // file.channels))
    held = file.tell() if is_exact else 0  # not 0 after a seek
    while True:
        with _name_errors(part), no_fork:
            block = file.read(size, dtype="float32", always_2d=True)
        if part.view.error:
            raise reading_error(name, part.view.error) from part.view.error
        held += len(block)
        if len(block):
            yield block
        if len(block) < size:
            break
    if part.frames is not None and held < part.frames:
        raise length_error(name, part.frames, held, "samples")


@contextmanager
def _name_errors(part: Part) -> Iterator[None]:
    """Turn an error of libsndfile into one for a recording that cannot be decoded to its end."""
    import soundfile

    view, name = part.view, part.view.content.name
    try:
        yield
    except (soundfile.LibsndfileError, OSError, ValueError) as error:
        if view.error:
            raise reading_error(name, view.error) from error
        if part.frames is not None and view.fast_stream.tell() >= view.size:
            raise length_error(name, part.frames, None, "samples") from error
        reason = f"not readable as audio to its end ({describe_reason(error)})"
        raise damage_error(name, reason) from error
