"""Features of recordings of one utterance, where they hold speech."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from voxaffect.audio import MIN_PEAK, Samples, Signal, check_usable
from voxaffect.extraction import BatchExecutor, catch_failure, compute_each, describe_failure
from voxaffect.extraction.sources import Item, batch_items, get_subject, open_item
from voxaffect.features import FeatureSpec, compute_features
from voxaffect.recognition.channels import ChannelChoice, ChannelReader
from voxaffect.recognition.speech import has_speech
from voxaffect.recognition.timelines.vad import get_vad_method
from voxaffect.records.choices import LONG_SECONDS

Long = TypeVar("Long")


@dataclass(frozen=True, eq=False)
class RecordingFeatures:
    """Features of one recording.

    Parameters
    ----------
    seconds : float
        Its length.
    channels_differ : bool
        Whether the mix is of two channels with different sound.
    vectors : tuple of (str and (ndarray or None))
        Of each channel, as results call it, and its features; None where there is no speech.
    """

    seconds: float
    channels_differ: bool
    vectors: tuple[tuple[str, Samples | None], ...]


class LongRecording:
    """Mark of a recording that is longer than `LONG_SECONDS`."""


@dataclass(frozen=True)
class UtteranceTask:
    """Features of a recording that is no longer than an utterance; for worker processes.

    Parameters
    ----------
    spec : FeatureSpec
    channels : ChannelChoice
    vad : str
        Voice-activity detection.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    longest : float
        Seconds over which a recording is no utterance.
    """

    spec: FeatureSpec
    channels: ChannelChoice
    vad: str
    max_seconds: float | None = None
    longest: float = LONG_SECONDS

    def __call__(self, item: Item) -> RecordingFeatures | LongRecording | str:
        """Features; a mark that the recording is long; or why it cannot be used."""
        try:
            with open_item(item, max_seconds=self.max_seconds) as recording:
                reader = ChannelReader(recording, self.channels)
                parts = reader.read_beginning(self.longest)
                return self.compute(reader, parts) if reader.is_finished else LongRecording()
        except Exception as error:
            return describe_failure(error, get_subject(item))

    def compute(
        self, reader: ChannelReader, parts: Sequence[tuple[Samples, ...]]
    ) -> RecordingFeatures:
        """Features of a recording that has been read to its end.

        Parameters
        ----------
        reader : ChannelReader
        parts : sequence of tuple of ndarray
            All that it gave.

        Raises
        ------
        AudioError
            If the recording is too short, silent or far too loud.
        FeatureError
            If a feature is not finite.
        """
        recording = reader.recording
        confirms_speech = get_vad_method(self.vad).confirms_speech
        signals = [
            Signal(_join(pieces), recording.rate_hz, recording.name)
            for pieces in zip(*parts, strict=True)
        ]
        audible = [signal for signal in signals if _is_audible(signal)]
        for signal in audible or signals:  # of several channels, some may be silent
            check_usable(signal)
        vectors = []
        for channel, signal in zip(reader.channels, signals, strict=True):
            is_speech = signal in audible and (
                not confirms_speech or has_speech(signal.samples, signal.rate_hz)
            )
            vectors.append((channel, compute_features(signal, self.spec) if is_speech else None))
        seconds = reader.frames / recording.rate_hz
        return RecordingFeatures(seconds, reader.comparison.are_different, tuple(vectors))


def iter_recordings(
    items: Iterable[Item],
    task: UtteranceTask,
    executor: BatchExecutor,
    process_long: Callable[[Item, BatchExecutor], Long],
) -> Generator[tuple[int, Item, RecordingFeatures | Long | str]]:
    """Features of recordings as they are finished; long ones come last.

    Parameters
    ----------
    items : iterable of Path or Named
    task : UtteranceTask
    executor : BatchExecutor
    process_long : callable
        Result of a recording that is longer than an utterance.

    Yields
    ------
    tuple of int, Item and (RecordingFeatures, result of a long recording, or str)
        Index and recording; the text says why a recording cannot be used.
    """
    start = 0
    for wave in batch_items(items):
        long = []
        with closing(compute_each(wave, task, executor)) as each:
            for index, features in each:
                if isinstance(features, LongRecording):
                    long.append(index)
                else:
                    yield start + index, wave[index], features
        for index in long:
            process = catch_failure(process_long, get_subject(wave[index]))
            yield start + index, wave[index], process(wave[index], executor)
        start += len(wave)


def _join(pieces: Sequence[Samples]) -> Samples:
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _is_audible(signal: Signal) -> bool:
    low, high = signal.extremes
    return high - low >= MIN_PEAK
