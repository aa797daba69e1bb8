"""Recordings of every kind, made with PyAV and soundfile, and what FFmpeg decodes of them."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr
from conftest import voice
from numpy.typing import NDArray


@dataclass(frozen=True)
class Coding:
    """A container, a codec and what they need."""

    container: str
    codec: str
    rate_hz: int = 16_000
    channels: int = 1
    options: tuple[tuple[str, str], ...] = ()
    bit_rate: int = 0
    is_piped: bool = field(default=False)

    def __str__(self) -> str:
        state = "piped" if self.is_piped else "seekable"
        more = "".join(f"-{value}" for _, value in self.options)
        return f"{self.container}-{self.codec}-{self.rate_hz}-{self.channels}-{state}{more}"


class _Pipe(io.RawIOBase):
    """A stream that cannot seek, as standard output often is."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.parts.append(bytes(data))
        return len(data)


@cache
def encoded(coding: Coding, seconds: float = 1.5) -> bytes:
    """A synthesized voice in some container and codec."""
    parts = [
        voice(seed, seconds=seconds, rate_hz=coding.rate_hz) for seed in range(coding.channels)
    ]
    return _encoded(coding, np.stack(parts))


@cache
def encoded_example(coding: Coding) -> bytes:
    """Real speech, the bundled example, in some container and codec."""
    content = (files("voxaffect") / "data" / "example.wav").read_bytes()
    sound, rate_hz = soundfile.read(io.BytesIO(content), dtype="float32")
    return _encoded(coding, soxr.resample(sound, rate_hz, coding.rate_hz)[None])


def _encoded(coding: Coding, sound: NDArray) -> bytes:
    if coding.codec == "libvorbis":  # PyAV brings no encoder
        return written(sound.T, coding.rate_hz, "OGG", "VORBIS")
    if ("movflags", "faststart") in coding.options:
        return _index_in_front(coding, sound)
    return _encoded_by_av(coding, sound)


def _index_in_front(coding: Coding, sound: NDArray) -> bytes:
    """FFmpeg moves the index to the front in a second pass, for which it opens the file by name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        _encoded_by_av(coding, sound, path)
        return path.read_bytes()


def _encoded_by_av(coding: Coding, sound: NDArray, path: Path | None = None) -> bytes:
    rate_hz = coding.rate_hz
    target = _Pipe() if coding.is_piped else io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[len(sound)]
    with av.open(
        str(path) if path else _only_writes(target),
        "w",
        format=coding.container,
        options=dict(coding.options),
    ) as output:
        stream = output.add_stream(coding.codec, rate=rate_hz, layout=layout)
        if coding.bit_rate:
            stream.bit_rate = coding.bit_rate
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
        frame.rate, frame.pts = rate_hz, 0
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return b"".join(target.parts) if isinstance(target, _Pipe) else target.getvalue()


class _Writer:
    """What PyAV is given of a pipe: it looks for methods, and must find no ``seek``."""

    def __init__(self, pipe: _Pipe) -> None:
        self.write = pipe.write


def _only_writes(target: _Pipe | io.BytesIO) -> object:
    return _Writer(target) if isinstance(target, _Pipe) else target


def decoded_by_ffmpeg(content: bytes, container: str | None = None) -> tuple[NDArray, int, int]:
    """Mono samples, rate and largest frame, as FFmpeg's libraries decode them."""
    parts, largest, rate_hz = [], 1, 0
    with av.open(io.BytesIO(content), format=container) as file:
        for frame in file.decode(audio=0):
            samples = frame.to_ndarray().astype(np.float64)
            if not frame.format.is_planar:
                samples = samples.reshape(frame.samples, -1).T
            scale = {"u8": 2**7, "s16": 2**15, "s32": 2**31}.get(frame.format.name.rstrip("p"), 1)
            offset = 128 if frame.format.name.startswith("u8") else 0
            parts.append(((samples - offset) / scale).mean(axis=0))
            largest, rate_hz = max(largest, frame.samples), frame.sample_rate
    return np.concatenate(parts), rate_hz, largest


def written(
    samples: NDArray,
    rate_hz: int = 16_000,
    form: str = "WAV",
    subtype: str | None = "PCM_16",
    **options: object,
) -> bytes:
    """A recording as soundfile writes it."""
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate_hz, format=form, subtype=subtype, **options)
    return stream.getvalue()
