"""Probabilities of feature vectors, and the threshold of uncertain results."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.models import Model
from voxaffect.recognition.adaptation import VectorAdapter
from voxaffect.records.arguments import check_number


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


def classify(
    vector: NDArray[np.float32], model: Model, adapter: VectorAdapter | None = None
) -> NDArray[np.float64]:
    """Probability of every emotion.

    Parameters
    ----------
    vector : ndarray, shape (d,)
    model : Model
    adapter : VectorAdapter, optional

    Returns
    -------
    ndarray, shape (emotions,); it sums to 1
    """
    row = vector if adapter is None else adapter.adapt(vector)
    probabilities: NDArray[np.float64] = model.probabilities(row[None])[0]
    return probabilities
