"""Emotion as it is heard: blocks of sound go in, events come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import as_block, check_finite, check_rate
from voxaffect.errors import AudioError
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import Adaptation, AdaptationDecision
from voxaffect.recognition.timelines.segmentation import (
    SegmentBuilder,
    Vector,
    configure_timeline,
)
from voxaffect.recognition.timelines.segments import Event
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.windowing import (
    SpeechWindow,
    Step,
    WindowConfig,
    check_peak,
)


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
        A model, its file, or the name of a bundled one: ``accurate`` (the default) or ``fast``.
    rate_hz : int
        Sampling rate of the blocks.
    labels : sequence of str, optional
        As for `timeline`.
    window_seconds : float
        Longest window of speech, 0.5 to 30.
    hop_seconds : float
        Between the ends of windows, 0.1 to 30.
    vad : str
        As for `timeline`.
    smoothing : Smoothing, optional
    uncertain_below : float, optional
        As for `timeline`.
    adapt : Adaptation, optional
        Statistics of earlier recordings, as `measure_adaptation` gives them. A stream does not
        adapt to its own sound: its beginning would be judged otherwise than its end.

    Raises
    ------
    AudioError
        If a number is out of range, or there is no such voice-activity detection.
    ModelError
        If the model cannot be loaded, the threshold is no probability, or the adaptation is one
        of other features.

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
        labels: Sequence[str] | None = None,
        window_seconds: float = WindowConfig.window_seconds,
        hop_seconds: float = WindowConfig.hop_seconds,
        vad: str = WindowConfig.vad,
        smoothing: Smoothing | None = None,
        uncertain_below: float | None = None,
        adapt: Adaptation | None = None,
    ) -> None:
        self.rate_hz = check_rate(rate_hz, "<stream>")
        windowing = WindowConfig(window_seconds, hop_seconds, vad)
        self._config = configure_timeline(
            get_model(model, labels), windowing, smoothing, uncertain_below, adapt
        )
        self.model = self._config.model
        self._windower = self._config.make_windower(self.rate_hz)
        self._extract = self._config.make_extractor(self._windower.rate_hz, "<stream>")
        self._builder = SegmentBuilder(
            self.model.emotions,
            self._windower.clock,
            self._config.smoothing,
            threshold=self._config.threshold,
            dimensions=self.model.dimension_names,
        )
        self._pushed = 0
        self._is_finished = False
        self._lock = Lock()

    @property
    def adaptation(self) -> AdaptationDecision | None:
        """Decision about the adaptation, if one was asked for."""
        return self._config.adapter.decision if self._config.adapter else None

    @property
    def seconds(self) -> float:
        """Length of all that was pushed."""
        return self._pushed / self.rate_hz

    def push(self, block: NDArray[Any]) -> list[Event]:
        """Process the next block.

        Parameters
        ----------
        block : ndarray, shape (n,)
            Floats, nominally between -1 and 1, or signed integers, scaled by their full range.

        Returns
        -------
        list of Window, Update and Segment
            Events that the block completes.

        Raises
        ------
        AudioError
            If it is not one-dimensional, holds NaN or infinity, or comes after `finish`. The
            stream is as before.
        """
        samples = _check_block(block)
        with self._lock_use():
            self._pushed += len(samples)
            events: list[Event] = []
            for start in range(0, len(samples), self.rate_hz):  # an hour is not held twice
                piece = samples[start : start + self.rate_hz]
                events += self._build(self._windower.push(piece))
            return events + self._builder.flush(self._windower.seconds(self._windower.now))

    def finish(self) -> list[Event]:
        """End the stream.

        Returns
        -------
        list of Window, Update and Segment
            The last events.

        Raises
        ------
        AudioError
            If it is finished already.
        """
        with self._lock_use():
            self._is_finished = True
            return self._build(self._windower.finish()) + self._builder.flush(np.inf)

    @contextmanager
    def _lock_use(self) -> Iterator[None]:
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

    def _build(self, steps: list[Step]) -> list[Event]:
        events: list[Event] = []
        for step in steps:
            probabilities = [self._classify_window(window) for window in step.windows]
            events += self._builder.add(step, probabilities)
        return events

    def _classify_window(self, window: SpeechWindow) -> Vector | None:
        """Answer of one window, as `classification.classify`; None if it holds no speech."""
        return self._config.classify(self._extract(window))


def _check_block(block: NDArray[Any]) -> NDArray[np.float32]:
    samples = as_block(block, "<stream>")
    check_finite(samples, "<stream>")
    check_peak(samples, "<stream>")
    return samples
