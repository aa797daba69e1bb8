"""Probabilities of feature vectors, and the threshold of uncertain results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ModelError
from voxaffect.models import Model
from voxaffect.recognition.adaptation import VectorAdapter
from voxaffect.records.arguments import check_number

NEVER_SURE: Final = math.inf
"""Threshold of a model whose answers are limited to some emotions: none was measured for them."""


def choose_threshold(model: Model, uncertain_below: float | None) -> float:
    """Confidence below which a result is uncertain: the model card's unless another is given.

    The card's was measured with all emotions. If answers are limited to some, every result is
    uncertain.

    Raises
    ------
    ModelError
        If the given one is no probability.
    """
    if uncertain_below is not None:
        model.check_gives_emotions("uncertain_below")
    if uncertain_below is None and model.labels is not None:
        return NEVER_SURE
    if uncertain_below is None:
        return float(model.card.abstention.get("threshold", 0.0))
    check_number(uncertain_below, "uncertain_below")
    if not 0 <= uncertain_below <= 1:
        raise ModelError(f"uncertain_below: expected a probability, found {uncertain_below:g}.")
    return uncertain_below


def classify(
    vector: NDArray[np.float32], model: Model, adapter: VectorAdapter | None = None
) -> NDArray[np.float64]:
    """Answer of a model: the probability of every emotion, then the dimensions that it gives.

    Parameters
    ----------
    vector : ndarray, shape (d,)
    model : Model
    adapter : VectorAdapter, optional

    Returns
    -------
    ndarray, shape (emotions + dimensions,)
        The probabilities sum to 1. Most models give no dimensions.
    """
    row = vector if adapter is None else adapter.adapt(vector)
    probabilities: NDArray[np.float64] = model.probabilities(row[None])[0]
    if not model.dimension_names:
        return probabilities
    return np.concatenate([probabilities, model.dimensions(row[None])[0]])


def name_dimensions(
    answer: NDArray[np.float64], emotions: Sequence[str], dimensions: Sequence[str]
) -> dict[str, float] | None:
    """Dimensions of an answer by name; None if the model gives none."""
    if not dimensions:
        return None
    return dict(zip(dimensions, answer[len(emotions) :].tolist(), strict=True))
