"""Events of a timeline: windows, updates and smoothed segments, from classified windows."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Samples
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import Adaptation, VectorAdapter, make_adapter
from voxaffect.recognition.classification import choose_threshold, classify, name_dimensions
from voxaffect.recognition.timelines.segments import (
    Event,
    Segment,
    Update,
    Window,
    average_dimensions,
)
from voxaffect.recognition.timelines.smoothing import Smoother, Smoothing
from voxaffect.recognition.timelines.windowing import (
    ALL_FRAMES,
    FrameClock,
    SpeakerFrames,
    SpeechEnd,
    SpeechWindow,
    SpeechWindower,
    Step,
    WindowConfig,
    extract_speech_features,
)
from voxaffect.records.arguments import check_kind

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class TimelineConfig:
    """Model and settings of a timeline.

    Parameters
    ----------
    model : Model
    windowing : WindowConfig
    smoothing : Smoothing
    threshold : float
        Confidence below which a result is uncertain.
    adaptation : Adaptation, optional
    adapts_speakers : bool
        Whether each speaker of a recording is adapted to alone, by all windows of the speaker.
    """

    model: Model
    windowing: WindowConfig
    smoothing: Smoothing
    threshold: float
    adaptation: Adaptation | None = None
    adapts_speakers: bool = False

    @cached_property
    def adapter(self) -> VectorAdapter | None:
        """Adapter of the vectors, if adaptation was asked for."""
        return None if self.adaptation is None else make_adapter(self.adaptation, self.model)

    def make_windower(
        self, rate_hz: int, speakers: Sequence[SpeakerFrames] = ALL_FRAMES
    ) -> SpeechWindower:
        """Windower for one channel of a sound."""
        return SpeechWindower(self.model.spec, rate_hz, self.windowing, speakers)

    def make_extractor(
        self, windower_rate_hz: int, name: str
    ) -> Callable[[SpeechWindow], Samples | None]:
        """Function of a window to its features, or None without speech; it needs no model."""
        return partial(
            extract_speech_features,
            spec=self.model.spec,
            rate_hz=windower_rate_hz,
            confirms_speech=self.windowing.confirms_speech,
            name=name,
        )

    def classify(self, vector: Samples | None) -> Vector | None:
        """Answer of a window, as `classification.classify`; None if it holds no speech."""
        return None if vector is None else classify(vector, self.model, self.adapter)


def configure_timeline(
    model: Model | str | Path | None,
    windowing: WindowConfig,
    smoothing: Smoothing | None,
    uncertain_below: float | None,
    adaptation: Adaptation | None = None,
) -> TimelineConfig:
    """Check the arguments of a timeline, and load its model.

    Raises
    ------
    AudioError
        If the smoothing is none.
    ModelError
        If the model cannot be loaded, the threshold is no probability, or the adaptation is one
        of other features.
    """
    if smoothing is not None:
        check_kind(smoothing, Smoothing, "smoothing", "a Smoothing, or None")
    loaded = get_model(model)
    loaded.check_gives_emotions("emotion over time")
    threshold = choose_threshold(loaded, uncertain_below)
    config = TimelineConfig(loaded, windowing, smoothing or Smoothing(), threshold, adaptation)
    _ = config.adapter  # refuses an adaptation of other features
    return config


@dataclass(frozen=True)
class _Silence:
    """Window without speech: the time that it owns belongs to no segment."""

    start: int
    stop: int


@dataclass
class _OpenSegment:
    """Segment under way."""

    start_seconds: float
    emotion: int
    owned_seconds: float
    weighted: Vector


@dataclass(frozen=True, eq=False)
class OwnedTime:
    """Time that a window of speech owns, and the smoothed probabilities of the window.

    Parameters
    ----------
    start_seconds, end_seconds : float
    probabilities : ndarray, shape (emotions,)
    """

    start_seconds: float
    end_seconds: float
    probabilities: Vector


class SegmentBuilder:
    """Builds events from the windows of one speaker, or one channel, and their probabilities.

    Between two windows of an utterance the time belongs to the nearer center. The first and last
    window own the time before and after them. The time of a window without speech belongs to no
    segment.

    Parameters
    ----------
    emotions : tuple of str
        Without any, there are windows and no segments.
    clock : FrameClock or SpeechWindower
    smoothing : Smoothing
    threshold : float
        Confidence below which an event is uncertain.
    speaker : str, optional
        Of the events, where it is known.
    on_owned : callable, optional
        Called with the time that each window owns, in order, as soon as it is decided.
    dimensions : tuple of str
        That follow the probabilities of a window.
    """

    def __init__(
        self,
        emotions: tuple[str, ...],
        clock: FrameClock | SpeechWindower,
        smoothing: Smoothing,
        *,
        threshold: float = 0.0,
        speaker: str | None = None,
        on_owned: Callable[[OwnedTime], object] | None = None,
        dimensions: tuple[str, ...] = (),
    ) -> None:
        self._emotions, self._threshold = emotions, threshold
        self._speaker, self._on_owned = speaker, on_owned
        self._dimensions = dimensions
        self._rated: deque[Window] = deque()
        self._seconds = clock.seconds
        self._smoother = Smoother(max(1, len(emotions)), smoothing)
        self._waiting: deque[SpeechWindow | SpeechEnd | _Silence] = deque()
        self._open: _OpenSegment | None = None
        self._owned_from = 0.0
        self._last_center: float | None = None
        self._last_posterior: Vector | None = None
        self._is_speaking = False

    def add(self, step: Step, probabilities: Sequence[Vector | None]) -> list[Event]:
        """Add a step; return its events.

        Parameters
        ----------
        step : Step
        probabilities : sequence of (ndarray or None)
            Of its windows, in their order, with the dimensions; None of a window without speech.
        """
        events = self.flush(self._seconds(step.before))
        results = iter(probabilities)
        for item in step.items:
            if isinstance(item, SpeechEnd):
                self._waiting.append(item)
                events += self._end_speech(item.stop)
            elif (row := next(results)) is None:
                self._waiting.append(_Silence(item.start, item.stop))
                events += self._end_speech(item.stop)
            else:
                events += self._add_window(item, row)
        return events + self.flush(self._seconds(step.now))

    def flush(self, now_seconds: float) -> list[Event]:
        """Segments that are decided at a moment; at infinity, all."""
        events: list[Event] = []
        for posterior in self._smoother.decide(now_seconds):
            events += self._flush_silence()
            window = self._waiting.popleft()
            assert isinstance(window, SpeechWindow)  # decisions come in the order of the windows
            events += self._add_decision(window, posterior)
        return events + self._flush_silence()

    def _add_window(self, window: SpeechWindow, answer: Vector) -> list[Event]:
        probabilities = answer[: len(self._emotions)]
        dimensions = name_dimensions(answer, self._emotions, self._dimensions)
        start, stop = self._seconds(window.start), self._seconds(window.stop)
        if not self._emotions:
            return [Window(start, stop, {}, speaker=self._speaker, dimensions=dimensions)]
        self._waiting.append(window.without_sound())  # only the times are needed from here on
        belief = self._smoother.add(start, stop, probabilities)
        emotion = self._emotions[int(belief.argmax())]
        self._is_speaking = True
        event = Window(
            start,
            stop,
            self._name(probabilities),
            self._is_uncertain(probabilities),
            self._speaker,
            dimensions,
        )
        if dimensions is not None:
            self._rated.append(event)
        return [
            event,
            Update(stop, emotion, self._name(belief), self._is_uncertain(belief)),
        ]

    def _end_speech(self, frame: int) -> list[Event]:
        """Update that speech has ended, unless that is known already."""
        if not self._is_speaking:
            return []
        self._is_speaking = False
        return [Update(self._seconds(frame), None, {})]

    def _add_decision(self, window: SpeechWindow, posterior: Vector) -> list[Event]:
        """Give a window's time to its emotion: the segment goes on, or another begins."""
        start = self._seconds(window.utterance_start)
        edge = self._move_to(window.start, window.stop, first=start)
        emotion = int(posterior.argmax())
        events: list[Event] = []
        if self._open is not None and self._open.emotion != emotion:
            events.append(self._close_segment(self._open, edge))
        if self._open is None:
            self._open = _OpenSegment(edge, emotion, 0.0, np.zeros(len(self._emotions)))
            self._owned_from = edge
        self._last_posterior = posterior
        return events

    def _flush_silence(self) -> list[Event]:
        """Close the segments that silence closes, once all windows before it are decided."""
        events: list[Event] = []
        while self._waiting and not isinstance(self._waiting[0], SpeechWindow):
            item = self._waiting.popleft()
            if isinstance(item, SpeechEnd):
                edge = self._seconds(item.stop)
                self._own_until(edge)
                self._last_center = None
            else:
                edge = self._move_to(item.start, item.stop, first=0.0)
            if self._open is not None:
                events.append(self._close_segment(self._open, edge))
        return events

    def _move_to(self, start: int, stop: int, *, first: float) -> float:
        """Moment from which a window owns the time; ``first`` for the first of its utterance."""
        center = (self._seconds(start) + self._seconds(stop)) / 2
        edge = first if self._last_center is None else (self._last_center + center) / 2
        self._own_until(edge)
        self._last_center = center
        return edge

    def _own_until(self, seconds: float) -> None:
        """Give the last window, if it holds speech, the time up to a moment."""
        if self._open is None:
            return
        assert self._last_posterior is not None
        owned = seconds - self._owned_from
        self._open.owned_seconds += owned
        self._open.weighted += owned * self._last_posterior
        if self._on_owned is not None:
            self._on_owned(OwnedTime(self._owned_from, seconds, self._last_posterior))
        self._owned_from = seconds

    def _close_segment(self, segment: _OpenSegment, stop_seconds: float) -> Segment:
        mean = segment.weighted / segment.owned_seconds
        self._open = None
        dimensions = average_dimensions(self._rated, segment.start_seconds, stop_seconds)
        while self._rated and self._rated[0].end_seconds <= stop_seconds:
            self._rated.popleft()
        return Segment(
            segment.start_seconds,
            stop_seconds,
            self._emotions[segment.emotion],
            self._name(mean),
            bool(mean[segment.emotion] < self._threshold),
            speaker=self._speaker,
            dimensions=dimensions,
        )

    def _is_uncertain(self, probabilities: Vector) -> bool:
        return bool(probabilities.max() < self._threshold)

    def _name(self, probabilities: Vector) -> dict[str, float]:
        return dict(zip(self._emotions, probabilities.tolist(), strict=True))
