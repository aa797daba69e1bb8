"""Decoding with libsndfile: WAV, FLAC, Ogg, MP3, AIFF and more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from voxaffect.audio.content import View, cannot_read, reason_of
from voxaffect.audio.decoded import BLOCK_SECONDS, Block, Decoded
from voxaffect.errors import AudioError

_MAX_BLOCK_SAMPLES = 1 << 22
# libsndfile reports a data chunk that the file cannot hold in its log, and reads on regardless.
_SHORT_CHUNK = re.compile(
    r"(?:data|SSND|Data Size|riff)\s*: (?P<promised>\d+) \(should be (?P<held>\d+)\)"
    r"|frame count (?P<frames_held>\d+) does not match .* of (?P<frames_promised>\d+)"
)
_CUT_OGG = re.compile(r"lacks an end-of-stream bit|Junk after the last page|ended unexpectedly")
_OPEN_ENDED = 0x7FFF_0000  # streamed WAVs carry a size near 2^31 or 2^32 that means "unknown"


@contextmanager
def decode(view: View) -> Iterator[Decoded]:
    """Open a recording with libsndfile.

    Parameters
    ----------
    view : View
        Its bytes.

    Yields
    ------
    Decoded

    Raises
    ------
    AudioError
        If libsndfile cannot read it, or it is cut short.
    """
    import soundfile

    name = view.content.name
    try:
        file = soundfile.SoundFile(view)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        raise unreadable(view, error) from error
    with file:
        # soundfile seeks after every read to where it is already. That empties the decoder's
        # bit reservoir in an MP3, and fails in a FLAC of unknown length.
        file.seekable = lambda: False
        # What the header itself contradicts is found before an hour of work.
        log = file.extra_info
        check_whole(file.frames, file.frames, log=log, name=name)
        frames = file.frames if file.frames < 1 << 48 else 0
        yield Decoded(
            file.samplerate, file.channels, frames, _blocks(file, view, log),
            file.format, file.subtype,
        )  # fmt: skip


def _blocks(file: Any, view: View, log: str) -> Iterator[Block]:
    import soundfile

    size = int(BLOCK_SECONDS * file.samplerate)
    size = max(1, min(size, _MAX_BLOCK_SAMPLES // file.channels))
    held = 0
    while True:
        try:
            block = file.read(size, dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, OSError, ValueError, MemoryError) as error:
            raise unreadable(view, error) from error
        if view.error:
            raise cannot_read(view.content.name, view.error) from view.error
        held += len(block)
        if len(block):
            yield block
        if len(block) < size:
            break
    check_whole(held, file.frames, log=log, name=view.content.name)


def unreadable(view: View, error: Exception) -> AudioError:
    """Error for a recording on which libsndfile gives up."""
    if view.error:
        return cannot_read(view.content.name, view.error)
    return AudioError(
        f"{view.content.name}: not readable as audio ({reason_of(error)}). "
        "Convert it to WAV or FLAC, for example with: ffmpeg -i FILE FILE.wav"
    )


def check_whole(read_frames: int, promised_frames: int, *, log: str, name: str) -> None:
    """Refuse a file that ends before its header says; a pad byte more or less is no loss."""
    if _CUT_OGG.search(log):
        raise AudioError(
            f"{name}: cut short, its last page is missing or broken. Copy or download it again."
        )
    chunk, unit = _SHORT_CHUNK.search(log), "frames"
    promised, held = promised_frames, read_frames
    if chunk and chunk["promised"]:
        promised, held, unit = int(chunk["promised"]), int(chunk["held"]), "bytes of sound"
    elif chunk:
        promised, held = int(chunk["frames_promised"]), int(chunk["frames_held"])
    if held + 1 < promised < _OPEN_ENDED:
        raise AudioError(
            f"{name}: cut short, its header promises {promised} {unit} and it holds {held}. "
            "Copy or download it again."
        )
