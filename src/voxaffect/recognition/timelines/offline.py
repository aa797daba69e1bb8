"""Emotion over the time of a recording of any length: the stream's machine, in parallel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from voxaffect.audio import MIN_SECONDS, Blocks, Samples, Source, open_blocks
from voxaffect.console import show_progress
from voxaffect.errors import AudioError
from voxaffect.extraction import BatchExecutor, LocalExecutor, open_executor
from voxaffect.features.affect.enrollment import Speaker
from voxaffect.models import Model, get_model
from voxaffect.recognition.channels import ChannelReader, check_channels
from voxaffect.recognition.classification import classify, threshold
from voxaffect.recognition.timelines.segments import Segment, Timeline, Window
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.stream import Event, Narrator, Vector
from voxaffect.recognition.timelines.windowing import (
    Cutter,
    Cutting,
    Span,
    Tick,
    check_peak,
    describe_speech,
)
from voxaffect.records.arguments import check_kind

WAITING_WINDOWS: Final = 8
"""For each worker: bounds the memory that waiting work takes."""

Outcome = Callable[[], Vector | None]
Start = Callable[[Span], Outcome]
"""Starts to judge a window, and gives what waits for its probabilities."""


@dataclass(frozen=True)
class Recognition:
    """How a recording is recognized window by window.

    Parameters
    ----------
    model : Model
    cutting : Cutting
    smoothing : Smoothing
    least : float
        Probability under which a result is uncertain.
    speaker : Speaker, optional
    """

    model: Model
    cutting: Cutting
    smoothing: Smoothing
    least: float
    speaker: Speaker | None = None

    def classify(self, vector: Samples | None) -> Vector | None:
        """Probabilities of a window; None if it holds no speech."""
        return None if vector is None else classify(vector, self.model, self.speaker)


def timeline(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    window_seconds: float = Cutting.window_seconds,
    hop_seconds: float = Cutting.hop_seconds,
    channels: str = "mix",
    vad: str = Cutting.vad,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    max_seconds: float | None = None,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Recognize emotion over the time of a recording of any length.

    It is read in blocks, once. The windows and segments are those that a `Stream` gives.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    name : str, optional
        What the results and messages call the recording; its path by default.
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    window_seconds : float
        Longest window of speech, 0.5 to 30.
    hop_seconds : float
        Between the ends of windows, 0.1 to 30.
    channels : str
        ``mix`` of all, the ``left`` or ``right`` one, or ``each`` by itself.
    vad : str
        Voice-activity detection. ``silero`` takes what is louder than the background, and confirms
        by a neural network that it is speech. ``webrtc`` (extra ``vad``) takes the frames that
        WebRTC's detector finds, and confirms them, too. ``energy`` takes whatever is louder than
        the background, be it music or noise.
    smoothing : Smoothing, optional
    uncertain_below : float, optional
        Confidence under which a segment or window is uncertain; 0
        for never. By default what the model card states, which was measured on whole
        recordings, not on windows: for segments it is only a rough guide.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    workers : int or Executor, optional
        What judges windows, as for ``extract``; 1 for nothing beside this thread. Neither
        number nor kind changes a number.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    tuple of Timeline
        One, or one for each channel. Where there is no speech, there are neither windows nor
        segments.

    Raises
    ------
    AudioError
        If the recording cannot be read, is shorter than 0.25 s, or has no such channel; or if
        a number is out of range.
    ModelError
        If the model cannot be loaded, or the threshold is no probability.
    MissingExtraError
        If the voice-activity detection needs a library that is not installed.
    """
    if smoothing is not None:
        check_kind(smoothing, Smoothing, "smoothing", "a Smoothing, or None")
    check_channels(channels)
    cutting = Cutting(window_seconds, hop_seconds, vad)
    loaded = get_model(model)
    least = threshold(loaded, uncertain_below)
    how = Recognition(loaded, cutting, smoothing or Smoothing(), least)
    with open_blocks(source, rate_hz, name=name, max_seconds=max_seconds) as recording:
        reader = ChannelReader(recording, channels)
        return run_timelines(reader, reader, how, workers=workers, progress=progress)


def run_timelines(
    reader: ChannelReader,
    sound: Iterable[tuple[Samples, ...]],
    how: Recognition,
    *,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> tuple[Timeline, ...]:
    """Timelines of the channels of an open recording.

    Parameters
    ----------
    reader : ChannelReader
    sound : iterable of tuple of ndarray
        All that the reader gives, or has given.
    how : Recognition
    workers, progress
        As for `timeline`.
    """
    recording = reader.recording
    spec = how.model.card.spec
    lines = [
        _Line(name, Cutter(spec, recording.rate_hz, how.cutting), how, recording.name)
        for name in reader.names
    ]
    seconds = recording.frames / recording.rate_hz
    expected = round(seconds / how.cutting.hop_seconds) * len(lines)
    with open_executor(workers) as executor:
        limit = WAITING_WINDOWS * executor.count
        rate_hz = spec.rate_hz or recording.rate_hz
        executor.expect(expected)
        start = _start_windows(how, rate_hz, executor, name=recording.name)
        frames = _run(lines, sound, recording, start, limit=limit, progress=progress)
    return tuple(line.timeline(frames / recording.rate_hz) for line in lines)


def _start_windows(how: Recognition, rate_hz: int, executor: BatchExecutor, *, name: str) -> Start:
    """Start windows beside this thread; with one worker, when the outcome is asked for.

    Workers find speech and compute features: their processes need no model.
    """
    describe = partial(
        describe_speech,
        spec=how.model.card.spec,
        rate_hz=rate_hz,
        confirms_speech=how.cutting.confirms_speech,
        name=name,
    )
    if isinstance(executor, LocalExecutor) and executor.count == 1:
        return lambda span: lambda: how.classify(describe(span))

    def begin(span: Span) -> Outcome:
        future = executor.submit(describe, span)
        return lambda: how.classify(future.result())

    return begin


def _run(
    lines: list[_Line],
    sound: Iterable[tuple[Samples, ...]],
    recording: Blocks,
    start: Start,
    *,
    limit: int,
    progress: bool,
) -> int:
    """Feed every block to every channel; samples a channel."""
    frames, rate_hz = 0, recording.rate_hz
    bar = show_progress(
        title=Path(recording.name).name,
        is_shown=progress,
        unit="s",
        unit_scale=True,
        total=round(recording.frames / rate_hz),
    )
    with bar:
        for part in sound:
            for line, samples in zip(lines, part, strict=True):
                line.push(samples, start, limit=limit)
            frames += len(part[0])
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

    def __init__(self, channel: str, cutter: Cutter, how: Recognition, source: str) -> None:
        self._channel, self._cutter, self._source = channel, cutter, source
        self._emotions = how.model.emotions
        self._narrator = Narrator(self._emotions, cutter, how.smoothing, least=how.least)
        self._waiting: deque[tuple[Tick, list[Outcome]]] = deque()
        self._events: list[Event] = []

    def push(self, samples: Samples, start: Start, *, limit: int) -> None:
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
        return Timeline(self._source, self._channel, seconds, self._emotions, windows, segments)

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
