"""Windows of speech, from blocks of sound of any size.

The sound is resampled and cut into steps of 0.2 s, so results do not depend on the size of the
blocks. Time is counted in frames of 10 ms. Nothing looks ahead.

An utterance begins with a frame that the voice-activity detector flags, and ends with the last
flagged frame before 0.4 s of silence. Windows lie within one utterance. The first ends two seconds
after its start, one more each hop later; each reaches back ``window_seconds`` or to the start of
the utterance. The last ends with the utterance. So an utterance shorter than two seconds is one
short window, and no window contains a pause. (Windows of a second were tried first: a model
trained on whole utterances is right about them a sixth less often.)

Where turns of speakers are known, an utterance lies within frames in which one speaker speaks
alone: it ends with them at the latest, and what is flagged outside of them counts as no speech. So
no window contains two speakers. (The pitch of its outermost two frames alone takes in a little of
the sound around it.)
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    EXTRA_FRAMES,
    FFT_SAMPLES,
    SAMPLES_AFTER,
    SAMPLES_BEFORE,
    FrameSpectra,
    analyze_inner_frames,
)
from voxaffect.features.affect.pitch import LONGEST_LAG, PITCH_HOP_SAMPLES
from voxaffect.features.front_end import HOP_SAMPLES
from voxaffect.recognition.speech import has_speech
from voxaffect.recognition.timelines.buffer import RingBuffer
from voxaffect.recognition.timelines.vad import (
    FRAMES_PER_SECOND,
    LEAD_FRAMES,
    frame_length,
    get_vad_method,
)
from voxaffect.records.arguments import check_number
from voxaffect.records.choices import DEFAULT_VAD, HOP_SECONDS, WINDOW_SECONDS

Samples = NDArray[np.float32]

STEP_FRAMES: Final = 20
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
OFFSET_STEPS: Final = 50


@dataclass(frozen=True)
class WindowConfig:
    """Length and hop of the windows of speech, and the voice-activity detection.

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

    window_seconds: float = WINDOW_SECONDS
    hop_seconds: float = HOP_SECONDS
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
        """True if a window counts only with speech that the network finds."""
        return get_vad_method(self.vad).confirms_speech


@dataclass(frozen=True)
class FrameClock:
    """Clock that counts in frames.

    Parameters
    ----------
    rate_hz : int
        Of the features.
    """

    rate_hz: int

    def seconds(self, frames: int) -> float:
        """Time of a frame's start, in seconds."""
        return frames * frame_length(self.rate_hz) / self.rate_hz


@dataclass(frozen=True)
class SpeakerFrames:
    """Frames in which one speaker speaks alone.

    Parameters
    ----------
    start, stop : int
    speaker : str or None
        None where nobody is named.
    """

    start: int
    stop: int
    speaker: str | None


ALL_FRAMES: Final = (SpeakerFrames(0, sys.maxsize, None),)
"""Where no turns are known, all speech is one speaker's."""


@dataclass(frozen=True, eq=False)
class SpeechWindow:
    """Window of speech with all that its features need.

    Parameters
    ----------
    utterance_start, start, stop : int
        In frames.
    samples : ndarray
        At the rate of the features.
    spectra : FrameSpectra, optional
        Spectra of the frames, where overlapping windows can share them.
    speaker : str, optional
        Who speaks, where it is known.
    """

    utterance_start: int
    start: int
    stop: int
    samples: Samples
    spectra: FrameSpectra | None
    speaker: str | None = None

    def without_sound(self) -> SpeechWindow:
        """The same window, of which only the times are left."""
        return replace(self, samples=np.zeros(0, np.float32), spectra=None)


@dataclass(frozen=True)
class SpeechEnd:
    """End of an utterance of a speaker, at a frame."""

    stop: int
    speaker: str | None = None


Item = SpeechWindow | SpeechEnd


@dataclass(frozen=True)
class Step:
    """Windows and ends of utterances that one step of sound completes.

    Parameters
    ----------
    before, now : int
        Frames heard before the step, and with it.
    items : tuple of SpeechWindow and SpeechEnd
        In their order.
    """

    before: int
    now: int
    items: tuple[Item, ...]

    @property
    def windows(self) -> list[SpeechWindow]:
        """The windows alone."""
        return [item for item in self.items if isinstance(item, SpeechWindow)]


def extract_speech_features(
    window: SpeechWindow, spec: FeatureSpec, rate_hz: int, *, confirms_speech: bool, name: str
) -> Samples | None:
    """Feature vector of a window; None if it holds no speech.

    Parameters
    ----------
    window : SpeechWindow
    spec : FeatureSpec
    rate_hz : int
        Of the samples.
    confirms_speech : bool
        Whether the network must find speech in the window.
    name : str
        Of the recording, in messages.
    """
    if confirms_speech and not has_speech(window.samples, rate_hz):
        return None
    return extract_window_features(window, spec, rate_hz, name=name)


def extract_window_features(
    window: SpeechWindow, spec: FeatureSpec, rate_hz: int, *, name: str
) -> Samples:
    """Feature vector of a window."""
    if window.spectra is not None:
        return compute_window_features(window.samples, window.spectra, spec, name=name)
    return compute_features(Signal(window.samples, rate_hz, name), spec)


class BlockResampler:
    """Resampler of blocks of any size, always through the same chunks.

    Parameters
    ----------
    from_hz, to_hz : int
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._chunk = round(from_hz * STEP_FRAMES / FRAMES_PER_SECOND)
        self._left: list[Samples] = []
        self._count = 0
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="VHQ")

    def push(self, block: Samples) -> list[Samples]:
        """Resample whole chunks, and keep the rest for later."""
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
        """Resample all that is left."""
        rest = np.concatenate([np.zeros(0, dtype=np.float32), *self._left])
        self._left, self._count = [], 0
        return [rest if self._stream is None else self._stream.resample_chunk(rest, last=True)]


@dataclass
class _Utterance:
    """Utterance under way; in frames."""

    owner: SpeakerFrames
    start: int
    last_active: int
    due: int
    last_stop: int = 0
    active: int = 0


class _SpectraCache:
    """Spectra of frames, each computed once, when the first window needs it."""

    def __init__(self, capacity: int) -> None:
        self._power = RingBuffer(capacity, (FFT_SAMPLES // 2 + 1,))
        self._correlation = RingBuffer(capacity, (LONGEST_LAG + 2,))
        self._halved = RingBuffer(capacity * PITCH_HOP_SAMPLES)

    def get(self, start: int, stop: int, sound: RingBuffer) -> FrameSpectra:
        """Spectra of the frames wholly between two; the last one ends half a frame before."""
        halved_stop, stop = stop * PITCH_HOP_SAMPLES, stop - EXTRA_FRAMES
        if start > self._power.stop:
            self._power.restart(start)
            self._correlation.restart(start)
            self._halved.restart(start * PITCH_HOP_SAMPLES)
        if stop > self._power.stop:
            self._compute(self._power.stop, stop, sound)
        halved = self._halved.rows(start * PITCH_HOP_SAMPLES, halved_stop)
        return FrameSpectra(
            self._power.rows(start, stop), self._correlation.rows(start, stop), halved
        )

    def _compute(self, first: int, stop: int, sound: RingBuffer) -> None:
        start = first * HOP_SAMPLES - SAMPLES_BEFORE
        end = (stop - 1) * HOP_SAMPLES + SAMPLES_AFTER
        inside = sound.rows(max(start, 0), min(end, sound.stop))
        around = (max(-start, 0), max(end - sound.stop, 0))
        spectra = analyze_inner_frames(np.pad(inside, around), stop - first)
        self._power.append(spectra.power)
        self._correlation.append(spectra.correlation)
        self._halved.append(spectra.halved[self._halved.stop - first * PITCH_HOP_SAMPLES :])


class SpeechWindower:
    """Cuts one channel of sound into windows of speech.

    Parameters
    ----------
    spec : FeatureSpec
        Of the features that will be computed from the windows.
    rate_hz : int
        Of the sound.
    config : WindowConfig
    speakers : sequence of SpeakerFrames
        In order, without overlap; frames outside of them are no speech.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        rate_hz: int,
        config: WindowConfig,
        speakers: Sequence[SpeakerFrames] = ALL_FRAMES,
    ) -> None:
        self.rate_hz = spec.rate_hz or rate_hz
        self.clock = FrameClock(self.rate_hz)
        self._length = frame_length(self.rate_hz)
        self._least = math.ceil(MIN_SECONDS * self.rate_hz / self._length)
        self._window = round(config.window_seconds * FRAMES_PER_SECOND)
        self._hop = round(config.hop_seconds * FRAMES_PER_SECOND)
        self._detector = get_vad_method(config.vad).make_detector(self.rate_hz)
        self._resampler = BlockResampler(rate_hz, self.rate_hz)
        capacity = self._window + LEAD_FRAMES + PAUSE_FRAMES + 3 * STEP_FRAMES
        self._sound = RingBuffer(capacity * self._length)
        self._flags = RingBuffer(capacity, dtype=np.bool_)
        self._spectra = _SpectraCache(capacity) if can_share_frames(spec) else None
        self._pending = np.zeros(0, dtype=np.float32)
        self._sums: deque[float] = deque(maxlen=OFFSET_STEPS)
        self._utterance: _Utterance | None = None
        self._last_stop = 0
        self._speakers, self._next_speaker = speakers, 0

    @property
    def now(self) -> int:
        """Frames processed so far."""
        return self._flags.stop

    def seconds(self, frames: int) -> float:
        """Time of a frame's start, in seconds."""
        return self.clock.seconds(frames)

    def push(self, block: Samples) -> list[Step]:
        """Process a block of any size; return the steps that completed something."""
        steps = []
        for chunk in self._resampler.push(block):
            steps += self._process_chunk(chunk)
        return [step for step in steps if step.items]

    def finish(self) -> list[Step]:
        """End the sound; return the last steps that completed something."""
        steps = []
        for chunk in self._resampler.finish():
            steps += self._process_chunk(chunk)
        before = self.now
        whole = len(self._pending) // self._length * self._length
        items = self._process_step(self._pending[:whole]) if whole else []
        if self.now <= SHORT_FRAMES:
            self._treat_as_speech()
        if self._utterance is not None:
            items += self._make_due_windows(self.now)
            items += self._end_utterance(self._utterance)
        return [step for step in (*steps, Step(before, self.now, tuple(items))) if step.items]

    def _process_chunk(self, chunk: Samples) -> list[Step]:
        size = STEP_FRAMES * self._length
        self._pending = np.concatenate([self._pending, chunk])
        steps = []
        while len(self._pending) >= size:
            before, step = self.now, self._pending[:size]
            self._pending = self._pending[size:].copy()
            steps.append(Step(before, before + STEP_FRAMES, tuple(self._process_step(step))))
        return steps

    def _process_step(self, samples: Samples) -> list[Item]:
        """Remove the offset of a step, find its speech, and return what it completes."""
        begin = self.now
        self._sums.append(float(samples.sum(dtype=np.float64)))
        counted = (len(self._sums) - 1) * STEP_FRAMES * self._length + len(samples)
        offset = sum(self._sums) / counted
        self._sound.append(samples - np.float32(offset))
        flags = self._detector.push(samples)
        flagged = begin + np.flatnonzero(flags)
        owners = self._list_owners(begin, begin + len(flags))
        self._flags.append(_mask(flags, begin, owners))
        items: list[Item] = []
        for owner in owners:
            active = flagged[(flagged >= owner.start) & (flagged < owner.stop)]
            if len(active):
                items += self._interrupt_utterance(owner, int(active[0]))
                is_first = active[0] == flagged[0]
                self._extend_utterance(owner, active, self._detector.lead() if is_first else 0)
        items += self._make_due_windows(self.now - AHEAD_FRAMES)
        utterance = self._utterance
        if utterance is not None and self.now - utterance.last_active > PAUSE_FRAMES:
            items += self._end_utterance(utterance)
        return items

    def _list_owners(self, begin: int, stop: int) -> list[SpeakerFrames]:
        """Speakers of some frames; those of earlier frames are not looked at again."""
        owners = []
        for index in range(self._next_speaker, len(self._speakers)):
            owner = self._speakers[index]
            if owner.start >= stop:
                break
            if owner.stop <= begin:
                self._next_speaker += 1
            else:
                owners.append(owner)
        return owners

    def _interrupt_utterance(self, owner: SpeakerFrames, first: int) -> list[Item]:
        """End the utterance if a flagged frame of an owner is not of it."""
        utterance = self._utterance
        if utterance is None:
            return []
        if utterance.owner is not owner:
            items = self._make_due_windows(self.now - AHEAD_FRAMES)
            return [*items, *self._end_utterance(utterance)]
        is_after_pause = first - utterance.last_active > PAUSE_FRAMES
        return self._end_utterance(utterance) if is_after_pause else []

    def _extend_utterance(self, owner: SpeakerFrames, active: NDArray[np.intp], lead: int) -> None:
        """Continue the utterance, or begin one a little before its first flagged frame.

        Parameters
        ----------
        owner : SpeakerFrames
        active : ndarray
            Its flagged frames.
        lead : int
            Frames before the first one that were speech, too.
        """
        first, last, count = int(active[0]), int(active[-1]), len(active)
        if self._utterance is None:
            start = max(first - lead - MARGIN_BEFORE_FRAMES, self._last_stop, owner.start)
            self._utterance = _Utterance(
                owner, start, last, start + min(FIRST_FRAMES, self._window)
            )
            count = last + 1 - start if first - start > MARGIN_BEFORE_FRAMES else count
        self._utterance.last_active = last
        self._utterance.active += count

    def _treat_as_speech(self) -> None:
        """Take half a second at most as speech if it is not faint: nothing stands out of it."""
        owners = [one for one in self._speakers[:SHORT_FRAMES] if one.start < self.now]
        if not owners:
            return
        owner = max(owners, key=lambda one: min(one.stop, self.now) - one.start)
        start, stop = owner.start, min(owner.stop, self.now)
        sound = self._sound.rows(start * self._length, stop * self._length)
        power = float(sound.var(dtype=np.float64)) if len(sound) else 0.0
        if stop > start and 10.0 * np.log10(max(power, 1e-30)) > SHORT_DBFS:
            self._utterance = _Utterance(owner, start, stop - 1, stop, active=stop - start)

    def _make_due_windows(self, known: int) -> list[Item]:
        """Windows that are complete, unless silence has begun."""
        windows: list[Item] = []
        utterance = self._utterance
        while utterance and utterance.due <= min(
            known, utterance.last_active + TRAILING_FRAMES, utterance.owner.stop
        ):
            windows += self._make_windows(utterance, utterance.due)
            utterance.due += self._hop
        return windows

    def _end_utterance(self, utterance: _Utterance) -> list[Item]:
        stop = utterance.last_active + 1 + MARGIN_AFTER_FRAMES
        stop = min(stop, self.now, utterance.owner.stop)
        stop = max(stop, utterance.last_stop)
        items: list[Item] = []
        if not utterance.last_stop or stop - utterance.last_stop >= max(self._hop // 2, 1):
            items += self._make_windows(utterance, stop)
        self._utterance, self._last_stop = None, stop
        end = SpeechEnd(stop, utterance.owner.speaker)
        return [*items, end] if utterance.last_stop else []

    def _make_windows(self, utterance: _Utterance, stop: int) -> list[Item]:
        """Window that ends at a frame, if enough of it is speech."""
        start = max(stop - self._window, utterance.start)
        active = int(self._flags.rows(start, stop).sum())
        if not utterance.last_stop:  # what was dated back is counted, but has no flags
            active = max(active, min(utterance.active, stop - start))
        if stop - start < self._least or active < LEAST_SPEECH_FRAMES:
            return []
        if active < LEAST_SPEECH_SHARE * (stop - start):
            return []
        utterance.last_stop = stop
        samples = self._sound.rows(start * self._length, stop * self._length)
        spectra = self._spectra.get(start, stop, self._sound) if self._spectra else None
        speaker = utterance.owner.speaker
        return [SpeechWindow(utterance.start, start, stop, samples, spectra, speaker)]


def _mask(
    flags: NDArray[np.bool_], begin: int, owners: Sequence[SpeakerFrames]
) -> NDArray[np.bool_]:
    """Flags of the frames that have an owner."""
    is_owned = np.zeros(len(flags), dtype=np.bool_)
    for owner in owners:
        is_owned[max(owner.start - begin, 0) : owner.stop - begin] = True
    return flags & is_owned


def check_peak(block: Samples, name: str) -> None:
    """Refuse sound so loud that its power overflows."""
    peak = float(np.abs(block).max(initial=0.0))
    if peak > MAX_PEAK:
        raise AudioError(f"{name}: samples reach {peak:.2g}, expected −1 to 1. Normalize it.")
