"""Results of recordings one after the other: of any iterator, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic

from voxaffect.audio import Source
from voxaffect.extraction import Failure, iter_results
from voxaffect.extraction.sources import Item
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import Adaptation
from voxaffect.recognition.channels import make_choice
from voxaffect.recognition.measurement import get_adaptation, get_kind
from voxaffect.recognition.prediction import Prediction, Predictor
from voxaffect.recognition.tasks import PredictionTask, Result, Task, TimelineTask, Workers
from voxaffect.recognition.timelines.segmentation import configure_timeline
from voxaffect.recognition.timelines.segments import Timeline
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.records.choices import DEFAULT_VAD

Adapt = Sequence[str | Path] | Adaptation | None
_REMEDY = "For a batch that is adapted to itself, take predict_many or timeline_many."


@dataclass(frozen=True)
class _Recognition(Generic[Result]):
    """Function of one recording on one worker."""

    task: Task[Result]

    def __call__(self, item: Item) -> tuple[Result, ...]:
        return self.task.recognize(item, 1)


def iter_predictions(
    sources: Iterable[Source | tuple[str, Source]],
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    adapt: Adapt = None,
    uncertain_below: float | None = None,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
    vad: str = DEFAULT_VAD,
    max_seconds: float | None = None,
    workers: Workers = None,
) -> Generator[Prediction | Failure]:
    """Recognize the emotion of recordings, one after the other, as long as there are any.

    Results are those of `predict_many`. None is kept, so that a million recordings take as much
    memory as ten, and the iterator may be endless. A result is given when those before it are.
    With several workers, up to two sources for each of them are read ahead.

    Parameters
    ----------
    sources : iterable of Source or tuple of (str, Source)
        As for `predict_many`. Each is asked for when a worker needs it.
    rate_hz, model, uncertain_below, channels, channel_names, vad, max_seconds
        As for `predict_many`.
    adapt : sequence of path, or Adaptation, optional
        As for `predict_many`, but not to the sources themselves.
    workers : int or Executor, optional
        As for ``extract``.

    Yields
    ------
    Prediction or Failure
        In the order of the sources; of ``channels="each"``, a prediction for each channel.

    Raises
    ------
    AudioError, ModelError
        As `predict_many`, before the first source is read.

    Examples
    --------
    >>> from voxaffect.recognition import iter_predictions
    >>> for result in iter_predictions(["call.wav", ("noise", b"0101")], model="fast", workers=1):
    ...     print(result.source, type(result).__name__)
    call.wav Prediction
    noise Failure
    """
    loaded = get_model(model)
    choice = make_choice(channels, channel_names)
    predictor = Predictor(loaded, None, uncertain_below, choice, vad, max_seconds)
    get_kind(adapt, (), remedy=_REMEDY)
    adaptation = get_adaptation(adapt, loaded, vad=vad, workers=workers)
    task = PredictionTask(replace(predictor, adaptation=adaptation))
    return _flatten(iter_results(_Recognition(task), sources, rate_hz=rate_hz, workers=workers))


def iter_timelines(
    sources: Iterable[Source | tuple[str, Source]],
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    window_seconds: float = WindowConfig.window_seconds,
    hop_seconds: float = WindowConfig.hop_seconds,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
    vad: str = WindowConfig.vad,
    smoothing: Smoothing | None = None,
    uncertain_below: float | None = None,
    adapt: Adapt = None,
    max_seconds: float | None = None,
    workers: Workers = None,
) -> Generator[Timeline | Failure]:
    """Recognize emotion over the time of recordings, one recording after the other.

    Parameters
    ----------
    sources, rate_hz, adapt, workers
        As for `iter_predictions`. Each recording has one worker.
    model, window_seconds, hop_seconds, channels, channel_names, vad, smoothing
        As for `timeline`.
    uncertain_below, max_seconds
        As for `timeline`.

    Yields
    ------
    Timeline or Failure
        In the order of the sources; of ``channels="each"``, a timeline for each channel.

    Raises
    ------
    AudioError, ModelError
        As `timeline_many`, before the first source is read.

    Examples
    --------
    >>> from voxaffect.recognition import iter_timelines
    >>> for timeline in iter_timelines(["call.wav"], model="fast", workers=1):
    ...     print(timeline.source, len(timeline.segments) > 0)
    call.wav True
    """
    choice = make_choice(channels, channel_names)
    windowing = WindowConfig(window_seconds, hop_seconds, vad)
    config = configure_timeline(model, windowing, smoothing, uncertain_below)
    get_kind(adapt, (), remedy=_REMEDY)
    adaptation = get_adaptation(adapt, config.model, vad=vad, workers=workers)
    config = replace(config, adaptation=adaptation)
    task = TimelineTask(config, choice, uncertain_below, max_seconds)
    return _flatten(iter_results(_Recognition(task), sources, rate_hz=rate_hz, workers=workers))


def _flatten(
    results: Generator[tuple[Result, ...] | Failure],
) -> Generator[Result | Failure]:
    try:
        for result in results:
            if isinstance(result, Failure):
                yield result
            else:
                yield from result
    finally:
        results.close()
