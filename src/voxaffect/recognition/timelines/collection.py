"""Windows of speech of a recording of any length, with their probabilities or their vectors."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Blocks, Samples
from voxaffect.audio.signal import check_length
from voxaffect.console import show_progress
from voxaffect.extraction import BatchExecutor, LocalExecutor, open_executor
from voxaffect.models import Model
from voxaffect.recognition.adaptation import AdaptationDecision, make_adapter, summarize_vectors
from voxaffect.recognition.channels import ChannelReader
from voxaffect.recognition.classification import classify
from voxaffect.recognition.timelines.conversation import (
    NO_CONVERSATION,
    Conversation,
    add_conversation,
)
from voxaffect.recognition.timelines.segmentation import OwnedTime, SegmentBuilder, TimelineConfig
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
    conversation : Conversation
        Whose turns the windows follow.
    channel_name : str, optional
        Name that a caller gave to the channel.
    """

    source: str
    channel: str
    seconds: float
    rate_hz: int
    steps: tuple[Step, ...]
    rows: tuple[Row | None, ...]
    conversation: Conversation = NO_CONVERSATION
    channel_name: str | None = None

    @property
    def vectors_apart(self) -> list[Samples]:
        """Vectors of windows of speech that do not overlap, from the first on."""
        return _list_apart(zip(self.windows, self.rows, strict=True))

    @property
    def windows(self) -> list[SpeechWindow]:
        """All windows, in the order of their rows."""
        return [window for step in self.steps for window in step.windows]

    def group_by_speaker(self) -> dict[str, list[Samples]]:
        """Vectors of each speaker with a name, of windows that do not overlap."""
        groups: defaultdict[str, list[tuple[SpeechWindow, Row | None]]] = defaultdict(list)
        for window, row in zip(self.windows, self.rows, strict=True):
            if window.speaker is not None:
                groups[window.speaker].append((window, row))
        return {speaker: _list_apart(pairs) for speaker, pairs in groups.items()}

    def map_rows(self, compute: ComputeRow) -> ChannelWindows:
        """The same windows with other rows, such as the probabilities of the vectors."""
        return replace(self, rows=tuple(map(compute, self.rows)))

    def adapt_speakers(self, model: Model) -> tuple[ChannelWindows, tuple[AdaptationDecision, ...]]:
        """The same windows with the model's answers, each speaker adapted alone."""
        adapters = {
            speaker: make_adapter(summarize_vectors(vectors, model, speaker), model)
            for speaker, vectors in self.group_by_speaker().items()
        }
        rows = tuple(
            None if row is None else classify(row, model, adapters.get(window.speaker or ""))
            for window, row in zip(self.windows, self.rows, strict=True)
        )
        decisions = (adapter.decision for adapter in adapters.values())
        return replace(self, rows=rows), tuple(decisions)


def _list_apart(pairs: Iterable[tuple[SpeechWindow, Row | None]]) -> list[Samples]:
    """Vectors of windows of speech that do not overlap, from the first on."""
    vectors, reached = [], 0
    for window, row in pairs:
        if row is not None and window.start >= reached:
            vectors.append(row)
            reached = window.stop
    return vectors


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
    conversation: Conversation = NO_CONVERSATION,
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
    conversation : Conversation
        Turns that name no channel hold for every one.
    workers, progress
        As for `timeline`.
    """
    recording = reader.recording
    channels = [_ChannelState(one, reader, config, conversation) for one in reader.channels]
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
    conversation: Conversation = NO_CONVERSATION,
    workers: int | Executor | None = None,
    progress: bool = False,
) -> WindowFeatures:
    """Features of an open recording by its windows; parameters as for `collect_windows`."""
    channels = collect_windows(
        reader,
        sound,
        config,
        compute_row=lambda row: row,
        conversation=conversation,
        workers=workers,
        progress=progress,
    )
    return WindowFeatures(channels, reader.comparison.are_different)


def build_timelines(
    channels: Sequence[ChannelWindows], config: TimelineConfig
) -> tuple[Timeline, ...]:
    """Timelines of channels whose rows are probabilities."""
    return tuple(_build_timeline(channel, config) for channel in channels)


def classify_windows(features: WindowFeatures, config: TimelineConfig) -> tuple[Timeline, ...]:
    """Timelines of the features of a recording."""
    if config.adapts_speakers:
        adapted = (channel.adapt_speakers(config.model) for channel in features.channels)
        return tuple(
            replace(_build_timeline(channel, config), speaker_adaptations=decisions)
            for channel, decisions in adapted
        )
    return build_timelines([one.map_rows(config.classify) for one in features.channels], config)


def _build_timeline(channel: ChannelWindows, config: TimelineConfig) -> Timeline:
    events, owned = _build_events(channel, config)
    windows = [event for event in events if isinstance(event, Window)]
    segments = [event for event in events if isinstance(event, Segment)]
    timeline = Timeline(
        channel.source,
        channel.channel,
        channel.seconds,
        config.model.emotions,
        tuple(sorted(windows, key=_get_start)),
        tuple(sorted(segments, key=_get_start)),
        config.adapter.decision if config.adapter else None,
        calibrated=config.model.labels is None,
        has_threshold=config.threshold > 0,
        channel_name=channel.channel_name,
    )
    return add_conversation(timeline, channel.conversation, owned, config.threshold)


def _build_events(
    channel: ChannelWindows, config: TimelineConfig
) -> tuple[list[Event], dict[str | None, list[OwnedTime]]]:
    """Events of a channel, and the time that windows own, by speaker: each is smoothed alone."""
    clock = FrameClock(channel.rate_hz)
    builders: dict[str | None, SegmentBuilder] = {}
    owned: defaultdict[str | None, list[OwnedTime]] = defaultdict(list)
    events: list[Event] = []
    rows = iter(channel.rows)
    for step in channel.steps:
        for speaker, part in _split_step(step):
            if speaker not in builders:
                builders[speaker] = SegmentBuilder(
                    config.model.emotions,
                    clock,
                    config.smoothing,
                    threshold=config.threshold,
                    speaker=speaker,
                    dimensions=config.model.dimension_names,
                    on_owned=owned[speaker].append,
                )
            events += builders[speaker].add(part, [next(rows) for _ in part.windows])
    for builder in builders.values():
        events += builder.flush(np.inf)
    return events, owned


def _split_step(step: Step) -> Iterator[tuple[str | None, Step]]:
    """Parts of a step in which the items are of one speaker, in their order."""
    for speaker, items in groupby(step.items, key=lambda item: item.speaker):
        yield speaker, replace(step, items=tuple(items))


def _get_start(part: Window | Segment) -> float:
    return part.start_seconds


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
    channel : str
        As results call it.
    reader : ChannelReader
    config : TimelineConfig
    conversation : Conversation
    """

    def __init__(
        self,
        channel: str,
        reader: ChannelReader,
        config: TimelineConfig,
        conversation: Conversation,
    ) -> None:
        recording = reader.recording
        self._channel, self._source = channel, recording.name
        self._name = reader.choice.get_name(channel)
        self.rate_hz = config.model.spec.rate_hz or recording.rate_hz
        conversation = conversation.take_channel(channel)
        speakers = conversation.list_speakers(FrameClock(self.rate_hz))
        self._windower = config.make_windower(recording.rate_hz, speakers)
        self._conversation = conversation
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
        return ChannelWindows(
            self._source,
            self._channel,
            seconds,
            self.rate_hz,
            steps,
            rows,
            self._conversation,
            self._name,
        )

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
