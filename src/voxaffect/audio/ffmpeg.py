"""Decoding with FFmpeg: its libraries through PyAV, or else the program ``ffmpeg``.

Only the bytes of the recording itself are read. No format that refers to other files or to the
network is opened, and what a file refers to is never opened either.
"""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio.content import Content, View, cannot_read
from voxaffect.audio.decoded import BLOCK_SECONDS, Block, Blocks
from voxaffect.audio.layout import cut_short, damaged
from voxaffect.audio.signal import MIN_PEAK
from voxaffect.errors import AudioError
from voxaffect.files import describe_reason
from voxaffect.files.media import Kind

_CHECKED_CODECS = frozenset({"wavpack", "tta", "flac", "ac3", "eac3", "ape", "tak", "dca", "mp2"})
"""Codecs whose checksums FFmpeg compares if it is asked to."""
_EXACT_FORMATS = frozenset({"wv", "tta", "ape", "tak", "dsf"})
"""Formats whose header states the number of samples."""
_NOT_IMPLEMENTED = "Not yet implemented in FFmpeg"
"""How FFmpeg describes a coding that it knows by name only."""
INSTALL = 'Install its libraries: pip install "voxaffect[media]"' + (
    ", or the program ffmpeg." if os.name == "posix" else ""
)
"""How to install FFmpeg. The program alone is used where it can read an open file."""
_FULL_SCALE = {"u8": 2.0**7, "s16": 2.0**15, "s32": 2.0**31, "s64": 2.0**63}


def is_installed() -> bool:
    """Whether PyAV, or else a program ``ffmpeg``, is there."""
    return _import_av() is not None or _find_program() is not None


def _import_av() -> Any:
    """PyAV; None if it is missing, or broken, which another thread may notice first."""
    try:
        import av
    except ImportError:
        return None
    return av if hasattr(av, "FFmpegError") else None


def _find_program() -> str | None:
    return shutil.which("ffmpeg") if os.name == "posix" else None


@contextmanager
def decode(content: Content, start: int, kind: Kind) -> Iterator[Blocks]:
    """Open a recording with FFmpeg.

    Parameters
    ----------
    content : Content
    start : int
        Offset of the recording behind tags.
    kind : Kind
        What it is.

    Yields
    ------
    Blocks

    Raises
    ------
    AudioError
        If FFmpeg cannot read it, it holds no sound, or neither PyAV nor ffmpeg is installed.
    """
    av = _import_av()
    if av is None:
        program = _find_program()
        if program is None:
            raise _not_installed(content.name, kind)
        with _decode_by_program(content, kind, program) as decoded:
            yield decoded
        return
    view = View(content, [(start, content.size)])
    with ExitStack() as stack:
        try:
            container = stack.enter_context(
                av.open(
                    view,
                    format=kind.format,
                    io_open=_refuse_reference,
                    options={"protocol_whitelist": "none"},
                    metadata_errors="ignore",
                )
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise _unreadable(view, kind, error) from error
        yield _open_stream(av, container, view, kind)


def _refuse_reference(*_: Any) -> Any:
    raise OSError("refers to another file")


def _open_stream(av: Any, container: Any, view: View, kind: Kind) -> Blocks:
    stream = container.streams.best("audio")
    name = view.content.name
    if stream is None:
        raise AudioError(f"{name}: has no sound, it is {kind.name} without an audio stream.")
    codec = stream.codec_context
    if codec is None:
        raise AudioError(
            f"{name}: its sound is coded in a way that FFmpeg does not know. Export it again as "
            "WAV, FLAC or AAC."
        )
    if codec.name in _CHECKED_CODECS:
        codec.options = {"err_detect": "crccheck+explode"}
    frames = _frames(av, container, stream, view, kind)
    first = next(frames, None)
    if first is None:
        raise AudioError(f"{name}: holds no samples. Record it again.")
    promised = 0
    if stream.duration and stream.time_base:
        promised = round(stream.duration * stream.time_base * first.sample_rate)
    elif container.duration:
        promised = round(container.duration / 1e6 * first.sample_rate)
    blocks = _blocks(_samples(first, frames, name), first.sample_rate)
    if kind.format in _EXACT_FORMATS:
        blocks = _counted(blocks, promised, name)
    tracks = container.streams.audio
    if len(tracks) > 1:
        number = 1 + [track.index for track in tracks].index(stream.index)
        blocks = _audible(blocks, number, len(tracks), name)
    return Blocks(
        name,
        first.sample_rate,
        first.layout.nb_channels,
        max(0, promised),
        blocks,
        kind.format.upper(),
        codec.name.upper(),
    )


def _frames(av: Any, container: Any, stream: Any, view: View, kind: Kind) -> Iterator[Any]:
    """Blocks frames; a broken one is an error."""
    name = view.content.name
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise damaged(name, "a packet of its sound is broken")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise damaged(name, "a frame of its sound is broken")
                yield frame
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise _unreadable(view, kind, error) from error
    if view.error:
        raise cannot_read(name, view.error) from view.error


def _samples(first: Any, frames: Iterator[Any], name: str) -> Iterator[Block]:
    """Samples of each frame; all must have one rate and one number of channels."""
    rate_hz, channels, count = first.sample_rate, first.layout.nb_channels, 0
    frame = first
    while frame is not None:
        if (frame.sample_rate, frame.layout.nb_channels) != (rate_hz, channels):
            raise AudioError(
                f"{name}: changes from {rate_hz} Hz, {channels} channels, to {frame.sample_rate} "
                f"Hz, {frame.layout.nb_channels} channels, after {count / rate_hz:.1f} s. Export "
                "it again."
            )
        count += frame.samples
        yield _floats(frame)
        frame = next(frames, None)


def _floats(frame: Any) -> Block:
    """Samples of a frame between −1 and 1, shape (n, channels)."""
    samples: NDArray[Any] = frame.to_ndarray()
    form = frame.format.name.rstrip("p")
    samples = samples.T if frame.format.is_planar else samples.reshape(frame.samples, -1)
    if form in _FULL_SCALE:
        samples = (samples - (128.0 if form == "u8" else 0.0)) / _FULL_SCALE[form]
    return np.ascontiguousarray(samples, dtype=np.float32)


def _blocks(parts: Iterable[Block], rate_hz: int) -> Iterator[Block]:
    """Blocks of two seconds from parts of any length."""
    size = int(BLOCK_SECONDS * rate_hz)
    waiting: list[Block] = []
    count = 0
    for part in parts:
        waiting.append(part)
        count += len(part)
        if count >= size:
            samples = np.concatenate(waiting)
            for start in range(0, count - size + 1, size):
                yield samples[start : start + size]
            waiting = [samples[count - count % size :]]
            count %= size
    if count:
        yield np.concatenate(waiting)


def _counted(blocks: Iterator[Block], promised: int, name: str) -> Iterator[Block]:
    """Blocks of a file whose header states how many samples there are."""
    held = 0
    for block in blocks:
        held += len(block)
        yield block
    if held + 1 < promised:
        raise cut_short(name, promised, held, "samples")


def _audible(blocks: Iterator[Block], number: int, count: int, name: str) -> Iterator[Block]:
    """Blocks of one of several sound tracks, refused if all of it is silent."""
    low, high = np.inf, -np.inf
    for block in blocks:
        low, high = min(low, block.min()), max(high, block.max())
        yield block
    if high - low < MIN_PEAK:
        other = 2 if number == 1 else 1
        raise AudioError(
            f"{name}: the sound track that is read is silent, number {number} of {count}. Take "
            f"another out with, for example: ffmpeg -i FILE -map 0:a:{other - 1} track{other}.wav"
        )


def _unreadable(view: View, kind: Kind, error: Exception) -> AudioError:
    if view.error:
        return cannot_read(view.content.name, view.error)
    return _undecodable(view.content.name, kind, describe_reason(error), "")


def _undecodable(name: str, kind: Kind, reason: str, source: str) -> AudioError:
    if _NOT_IMPLEMENTED in reason:
        return AudioError(
            f"{name}: is {kind.name} of a variant that FFmpeg does not decode. Convert it to WAV "
            "or FLAC with another program."
        )
    return AudioError(
        f"{name}: not readable as {kind.name} ({source}{reason}). It is damaged or cut short: copy "
        "or download it again."
    )


def _not_installed(name: str, kind: Kind) -> AudioError:
    return AudioError(f"{name}: is {kind.name}. Reading it needs FFmpeg. {INSTALL}")


@contextmanager
def _decode_by_program(content: Content, kind: Kind, program: str) -> Iterator[Blocks]:
    """Decode with the program ``ffmpeg``, which reads the open file or a copy in memory."""
    with ExitStack() as stack:
        source = stack.enter_context(_file_of(content))
        notes = stack.enter_context(tempfile.TemporaryFile())
        command = [
            program,
            "-nostdin",
            "-v",
            "error",
            "-xerror",
            "-protocol_whitelist",
            "file,pipe,fd",
            "-f",
            kind.format,
            "-i",
            f"file:/dev/fd/{source.fileno()}",
            "-vn",
            "-sn",
            "-dn",
            "-c:a",
            "pcm_f32be",
            "-f",
            "au",
            "pipe:1",
        ]
        process = stack.enter_context(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=notes,
                pass_fds=(source.fileno(),),
            )
        )
        stack.callback(process.kill)
        assert process.stdout is not None
        head = process.stdout.read(24)
        if len(head) < 24:
            raise _failed(process, notes, content.name, kind)
        offset, _, _, rate_hz, channels = struct.unpack(">4x5I", head)
        process.stdout.read(offset - 24)
        blocks = _of_program(process, notes, content.name, kind, rate_hz, channels)
        yield Blocks(content.name, rate_hz, channels, 0, blocks, kind.format.upper())


def _of_program(
    process: subprocess.Popen[bytes],
    notes: IO[bytes],
    name: str,
    kind: Kind,
    rate_hz: int,
    channels: int,
) -> Iterator[Block]:
    assert process.stdout is not None
    size = int(BLOCK_SECONDS * rate_hz) * channels * 4
    while data := process.stdout.read(size):
        samples = np.frombuffer(data[: len(data) // (4 * channels) * 4 * channels], dtype=">f4")
        yield samples.astype(np.float32).reshape(-1, channels)
    if process.wait():
        raise _failed(process, notes, name, kind)


def _failed(
    process: subprocess.Popen[bytes], notes: IO[bytes], name: str, kind: Kind
) -> AudioError:
    process.wait()
    notes.seek(0)
    lines = notes.read(4096).decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return AudioError(
            f"{name}: is {kind.name}, and ffmpeg decodes no sound of it. Copy it again, "
            "or convert it to WAV or FLAC with another program."
        )
    reason = lines[-1].strip().rstrip(".")
    if "does not contain any stream" in reason or "matches no streams" in reason:
        return AudioError(f"{name}: has no sound, it is {kind.name} without an audio stream.")
    if any(_NOT_IMPLEMENTED in line for line in lines):
        reason = _NOT_IMPLEMENTED
    return _undecodable(name, kind, reason, "ffmpeg: ")


@contextmanager
def _file_of(content: Content) -> Iterator[Any]:
    """The open file of a recording; one in memory gets one that has no name."""
    if content.file is not None:
        yield content.file
        return
    with _memory() as memory:
        for start in range(0, content.size, 1 << 20):
            memory.write(content.read(start, 1 << 20))
        memory.flush()
        memory.seek(0, io.SEEK_SET)
        yield memory


def _memory() -> IO[bytes]:
    """A file that never comes on a disk, where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("recording"), "w+b")
    return tempfile.TemporaryFile()
