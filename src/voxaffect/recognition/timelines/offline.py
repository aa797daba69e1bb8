"""Emotion over the time of a recording of any length: a stream's windows, in parallel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

import numpy as np

from voxaffect.audio import MIN_SECONDS, Blocks, Samples, Source, open_blocks
from voxaffect.console import show_progress
from voxaffect.errors import AudioError
from voxaffect.extraction import BatchExecutor, LocalExecutor, open_executor
from voxaffect.models import Model
from voxaffect.recognition.channels import ChannelReader, check_channels
from voxaffect.recognition.timelines.segmentation import (
    SegmentBuilder,
    TimelineConfig,
    Vector,
    configure_timeline,
)
from voxaffect.recognition.timelines.segments import Event, Segment, Timeline, Window
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.windowing import (
    SpeechWindow,
    Step,
    WindowConfig,
    check_peak,
)

WAITING_WINDOWS: Final = 8
"""For each worker: bounds the memory that waiting work takes."""

GetProbabilities = Callable[[], Vector | None]
Submit = Callable[[SpeechWindow], GetProbabilities]
"""Submits a window to the workers; returns a function that waits for its probabilities."""


def timeline(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    window_seconds: float = WindowConfig.window_seconds,
    hop_seconds: float = WindowConfig.hop_seconds,
    channels: str = "mix",
    vad: str = WindowConfig.vad,
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
        Of the recording in results and messages; its path by default.
    model : Model, str or Path, optional
        A model, its file, or the name of a bundled one: ``accurate`` (the default) or ``fast``.
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
        Confidence below which a segment or window is uncertain; 0 for never. By default the
        threshold of the model card. It was measured on whole recordings, so it is only a rough
        guide for segments.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    workers : int or Executor, optional
        As for ``extract``; 1 for this thread alone. Results are identical for any number or
        kind of workers.
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

    Examples
    --------
    >>> (whole,) = va.timeline("call.wav")
    >>> whole.segments[0].emotion in va.load().emotions
    True
    """
    check_channels(channels)
    windowing = WindowConfig(window_seconds, hop_seconds, vad)
    config = configure_timeline(model, windowing, smoothing, uncertain_below)
    with open_blocks(source, rate_hz, name=name, max_seconds=max_seconds) as recording:
        reader = ChannelReader(recording, channels)
        return run_timelines(reader, reader, config, workers=workers, progress=progress)


def run_timelines(
    reader: ChannelReader,
    sound: Iterable[tuple[Samples, ...]],
    config: TimelineConfig,
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
    config : TimelineConfig
    workers, progress
        As for `timeline`.
    """
    recording = reader.recording
    channels = [ChannelState(name, recording, config) for name in reader.names]
    seconds = recording.frames / recording.rate_hz
    with open_executor(workers) as executor:
        executor.expect(round(seconds / config.windowing.hop_seconds) * len(channels))
        submit = _make_submit(config, channels[0].rate_hz, executor, name=recording.name)
        limit = WAITING_WINDOWS * executor.count
        frames = _run(channels, sound, recording, submit, limit=limit, progress=progress)
    return tuple(channel.make_timeline(frames / recording.rate_hz) for channel in channels)


def _make_submit(
    config: TimelineConfig, rate_hz: int, executor: BatchExecutor, *, name: str
) -> Submit:
    """Function that submits windows; with one worker, they are computed when asked for.

    Workers find speech and compute features: their processes need no model.
    """
    extract = config.make_extractor(rate_hz, name)
    if isinstance(executor, LocalExecutor) and executor.count == 1:
        return lambda window: lambda: config.classify(extract(window))

    def submit(window: SpeechWindow) -> GetProbabilities:
        future = executor.submit(extract, window)
        return lambda: config.classify(future.result())

    return submit


def _run(
    channels: list[ChannelState],
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
        if frames < int(MIN_SECONDS * rate_hz):
            raise AudioError(
                f"{recording.name}: {int(1000 * frames / rate_hz) / 1000} s long, at least "
                f"{MIN_SECONDS} s are needed. Record longer."
            )
        for channel in channels:
            channel.finish(submit)
    return frames


class ChannelState:
    """One channel of a recording: its windower, its waiting windows and its events so far.

    Parameters
    ----------
    name : str
    recording : Blocks
    config : TimelineConfig
    """

    def __init__(self, name: str, recording: Blocks, config: TimelineConfig) -> None:
        self._name, self._source = name, recording.name
        self._emotions = config.model.emotions
        self._windower = config.make_windower(recording.rate_hz)
        self._builder = SegmentBuilder(
            self._emotions, self._windower, config.smoothing, threshold=config.threshold
        )
        self.rate_hz = self._windower.rate_hz
        self._waiting: deque[tuple[Step, list[GetProbabilities]]] = deque()
        self._events: list[Event] = []

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
        self._events += self._builder.flush(np.inf)

    def make_timeline(self, seconds: float) -> Timeline:
        """Timeline of all events."""
        windows = tuple(event for event in self._events if isinstance(event, Window))
        segments = tuple(event for event in self._events if isinstance(event, Segment))
        return Timeline(self._source, self._name, seconds, self._emotions, windows, segments)

    def _submit_step(self, step: Step, submit: Submit) -> None:
        self._waiting.append((step, [submit(window) for window in step.windows]))

    def _collect(self, limit: int) -> None:
        """Add the events of the oldest steps until no more than a limit wait."""
        while len(self._waiting) > limit:
            step, results = self._waiting.popleft()
            events = self._builder.add(step, [get_probabilities() for get_probabilities in results])
            self._events += [event for event in events if isinstance(event, Window | Segment)]
