"""Windows of speech of a recording of any length, with their probabilities or their vectors."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Blocks, Samples
from voxaffect.audio.signal import check_length
from voxaffect.console import show_progress
from voxaffect.extraction import BatchExecutor, LocalExecutor, open_executor
from voxaffect.recognition.channels import ChannelReader
from voxaffect.recognition.timelines.segmentation import SegmentBuilder, TimelineConfig
from voxaffect.recognition.timelines.segments import Event, Segment, Timeline, Window
from voxaffect.recognition.timelines.windowing import (
    FrameClock,
    SpeechEnd,
    SpeechWindow,
    Step,
    check_peak,
)

WAITING_WINDOWS: Final = 8
"""For each worker: bounds the memory that waiting work takes."""

Row = NDArray[Any]
ComputeRow = Callable[[Samples | None], Row | None]
GetRow = Callable[[], Row | None]
Submit = Callable[[SpeechWindow], GetRow]
"""Submits a window to the workers; returns a function that waits for its row."""


@dataclass(frozen=True, eq=False)
class ChannelWindows:
    """Windows of one channel of a recording, without their sound.

    Parameters
    ----------
    source, channel : str
    seconds : float
        Length of the recording.
    rate_hz : int
        Of the features.
    steps : tuple of Step
    rows : tuple of (ndarray or None)
        Of each window in order, its probabilities or its vector; None without speech.
    """

    source: str
    channel: str
    seconds: float
    rate_hz: int
    steps: tuple[Step, ...]
    rows: tuple[Row | None, ...]

    @property
    def vectors_apart(self) -> list[Samples]:
        """Vectors of windows of speech that do not overlap, from the first on."""
        windows = [window for step in self.steps for window in step.windows]
        vectors, reached = [], 0
        for window, row in zip(windows, self.rows, strict=True):
            if row is not None and window.start >= reached:
                vectors.append(row)
                reached = window.stop
        return vectors

    def map_rows(self, compute: ComputeRow) -> ChannelWindows:
        """The same windows with other rows, such as the probabilities of the vectors."""
        return replace(self, rows=tuple(map(compute, self.rows)))


@dataclass(frozen=True, eq=False)
class WindowFeatures:
    """Features of a recording by its windows of speech.

    Parameters
    ----------
    channels : tuple of ChannelWindows
        With vectors.
    channels_differ : bool
        Whether the mix is of two channels with different sound.
    """

    channels: tuple[ChannelWindows, ...]
    channels_differ: bool


def collect_windows(
    reader: ChannelReader,
    sound: Iterable[tuple[Samples, ...]],
    config: TimelineConfig,
    *,
    compute_row: ComputeRow,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> tuple[ChannelWindows, ...]:
    """Windows of the channels of an open recording.

    Parameters
    ----------
    reader : ChannelReader
    sound : iterable of tuple of ndarray
        All that the reader gives, or has given.
    config : TimelineConfig
    compute_row : callable
        From the vector of a window, or None without speech, to what is kept of it.
    workers, progress
        As for `timeline`.
    """
    recording = reader.recording
    channels = [_ChannelState(name, recording, config) for name in reader.names]
    seconds = recording.frames / recording.rate_hz
    with open_executor(workers) as executor:
        executor.expect(round(seconds / config.windowing.hop_seconds) * len(channels))
        rate_hz = channels[0].rate_hz
        submit = _make_submit(config, rate_hz, executor, compute_row, name=recording.name)
        limit = WAITING_WINDOWS * executor.count
        frames = _run(channels, sound, recording, submit, limit=limit, progress=progress)
    return tuple(channel.make_windows(frames / recording.rate_hz) for channel in channels)


def collect_vectors(
    reader: ChannelReader,
    sound: Iterable[tuple[Samples, ...]],
    config: TimelineConfig,
    *,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> WindowFeatures:
    """Features of an open recording by its windows; parameters as for `collect_windows`."""
    channels = collect_windows(
        reader, sound, config, compute_row=lambda row: row, workers=workers, progress=progress
    )
    return WindowFeatures(channels, reader.comparison.are_different)


def build_timelines(
    channels: Sequence[ChannelWindows], config: TimelineConfig
) -> tuple[Timeline, ...]:
    """Timelines of channels whose rows are probabilities."""
    return tuple(_build_timeline(channel, config) for channel in channels)


def classify_windows(features: WindowFeatures, config: TimelineConfig) -> tuple[Timeline, ...]:
    """Timelines of the features of a recording."""
    return build_timelines([one.map_rows(config.classify) for one in features.channels], config)


def _build_timeline(channel: ChannelWindows, config: TimelineConfig) -> Timeline:
    emotions = config.model.emotions
    clock = FrameClock(channel.rate_hz)
    builder = SegmentBuilder(emotions, clock, config.smoothing, threshold=config.threshold)
    events: list[Event] = []
    rows = iter(channel.rows)
    for step in channel.steps:
        events += builder.add(step, [next(rows) for _ in step.windows])
    events += builder.flush(np.inf)
    return Timeline(
        channel.source,
        channel.channel,
        channel.seconds,
        emotions,
        tuple(event for event in events if isinstance(event, Window)),
        tuple(event for event in events if isinstance(event, Segment)),
        config.adapter.decision if config.adapter else None,
    )


def _make_submit(
    config: TimelineConfig,
    rate_hz: int,
    executor: BatchExecutor,
    compute_row: ComputeRow,
    *,
    name: str,
) -> Submit:
    """Function that submits windows; with one worker, they are computed when asked for.

    Workers find speech and compute features: their processes need no model.
    """
    extract = config.make_extractor(rate_hz, name)
    if isinstance(executor, LocalExecutor) and executor.count == 1:
        return lambda window: lambda: compute_row(extract(window))

    def submit(window: SpeechWindow) -> GetRow:
        future = executor.submit(extract, window)
        return lambda: compute_row(future.result())

    return submit


def _run(
    channels: list[_ChannelState],
    sound: Iterable[tuple[Samples, ...]],
    recording: Blocks,
    submit: Submit,
    *,
    limit: int,
    progress: bool,
) -> int:
    """Push every block to every channel; return the samples of a channel."""
    frames, rate_hz = 0, recording.rate_hz
    bar = show_progress(
        title=Path(recording.name).name,
        is_shown=progress,
        unit="s",
        unit_scale=True,
        total=round(recording.frames / rate_hz),
    )
    with bar:
        for block in sound:
            for channel, samples in zip(channels, block, strict=True):
                channel.push(samples, submit, limit=limit)
            frames += len(block[0])
            bar.update(frames / rate_hz - bar.n)
        check_length(recording.name, frames, rate_hz)
        for channel in channels:
            channel.finish(submit)
    return frames


class _ChannelState:
    """One channel of a recording: its windower, its waiting windows and its rows so far.

    Parameters
    ----------
    name : str
    recording : Blocks
    config : TimelineConfig
    """

    def __init__(self, name: str, recording: Blocks, config: TimelineConfig) -> None:
        self._name, self._source = name, recording.name
        self._windower = config.make_windower(recording.rate_hz)
        self.rate_hz = self._windower.rate_hz
        self._waiting: deque[tuple[Step, list[GetRow]]] = deque()
        self._steps: list[Step] = []
        self._rows: list[Row | None] = []

    def push(self, samples: Samples, submit: Submit, *, limit: int) -> None:
        """Process the next block; wait for the oldest windows while more than a limit wait."""
        check_peak(samples, self._source)
        for step in self._windower.push(samples):
            self._submit_step(step, submit)
            self._collect(limit)

    def finish(self, submit: Submit) -> None:
        """Process the end of the sound."""
        for step in self._windower.finish():
            self._submit_step(step, submit)
        self._collect(0)

    def make_windows(self, seconds: float) -> ChannelWindows:
        """All windows with their rows."""
        steps, rows = tuple(self._steps), tuple(self._rows)
        return ChannelWindows(self._source, self._name, seconds, self.rate_hz, steps, rows)

    def _submit_step(self, step: Step, submit: Submit) -> None:
        calls = [submit(window) for window in step.windows]
        self._waiting.append((step, calls))

    def _collect(self, limit: int) -> None:
        """Keep the rows of the oldest steps until no more than a limit wait."""
        while len(self._waiting) > limit:
            step, calls = self._waiting.popleft()
            self._rows += [get_row() for get_row in calls]
            items = [
                item if isinstance(item, SpeechEnd) else item.without_sound() for item in step.items
            ]
            self._steps.append(replace(step, items=tuple(items)))
