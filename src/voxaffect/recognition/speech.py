"""Speech detection: one decision for predictions, timelines, streams and diagnoses.

The Silero voice-activity network (MIT license, see NOTICE) gives each frame of 32 ms a probability
of speech. Evidence is the logarithm of its odds, where that is positive, summed over time. A
recording, or a window of it, holds speech if the evidence is enough: 0.6, which 0.2 s of clear
speech or a second of doubtful speech reach; less for recordings under 0.8 s.

- The sound is first brought to one level, because the network expects a usual one.
- It is read from its first loud moment on, in pieces, and no further than needed.
- The network takes shrill voices for music. So, where it half suspects speech, it examines the
  sound again, played slower and thus lower.

The numbers were chosen on five corpora, clean and degraded, against music and effects of games.
`benchmarks/speech.py` measures how often speech is missed, and how often other sound passes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.runtime.forks import no_fork
from voxaffect.runtime.onnx import open_session

Samples = NDArray[np.float32]

NETWORK: Final = "silero_vad.onnx"
NETWORK_SHA256: Final = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
"""Of `silero_vad_16k_sequence.onnx` in silero-vad 6.2.3."""
RATE_HZ: Final = 16_000
FRAME_SAMPLES: Final = 512
CONTEXT_SAMPLES: Final = 64
STATE_SHAPE: Final = (1, 1, 128)
FRAME_SECONDS: Final = FRAME_SAMPLES / RATE_HZ

ENOUGH_EVIDENCE: Final = 0.6
SHORT_SECONDS: Final = 0.8
MOST_LOG_ODDS: Final = 3.0
LEAST_PROBABILITY: Final = 0.5
SUSPICIOUS_PROBABILITY: Final = 0.2
SPEEDS: Final = (1.0, 0.8, 0.65)
USUAL_RMS: Final = 0.1
LEVELS_PER_SECOND: Final = 100
ONSET_DB: Final = 40.0
ONSET_MARGIN_SECONDS: Final = 0.5
PIECE_SECONDS: Final = 0.256


@dataclass(frozen=True)
class SpeechFinding:
    """Result of a search for speech.

    Parameters
    ----------
    has_speech : bool
    seconds : float
        Length of the speech that the search came across.
    """

    has_speech: bool
    seconds: float


def has_speech(samples: Samples, rate_hz: int) -> bool:
    """True if a recording, or a window of it, holds speech.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : int

    Returns
    -------
    bool

    Examples
    --------
    >>> import numpy as np
    >>> has_speech(np.zeros(16_000, dtype=np.float32), 16_000)
    False
    """
    return find_speech(samples, rate_hz).has_speech


@no_fork
def find_speech(samples: Samples, rate_hz: int, *, is_complete: bool = False) -> SpeechFinding:
    """Search a recording, or a window of it, for speech.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : int
    is_complete : bool
        Whether to go on to the end; by default the search ends when speech is found. The
        decision is the same.

    Returns
    -------
    SpeechFinding
    """
    usual = _at_usual_level(samples, rate_hz)
    enough = ENOUGH_EVIDENCE * min(1.0, len(samples) / rate_hz / SHORT_SECONDS)
    for speed in SPEEDS:
        evidence = seconds = highest = 0.0
        for probabilities in _network_output(usual, rate_hz, speed):
            step = FRAME_SECONDS * speed
            evidence += step * float(_log_odds(probabilities).sum())
            seconds += step * int(np.count_nonzero(probabilities > LEAST_PROBABILITY))
            highest = max(highest, float(probabilities.max()))
            if evidence >= enough and not is_complete:
                break
        if evidence >= enough:
            return SpeechFinding(True, seconds)
        if highest < SUSPICIOUS_PROBABILITY:
            break
    return SpeechFinding(False, 0.0)


@no_fork
def measure_speech(samples: Samples, rate_hz: int) -> tuple[float, NDArray[np.float32]]:
    """Probability of speech of each frame of 32 ms.

    Parameters
    ----------
    samples : ndarray, shape (n,), float32
    rate_hz : int

    Returns
    -------
    float, ndarray
        Start of the first frame in seconds, and the probabilities; none in silence.
    """
    usual = _at_usual_level(samples, rate_hz)
    pieces = list(_network_output(usual, rate_hz, SPEEDS[0])) if len(usual) else []
    probabilities = np.concatenate(pieces).ravel() if pieces else np.zeros(0, dtype=np.float32)
    return (len(samples) - len(usual)) / rate_hz, probabilities


def _log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithm of the odds, from 0 to `MOST_LOG_ODDS`."""
    inside = np.clip(probabilities.astype(np.float64), LEAST_PROBABILITY, 1.0 - 1e-6)
    return np.minimum(np.log(inside / (1.0 - inside)), MOST_LOG_ODDS)


def _at_usual_level(samples: Samples, rate_hz: int) -> Samples:
    """Sound from its first loud moment on, at the level that the network expects.

    The level is the mean power of frames of 10 ms, weighted by power itself: silence around the
    speech does not count.
    """
    length = round(rate_hz / LEVELS_PER_SECOND)
    count = len(samples) // length
    centered = samples - samples.mean(dtype=np.float64).astype(np.float32)
    frames = centered[: count * length].reshape(count, length)
    powers = np.einsum("fs,fs->f", frames, frames, dtype=np.float64) / length
    total = float(powers.sum())
    if not total > 0.0:
        return samples[:0]
    level = float(powers @ powers) / total
    is_loud = powers > level * 10.0 ** (-ONSET_DB / 10.0)
    onset = int(np.argmax(is_loud)) - round(ONSET_MARGIN_SECONDS * LEVELS_PER_SECOND)
    gain = np.float32(USUAL_RMS / np.sqrt(level))
    return np.asarray(centered[max(onset, 0) * length :] * gain)


def _network_output(samples: Samples, rate_hz: int, speed: float) -> Iterator[NDArray[np.float32]]:
    """Probabilities of the frames of a sound, piece by piece."""
    session = _open_network()
    hidden = cell = np.zeros(STATE_SHAPE, dtype=np.float32)
    context = np.zeros(CONTEXT_SAMPLES, dtype=np.float32)
    for piece in _whole_frames(_resample_pieces(samples, rate_hz, speed)):
        frames = piece.reshape(-1, FRAME_SAMPLES)
        contexts = np.empty((len(frames), CONTEXT_SAMPLES), dtype=np.float32)
        contexts[0], contexts[1:] = context, frames[:-1, -CONTEXT_SAMPLES:]
        context = frames[-1, -CONTEXT_SAMPLES:]
        block = np.concatenate([contexts, frames], axis=1)
        state = {"input": block, "h": hidden, "c": cell}
        probabilities, hidden, cell = session.run(["speech_probs", "hn", "cn"], state)
        yield probabilities


def _resample_pieces(samples: Samples, rate_hz: int, speed: float) -> Iterator[Samples]:
    """Pieces of a sound at the network's rate, as if it were played at another speed."""
    size = round(PIECE_SECONDS * rate_hz * speed)
    to_hz = RATE_HZ / speed
    if to_hz == rate_hz:
        yield from (samples[start : start + size] for start in range(0, len(samples), size))
        return
    import soxr

    stream = soxr.ResampleStream(rate_hz, to_hz, 1, dtype="float32", quality="HQ")
    for start in range(0, len(samples), size):
        piece = samples[start : start + size]
        yield stream.resample_chunk(piece, last=start + size >= len(samples))


def _whole_frames(pieces: Iterator[Samples]) -> Iterator[Samples]:
    """Whole frames of a sound that comes in pieces; zeros complete the last one."""
    rest = np.zeros(0, dtype=np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece])
        edge = len(rest) // FRAME_SAMPLES * FRAME_SAMPLES
        if edge:
            yield rest[:edge]
            rest = rest[edge:]
    if len(rest):
        yield np.pad(rest, (0, FRAME_SAMPLES - len(rest)))


@cache
def _open_network() -> Any:
    """Session of the network, loaded when it is first needed."""
    content = (files("voxaffect") / "data" / NETWORK).read_bytes()
    if hashlib.sha256(content).hexdigest() != NETWORK_SHA256:
        raise ModelError(f"{NETWORK}: its content has changed. Install voxaffect again.")
    return open_session(content)
