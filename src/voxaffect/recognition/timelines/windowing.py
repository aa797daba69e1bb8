"""From blocks of sound of any size to the windows of speech in it, by a causal machine.

Whatever the blocks, the sound is resampled and looked at in ticks of 0.2 s, so that what comes
out does not depend on how it came in. Time is counted in frames of 10 ms.

Speech comes in stretches: it begins with a frame that the voice-activity detector flags, and ends
with the last flagged frame before 0.4 s of silence. Windows lie within one stretch. The first ends
two seconds after its start, one more each hop later, each reaching back ``window_seconds`` or to
the start of the stretch; the last ends with the stretch. So a stretch shorter than two seconds is
one short window, and no window reaches over a pause. (Windows of a second were tried first: a
model that has learnt from whole utterances is right about them a sixth less often.)
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import MAX_PEAK, MIN_SECONDS, Signal
from voxaffect.errors import AudioError
from voxaffect.features import (
    FeatureSpec,
    can_share_frames,
    compute_features,
    compute_window_features,
)
from voxaffect.features.affect.frames import (
    BEYOND_FRAMES,
    FFT_SAMPLES,
    SAMPLES_AFTER,
    SAMPLES_BEFORE,
    FrameSpectra,
    analyze_inner_frames,
)
from voxaffect.features.affect.pitch import LONGEST_LAG, PITCH_HOP_SAMPLES
from voxaffect.features.front_end import HOP_SAMPLES
from voxaffect.recognition.speech import has_speech
from voxaffect.recognition.timelines.buffer import Tail
from voxaffect.recognition.timelines.vad import (
    DEFAULT_VAD,
    FRAMES_PER_SECOND,
    LEAD_FRAMES,
    frame_length,
    get_vad_method,
)
from voxaffect.records.arguments import check_number

Samples = NDArray[np.float32]

TICK_FRAMES: Final = 20
PAUSE_FRAMES: Final = 40
FIRST_FRAMES: Final = 200
TRAILING_FRAMES: Final = 20
MARGIN_BEFORE_FRAMES: Final = 5
MARGIN_AFTER_FRAMES: Final = 10
AHEAD_FRAMES: Final = 2
"""Frames after a window that the pitch of its last frames takes in."""
LEAST_SPEECH_FRAMES: Final = 20
LEAST_SPEECH_SHARE: Final = 0.25
SHORT_FRAMES: Final = 50
SHORT_DBFS: Final = -60.0
OFFSET_TICKS: Final = 50


@dataclass(frozen=True)
class Cutting:
    """How speech is cut into windows.

    Parameters
    ----------
    window_seconds : float
        Longest window, 0.5 to 30.
    hop_seconds : float
        From the end of a window to the end of the next, 0.1 to 30.
    vad : str
        Voice-activity detection: ``silero``, ``energy`` or ``webrtc``.

    Raises
    ------
    AudioError
        If a number is out of range, or there is no such voice-activity detection.
    """

    window_seconds: float = 3.0
    hop_seconds: float = 1.0
    vad: str = DEFAULT_VAD

    def __post_init__(self) -> None:
        for name, least in (("window_seconds", 0.5), ("hop_seconds", 0.1)):
            value = getattr(self, name)
            check_number(value, name)
            if not least <= value <= 30.0:
                raise AudioError(f"{name}: expected {least} to 30, found {value}.")
        get_vad_method(self.vad)

    @property
    def confirms_speech(self) -> bool:
        """Whether a window counts only if the network finds speech in it."""
        return get_vad_method(self.vad).confirms_speech


@dataclass(frozen=True, eq=False)
class Span:
    """One window of speech with all that its features need.

    Parameters
    ----------
    stretch_start, start, stop : int
        In frames.
    samples : ndarray
        At the rate of the features.
    shared : FrameSpectra, optional
        Frames of the samples, where the features can share them.
    """

    stretch_start: int
    start: int
    stop: int
    samples: Samples
    shared: FrameSpectra | None


@dataclass(frozen=True)
class Stop:
    """A stretch of speech has ended, at a frame."""

    stop: int


@dataclass(frozen=True)
class Tick:
    """What one tick brought.

    Parameters
    ----------
    before, now : int
        Frames heard before it, and with it.
    items : tuple of Span and Stop
        In their order.
    """

    before: int
    now: int
    items: tuple[Span | Stop, ...]


def describe_speech(
    span: Span, spec: FeatureSpec, rate_hz: int, *, confirms_speech: bool, name: str
) -> Samples | None:
    """Feature vector of a window; None if it holds no speech.

    Parameters
    ----------
    span : Span
    spec : FeatureSpec
    rate_hz : int
        Of the samples.
    confirms_speech : bool
        Whether the network must find speech in the window.
    name : str
        What messages call the recording.
    """
    if confirms_speech and not has_speech(span.samples, rate_hz):
        return None
    return describe_span(span, spec, rate_hz, name=name)


def describe_span(span: Span, spec: FeatureSpec, rate_hz: int, *, name: str) -> Samples:
    """Feature vector of a window."""
    if span.shared is not None:
        return compute_window_features(span.samples, span.shared, spec, name=name)
    return compute_features(Signal(span.samples, rate_hz, name), spec)


class Resampling:
    """Any blocks at one rate become blocks at another, always through the same chunks.

    Parameters
    ----------
    from_hz, to_hz : int
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._chunk = round(from_hz * TICK_FRAMES / FRAMES_PER_SECOND)
        self._left: list[Samples] = []
        self._count = 0
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="VHQ")

    def push(self, block: Samples) -> list[Samples]:
        """Resample whole chunks, and keep the rest."""
        self._left.append(block)
        self._count += len(block)
        if self._count < self._chunk:
            return []
        whole = np.concatenate(self._left)
        edge = len(whole) // self._chunk * self._chunk
        self._left, self._count = [whole[edge:].copy()], len(whole) - edge
        chunks = [whole[at : at + self._chunk] for at in range(0, edge, self._chunk)]
        return chunks if self._stream is None else [*map(self._stream.resample_chunk, chunks)]

    def finish(self) -> list[Samples]:
        """Give all that is left."""
        rest = np.concatenate([np.zeros(0, dtype=np.float32), *self._left])
        self._left, self._count = [], 0
        return [rest if self._stream is None else self._stream.resample_chunk(rest, last=True)]


@dataclass
class _Stretch:
    """A stretch of speech that is under way; in frames."""

    start: int
    last_active: int
    due: int
    last_stop: int = field(default=0)
    active: int = field(default=0)


class _Frames:
    """Frames that the windows share, each measured once, when the first window needs it."""

    def __init__(self, kept: int) -> None:
        self._power = Tail(kept, (FFT_SAMPLES // 2 + 1,))
        self._correlation = Tail(kept, (LONGEST_LAG + 2,))
        self._halved = Tail(kept * PITCH_HOP_SAMPLES)

    def between(self, start: int, stop: int, sound: Tail) -> FrameSpectra:
        """Frames that lie wholly between two; the last of them ends half a frame before."""
        halved_stop, stop = stop * PITCH_HOP_SAMPLES, stop - BEYOND_FRAMES
        if start > self._power.stop:
            self._power.restart(start)
            self._correlation.restart(start)
            self._halved.restart(start * PITCH_HOP_SAMPLES)
        if stop > self._power.stop:
            self._measure(self._power.stop, stop, sound)
        halved = self._halved.rows(start * PITCH_HOP_SAMPLES, halved_stop)
        return FrameSpectra(
            self._power.rows(start, stop), self._correlation.rows(start, stop), halved
        )

    def _measure(self, first: int, stop: int, sound: Tail) -> None:
        start = first * HOP_SAMPLES - SAMPLES_BEFORE
        end = (stop - 1) * HOP_SAMPLES + SAMPLES_AFTER
        inside = sound.rows(max(start, 0), min(end, sound.stop))
        around = (max(-start, 0), max(end - sound.stop, 0))
        found = analyze_inner_frames(np.pad(inside, around), stop - first)
        self._power.append(found.power)
        self._correlation.append(found.correlation)
        self._halved.append(found.halved[self._halved.stop - first * PITCH_HOP_SAMPLES :])


class Cutter:
    """Cuts one channel of sound into windows of speech.

    Parameters
    ----------
    spec : FeatureSpec
        What will be computed from the windows.
    rate_hz : int
        Of the sound.
    how : Cutting
    """

    def __init__(self, spec: FeatureSpec, rate_hz: int, how: Cutting) -> None:
        self.rate_hz = spec.rate_hz or rate_hz
        self._length = frame_length(self.rate_hz)
        self._least = math.ceil(MIN_SECONDS * self.rate_hz / self._length)
        self._window = round(how.window_seconds * FRAMES_PER_SECOND)
        self._hop = round(how.hop_seconds * FRAMES_PER_SECOND)
        self._detector = get_vad_method(how.vad).make_detector(self.rate_hz)
        self._resampling = Resampling(rate_hz, self.rate_hz)
        kept = self._window + LEAD_FRAMES + PAUSE_FRAMES + 3 * TICK_FRAMES
        self._sound = Tail(kept * self._length)
        self._flags = Tail(kept, kind=np.bool_)
        self._frames = _Frames(kept) if can_share_frames(spec) else None
        self._pending = np.zeros(0, dtype=np.float32)
        self._sums: deque[float] = deque(maxlen=OFFSET_TICKS)
        self._stretch: _Stretch | None = None
        self._last_stop = 0

    @property
    def now(self) -> int:
        """Frames heard and gone through."""
        return self._flags.stop

    def seconds(self, frames: int) -> float:
        """Time of a frame's start, in seconds."""
        return frames * self._length / self.rate_hz

    def push(self, block: Samples) -> list[Tick]:
        """Take in a block of any size; what the ticks in it brought, if anything."""
        ticks = []
        for chunk in self._resampling.push(block):
            ticks += self._take(chunk)
        return [tick for tick in ticks if tick.items]

    def finish(self) -> list[Tick]:
        """Take the sound as ended."""
        ticks = []
        for chunk in self._resampling.finish():
            ticks += self._take(chunk)
        before = self.now
        whole = len(self._pending) // self._length * self._length
        items = self._hear(self._pending[:whole]) if whole else []
        if self.now <= SHORT_FRAMES:
            self._take_as_speech()
        if self._stretch is not None:
            items += self._due(self.now)
            items += self._close(self._stretch)
        return [tick for tick in (*ticks, Tick(before, self.now, tuple(items))) if tick.items]

    def _take(self, chunk: Samples) -> list[Tick]:
        size = TICK_FRAMES * self._length
        self._pending = np.concatenate([self._pending, chunk])
        ticks = []
        while len(self._pending) >= size:
            before, tick = self.now, self._pending[:size]
            self._pending = self._pending[size:].copy()
            ticks.append(Tick(before, before + TICK_FRAMES, tuple(self._hear(tick))))
        return ticks

    def _hear(self, samples: Samples) -> list[Span | Stop]:
        """One tick: remember it, flag it, and see what it begins, continues or ends."""
        begin = self.now
        self._sums.append(float(samples.sum(dtype=np.float64)))
        counted = (len(self._sums) - 1) * TICK_FRAMES * self._length + len(samples)
        offset = sum(self._sums) / counted
        self._sound.append(samples - np.float32(offset))
        flags = self._detector.push(samples)
        self._flags.append(flags)
        items: list[Span | Stop] = []
        active = begin + np.flatnonzero(flags)
        if len(active):
            stretch = self._stretch
            if stretch is not None and active[0] - stretch.last_active > PAUSE_FRAMES:
                items += self._close(stretch)
            self._continue(int(active[0]), int(active[-1]), len(active))
        items += self._due(self.now - AHEAD_FRAMES)
        stretch = self._stretch
        if stretch is not None and self.now - stretch.last_active > PAUSE_FRAMES:
            items += self._close(stretch)
        return items

    def _continue(self, first: int, last: int, count: int) -> None:
        """Speech goes on, or begins a little before what was flagged."""
        if self._stretch is None:
            start = first - self._detector.lead() - MARGIN_BEFORE_FRAMES
            start = max(start, self._last_stop)
            self._stretch = _Stretch(start, last, start + min(FIRST_FRAMES, self._window))
            count = last + 1 - start if first - start > MARGIN_BEFORE_FRAMES else count
        self._stretch.last_active = last
        self._stretch.active += count

    def _take_as_speech(self) -> None:
        """Half a second at most, and not faint: there is nothing to compare it with."""
        sound = self._sound.rows(0, self._sound.stop)
        power = float(sound.var(dtype=np.float64)) if len(sound) else 0.0
        if self.now and 10.0 * np.log10(max(power, 1e-30)) > SHORT_DBFS:
            self._stretch = _Stretch(0, self.now - 1, self.now, active=self.now)

    def _due(self, known: int) -> list[Span | Stop]:
        """Windows that are complete, unless silence has begun."""
        spans: list[Span | Stop] = []
        stretch = self._stretch
        while stretch and stretch.due <= min(known, stretch.last_active + TRAILING_FRAMES):
            spans += self._span(stretch, stretch.due)
            stretch.due += self._hop
        return spans

    def _close(self, stretch: _Stretch) -> list[Span | Stop]:
        stop = min(stretch.last_active + 1 + MARGIN_AFTER_FRAMES, self.now)
        stop = max(stop, stretch.last_stop)
        items: list[Span | Stop] = []
        if not stretch.last_stop or stop - stretch.last_stop >= max(self._hop // 2, 1):
            items += self._span(stretch, stop)
        self._stretch, self._last_stop = None, stop
        return [*items, Stop(stop)] if stretch.last_stop else []

    def _span(self, stretch: _Stretch, stop: int) -> list[Span | Stop]:
        """Return the window that ends there, if enough of it is speech."""
        start = max(stop - self._window, stretch.start)
        active = int(self._flags.rows(start, stop).sum())
        if not stretch.last_stop:  # what was dated back is counted, but has no flags
            active = max(active, min(stretch.active, stop - start))
        if stop - start < self._least or active < LEAST_SPEECH_FRAMES:
            return []
        if active < LEAST_SPEECH_SHARE * (stop - start):
            return []
        stretch.last_stop = stop
        samples = self._sound.rows(start * self._length, stop * self._length)
        shared = self._frames.between(start, stop, self._sound) if self._frames else None
        return [Span(stretch.start, start, stop, samples, shared)]


def check_peak(block: Samples, name: str) -> None:
    """Refuse sound so loud that its power overflows."""
    peak = float(np.abs(block).max(initial=0.0))
    if peak > MAX_PEAK:
        raise AudioError(f"{name}: samples reach {peak:.2g}, expected −1 to 1. Normalize it.")
