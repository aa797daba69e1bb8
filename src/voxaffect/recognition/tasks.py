"""Tasks of a batch: one recording becomes predictions or timelines, with all settings."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from math import inf
from time import monotonic
from typing import Any, Protocol, TypeVar

import msgspec

from voxaffect.audio import Blocks
from voxaffect.extraction import catch_failure, open_executor
from voxaffect.extraction.sources import Item, batch_items, get_name, get_subject, open_item
from voxaffect.models import Model
from voxaffect.recognition.adaptation import Adaptation
from voxaffect.recognition.channels import MIX, ChannelChoice, ChannelReader
from voxaffect.recognition.conversations import NO_SOURCE, ConversationSource
from voxaffect.recognition.measurement import SPEAKERS, Features
from voxaffect.recognition.prediction import Prediction, Predictor
from voxaffect.recognition.timelines.collection import (
    WindowFeatures,
    classify_windows,
    collect_vectors,
)
from voxaffect.recognition.timelines.conversation import Conversation
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import TimelineConfig
from voxaffect.recognition.timelines.segments import Segment, Timeline, Utterance, Window
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.utterance import RecordingFeatures, iter_recordings

Result = TypeVar("Result", bound=Prediction | Timeline)
Result_co = TypeVar("Result_co", bound=Prediction | Timeline, covariant=True)
Output = TypeVar("Output")
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

    @property
    def model(self) -> Model:
        """Model that recognizes."""

    def extract(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, Features | str]]:
        """Yield index, recording and its features, or the reason why there are none."""

    def adapt(self, adaptation: Adaptation) -> Task[Result_co]:
        """The same task with an adaptation."""

    def classify(self, features: Features, name: str) -> tuple[Result_co, ...]:
        """Results of the features of one recording."""


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
            **predictor.channels.settings,
            "vad": predictor.vad,
            "max_seconds": predictor.max_seconds,
        }
        return {
            "kind": "predictions",
            **options,
            **_identify(predictor.model, predictor.adaptation),
        }

    def recognize(self, item: Item, workers: Workers = None) -> tuple[Prediction, ...]:
        """Predictions of one recording."""
        with open_item(item, max_seconds=self.predictor.max_seconds) as recording:
            return self.predictor.predict(recording, workers)

    def run(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, tuple[Prediction, ...] | str]]:
        """Yield predictions as they are finished; long recordings come last."""
        task = self.predictor.task
        with (
            open_executor(workers) as executor,
            closing(iter_recordings(items, task, executor, self.recognize)) as each,
        ):
            for index, item, outcome in each:
                if isinstance(outcome, RecordingFeatures):
                    name = get_name(item)
                    yield index, item, catch_failure(self.classify, name)(outcome, name)
                else:
                    yield index, item, outcome

    @property
    def model(self) -> Model:
        """Model that recognizes."""
        return self.predictor.model

    def extract(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, Features | str]]:
        """Yield features as they are computed; long recordings come last."""

        def process_long(item: Item, executor: Executor) -> Features:
            with open_item(item, max_seconds=self.predictor.max_seconds) as recording:
                return self.predictor.extract(recording, executor)

        task = self.predictor.task
        with (
            open_executor(workers) as executor,
            closing(iter_recordings(items, task, executor, process_long)) as each,
        ):
            yield from each

    def adapt(self, adaptation: Adaptation) -> PredictionTask:
        """The same task with an adaptation."""
        return PredictionTask(replace(self.predictor, adaptation=adaptation))

    def classify(self, features: Features, name: str) -> tuple[Prediction, ...]:
        """Predictions of the features of one recording."""
        return self.predictor.classify(features, name)

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
    channels : ChannelChoice
    uncertain_below : float, optional
    max_seconds : float, optional
    progress : bool
        Show a progress bar within a recording that is alone.
    conversations : ConversationSource
        Turns and transcripts.
    """

    config: TimelineConfig
    channels: ChannelChoice = MIX
    uncertain_below: float | None = None
    max_seconds: float | None = None
    progress: bool = False
    conversations: ConversationSource = NO_SOURCE

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that can change a result, as JSON values."""
        smoothing = self.config.smoothing
        return {
            "kind": "timelines",
            **_identify(self.config.model, self.config.adaptation),
            **asdict(self.config.windowing),
            **({} if smoothing == Smoothing() else asdict(smoothing)),
            **self.channels.settings,
            "max_seconds": self.max_seconds,
            "uncertain_below": self.uncertain_below,
            **({"adapt": SPEAKERS} if self.config.adapts_speakers else {}),
            **self.conversations.settings,
        }

    def recognize(
        self, item: Item, workers: Workers = None, *, progress: bool | None = None
    ) -> tuple[Timeline, ...]:
        """Timelines of one recording."""
        is_shown = self.progress if progress is None else progress
        with open_item(item, max_seconds=self.max_seconds) as recording:
            reader = ChannelReader(recording, self.channels)
            return run_timelines(
                reader,
                reader,
                self.config,
                conversation=self._read_conversation(recording, item),
                workers=workers,
                progress=is_shown,
            )

    def run(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, tuple[Timeline, ...] | str]]:
        """Yield timelines one recording after the other: each has all workers."""
        return self._run(items, workers, self.recognize)

    def _run(
        self, items: Iterable[Item], workers: Workers, process: Callable[..., Output]
    ) -> Generator[tuple[int, Item, Output | str]]:
        start = 0
        with open_executor(workers) as executor:
            for wave in batch_items(items):
                began = monotonic()
                for index, item in enumerate(wave):
                    left = len(wave) - index - 1
                    executor.expect_seconds(left * (monotonic() - began) / max(index, 1))
                    call = catch_failure(process, get_subject(item))
                    is_alone = start == 0 and len(wave) == 1
                    outcome = call(item, executor, progress=self.progress and is_alone)
                    yield start + index, item, outcome
                start += len(wave)

    def _read_conversation(self, recording: Blocks, item: Item) -> Conversation:
        open_again = partial(open_item, item, max_seconds=self.max_seconds)
        return self.conversations.read(recording, open_again)

    @property
    def model(self) -> Model:
        """Model that recognizes."""
        return self.config.model

    def extract(
        self, items: Iterable[Item], workers: Workers
    ) -> Generator[tuple[int, Item, Features | str]]:
        """Yield the features of windows, one recording after the other."""

        def process(item: Item, executor: Executor, *, progress: bool) -> Features:
            with open_item(item, max_seconds=self.max_seconds) as recording:
                reader = ChannelReader(recording, self.channels)
                return collect_vectors(
                    reader,
                    reader,
                    self.config,
                    conversation=self._read_conversation(recording, item),
                    workers=executor,
                    progress=progress,
                )

        return self._run(items, workers, process)

    def adapt(self, adaptation: Adaptation) -> TimelineTask:
        """The same task with an adaptation."""
        return replace(self, config=replace(self.config, adaptation=adaptation))

    def classify(self, features: Features, name: str) -> tuple[Timeline, ...]:  # noqa: ARG002
        """Timelines of the windows of one recording, which know its name."""
        assert isinstance(features, WindowFeatures)  # as `extract` gives them
        return classify_windows(features, self.config)

    def restore(self, value: Any) -> Timeline:
        """Timeline of the plain data that a checkpoint holds."""
        timeline = msgspec.convert(value, Timeline)
        utterances = [one for one in (*timeline.turns, *timeline.sentences) if one.emotion]
        parts: list[Window | Segment | Utterance] = [*timeline.windows, *timeline.segments]
        for part in (*parts, *utterances):
            _check_part(part, self.config.model.emotions)
        return timeline


def _check_part(part: Window | Segment | Utterance, emotions: tuple[str, ...]) -> None:
    emotion = None if isinstance(part, Window) else part.emotion
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


def _identify(model: Model, adaptation: Adaptation | None) -> dict[str, Any]:
    """Digests of model and adaptation, the emotions of answers, and the version of voxaffect."""
    return {
        **({} if model.labels is None else {"labels": list(model.labels)}),
        "model": hashlib.sha256(model.content).hexdigest(),
        "adaptation": adaptation.digest if adaptation else None,
        "version": version("voxaffect"),
    }
