"""Tasks of a batch: one recording becomes predictions or timelines, with all settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from math import inf
from time import monotonic
from typing import Any, Protocol, TypeVar

import msgspec

from voxaffect.extraction import compute_each, describe_failure, open_executor
from voxaffect.extraction.sources import Item, batch_items, get_name, get_subject, open_item
from voxaffect.features.affect.enrollment import Speaker
from voxaffect.models import Model
from voxaffect.recognition.channels import ChannelReader, check_channels
from voxaffect.recognition.prediction import Prediction, Predictor
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import TimelineConfig
from voxaffect.recognition.timelines.segments import Segment, Timeline, Window
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.utterance import LongRecording, RecordingFeatures

Result = TypeVar("Result", bound=Prediction | Timeline)
Result_co = TypeVar("Result_co", bound=Prediction | Timeline, covariant=True)
Workers = int | Executor | None

_SUM_TOLERANCE = 1e-6


class Task(Protocol[Result_co]):
    """Recognition of recordings, with all its settings."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""

    def recognize(self, item: Item, workers: Workers = None) -> tuple[Result_co, ...]:
        """Results of one recording, one for each channel."""

    def run(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, tuple[Result_co, ...] | str]]:
        """Yield index, recording and its results, or the reason why there are none."""

    def restore(self, value: Any) -> Result_co:
        """Result of the plain data that a checkpoint holds.

        Raises
        ------
        ValueError
            If no such result is possible.
        """


@dataclass(frozen=True)
class PredictionTask:
    """One emotion for each recording, or each channel of it."""

    predictor: Predictor

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""
        predictor = self.predictor
        options = {
            "uncertain_below": predictor.uncertain_below,
            "channels": predictor.channels,
            "vad": predictor.vad,
            "max_seconds": predictor.max_seconds,
        }
        return {"kind": "predictions", **options, **_identify(predictor.model, predictor.speaker)}

    def recognize(self, item: Item, workers: Workers = None) -> tuple[Prediction, ...]:
        """Predictions of one recording."""
        with open_item(item, max_seconds=self.predictor.max_seconds) as recording:
            return self.predictor.predict(recording, workers)

    def run(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, tuple[Prediction, ...] | str]]:
        """Yield predictions as they are finished; long recordings come last."""
        start, task = 0, self.predictor.task
        with open_executor(workers) as executor:
            for wave in batch_items(items):
                long = []
                with closing(compute_each(wave, task, executor)) as each:
                    for index, features in each:
                        if isinstance(features, LongRecording):
                            long.append(index)
                        else:
                            yield start + index, wave[index], self._classify(wave[index], features)
                for index in long:
                    recognize = _catch(self.recognize, get_subject(wave[index]))
                    yield start + index, wave[index], recognize(wave[index], executor)
                start += len(wave)

    def _classify(
        self, item: Item, features: RecordingFeatures | str
    ) -> tuple[Prediction, ...] | str:
        if isinstance(features, str):
            return features
        name = get_name(item)
        return _catch(self.predictor.classify, name)(features, name)

    def restore(self, value: Any) -> Prediction:
        """Prediction of the plain data that a checkpoint holds."""
        prediction = msgspec.convert(value, Prediction)
        emotions = self.predictor.model.emotions
        if prediction.emotions != emotions:
            raise ValueError("other emotions than the model's")
        if prediction.emotion is not None or prediction.probabilities:
            _check_probabilities(prediction.probabilities, emotions, prediction.emotion)
        return prediction


@dataclass(frozen=True)
class TimelineTask:
    """Emotion over the time of each recording, or each channel of it.

    Parameters
    ----------
    config : TimelineConfig
    channels : str
    uncertain_below : float, optional
    max_seconds : float, optional
    progress : bool
        Show a progress bar within a recording that is alone.
    """

    config: TimelineConfig
    channels: str = "mix"
    uncertain_below: float | None = None
    max_seconds: float | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        check_channels(self.channels)

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""
        smoothing = self.config.smoothing
        return {
            "kind": "timelines",
            **_identify(self.config.model),
            **asdict(self.config.windowing),
            **({} if smoothing == Smoothing() else asdict(smoothing)),
            "channels": self.channels,
            "max_seconds": self.max_seconds,
            "uncertain_below": self.uncertain_below,
        }

    def recognize(
        self, item: Item, workers: Workers = None, *, progress: bool | None = None
    ) -> tuple[Timeline, ...]:
        """Timelines of one recording."""
        is_shown = self.progress if progress is None else progress
        with open_item(item, max_seconds=self.max_seconds) as recording:
            reader = ChannelReader(recording, self.channels)
            return run_timelines(reader, reader, self.config, workers=workers, progress=is_shown)

    def run(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, tuple[Timeline, ...] | str]]:
        """Yield timelines one recording after the other: each has all workers."""
        start = 0
        with open_executor(workers) as executor:
            for wave in batch_items(items):
                began = monotonic()
                for index, item in enumerate(wave):
                    left = len(wave) - index - 1
                    executor.expect_seconds(left * (monotonic() - began) / max(index, 1))
                    recognize = _catch(self.recognize, get_subject(item))
                    is_alone = start == 0 and len(wave) == 1
                    outcome = recognize(item, executor, progress=self.progress and is_alone)
                    yield start + index, item, outcome
                start += len(wave)

    def restore(self, value: Any) -> Timeline:
        """Timeline of the plain data that a checkpoint holds."""
        timeline = msgspec.convert(value, Timeline)
        parts: list[Window | Segment] = [*timeline.windows, *timeline.segments]
        for part in parts:
            _check_part(part, self.config.model.emotions)
        return timeline


def _check_part(part: Window | Segment, emotions: tuple[str, ...]) -> None:
    emotion = part.emotion if isinstance(part, Segment) else None
    _check_probabilities(part.probabilities, emotions, emotion)
    if not 0 <= part.start_seconds <= part.end_seconds < inf:
        raise ValueError("an end before the start")


def _check_probabilities(
    probabilities: Mapping[str, float], emotions: tuple[str, ...], emotion: str | None
) -> None:
    """Refuse values that no model can have given, as a damaged checkpoint may hold them."""
    if tuple(probabilities) != emotions or (emotion or emotions[0]) not in emotions:
        raise ValueError("other emotions than the model's")
    if not all(0 <= value <= 1 for value in probabilities.values()):
        raise ValueError("no probabilities")
    if abs(sum(probabilities.values()) - 1) > _SUM_TOLERANCE:
        raise ValueError("probabilities that do not sum to 1")


def _identify(model: Model, speaker: Speaker | None = None) -> dict[str, str | None]:
    """Digests of model and speaker, and the version of voxaffect."""
    digest = hashlib.sha256(speaker.mean.tobytes()).hexdigest() if speaker else None
    return {
        "model": hashlib.sha256(model.content).hexdigest(),
        "speaker": digest,
        "version": version("voxaffect"),
    }


def _catch(
    function: Callable[..., tuple[Result, ...]], subject: str
) -> Callable[..., tuple[Result, ...] | str]:
    """Function that returns the reason of a failure instead of raising it."""

    def call(*arguments: Any, **options: Any) -> tuple[Result, ...] | str:
        try:
            return function(*arguments, **options)
        except Exception as error:
            return describe_failure(error, subject)

    return call
