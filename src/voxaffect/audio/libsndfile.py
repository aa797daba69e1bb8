"""Decoding with libsndfile: WAV, FLAC, Ogg, MP3, AIFF and more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from voxaffect.audio.content import cannot_read
from voxaffect.audio.decoded import BLOCK_SECONDS, Block, Blocks
from voxaffect.audio.layout import Part, cut_short, damaged
from voxaffect.errors import AudioError
from voxaffect.files import describe_reason
from voxaffect.runtime.forks import no_fork

_MAX_BLOCK_SAMPLES = 1 << 22
_EXACT_CONTAINERS = frozenset({"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC"})
_EXACT_ENCODINGS = frozenset(
    {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"}
)
_ESTIMATE_FACTOR = 128  # between the shortest and the longest frame of MPEG audio lies less


class OpenError(Exception):
    """libsndfile cannot open a recording; the text is its reason."""


@contextmanager
def open_part(part: Part, block_seconds: float = BLOCK_SECONDS) -> Iterator[Blocks]:
    """Open a recording, or one of the parts that it was joined from.

    Parameters
    ----------
    part : Part
    block_seconds : float

    Yields
    ------
    Blocks

    Raises
    ------
    OpenError
        If libsndfile cannot open it.
    AudioError
        On the way or at the end: if it is damaged, or cut short.
    """
    import soundfile

    view = part.view
    pretense = view.claim(view.size * _ESTIMATE_FACTOR) if part.is_estimated else nullcontext()
    try:
        with pretense, no_fork:
            file = soundfile.SoundFile(view)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        if view.error:
            raise cannot_read(view.content.name, view.error) from error
        raise OpenError(describe_reason(error)) from error
    with file:
        # soundfile seeks after every read to where it is already. That empties the decoder's
        # bit reservoir in an MP3, and fails in a FLAC of unknown length.
        file.seekable = lambda: False
        frames = 0 if part.is_estimated or file.frames >= 1 << 48 else file.frames
        blocks = _read_blocks(file, part, block_seconds)
        seek = _seek_in(file, part) if _is_exact(file, part) else None
        yield Blocks(
            view.content.name,
            file.samplerate,
            file.channels,
            frames,
            blocks,
            file.format,
            file.subtype,
            seek,
        )


def _is_exact(file: Any, part: Part) -> bool:
    """Whether each sample is found by its number, and sounds the same without those before it."""
    is_known = not part.is_estimated and file.frames < 1 << 48
    return is_known and file.format in _EXACT_CONTAINERS and file.subtype in _EXACT_ENCODINGS


def _seek_in(file: Any, part: Part) -> Callable[[int], None]:
    import soundfile

    def seek(frame: int) -> None:
        try:
            with no_fork:
                file.seek(frame)
        except (soundfile.LibsndfileError, OSError, ValueError) as error:
            raise _broken(part, error) from error

    return seek


def _read_blocks(file: Any, part: Part, block_seconds: float) -> Iterator[Block]:
    import soundfile

    name = part.view.content.name
    size = int(block_seconds * file.samplerate)
    size = max(1, min(size, _MAX_BLOCK_SAMPLES // file.channels))
    held = file.tell() if _is_exact(file, part) else 0  # not 0 after a seek
    while True:
        try:
            with no_fork:
                block = file.read(size, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError, ValueError) as error:
            raise _broken(part, error) from error
        if part.view.error:
            raise cannot_read(name, part.view.error) from part.view.error
        held += len(block)
        if len(block):
            yield block
        if len(block) < size:
            break
    if part.frames is not None and held < part.frames:
        raise cut_short(name, part.frames, held, "samples")


def _broken(part: Part, error: Exception) -> AudioError:
    """Error for a recording that cannot be decoded to its end."""
    name = part.view.content.name
    if part.view.error:
        return cannot_read(name, part.view.error)
    if part.frames is not None and part.view.is_at_end:
        return cut_short(name, part.frames, None, "samples")
    return damaged(name, f"not readable as audio to its end ({describe_reason(error)})")
