"""Probabilities of feature vectors, and the threshold of uncertain results."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.features.affect.enrollment import Speaker, adapt
from voxaffect.models import Model
from voxaffect.records.arguments import check_kind, check_number


def choose_threshold(model: Model, uncertain_below: float | None) -> float:
    """Confidence below which a result is uncertain: the model card's unless another is given.

    Raises
    ------
    ModelError
        If the given one is no probability.
    """
    if uncertain_below is None:
        return float(model.card.abstention.get("threshold", 0.0))
    check_number(uncertain_below, "uncertain_below")
    if not 0 <= uncertain_below <= 1:
        raise ModelError(f"uncertain_below: expected a probability, found {uncertain_below:g}.")
    return uncertain_below


def check_speaker(speaker: Speaker | None, model: Model) -> None:
    """Refuse a speaker who was enrolled for another model.

    Raises
    ------
    ModelError
    """
    if speaker is None:
        return
    check_kind(speaker, Speaker, "speaker", "what enroll_speaker gives")
    if len(speaker.mean) != len(model.card.mean):
        raise ModelError(f"{model.name}: the speaker was enrolled for another model.")


def classify(
    vector: NDArray[np.float32], model: Model, speaker: Speaker | None = None
) -> NDArray[np.float64]:
    """Probability of every emotion.

    Parameters
    ----------
    vector : ndarray, shape (d,)
    model : Model
    speaker : Speaker, optional
        If the speaker is known.

    Returns
    -------
    ndarray, shape (emotions,); it sums to 1
    """
    row = vector[None]
    if speaker is not None:
        card = model.card
        row = adapt(row, speaker, training_mean=np.array(card.mean), names=card.feature_names)
    probabilities: NDArray[np.float64] = model.probabilities(row)[0]
    return probabilities
