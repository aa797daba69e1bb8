"""Explanation of a prediction: the contribution of each feature group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Source, open_blocks
from voxaffect.features import index_families
from voxaffect.models import Model, get_model
from voxaffect.recognition.channels import ChannelReader
from voxaffect.recognition.prediction import Prediction, Predictor
from voxaffect.records.choices import LONG_SECONDS
from voxaffect.records.results import ExplanationRecord
from voxaffect.records.values import Serializable

_SMALLEST = 1e-37
"""Under any probability that single precision holds in full."""


@dataclass(frozen=True)
class Explanation(Serializable):
    """Feature groups that carry one prediction.

    All numbers are centered log-probabilities, ln p less its mean over the emotions: differences
    of two emotions are the logarithm of their odds. For every emotion, ``baseline`` +
    all ``contributions`` + ``remainder`` is that of the recording.

    Parameters
    ----------
    prediction : Prediction
    baseline : mapping of str to float
        By emotion: the model's answer to the mean of its training data.
    contributions : mapping of str to mapping of str to float
        By feature group, then emotion: a positive number speaks for the emotion.
    remainder : mapping of str to float
        By emotion: the joint effect of groups. Zero, but for rounding, for the recipes
        ``logistic`` and ``networks``.
    """

    prediction: Prediction
    baseline: Mapping[str, float]
    contributions: Mapping[str, Mapping[str, float]]
    remainder: Mapping[str, float]

    _schema: ClassVar = ExplanationRecord


def explain(
    source: Source,
    *,
    rate_hz: int | None = None,
    name: str | None = None,
    model: Model | str | Path | None = None,
    max_seconds: float = LONG_SECONDS,
) -> Explanation:
    """Compute the contribution of each feature group to a prediction.

    A contribution is the change of the centered log-probabilities when the features of the group
    are replaced by their mean over the training data (occlusion). For a model that is linear after
    scaling each feature, as recipe ``logistic``, the contributions are exact: they add up. They do
    so for ``networks``, too: its networks see only the log-mel spectrogram, and are averaged with
    ``logistic`` as log-probabilities (unless a member all but excludes an emotion). For other
    models, a contribution holds given all other groups; the remainder is what stays unexplained.

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
    max_seconds : float
        Longest recording to accept. It is explained as a whole, also where `predict` works by
        windows; its prediction is then uncertain.

    Returns
    -------
    Explanation
        Without contributions if there is no speech.

    Raises
    ------
    AudioError
        If the recording cannot be read or used.
    ModelError
        If the model cannot be loaded.

    References
    ----------
    Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks", ECCV:
    occlusion. Aitchison 1982, "The statistical analysis of compositional data", J. Royal Stat.
    Soc. B 44(2): the centered log-ratio.

    Examples
    --------
    >>> explanation = va.explain("call.wav")
    >>> explanation.prediction.emotion == va.predict("call.wav").emotion
    True
    """
    loaded = get_model(model)
    loaded.check_gives_emotions("an explanation")
    predictor = Predictor(loaded)
    with open_blocks(source, rate_hz, name=name, max_seconds=max_seconds) as recording:
        reader = ChannelReader(recording, predictor.channels)
        features = predictor.task.compute(reader, reader.read_beginning(max_seconds))
        (prediction,) = predictor.classify(features, recording.name)
    if features.seconds > LONG_SECONDS:  # as `predict` decides
        prediction = replace(prediction, uncertain=True)
    ((_, vector),) = features.vectors
    if vector is None:
        return Explanation(prediction, {}, {}, {})
    mean = np.array(loaded.card.mean, dtype=np.float32)
    groups = index_families(loaded.spec)
    occluded = np.tile(vector, (len(groups), 1))
    for row, indices in zip(occluded, groups.values(), strict=True):
        row[indices] = mean[indices]
    rows = _center(loaded.probabilities(np.stack([vector, mean, *occluded])))
    whole, baseline, contributions = rows[0], rows[1], rows[0] - rows[2:]
    remainder = whole - baseline - contributions.sum(axis=0)

    def name_row(row: NDArray[np.float64]) -> dict[str, float]:
        return dict(zip(loaded.emotions, row.tolist(), strict=True))

    by_group = dict(zip(groups, map(name_row, contributions), strict=True))
    return Explanation(prediction, name_row(baseline), by_group, name_row(remainder))


def _center(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithms = np.log(np.maximum(probabilities, _SMALLEST))
    return np.asarray(logarithms - logarithms.mean(axis=1, keepdims=True))
