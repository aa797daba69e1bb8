"""Sound: from a path, bytes, a stream or an array to one mono ``Signal``.

Conventions: samples are float32 between −1 and 1, mono, one-dimensional. Several
channels are mixed down by their mean. A sample rate is always given, never assumed.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError

Samples = NDArray[np.float32]

MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 192_000
MIN_SECONDS = 0.25
MAX_PEAK = 1e6
"""Float samples nominally stay within 1; far over it, power overflows single precision."""
MIN_PEAK = 1e-6
"""Under −120 dB there is no sound, only rounding."""
EXTENSIONS = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf",
     ".w64", ".rf64"}
)  # fmt: skip

# libsndfile reports a data chunk that the file cannot hold in its log, and reads on regardless.
_SHORT_CHUNK = re.compile(
    r"(?:data|SSND|Data Size|riff)\s*: (?P<promised>\d+) \(should be (?P<held>\d+)\)"
    r"|frame count (?P<frames_held>\d+) does not match .* of (?P<frames_promised>\d+)"
)
_CUT_OGG = re.compile(r"lacks an end-of-stream bit|Junk after the last page|ended unexpectedly")
_OPEN_ENDED = 0x7FFF_0000  # streamed WAVs carry a size near 2^31 or 2^32 that means "unknown"


@dataclass(frozen=True, eq=False)
class Signal:
    """One mono recording in memory.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32, nominally between −1 and 1
    rate_hz : int
        Sampling rate, 8,000 to 192,000 Hz.
    name : str
        What messages call the recording: its path, or ``<array>``.

    Raises
    ------
    AudioError
        If the samples are not one-dimensional, are empty, hold NaN or infinity,
        or if the rate is out of range.
    """

    samples: Samples
    rate_hz: int
    name: str = field(default="<array>")

    def __post_init__(self) -> None:
        check_rate(self.rate_hz, self.name)
        check_samples(self.samples, self.name)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


Source = str | Path | bytes | BinaryIO | NDArray[Any] | Signal


def check_rate(rate_hz: int, name: str) -> None:
    """Refuse a rate out of range."""
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            f"{name}: sampled at {rate_hz} Hz, {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz are supported. "
            "Resample it first."
        )


def check_samples(samples: Samples, name: str) -> None:
    """Refuse what is not mono float32, empty, or holds NaN or infinity."""
    if samples.ndim != 1 or samples.dtype != np.float32:
        raise AudioError(
            f"{name}: expected one-dimensional float32 samples, "
            f"found {samples.dtype} of shape {samples.shape}."
        )
    if not len(samples):
        raise AudioError(f"{name}: holds no samples. Record it again.")
    check_finite(samples, name)


def check_finite(samples: Samples, name: str) -> None:
    """Refuse NaN and infinity."""
    # The sum is NaN or infinite when any sample is: one pass instead of two, no temporary.
    with np.errstate(invalid="ignore"):  # infinities of both signs
        total = samples.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise AudioError(f"{name}: holds NaN or infinite samples. Repair or re-export it.")


def read(source: str | Path | bytes | BinaryIO, *, name: str | None = None) -> Signal:
    """Decode a recording at its own rate and mix it down to mono.

    Parameters
    ----------
    source : path, bytes or binary stream
        Anything that libsndfile decodes: WAV of any width, FLAC, OGG, Opus, MP3, AIFF …
    name : str, optional
        What messages call the recording; the path by default.

    Returns
    -------
    Signal

    Raises
    ------
    AudioError
        If there is no such file, or it is empty, cut short or not audio.
    """
    import soundfile

    name = name or name_of(source)
    content = content_of(source, name)
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            promised = file.frames
            samples = _decoded(file)
            rate_hz, log = file.samplerate, file.extra_info
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError, MemoryError) as error:
        raise unreadable(name, error) from error
    check_whole(len(samples), promised, log=log, name=name)
    return Signal(mix_down(samples), rate_hz, name)


_BLOCK_SAMPLES = 1 << 22


def go_forward(file: Any) -> None:
    """Keep soundfile from seeking, after every read of an MP3, to where it is already.

    It empties the decoder's bit reservoir there, and the next block begins with a glitch.
    """
    if file.format == "MP3":
        file.seekable = lambda: False


def unreadable(name: str, error: Exception) -> AudioError:
    """What to raise where libsndfile gives up."""
    return AudioError(
        f"{name}: not readable as audio ({reason_of(error)}). "
        "Convert it to WAV or FLAC, for example with: ffmpeg -i FILE FILE.wav"
    )


def _decoded(file: Any) -> NDArray[np.float32]:
    """Read to the end in blocks: a header may not know the length, or claim a wild one."""
    go_forward(file)
    frames = max(1, _BLOCK_SAMPLES // file.channels)
    blocks = [file.read(frames, dtype="float32", always_2d=True)]
    while len(blocks[-1]) == frames:
        blocks.append(file.read(frames, dtype="float32", always_2d=True))
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)


def name_of(source: object) -> str:
    """What messages call a recording."""
    return str(source) if isinstance(source, str | Path) else "<bytes>"


def content_of(source: str | Path | bytes | BinaryIO, name: str | None = None) -> bytes:
    """Bytes of a recording, wherever it is.

    Parameters
    ----------
    source : path, bytes or binary stream
    name : str, optional
        What messages call it.

    Returns
    -------
    bytes

    Raises
    ------
    AudioError
        If there is no such regular file, it cannot be read, or there are no bytes.
    """
    name = name or name_of(source)
    if isinstance(source, str | Path):
        content = _content_of_file(Path(source), name)
    elif isinstance(source, bytes | bytearray | memoryview):
        content = bytes(source)
    elif hasattr(source, "read"):
        content = source.read()
    else:
        raise AudioError(
            f"{name}: expected a path, bytes, a binary stream or an array, "
            f"found {type(source).__name__}."
        )
    if not isinstance(content, bytes):
        raise AudioError(f"{name}: expected a stream of bytes, found {type(content).__name__}.")
    if not content:
        raise AudioError(f"{name}: empty, 0 bytes long. Record or copy it again.")
    return content


def check_file(path: Path, name: str) -> None:
    """Refuse what is not a regular file.

    Raises
    ------
    AudioError
        If there is none, or it is a folder, a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise AudioError(f"{name}: no such file.") from error
    except (OSError, ValueError) as error:
        raise AudioError(f"{name}: cannot be read ({reason_of(error)}).") from error
    if stat.S_ISDIR(mode):
        raise AudioError(f"{name}: is a folder, expected a recording.")
    if not stat.S_ISREG(mode):
        raise AudioError(f"{name}: is a pipe or a device, expected a regular file.")


def _content_of_file(path: Path, name: str) -> bytes:
    check_file(path, name)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise AudioError(f"{name}: cannot be read ({reason_of(error)}).") from error


def reason_of(error: Exception) -> str:
    """What a library says went wrong."""
    text = getattr(error, "error_string", None) or getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".")


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


def mix_down(samples: NDArray[Any]) -> Samples:
    """Mean of all channels.

    Parameters
    ----------
    samples : ndarray, shape (n,) or (n, channels)

    Returns
    -------
    ndarray, shape (n,), float32
    """
    if samples.ndim == 2:
        # Adding columns is ten times faster than a mean over so short an axis.
        channels = samples.shape[1]
        if channels == 1:
            return np.ascontiguousarray(samples[:, 0], dtype=np.float32)
        samples = sum(samples[:, place] for place in range(1, channels)) + samples[:, 0]
        samples = samples / samples.dtype.type(channels)
    return np.ascontiguousarray(samples, dtype=np.float32)


def as_signal(source: Source, rate_hz: int | None = None) -> Signal:
    """Turn a path, bytes, a binary stream, an array or a ``Signal`` into a ``Signal``.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels); integers are scaled by their full range.
    rate_hz : int, optional
        Sampling rate of an array, and of an array only: a file knows its own.

    Returns
    -------
    Signal

    Raises
    ------
    AudioError
        As ``read``; and if an array comes without a rate, or something else with one.
    """
    if isinstance(source, np.ndarray):
        if rate_hz is None:
            raise AudioError("<array>: an array needs its rate: rate_hz=…")
        return Signal(mix_down(as_floats(source)), rate_hz)
    if rate_hz is not None:
        raise AudioError("rate_hz goes with an array; a file or Signal knows its own rate.")
    return source if isinstance(source, Signal) else read(source)


def as_floats(samples: NDArray[Any]) -> NDArray[Any]:
    """Scale integers as soundfile does: the most negative value becomes −1."""
    if samples.ndim not in (1, 2) or 0 in samples.shape[1:]:
        raise AudioError(f"<array>: expected shape (n,) or (n, channels), found {samples.shape}.")
    if np.issubdtype(samples.dtype, np.signedinteger):
        return samples / np.float32(-float(np.iinfo(samples.dtype).min))
    if np.issubdtype(samples.dtype, np.floating):
        return samples
    raise AudioError(f"<array>: expected signed integers or floats, found {samples.dtype}.")


def resample(signal: Signal, rate_hz: int) -> Signal:
    """Resample with soxr at its highest quality; the same signal if the rate is right already.

    Parameters
    ----------
    signal : Signal
    rate_hz : int
        Wanted sampling rate.

    Returns
    -------
    Signal
    """
    if signal.rate_hz == rate_hz:
        return signal
    import soxr

    samples = soxr.resample(signal.samples, signal.rate_hz, rate_hz, quality="VHQ")
    return Signal(np.ascontiguousarray(samples, dtype=np.float32), rate_hz, signal.name)


def fingerprint(signal: Signal) -> str:
    """Digest of samples and rate: equal for the same recording, whatever its file is called."""
    digest = hashlib.blake2b(signal.samples.tobytes(), digest_size=16)
    digest.update(f"{signal.samples.shape} {signal.rate_hz}".encode())
    return digest.hexdigest()


def check_usable(signal: Signal) -> None:
    """Refuse a recording from which no feature can be meant: too short, or silent throughout.

    Parameters
    ----------
    signal : Signal

    Raises
    ------
    AudioError
        If it is shorter than 0.25 s, moves by less than −120 dB of full scale, or is so
        loud that its power overflows.
    """
    if len(signal.samples) < int(MIN_SECONDS * signal.rate_hz):
        milliseconds = int(1000 * signal.seconds)  # never rounded up to what is needed
        raise AudioError(
            f"{signal.name}: {milliseconds / 1000} s long, at least {MIN_SECONDS} s are needed. "
            "Record longer."
        )
    low, high = float(signal.samples.min()), float(signal.samples.max())
    if high - low < MIN_PEAK:
        raise AudioError(
            f"{signal.name}: silent, every sample is {low:g}. Check the microphone or the export."
        )
    if max(-low, high) > MAX_PEAK:
        raise AudioError(
            f"{signal.name}: samples reach {max(-low, high):.2g}, expected −1 to 1. Normalise it."
        )
