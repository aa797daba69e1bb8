"""Decoding with FFmpeg: its libraries through PyAV, or else the program ``ffmpeg``.

Only the bytes of the recording itself are read. No format that refers to other files or to the
network is opened, and a file that a recording refers to is never opened either.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio.content import Content, View, reading_error
from voxaffect.audio.parts import (
    BLOCK_SECONDS,
    Block,
    Blocks,
    change_error,
    damage_error,
    length_error,
)
from voxaffect.audio.signal import MIN_PEAK, empty_error
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
_PROGRAM_INPUT = "-nostdin -v error -xerror -protocol_whitelist file,pipe,fd"
_PROGRAM_OUTPUT = "-vn -sn -dn -c:a pcm_f32be -f au pipe:1"


def is_installed() -> bool:
    """True if PyAV, or else a program ``ffmpeg``, is there."""
    return _import_av() is not None or _find_program() is not None


def _import_av() -> Any:
    """PyAV; None if it is missing or broken."""
    try:
        import av
    except ImportError:
        return None
    return av if hasattr(av, "FFmpegError") else None


def _find_program() -> str | None:
    return shutil.which("ffmpeg") if os.name == "posix" else None


@contextmanager
def decode(content: Content, start: int, kind: Kind) -> Iterator[Blocks]:
    """Open a recording, which begins at `start` behind tags, with FFmpeg."""
    av, name = _import_av(), content.name
    if av is None:
        program = _find_program()
        if program is None:
            raise AudioError(
                f"{name}: is {kind.name}. Reading it needs FFmpeg. {INSTALL}",
                code="unsupported_format",
            )
        with _decode_by_program(content, kind, program) as blocks:
            yield blocks
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
            raise _unreadable_error(view, kind, error) from error
        yield _open_stream(av, container, view, kind)


def _refuse_reference(*_: Any) -> Any:
    raise OSError("refers to another file")


def _open_stream(av: Any, container: Any, view: View, kind: Kind) -> Blocks:
    stream = container.streams.best("audio")
    name = view.content.name
    if stream is None:
        raise _no_stream_error(name, kind)
    codec = stream.codec_context
    if codec is None:
        raise AudioError(
            f"{name}: its sound is coded in a way that FFmpeg does not know. Export it again as "
            "WAV, FLAC or AAC.",
            code="unsupported_format",
        )
    if codec.name in _CHECKED_CODECS:
        codec.options = {"err_detect": "crccheck+explode"}
    frames = _read_frames(av, container, stream, view, kind)
    first = next(frames, None)
    if first is None:
        raise empty_error(name)
    rate_hz, promised = first.sample_rate, 0
    if stream.duration and stream.time_base:
        promised = round(stream.duration * stream.time_base * rate_hz)
    elif container.duration:
        promised = round(container.duration / 1e6 * rate_hz)
    blocks = _join_parts(_read_samples(first, frames, name), rate_hz)
    if kind.format in _EXACT_FORMATS:
        blocks = _check_count(blocks, promised, name)
    tracks = container.streams.audio
    if len(tracks) > 1:
        number = 1 + [track.index for track in tracks].index(stream.index)
        blocks = _check_audible(blocks, number, len(tracks), name)
    return Blocks(
        name,
        rate_hz,
        first.layout.nb_channels,
        max(0, promised),
        blocks,
        kind.format.upper(),
        codec.name.upper(),
    )


def _read_frames(av: Any, container: Any, stream: Any, view: View, kind: Kind) -> Iterator[Any]:
    """Frames of a stream; a broken one is an error."""
    name = view.content.name
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt:
                raise damage_error(name, "a packet of its sound is broken")
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise damage_error(name, "a frame of its sound is broken")
                yield frame
    except (av.FFmpegError, OSError, ValueError, MemoryError) as error:
        raise _unreadable_error(view, kind, error) from error
    if view.error:
        raise reading_error(name, view.error) from view.error


def _read_samples(first: Any, frames: Iterator[Any], name: str) -> Iterator[Block]:
    """Samples of each frame; all must have one rate and one number of channels."""
    before, count = (first.sample_rate, first.layout.nb_channels), 0
    frame = first
    while frame is not None:
        after = (frame.sample_rate, frame.layout.nb_channels)
        if after != before:
            raise change_error(name, before, after, count / before[0], "Export it again")
        count += frame.samples
        yield _scale(frame)
        frame = next(frames, None)


def _scale(frame: Any) -> Block:
    """Samples of a frame between −1 and 1, shape (n, channels)."""
    samples: NDArray[Any] = frame.to_ndarray()
    form = frame.format.name.rstrip("p")
    samples = samples.T if frame.format.is_planar else samples.reshape(frame.samples, -1)
    if form in _FULL_SCALE:
        samples = (samples - (128.0 if form == "u8" else 0.0)) / _FULL_SCALE[form]
    return np.ascontiguousarray(samples, dtype=np.float32)


def _join_parts(parts: Iterable[Block], rate_hz: int) -> Iterator[Block]:
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


def _check_count(blocks: Iterator[Block], promised: int, name: str) -> Iterator[Block]:
    """Blocks of a file whose header states how many samples there are."""
    held = 0
    for block in blocks:
        held += len(block)
        yield block
    if held + 1 < promised:
        raise length_error(name, promised, held, "samples")


def _check_audible(blocks: Iterator[Block], number: int, count: int, name: str) -> Iterator[Block]:
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


def _unreadable_error(view: View, kind: Kind, error: Exception) -> AudioError:
    if view.error:
        return reading_error(view.content.name, view.error)
    return _decoding_error(view.content.name, kind, describe_reason(error))


def _decoding_error(name: str, kind: Kind, reason: str) -> AudioError:
    if _NOT_IMPLEMENTED in reason:
        return AudioError(
            f"{name}: is {kind.name} of a variant that FFmpeg does not decode. Convert it to WAV "
            "or FLAC with another program.",
            code="unsupported_format",
        )
    return AudioError(
        f"{name}: not readable as {kind.name} ({reason}). It is damaged or cut short: copy or "
        "download it again.",
        code="damaged",
    )


def _no_stream_error(name: str, kind: Kind) -> AudioError:
    return AudioError(
        f"{name}: has no sound, it is {kind.name} without an audio stream.",
        code="unsupported_format",
    )


@dataclass(frozen=True)
class _Program:
    """The program ``ffmpeg`` at work on a recording."""

    name: str
    kind: Kind
    process: subprocess.Popen[bytes]
    messages: IO[bytes]

    def read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        return self.process.stdout.read(size)

    def read_blocks(self, rate_hz: int, channels: int) -> Iterator[Block]:
        frame_bytes = 4 * channels
        while data := self.read(int(BLOCK_SECONDS * rate_hz) * frame_bytes):
            whole = data[: len(data) // frame_bytes * frame_bytes]
            yield np.frombuffer(whole, dtype=">f4").astype(np.float32).reshape(-1, channels)
        if self.process.wait():
            raise self.make_error()

    def make_error(self) -> AudioError:
        """Error with the last line that the program printed."""
        self.process.wait()
        self.messages.seek(0)
        text = self.messages.read(4096).decode("utf-8", "replace").strip()
        if not text:
            return AudioError(
                f"{self.name}: is {self.kind.name}, and ffmpeg decodes no sound of it. Copy it "
                "again, or convert it to WAV or FLAC with another program."
            )
        reason = text.splitlines()[-1].strip().rstrip(".")
        if "does not contain any stream" in reason or "matches no streams" in reason:
            return _no_stream_error(self.name, self.kind)
        reason = _NOT_IMPLEMENTED if _NOT_IMPLEMENTED in text else reason
        return _decoding_error(self.name, self.kind, f"ffmpeg: {reason}")


@contextmanager
def _decode_by_program(content: Content, kind: Kind, program: str) -> Iterator[Blocks]:
    """Decode with the program ``ffmpeg``, which reads the open file or a copy in memory."""
    with ExitStack() as stack:
        source = content.file or stack.enter_context(_open_copy(content))
        os.lseek(source.fileno(), 0, os.SEEK_SET)  # /dev/fd shares the position on some systems
        messages = stack.enter_context(tempfile.TemporaryFile())
        source_arguments = ["-f", kind.format, "-i", f"file:/dev/fd/{source.fileno()}"]
        process = stack.enter_context(
            subprocess.Popen(
                [program, *_PROGRAM_INPUT.split(), *source_arguments, *_PROGRAM_OUTPUT.split()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
                pass_fds=(source.fileno(),),
            )
        )
        stack.callback(process.kill)
        output = _Program(content.name, kind, process, messages)
        head = output.read(24)
        if len(head) < 24:
            raise output.make_error()
        offset, _, _, rate_hz, channels = struct.unpack(">4x5I", head)
        output.read(offset - 24)
        blocks = output.read_blocks(rate_hz, channels)
        yield Blocks(content.name, rate_hz, channels, 0, blocks, kind.format.upper())


@contextmanager
def _open_copy(content: Content) -> Iterator[IO[bytes]]:
    """Copy in a file without a name, which stays in memory where the system can do that."""
    with ExitStack() as stack:
        if hasattr(os, "memfd_create"):
            copy = stack.enter_context(os.fdopen(os.memfd_create("recording"), "w+b"))
        else:
            copy = stack.enter_context(tempfile.TemporaryFile())
        for start in range(0, content.size, 1 << 20):
            copy.write(content.read(start, 1 << 20))
        copy.flush()
        copy.seek(0)
        yield copy
