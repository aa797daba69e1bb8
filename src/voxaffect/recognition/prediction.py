"""Prediction of the emotion of one recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Blocks, Source, open_blocks
from voxaffect.errors import AudioError
from voxaffect.models import Model, get_model
from voxaffect.recognition.adaptation import (
    Adaptation,
    AdaptationDecision,
    VectorAdapter,
    make_adapter,
)
from voxaffect.recognition.channels import MIX, ChannelChoice, ChannelReader, make_choice
from voxaffect.recognition.classification import choose_threshold, classify, name_dimensions
from voxaffect.recognition.display import (
    NO_SPEECH,
    UNCALIBRATED,
    UNCERTAIN,
    describe_dimensions,
    format_probability,
)
from voxaffect.recognition.measurement import (
    Features,
    extract_recording,
    get_adaptation,
    get_kind,
)
from voxaffect.recognition.timelines.collection import classify_windows
from voxaffect.recognition.timelines.offline import run_timelines
from voxaffect.recognition.timelines.segmentation import TimelineConfig
from voxaffect.recognition.timelines.segments import Timeline
from voxaffect.recognition.timelines.smoothing import Smoothing
from voxaffect.recognition.timelines.vad import get_vad_method
from voxaffect.recognition.timelines.windowing import WindowConfig
from voxaffect.recognition.utterance import RecordingFeatures, UtteranceTask
from voxaffect.records.arguments import check_number
from voxaffect.records.choices import DEFAULT_VAD, LONG_SECONDS
from voxaffect.records.results import PredictionRecord
from voxaffect.records.values import Serializable

if TYPE_CHECKING:
    pass

Vector = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Prediction(Serializable):
    """Emotion of one recording, or of one channel of it.

    Parameters
    ----------
    source : str
        The recording's path, or ``<bytes>`` or ``<array>``.
    emotion : str or None
        The most probable one; None if there is no speech, or the model gives dimensions alone.
    probabilities : mapping of str to float
        Of every emotion, in the model's order; they sum to 1. Empty if there is no emotion.
    uncertain : bool
        True if the confidence is below the given threshold, or that of the model card. Without a
        given threshold, a prediction by windows and one of the mix of two different channels are
        always uncertain. Always true without speech.
    channel : str
        ``mix``, ``left``, ``right``, or the number of the channel, from 1.
    seconds : float or None
        Length of the recording, if it is known.
    windows : int or None
        Of a recording longer than 30 s, the number of windows of speech whose probabilities
        were averaged. None if the recording was recognized as a whole.
    channels_differ : bool
        True if the mix is of two channels with different sound, such as two people on a
        telephone.
    emotions : tuple of str
        All that the model knows, in its order, also without speech.
    adaptation : AdaptationDecision or None
        About the group that the recording belongs to, if adaptation was asked for.
    calibrated : bool
        False if the answer was limited to some of the model's emotions.
    dimensions : mapping of str to float, optional
        Such as ``arousal``, from 0 to 1, where the model gives them; None without speech.
    channel_name : str, optional
        Name that the caller gave to the channel.
    """

    source: str
    emotion: str | None
    probabilities: Mapping[str, float]
    uncertain: bool = False
    channel: str = "mix"
    seconds: float | None = None
    windows: int | None = None
    channels_differ: bool = False
    emotions: tuple[str, ...] = ()
    adaptation: AdaptationDecision | None = None
    calibrated: bool = True
    dimensions: Mapping[str, float] | None = None
    channel_name: str | None = None

    _schema: ClassVar = PredictionRecord

    def __repr__(self) -> str:
        doubt = f", {UNCERTAIN}" if self.has_speech and self.uncertain else ""
        doubt += f", {UNCALIBRATED}" if self.has_speech and not self.calibrated else ""
        number = "" if self.confidence is None else f" {format_probability(self.confidence)}"
        answer = self.emotion or describe_dimensions(self.dimensions or {}) or NO_SPEECH
        return f"<Prediction {self.source!r}: {answer}{number}{doubt}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{format_probability(value)}</td>"
            f'<td><meter value="{value:.6f}"></meter></td></tr>'
            for name, value in (self.probabilities or self.dimensions or {}).items()
        )
        return f"<table><caption>{escape(repr(self)[12:-1])}</caption>{rows}</table>"

    @property
    def has_speech(self) -> bool:
        """True if speech was found, and so an emotion, or dimensions."""
        return self.emotion is not None or self.dimensions is not None

    @property
    def result(self) -> Literal["emotion", "dimensions", "no speech"]:
        """Outcome: ``emotion``, or ``no speech`` if none was found.

        It is ``dimensions`` where the model gives these alone.
        """
        if self.emotion is not None:
            return "emotion"
        return "dimensions" if self.has_speech else "no speech"

    @property
    def confidence(self) -> float | None:
        """Probability of the most probable emotion; None if there is none."""
        return None if self.emotion is None else self.probabilities[self.emotion]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            remedy = " Use confidence." if name in ("certainty", "probability", "score") else ""
            raise AttributeError(f"Prediction has no attribute {name!r}.{remedy}")


@dataclass(frozen=True)
class Predictor:
    """Model and settings that recognize recordings.

    Parameters
    ----------
    model : Model
    adaptation : Adaptation, optional
    uncertain_below : float, optional
        Probability under which a prediction is uncertain.
    channels : ChannelChoice
    vad : str
        Voice-activity detection.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    """

    model: Model
    adaptation: Adaptation | None = None
    uncertain_below: float | None = None
    channels: ChannelChoice = MIX
    vad: str = DEFAULT_VAD
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        get_vad_method(self.vad)
        choose_threshold(self.model, self.uncertain_below)
        _ = self.adapter  # refuses an adaptation of other features
        if self.max_seconds is not None:
            check_number(self.max_seconds, "max_seconds")

    @cached_property
    def threshold(self) -> float:
        """Confidence below which a prediction is uncertain."""
        return choose_threshold(self.model, self.uncertain_below)

    @cached_property
    def adapter(self) -> VectorAdapter | None:
        """Adapter of the vectors, if adaptation was asked for."""
        return None if self.adaptation is None else make_adapter(self.adaptation, self.model)

    @cached_property
    def timeline_config(self) -> TimelineConfig:
        """Settings of the windows of long recordings."""
        windowing = WindowConfig(vad=self.vad)
        return TimelineConfig(self.model, windowing, Smoothing(), self.threshold, self.adaptation)

    @property
    def task(self) -> UtteranceTask:
        """Task for worker processes: the features of a recording."""
        return UtteranceTask(self.model.spec, self.channels, self.vad, self.max_seconds)

    def predict(
        self, recording: Blocks, workers: int | Executor | None = None
    ) -> tuple[Prediction, ...]:
        """Predictions of an open recording of any length."""
        reader = ChannelReader(recording, self.channels)
        parts = reader.read_beginning(LONG_SECONDS)
        if reader.is_finished:
            return self.classify(self.task.compute(reader, parts), recording.name)
        sound, config = chain(parts, reader), self.timeline_config
        timelines = run_timelines(reader, sound, config, workers=workers)
        differ = reader.comparison.are_different
        return tuple(self._pool(timeline, channels_differ=differ) for timeline in timelines)

    def extract(self, recording: Blocks, workers: int | Executor | None = None) -> Features:
        """Features of an open recording of any length."""
        return extract_recording(recording, self.task, self.timeline_config, workers)

    def classify(self, features: Features, source: str) -> tuple[Prediction, ...]:
        """Predictions from the features of a recording, one a channel."""
        if not isinstance(features, RecordingFeatures):
            timelines = classify_windows(features, self.timeline_config)
            differ = features.channels_differ
            return tuple(self._pool(timeline, channels_differ=differ) for timeline in timelines)
        return tuple(
            self._make_prediction(
                source,
                None if vector is None else classify(vector, self.model, self.adapter),
                channel=channel,
                seconds=features.seconds,
                channels_differ=features.channels_differ,
            )
            for channel, vector in features.vectors
        )

    def _pool(self, timeline: Timeline, *, channels_differ: bool) -> Prediction:
        """Prediction from the windows of a timeline.

        The weight of a window is the time that it adds to the windows before it.
        """
        rows, weights, reached = [], [], 0.0
        for window in timeline.windows:
            rows.append([*window.probabilities.values(), *(window.dimensions or {}).values()])
            weights.append(window.end_seconds - max(window.start_seconds, reached))
            reached = window.end_seconds
        mean = np.average(np.array(rows), axis=0, weights=weights) if rows else None
        return self._make_prediction(
            timeline.source,
            mean,
            channel=timeline.channel,
            seconds=timeline.seconds,
            windows=len(rows),
            channels_differ=channels_differ,
        )

    def _make_prediction(
        self,
        source: str,
        answer: Vector | None,
        *,
        channel: str,
        seconds: float,
        channels_differ: bool,
        windows: int | None = None,
    ) -> Prediction:
        emotions, emotion, by_emotion, is_uncertain = self.model.emotions, None, {}, True
        dimensions = None
        if answer is not None:
            probabilities = answer[: len(emotions)]
            dimensions = name_dimensions(answer, emotions, self.model.dimension_names)
            by_emotion = dict(zip(emotions, probabilities.tolist(), strict=True))
            emotion = max(by_emotion, key=by_emotion.__getitem__, default=None)
            is_uncertain = bool(emotion and by_emotion[emotion] < self.threshold)
            if self.uncertain_below is None:
                is_uncertain = is_uncertain or windows is not None or channels_differ
        return Prediction(
            source,
            emotion,
            by_emotion,
            is_uncertain,
            channel,
            seconds,
            windows,
            channels_differ,
            emotions,
            self.adapter.decision if self.adapter else None,
            self.model.labels is None,
            dimensions=dimensions,
            channel_name=self.channels.get_name(channel),
        )


def predict(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    labels: Sequence[str] | None = None,
    adapt: Sequence[str | Path] | Adaptation | None = None,
    uncertain_below: float | None = None,
    channels: str = "mix",
    channel_names: Sequence[str] | None = None,
    vad: str = DEFAULT_VAD,
    max_seconds: float | None = None,
    workers: int | Executor | None = None,
) -> Prediction:
    """Recognize the emotion of one recording.

    A recording longer than 30 s is recognized window by window, as `timeline` does; its
    probabilities are the mean of the windows of speech.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    name : str, optional
        Of the recording in the result and in messages; its path by default.
    model : Model, str or Path, optional
        A model, its file, or the name of a bundled one: ``accurate`` (the default) or ``fast``.
    labels : sequence of str, optional
        Limit the answer to these emotions of the model. Their probabilities are scaled to a sum of
        1 and are not calibrated; without `uncertain_below`, all results are then uncertain.
    adapt : sequence of path, or Adaptation, optional
        Recordings without labels of the same speaker or set-up, to adapt to; or what
        `measure_adaptation` gives.
    uncertain_below : float, optional
        Confidence below which a prediction is uncertain; 0 for never. By default the threshold
        of the model card: above it, at most one in five was wrong on new speakers.
    channels : str
        ``mix`` of all, the ``left`` or the ``right`` one; `predict_channels` recognizes each.
    channel_names : sequence of str, optional
        A name for each channel of the recording, in order, such as ``("agent", "customer")``; not
        for the mix. Results have it as ``channel_name``.
    vad : str
        Voice-activity detection, as for `timeline`: ``energy`` does not ask whether there is
        speech.
    max_seconds : float, optional
        Longest recording to accept; any length by default.
    workers : int or Executor, optional
        Of a recording longer than 30 s, as for `timeline`.

    Returns
    -------
    Prediction
        Without an emotion, and uncertain, if no speech was found.

    Raises
    ------
    AudioError
        If the recording cannot be read or used.
    ModelError
        If the model cannot be loaded, or the adaptation is one of other features.

    Examples
    --------
    >>> prediction = va.predict("call.wav")
    >>> prediction.emotion in va.load().emotions
    True
    """
    if channels == "each":
        raise AudioError("predict gives one answer: take predict_channels for each channel.")
    (prediction,) = predict_channels(
        source,
        rate_hz=rate_hz,
        name=name,
        model=model,
        labels=labels,
        adapt=adapt,
        uncertain_below=uncertain_below,
        channels=channels,
        channel_names=channel_names,
        vad=vad,
        max_seconds=max_seconds,
        workers=workers,
    )
    return prediction


def predict_channels(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    labels: Sequence[str] | None = None,
    adapt: Sequence[str | Path] | Adaptation | None = None,
    uncertain_below: float | None = None,
    channels: str = "each",
    channel_names: Sequence[str] | None = None,
    vad: str = DEFAULT_VAD,
    max_seconds: float | None = None,
    workers: int | Executor | None = None,
) -> tuple[Prediction, ...]:
    """Recognize the emotion of each channel of a recording, such as both sides of a call.

    Parameters
    ----------
    source, rate_hz, name, model, labels, adapt, uncertain_below, vad, max_seconds, workers
        As for `predict`.
    channels : str
        ``each``, or as for `predict`.
    channel_names : sequence of str, optional
        As for `predict`.

    Returns
    -------
    tuple of Prediction
        One a channel.

    Raises
    ------
    AudioError
        If the recording cannot be read or used.
    ModelError
        If the model cannot be loaded.

    Examples
    --------
    >>> len(va.predict_channels("call.wav"))
    1
    """
    loaded = get_model(model, labels)
    get_kind(adapt, (), remedy="For a batch that is adapted to itself, take predict_many.")
    choice = make_choice(channels, channel_names)
    predictor = Predictor(loaded, None, uncertain_below, choice, vad, max_seconds)
    adaptation = get_adaptation(adapt, loaded, vad=vad, workers=workers)
    predictor = replace(predictor, adaptation=adaptation)
    with open_blocks(source, rate_hz, name=name, max_seconds=max_seconds) as recording:
        return predictor.predict(recording, workers)
