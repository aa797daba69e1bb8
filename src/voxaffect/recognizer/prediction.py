"""From a recording to a ``Prediction``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Source, as_signal
from voxaffect.errors import AudioError, ModelError
from voxaffect.extraction import Failure, extract
from voxaffect.features import describe
from voxaffect.features.enrolment import Speaker, adapt, enrol
from voxaffect.model import Model, load


@dataclass(frozen=True)
class Prediction:
    """What a model says of one recording.

    Parameters
    ----------
    source : str
        The recording's path, or ``<bytes>`` or ``<array>``.
    emotion : str
        The most probable one.
    probabilities : mapping of str to float
        Of every emotion, in the model's order; they sum to 1.
    """

    source: str
    emotion: str
    probabilities: Mapping[str, float]

    @property
    def probability(self) -> float:
        """Probability of the most probable emotion."""
        return self.probabilities[self.emotion]


@dataclass(frozen=True)
class Batch:
    """Predictions of many recordings, and those that could not be used."""

    predictions: tuple[Prediction, ...]
    failures: tuple[Failure, ...]


def _prediction(source: str, probabilities: NDArray[np.float64], model: Model) -> Prediction:
    by_emotion = dict(zip(model.emotions, probabilities.tolist(), strict=True))
    return Prediction(source, model.emotions[int(probabilities.argmax())], by_emotion)


def enrol_speaker(
    paths: Sequence[str | Path],
    *,
    model: Model | str | Path | None = None,
    workers: int | None = None,
) -> Speaker:
    """Learn what a speaker's voice is like from a few unlabelled recordings.

    Parameters
    ----------
    paths : sequence of str or Path
        In varied emotions; about eight serve well.
    model : Model, str or Path, optional
        What will recognise the speaker; the bundled model by default.
    workers : int, optional

    Returns
    -------
    Speaker
        For `predict` and `predict_many` with the same model.

    Raises
    ------
    AudioError
        If a recording cannot be used; every one is named.
    FeatureError
        If there is none.
    """
    loaded = model if isinstance(model, Model) else load(model)
    found = extract(paths, loaded.card.spec, workers=workers)
    if found.failures:
        reasons = "; ".join(failure.reason for failure in found.failures)
        raise AudioError(f"{len(found.failures)} of {len(paths)} not enrolled: {reasons}")
    return enrol(found.matrix)


def _probabilities(
    matrix: NDArray[np.float32], model: Model, speaker: Speaker | None
) -> NDArray[np.float64]:
    if speaker is not None:
        card = model.card
        if len(speaker.mean) != len(card.mean):
            raise ModelError(f"{model.name}: the speaker was enrolled for another model.")
        matrix = adapt(matrix, speaker, training_mean=np.array(card.mean),
                       names=card.feature_names)  # fmt: skip
    return model.probabilities(matrix)


def predict(
    source: Source,
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    speaker: Speaker | None = None,
) -> Prediction:
    """Recognise the emotion of one recording.

    Parameters
    ----------
    source : str, Path, bytes, binary stream, ndarray or Signal
        An array has shape (n,) or (n, channels).
    rate_hz : int, optional
        Sampling rate of an array.
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    speaker : Speaker, optional
        As `enrol_speaker` gives it, if the speaker is known.

    Returns
    -------
    Prediction

    Raises
    ------
    AudioError
        If the recording cannot be read or used.
    ModelError
        If the model cannot be loaded.
    """
    loaded = model if isinstance(model, Model) else load(model)
    signal = as_signal(source, rate_hz)
    vector = describe(signal, loaded.card.spec)
    return _prediction(signal.name, _probabilities(vector[None], loaded, speaker)[0], loaded)


def predict_many(
    paths: Sequence[str | Path],
    *,
    model: Model | str | Path | None = None,
    speaker: Speaker | None = None,
    workers: int | None = None,
    progress: bool = False,
) -> Batch:
    """Recognise the emotion of many recordings; what cannot be used is listed, not raised.

    Parameters
    ----------
    paths : sequence of str or Path
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    speaker : Speaker, optional
        As `enrol_speaker` gives it, if one known speaker speaks in all of them.
    workers : int, optional
        Threads; as many as processors by default.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Batch
        Both parts in the order of the paths.
    """
    loaded = model if isinstance(model, Model) else load(model)
    extraction = extract(paths, loaded.card.spec, workers=workers, progress=progress)
    rows = _probabilities(extraction.matrix, loaded, speaker)
    predictions = tuple(
        _prediction(str(paths[place]), row, loaded)
        for place, row in zip(extraction.kept, rows, strict=True)
    )
    return Batch(predictions, extraction.failures)
