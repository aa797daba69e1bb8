"""From a recording to a ``Prediction``."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence, Sized
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.arguments import check_kind, check_number
from voxaffect.audio import Source, as_signal
from voxaffect.console import progress_bar
from voxaffect.errors import AudioError, ModelError
from voxaffect.extraction import Failure, Workers, describe_each, extract, failure_reason
from voxaffect.extraction.sources import Item, Named, file_of, name_of_item, name_sources
from voxaffect.features import describe
from voxaffect.features.enrolment import Speaker, adapt, enrol
from voxaffect.model import Model, get_model


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
    uncertain : bool
        Whether the highest probability lies under the threshold that was asked for, or that
        the model card states.
    """

    source: str
    emotion: str
    probabilities: Mapping[str, float]
    uncertain: bool = False

    @property
    def probability(self) -> float:
        """Probability of the most probable emotion."""
        return self.probabilities[self.emotion]


@dataclass(frozen=True)
class Batch:
    """Predictions of many recordings, and those that could not be used."""

    predictions: tuple[Prediction, ...]
    failures: tuple[Failure, ...]


def threshold(model: Model, uncertain_below: float | None) -> float:
    """Probability under which a prediction is uncertain: the model card's unless another is given.

    Raises
    ------
    ModelError
        If the one given is none.
    """
    if uncertain_below is None:
        return float(model.card.abstention.get("threshold", 0.0))
    check_number(uncertain_below, "uncertain_below")
    if not 0 <= uncertain_below <= 1:
        raise ModelError(f"uncertain_below: expected a probability, found {uncertain_below:g}.")
    return uncertain_below


def _prediction(
    source: str, probabilities: NDArray[np.float64], model: Model, least: float
) -> Prediction:
    by_emotion = dict(zip(model.emotions, probabilities.tolist(), strict=True))
    best = int(probabilities.argmax())
    is_uncertain = bool(probabilities[best] < least)
    return Prediction(source, model.emotions[best], by_emotion, is_uncertain)


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
    loaded = get_model(model)
    found = extract(paths, loaded.card.spec, workers=workers)
    if found.failures:
        reasons = "; ".join(failure.reason for failure in found.failures)
        raise AudioError(f"{len(found.failures)} of {len(paths)} not enrolled: {reasons}")
    return enrol(found.matrix)


def _check_speaker(speaker: Speaker | None, model: Model) -> None:
    if speaker is None:
        return
    check_kind(speaker, Speaker, "speaker", "what enrol_speaker gives")
    if len(speaker.mean) != len(model.card.mean):
        raise ModelError(f"{model.name}: the speaker was enrolled for another model.")


def _probabilities(
    matrix: NDArray[np.float32], model: Model, speaker: Speaker | None
) -> NDArray[np.float64]:
    if speaker is not None:
        card = model.card
        matrix = adapt(matrix, speaker, training_mean=np.array(card.mean),
                       names=card.feature_names)  # fmt: skip
    return model.probabilities(matrix)


def predict(
    source: Source,
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    speaker: Speaker | None = None,
    uncertain_below: float | None = None,
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
    uncertain_below : float, optional
        Probability under which a prediction is uncertain; 0 for never. By default what the
        model card states: the one from which at most one in five was wrong on new voices.

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
    loaded = get_model(model)
    least = threshold(loaded, uncertain_below)
    _check_speaker(speaker, loaded)
    signal = as_signal(source, rate_hz)
    vector = describe(signal, loaded.card.spec)
    row = _probabilities(vector[None], loaded, speaker)[0]
    return _prediction(signal.name, row, loaded, least)


def predict_many(
    sources: Iterable[Source | tuple[str, Source]],
    *,
    rate_hz: int | None = None,
    model: Model | str | Path | None = None,
    speaker: Speaker | None = None,
    uncertain_below: float | None = None,
    workers: int | Workers | None = None,
    progress: bool = False,
) -> Batch:
    """Recognise the emotion of many recordings; what cannot be used is listed, not raised.

    Parameters
    ----------
    sources : iterable of Source or tuple of (str, Source)
        Paths, bytes, binary streams, arrays and ``Signal`` objects, alone or with a name, as in
        ``("call 17", content)``. A generator is read as the work goes on, so that not all
        recordings are in memory at once.
    rate_hz : int, optional
        Sampling rate of arrays.
    model : Model, str or Path, optional
        A model or its file; the bundled model by default.
    speaker : Speaker, optional
        As `enrol_speaker` gives it, if one known speaker speaks in all of them.
    uncertain_below : float, optional
        As for `predict`.
    workers : int or Workers, optional
        As for ``extract``.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Batch
        Both parts in the order of the sources. A result's ``source`` is the name; without one,
        the path, or else the kind and the index, as in ``<bytes 3>``.

    Raises
    ------
    AudioError
        If it is a single recording. Whatever is wrong with one of many is its failure.
    ModelError
        If the model cannot be loaded.

    Examples
    --------
    >>> from importlib.resources import files
    >>> content = (files("voxaffect") / "data" / "example.wav").read_bytes()
    >>> batch = predict_many([("a call", content), ("noise", b"0101")])
    >>> [prediction.source for prediction in batch.predictions]
    ['a call']
    >>> [failure.source for failure in batch.failures]
    ['noise']
    """
    items = name_sources(sources, rate_hz)
    loaded = get_model(model)
    count = len(sources) if isinstance(sources, Sized) else None
    bar = progress_bar(is_shown=progress, total=count, unit="file")
    outcomes: dict[int, Prediction | Failure] = {}
    each = predict_each(items, loaded, speaker=speaker, uncertain_below=uncertain_below,
                        workers=workers)  # fmt: skip
    with bar, closing(each):
        for index, item, outcome in each:
            outcomes[index] = _failure(item, outcome) if isinstance(outcome, str) else outcome
            bar.update()
    ordered = [outcomes[index] for index in sorted(outcomes)]
    return Batch(
        tuple(outcome for outcome in ordered if isinstance(outcome, Prediction)),
        tuple(outcome for outcome in ordered if isinstance(outcome, Failure)),
    )


def _failure(item: Item, reason: str) -> Failure:
    if not isinstance(item, Named):
        return Failure(file_of(item), reason, str(item))
    return Failure(Path(item.name.replace("\0", "")), reason, item.name)


def predict_each(
    items: Iterable[Item],
    model: Model,
    *,
    speaker: Speaker | None = None,
    uncertain_below: float | None = None,
    workers: int | Workers | None = None,
) -> Generator[tuple[int, Item, Prediction | str]]:
    """Recognise the emotion of many recordings, as they are finished.

    Parameters
    ----------
    items : iterable of Path or Named
        As `name_sources` gives them.
    model : Model
    speaker, uncertain_below, workers
        As for `predict_many`.

    Yields
    ------
    tuple of int, (Path or Named) and (Prediction or str)
        Index and recording; the prediction, or why there is none.
    """
    least = threshold(model, uncertain_below)
    _check_speaker(speaker, model)
    with closing(describe_each(items, model.card.spec, workers=workers)) as each:
        for index, item, outcome in each:
            if isinstance(outcome, str):
                yield index, item, outcome
                continue
            name = name_of_item(item)
            try:
                row = _probabilities(outcome[None], model, speaker)[0]
            except Exception as error:
                yield index, item, failure_reason(error, name)
            else:
                yield index, item, _prediction(name, row, model, least)
