"""Emotion over the time of a recording of any length: the stream's machine, in parallel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from voxaffect.arguments import check_kind
from voxaffect.audio import MIN_SECONDS, Block, Blocks, Mixer, Source, open_blocks
from voxaffect.console import progress_bar
from voxaffect.errors import AudioError, WorkerError
from voxaffect.extraction import Workers, at_work
from voxaffect.model import Model, get_model
from voxaffect.recognizer.prediction import threshold
from voxaffect.recognizer.segments import Segment, Timeline, Window
from voxaffect.recognizer.smoothing import Smoothing
from voxaffect.recognizer.spans import (
    Cutter,
    Cutting,
    Samples,
    Span,
    Tick,
    check_peak,
    describe_span,
)
from voxaffect.recognizer.stream import Event, Narrator, Vector, judge

CHANNELS: Final = ("mix", "left", "right", "each")
WAITING_WINDOWS: Final = 8
"""For each worker: bounds the memory that waiting work takes."""

Outcome = Callable[[], Vector]
Start = Callable[[Span], Outcome]
"""Starts to judge a window, and gives what waits for its probabilities."""


def timeline(
    source: Source,
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    window_seconds: float = Cutting.window_seconds,
    hop_seconds: float = Cutting.hop_seconds,
    channels: str = "mix",
    gate: str = Cutting.gate,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    workers: int | Workers | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Recognise emotion over the time of a recording of any length.

    It is read in blocks, once. The windows and segments are those that a `Stream` gives.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    window_seconds : float
        Longest window of speech, 0.5 to 30.
    hop_seconds : float
        Between the ends of windows, 0.1 to 30.
    channels : str
        ``mix`` of all, the ``left`` or ``right`` one, or ``each`` by itself.
    gate : str
        What tells speech from silence: ``energy``, or ``webrtc`` (extra ``vad``).
    smoothing : Smoothing, optional
    uncertain_below : float, optional
        Certainty under which a segment, and probability under which a window, is uncertain; 0
        for never. By default what the model card states, which was measured on whole
        recordings, not on windows: of segments it promises no share that is wrong.
    workers : int or Workers, optional
        What judges windows, as for ``extract``; 1 for nothing beside this thread. Neither
        number nor kind changes a number.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    tuple of Timeline
        One, or one for each channel. Silence has neither windows nor segments.

    Raises
    ------
    AudioError
        If the recording cannot be read, is shorter than 0.25 s, or has no such channel; or if
        a number is out of range.
    ModelError
        If the model cannot be loaded, or the threshold is no probability.
    MissingExtraError
        If the gate needs a library that is not installed.
    """
    if channels not in CHANNELS:
        raise AudioError(f"no channels {channels!r}; there are: {', '.join(CHANNELS)}.")
    if smoothing is not None:
        check_kind(smoothing, Smoothing, "smoothing", "a Smoothing, or None")
    cutting = Cutting(window_seconds, hop_seconds, gate)
    loaded = get_model(model)
    least = threshold(loaded, uncertain_below)
    mixer = Mixer()
    with open_blocks(source, rate_hz) as recording:
        lines = [
            _Line(name, pick, Cutter(loaded.card.spec, recording.rate_hz, cutting), loaded,
                  smoothing or Smoothing(), least=least, name_of_source=recording.name)
            for name, pick in _chosen(channels, recording, mixer)
        ]  # fmt: skip
        expected = round(recording.frames / recording.rate_hz / hop_seconds) * len(lines)
        with at_work(workers) as crew:
            limit = WAITING_WINDOWS * crew.count
            rate_hz = loaded.card.spec.rate_hz or recording.rate_hz
            judging = _judging(loaded, rate_hz, crew, name=recording.name, expected=expected)
            with judging as start:
                frames = _run(lines, recording, start, limit=limit, progress=progress)
            mixer.check(recording.name)
    return tuple(line.timeline(frames / recording.rate_hz) for line in lines)


Pick = Callable[[Block], Samples]


def _chosen(channels: str, recording: Blocks, mixer: Mixer) -> list[tuple[str, Pick]]:
    """Name of each channel that is wanted, and what takes it from a block."""
    if channels == "mix":
        return [("mix", mixer.mix)]
    if channels == "each":
        return [(str(place + 1), _only(place)) for place in range(recording.channels)]
    place = ("left", "right").index(channels)
    if place >= recording.channels:
        raise AudioError(
            f"{recording.name}: has {recording.channels} channel, expected 2 to take the "
            f"{channels} one. Take the mix."
        )
    return [(channels, _only(place))]


def _only(place: int) -> Pick:
    return lambda block: np.ascontiguousarray(block[:, place])


@contextmanager
def _judging(
    model: Model, rate_hz: int, crew: Workers, *, name: str, expected: int
) -> Iterator[Start]:
    """Start at once, beside this thread; with one worker, when the outcome is asked for.

    Only features are computed by workers: so their processes need no model, and ONNX Runtime,
    which does not hold Python's lock, stays with the one that is loaded.
    """
    if crew.count == 1:
        yield lambda span: lambda: judge(span, model, rate_hz=rate_hz, name=name)
        return
    describe = partial(describe_span, spec=model.card.spec, rate_hz=rate_hz, name=name)

    def outcome(span: Span, future: Future[Samples]) -> Vector:
        try:
            vector = future.result()
        except WorkerError as error:  # the process that computed it has ended
            vector = crew.repeat(describe, span, error)
        probabilities: Vector = model.probabilities(vector[None])[0]
        return probabilities

    with crew.starting(describe, expected) as start:
        yield lambda span: partial(outcome, span, start(span))


def _run(
    lines: list[_Line],
    recording: Blocks,
    start: Start,
    *,
    limit: int,
    progress: bool,
) -> int:
    """Feed every block to every channel; samples a channel."""
    frames, rate_hz = 0, recording.rate_hz
    bar = progress_bar(
        title=Path(recording.name).name, is_shown=progress, unit="s", unit_scale=True,
        total=round(recording.frames / rate_hz),
    )  # fmt: skip
    with bar:
        for block in recording:
            for line in lines:
                line.push(block, start, limit=limit)
            frames += len(block)
            bar.update(frames / rate_hz - bar.n)
        if frames < int(MIN_SECONDS * rate_hz):
            raise AudioError(
                f"{recording.name}: {int(1000 * frames / rate_hz) / 1000} s long, at least "
                f"{MIN_SECONDS} s are needed. Record longer."
            )
        for line in lines:
            line.finish(start)
    return frames


class _Line:
    """One channel: its machine, the windows that are being judged, and what has come out."""

    def __init__(
        self,
        channel: str,
        pick: Pick,
        cutter: Cutter,
        model: Model,
        how: Smoothing,
        *,
        least: float,
        name_of_source: str,
    ) -> None:
        self._channel, self._pick, self._cutter = channel, pick, cutter
        self._model, self._source = model, name_of_source
        self._narrator = Narrator(model.emotions, cutter, how, least=least)
        self._waiting: deque[tuple[Tick, list[Outcome]]] = deque()
        self._events: list[Event] = []

    def push(
        self,
        block: Block,
        start: Start,
        *,
        limit: int,
    ) -> None:
        samples = self._pick(block)
        check_peak(samples, self._source)
        for tick in self._cutter.push(samples):
            self._begin(tick, start)
            self._tell(limit)

    def finish(self, start: Start) -> None:
        for tick in self._cutter.finish():
            self._begin(tick, start)
        self._tell(0)
        self._keep(self._narrator.settle(np.inf))

    def timeline(self, seconds: float) -> Timeline:
        windows = tuple(event for event in self._events if isinstance(event, Window))
        segments = tuple(event for event in self._events if isinstance(event, Segment))
        emotions = self._model.emotions
        return Timeline(self._source, self._channel, seconds, emotions, windows, segments)

    def _begin(self, tick: Tick, start: Start) -> None:
        spans = [item for item in tick.items if isinstance(item, Span)]
        self._waiting.append((tick, [*map(start, spans)]))

    def _tell(self, limit: int) -> None:
        """Wait for the oldest windows until few are left."""
        while len(self._waiting) > limit:
            tick, outcomes = self._waiting.popleft()
            self._keep(self._narrator.tell(tick, [outcome() for outcome in outcomes]))

    def _keep(self, events: list[Event]) -> None:
        self._events += [event for event in events if isinstance(event, Window | Segment)]
