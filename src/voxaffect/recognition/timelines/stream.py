"""Emotion as it is heard: blocks of sound go in, events come out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import as_block, check_finite, check_rate
from voxaffect.errors import AudioError
from voxaffect.models import Model, get_model
from voxaffect.recognition.classification import classify, threshold
from voxaffect.recognition.timelines.segments import Segment, Window
from voxaffect.recognition.timelines.smoothing import Smoother, Smoothing
from voxaffect.recognition.timelines.windowing import (
    Cutter,
    Cutting,
    Span,
    Stop,
    Tick,
    check_peak,
    describe_speech,
)
from voxaffect.records.arguments import check_kind

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Update:
    """What is known at a moment, for a live view.

    Parameters
    ----------
    seconds : float
        The moment, from the beginning: the end of a window, or of a stretch of speech.
    emotion : str or None
        The most probable emotion by all that has been heard so far; None when speech has ended.
    probabilities : mapping of str to float
        Of every emotion; empty when speech has ended.
    uncertain : bool
        Whether the highest of them lies under the threshold.
    """

    seconds: float
    emotion: str | None
    probabilities: Mapping[str, float]
    uncertain: bool = False


Event = Window | Update | Segment


@dataclass(frozen=True)
class _NoSpeech:
    """A window that holds no speech: the time that it owns belongs to no segment."""

    start: int
    stop: int


@dataclass
class _Open:
    """A segment that is under way."""

    start_seconds: float
    place: int
    held: float
    weighted: Vector


class Narrator:
    """Tells windows and their probabilities as events: what they say now, and the segments.

    Between two windows of a stretch the time belongs to the nearer center; the first and last
    window own what lies before and after them. What a window without speech owns belongs to no
    segment.

    Parameters
    ----------
    emotions : tuple of str
    cutter : Cutter
        For its clock.
    how : Smoothing
    least : float
        Probability under which what is told is uncertain.
    """

    def __init__(
        self, emotions: tuple[str, ...], cutter: Cutter, how: Smoothing, *, least: float = 0.0
    ) -> None:
        self._emotions, self._cutter, self._least = emotions, cutter, least
        self._smoother = Smoother(len(emotions), how)
        self._waiting: deque[Span | Stop | _NoSpeech] = deque()
        self._open: _Open | None = None
        self._owned_from = 0.0
        self._last_center: float | None = None
        self._last_posterior: Vector | None = None
        self._is_speaking = False

    def tell(self, tick: Tick, judged: Sequence[Vector | None]) -> list[Event]:
        """Events of one tick, given the probabilities of its windows in their order.

        None stands for a window that holds no speech.
        """
        events = self.settle(self._cutter.seconds(tick.before))
        results = iter(judged)
        for item in tick.items:
            if isinstance(item, Stop):
                self._waiting.append(item)
                events += self._end_speech(item.stop)
                continue
            probabilities = next(results)
            if probabilities is None:
                self._waiting.append(_NoSpeech(item.start, item.stop))
                events += self._end_speech(item.stop)
            else:
                events += self._add(item, probabilities)
        return events + self.settle(self._cutter.seconds(tick.now))

    def settle(self, now_seconds: float) -> list[Event]:
        """Segments that have become certain by a moment; by infinity, all."""
        events: list[Event] = []
        for posterior in self._smoother.decided(now_seconds):
            events += self._settle_silence()
            window = self._waiting.popleft()
            assert isinstance(window, Span)  # decisions come in the order of the windows
            events += self._decide(window, posterior)
        return events + self._settle_silence()

    def _add(self, span: Span, probabilities: Vector) -> list[Event]:
        start, stop = self._cutter.seconds(span.start), self._cutter.seconds(span.stop)
        # Only times and places are needed from here on: the sound can go.
        empty = np.zeros(0, dtype=np.float32)
        self._waiting.append(Span(span.stretch_start, span.start, span.stop, empty, None))
        belief = self._smoother.add(start, stop, probabilities)
        emotion = self._emotions[int(belief.argmax())]
        self._is_speaking = True
        return [
            Window(start, stop, self._by_emotion(probabilities), self._doubts(probabilities)),
            Update(stop, emotion, self._by_emotion(belief), self._doubts(belief)),
        ]

    def _end_speech(self, frame: int) -> list[Event]:
        """Update that speech has ended, unless that is known already."""
        if not self._is_speaking:
            return []
        self._is_speaking = False
        return [Update(self._cutter.seconds(frame), None, {})]

    def _decide(self, span: Span, posterior: Vector) -> list[Event]:
        """Give a window's time to its emotion: the segment goes on, or another begins."""
        start = self._cutter.seconds(span.stretch_start)
        edge = self._reach(span.start, span.stop, first=start)
        place = int(posterior.argmax())
        events: list[Event] = []
        if self._open is not None and self._open.place != place:
            events.append(self._closed(edge))
        if self._open is None:
            self._begin(edge, place)
        self._last_posterior = posterior
        return events

    def _settle_silence(self) -> list[Event]:
        """Close what silence closes, once all windows before it are decided."""
        events: list[Event] = []
        while self._waiting and not isinstance(self._waiting[0], Span):
            item = self._waiting.popleft()
            if isinstance(item, Stop):
                edge = self._cutter.seconds(item.stop)
                self._own(edge)
                self._last_center = None
            else:
                edge = self._reach(item.start, item.stop, first=0.0)
            if self._open is not None:
                events.append(self._closed(edge))
        return events

    def _reach(self, start: int, stop: int, *, first: float) -> float:
        """Moment from which a window owns the time; ``first`` for the first of its stretch."""
        seconds = self._cutter.seconds
        center = (seconds(start) + seconds(stop)) / 2
        edge = first if self._last_center is None else (self._last_center + center) / 2
        self._own(edge)
        self._last_center = center
        return edge

    def _begin(self, start_seconds: float, place: int) -> None:
        self._open = _Open(start_seconds, place, 0.0, np.zeros(len(self._emotions)))
        self._owned_from = start_seconds

    def _own(self, until_seconds: float) -> None:
        """Give the last window, if it holds speech, the time up to a moment."""
        if self._open is None:
            return
        assert self._last_posterior is not None
        held = until_seconds - self._owned_from
        self._open.held += held
        self._open.weighted += held * self._last_posterior
        self._owned_from = until_seconds

    def _closed(self, stop_seconds: float) -> Segment:
        assert self._open is not None
        mean = self._open.weighted / self._open.held
        place, start_seconds = self._open.place, self._open.start_seconds
        self._open = None
        return Segment(
            start_seconds,
            stop_seconds,
            self._emotions[place],
            self._by_emotion(mean),
            bool(mean[place] < self._least),
        )

    def _doubts(self, probabilities: Vector) -> bool:
        return bool(probabilities.max() < self._least)

    def _by_emotion(self, probabilities: Vector) -> dict[str, float]:
        return dict(zip(self._emotions, probabilities.tolist(), strict=True))


class Stream:
    """Emotion of endless mono sound, from blocks of any size, in bounded memory.

    The events do not depend on the sizes of the blocks, and are those that `timeline` gives for
    the same sound. A stream belongs to one thread at a time: a call while another is not done
    is refused. Three kinds come, each in the order of time:

    `Window`
        A window as the model saw it: at most 0.25 s after its end while speech goes on, 0.5 s
        where it stops. The first comes after two seconds of speech, or where it stops before.
    `Update`
        With each window, the emotion by all that was heard so far; and, 0.5 s after it, the
        end of speech.
    `Segment`
        At most 1.25 s after the end of the last window that it rests on: the last of its speech,
        or the one that differs.

    To each come up to 0.2 s that resampling holds back where the rate is not the model's.

    Parameters
    ----------
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    rate_hz : int
        Sampling rate of the blocks.
    window_seconds : float
        Longest window of speech, 0.5 to 30.
    hop_seconds : float
        Between the ends of windows, 0.1 to 30.
    vad : str
        As for `timeline`.
    smoothing : Smoothing, optional
    uncertain_below : float, optional
        As for `timeline`.

    Raises
    ------
    AudioError
        If a number is out of range, or there is no such voice-activity detection.
    ModelError
        If the model cannot be loaded, or the threshold is no probability.

    Examples
    --------
    >>> import numpy as np
    >>> from voxaffect import Stream
    >>> stream = Stream(rate_hz=16_000)
    >>> events = stream.push(np.zeros(1_600, dtype=np.float32))
    >>> events += stream.finish()
    """

    def __init__(
        self,
        model: Model | str | Path | None = None,
        *,
        rate_hz: int,
        window_seconds: float = Cutting.window_seconds,
        hop_seconds: float = Cutting.hop_seconds,
        vad: str = Cutting.vad,
        smoothing: Smoothing | None = None,
        uncertain_below: float | None = None,
    ) -> None:
        rate_hz = check_rate(rate_hz, "<stream>")
        self.model = get_model(model)
        self.rate_hz = rate_hz
        cutting = Cutting(window_seconds, hop_seconds, vad)
        self._confirms_speech = cutting.confirms_speech
        self._cutter = Cutter(self.model.card.spec, rate_hz, cutting)
        if smoothing is not None:
            check_kind(smoothing, Smoothing, "smoothing", "a Smoothing, or None")
        self._narrator = Narrator(
            self.model.emotions,
            self._cutter,
            smoothing or Smoothing(),
            least=threshold(self.model, uncertain_below),
        )
        self._pushed = 0
        self._is_finished = False
        self._lock = Lock()

    @property
    def seconds(self) -> float:
        """How much has been pushed, in seconds."""
        return self._pushed / self.rate_hz

    def push(self, block: NDArray[Any]) -> list[Event]:
        """Take in the next block.

        Parameters
        ----------
        block : ndarray, shape (n,)
            Floats, nominally between -1 and 1, or signed integers, scaled by their full range.

        Returns
        -------
        list of Window, Update and Segment
            What has become known with it.

        Raises
        ------
        AudioError
            If it is not one-dimensional, holds NaN or infinity, or comes after `finish`. The
            stream is as before.
        """
        samples = _checked(block)
        with self._in_use():
            self._pushed += len(samples)
            events: list[Event] = []
            for start in range(0, len(samples), self.rate_hz):  # an hour is not held twice
                piece = samples[start : start + self.rate_hz]
                events += self._tell(self._cutter.push(piece))
            return events + self._narrator.settle(self._cutter.seconds(self._cutter.now))

    def finish(self) -> list[Event]:
        """End the stream.

        Returns
        -------
        list of Window, Update and Segment
            All that was still to be decided.

        Raises
        ------
        AudioError
            If it is finished already.
        """
        with self._in_use():
            self._is_finished = True
            return self._tell(self._cutter.finish()) + self._narrator.settle(np.inf)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Refuse a call after the end, and one while another thread's call is not done."""
        if not self._lock.acquire(blocking=False):
            raise AudioError(
                "<stream>: two threads use it at once. Give each thread its own Stream, or push "
                "from one."
            )
        try:
            if self._is_finished:
                raise AudioError("<stream>: finished. Make a new Stream for new sound.")
            yield
        finally:
            self._lock.release()

    def _tell(self, ticks: list[Tick]) -> list[Event]:
        events: list[Event] = []
        for tick in ticks:
            judged = [self._judge(item) for item in tick.items if isinstance(item, Span)]
            events += self._narrator.tell(tick, judged)
        return events

    def _judge(self, span: Span) -> Vector | None:
        """Probabilities of one window; None if it holds no speech."""
        vector = describe_speech(
            span,
            self.model.card.spec,
            self._cutter.rate_hz,
            confirms_speech=self._confirms_speech,
            name="<stream>",
        )
        return None if vector is None else classify(vector, self.model)


def _checked(block: NDArray[Any]) -> NDArray[np.float32]:
    samples = as_block(block, "<stream>")
    check_finite(samples, "<stream>")
    check_peak(samples, "<stream>")
    return samples
