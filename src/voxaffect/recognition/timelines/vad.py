"""Voice-activity detectors: they find the frames of a stream that may hold speech.

A detector gives one flag for each 10 ms frame. It never looks ahead, and its memory has a fixed
size. The frames that are flagged are cut into windows; ``speech`` then decides which windows hold
speech at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import AudioError, extra
from voxaffect.records.arguments import is_known

Samples = NDArray[np.float32]
Flags = NDArray[np.bool_]

FRAMES_PER_SECOND: Final = 100
MEMORY_SECONDS: Final = 10.0
BELOW_LEVEL_DB: Final = 45.0
ABOVE_FLOOR_DB: Final = 6.0
UNDER_LEVEL_DB: Final = 4.0
LEAST_RANGE_DB: Final = 6.0
HYSTERESIS_DB: Final = 3.0
HEARD_DB: Final = 70.0
FLOOR_SHARE: Final = 0.10
SILENT_DBFS: Final = -90.0
LEAD_FRAMES: Final = 100
AVERAGED_FRAMES: Final = 3
WEBRTC_RATES_HZ: Final = (8_000, 16_000, 32_000, 48_000)
WEBRTC_MODE: Final = 2


class VoiceActivityDetector(Protocol):
    """Detector of the frames that may hold speech."""

    def push(self, samples: Samples) -> Flags:
        """Flag each frame of a step: whole frames, at most a few seconds."""

    def lead(self) -> int:
        """Frames that, as is clear now, were speech just before the first one flagged."""


def frame_length(rate_hz: int) -> int:
    """Samples of a frame: 10 ms, or as near to it as the rate allows."""
    return round(rate_hz / FRAMES_PER_SECOND)


class EnergyDetector:
    """Speech is what stands out of the background, as far as the last seconds tell.

    The level of a frame is the mean variance of its 10 ms and the two frames before, in dB. A
    histogram of levels, forgotten with a time constant of 10 s, gives the speech level (the
    mean power weighted by power itself) and the background (the 10th percentile of the frames
    that are less than 70 dB under the speech level and over -90 dB of full scale). Speech
    begins over ::

        min(max(level - 45, background + 6), level - 4)  dB

    and lasts down to 3 dB below. Where the level is less than 6 dB over the background nothing
    stands out, and nothing is speech: neither steady noise nor silence. It is the front end's
    rule with a memory in the place of the whole utterance; the level itself never matters.

    Parameters
    ----------
    rate_hz : int
    """

    def __init__(self, rate_hz: int) -> None:
        self._length = frame_length(rate_hz)
        self._bins = np.arange(-120.0, 121.0)
        self._powers = 10.0 ** (self._bins / 10.0)
        self._counts = np.zeros(len(self._bins))
        self._before = np.zeros(AVERAGED_FRAMES - 1)
        self._is_speech = False
        self._threshold = np.inf
        self._recent: deque[float] = deque(maxlen=LEAD_FRAMES)
        self._flagged_at: int | None = None

    def push(self, samples: Samples) -> Flags:
        """Flag each frame of a step."""
        levels = self._levels(samples)
        self._learn(levels)
        self._threshold = self._find_threshold()
        loud, faint = levels > self._threshold, levels < self._threshold - HYSTERESIS_DB
        decided = np.maximum.accumulate(np.where(loud | faint, np.arange(len(levels)), -1))
        flags = np.where(decided >= 0, loud[decided], self._is_speech)
        if len(flags):
            self._is_speech = bool(flags[-1])
        first = int(np.argmax(flags)) if flags.any() else None
        self._flagged_at = None if first is None else len(levels) - first
        self._recent.extend(levels.tolist())
        return np.asarray(flags, dtype=np.bool_)

    def lead(self) -> int:
        """Frames before the first one flagged in this step that exceed what is now known."""
        if self._flagged_at is None:
            return 0
        before = list(self._recent)[: -self._flagged_at]
        count = 0
        while count < len(before) and before[-1 - count] > self._threshold - HYSTERESIS_DB:
            count += 1
        return count

    def _levels(self, samples: Samples) -> NDArray[np.float64]:
        shaped = samples.reshape(-1, self._length).astype(np.float64)
        centered = shaped - shaped.sum(axis=1, keepdims=True) / self._length
        variance = np.einsum("fs,fs->f", centered, centered) / self._length
        power = np.concatenate([self._before, variance])
        self._before = power[len(power) - AVERAGED_FRAMES + 1 :]
        mean = sum(power[at : at + len(shaped)] for at in range(AVERAGED_FRAMES)) / AVERAGED_FRAMES
        return np.asarray(10.0 * np.log10(np.maximum(mean, 1e-12)))

    def _learn(self, levels: NDArray[np.float64]) -> None:
        self._counts *= np.exp(-len(levels) / (MEMORY_SECONDS * FRAMES_PER_SECOND))
        # Levels are -120 dB or more; on arrays this short, clip() costs ten times minimum().
        index = np.minimum(np.rint(levels - self._bins[0]), len(self._bins) - 1).astype(np.intp)
        self._counts += np.bincount(index, minlength=len(self._bins))

    def _find_threshold(self) -> float:
        weighted = self._counts * self._powers
        level = float(10.0 * np.log10(weighted @ self._powers / weighted.sum()))
        if not level > SILENT_DBFS:
            return float(np.inf)
        heard = self._counts * (self._bins > max(level - HEARD_DB, SILENT_DBFS))
        running = np.cumsum(heard)
        floor = float(self._bins[np.searchsorted(running, FLOOR_SHARE * running[-1])])
        if level - floor < LEAST_RANGE_DB and not self._has_silence(level):
            return float(np.inf)
        over = max(level - BELOW_LEVEL_DB, floor + ABOVE_FLOOR_DB)
        return float(min(over, level - UNDER_LEVEL_DB))

    def _has_silence(self, level: float) -> bool:
        """True if there was deep silence, which no steady background has."""
        deep = self._counts[self._bins <= max(level - HEARD_DB, SILENT_DBFS)].sum()
        return bool(deep >= FLOOR_SHARE * self._counts.sum())


class WebrtcDetector:
    """WebRTC's voice-activity detector: Gaussian mixtures over six bands.

    It expects a usual level: use the energy detector for very quiet recordings.

    Parameters
    ----------
    rate_hz : int
        8, 16, 32 or 48 kHz.

    Raises
    ------
    MissingExtraError
        If the extra ``vad`` is not installed.
    AudioError
        If the rate is another one.
    """

    def __init__(self, rate_hz: int) -> None:
        with extra("vad"):
            import webrtcvad
        if rate_hz not in WEBRTC_RATES_HZ:
            raise AudioError(
                f"vad 'webrtc' works at {', '.join(map(str, WEBRTC_RATES_HZ))} Hz, and the "
                f"model at {rate_hz} Hz. Use vad 'energy' or 'silero'."
            )
        self._rate_hz, self._length = rate_hz, frame_length(rate_hz)
        self._detector = webrtcvad.Vad(WEBRTC_MODE)

    def push(self, samples: Samples) -> Flags:
        """Flag each frame of a step."""
        whole = np.round(samples.clip(-1.0, 1.0) * np.float32(32_767)).astype("<i2")
        frames = whole.reshape(-1, self._length)
        flags = [self._detector.is_speech(frame.tobytes(), self._rate_hz) for frame in frames]
        return np.array(flags, dtype=np.bool_)

    def lead(self) -> int:
        """No frame: it decides at once."""
        return 0


@dataclass(frozen=True)
class VadMethod:
    """Voice-activity detection.

    Parameters
    ----------
    make_detector : callable
        From a rate in Hz to a fresh detector of frames.
    confirms_speech : bool
        True if the Silero network must find speech, too.
    """

    make_detector: Callable[[int], VoiceActivityDetector]
    confirms_speech: bool


VAD_METHODS: Final[dict[str, VadMethod]] = {
    "silero": VadMethod(EnergyDetector, confirms_speech=True),
    "energy": VadMethod(EnergyDetector, confirms_speech=False),
    "webrtc": VadMethod(WebrtcDetector, confirms_speech=True),
}
"""Voice-activity detections by name."""


def get_vad_method(name: str) -> VadMethod:
    """Get a voice-activity detection by its name.

    Raises
    ------
    AudioError
        If there is none of that name.
    """
    if not is_known(name, VAD_METHODS):
        raise AudioError(f"no vad named {name!r}; there are: {', '.join(VAD_METHODS)}.")
    return VAD_METHODS[name]
