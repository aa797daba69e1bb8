"""A small perceptron on standardized features: dropout, mixup and label smoothing, in NumPy.

One hidden layer on pooled hidden states of an encoder. What scikit-learn's `MLPClassifier` lacks
keeps it from learning speakers by heart: weights of the rows, dropout of inputs and hidden units,
mixup, and a learning rate that rises and falls.

References
----------
Srivastava et al. 2014, "Dropout", JMLR. Zhang et al. 2018, "mixup", ICLR. Szegedy et al. 2016,
"Rethinking the Inception architecture", CVPR (label smoothing). Loshchilov & Hutter 2019,
"Decoupled weight decay regularization", ICLR (AdamW).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from voxaffect.features.dsp import Array

Parameters = list[Array]
"""Weights and biases of the hidden layer, then of the output."""
_DECAYS = 0.9, 0.999
_SMALL = 1e-8


@dataclass(frozen=True)
class PerceptronPlan:
    """Plan of how the perceptron is built and trained; a change here changes the model."""

    units: int = 128
    dropout: float = 0.5
    input_dropout: float = 0.3
    steps: int = 900
    batch: int = 128
    peak_rate: float = 2e-3
    warm_up: float = 0.3
    weight_decay: float = 0.05
    smoothing: float = 0.1
    mixup: float = 0.5
    mixup_shape: float = 0.4


def fit_perceptron(
    rows: Array,
    truth: NDArray[np.intp],
    weights: NDArray[np.float64],
    *,
    seed: int,
    plan: PerceptronPlan,
) -> Parameters:
    """Train on rows that are drawn by their weights.

    Parameters
    ----------
    rows : ndarray, shape (n, d), float32
        Standardized.
    truth : ndarray of int, shape (n,)
    weights : ndarray, shape (n,), >= 0
    seed : int
    plan : PerceptronPlan

    Returns
    -------
    list of ndarray
        Weights (d, units) and biases (units,), then weights (units, emotions) and biases.
    """
    rng = np.random.default_rng(seed)
    emotions = int(truth.max()) + 1
    targets = np.full((len(rows), emotions), plan.smoothing / emotions, dtype=np.float32)
    targets[np.arange(len(rows)), truth] += 1 - plan.smoothing
    parameters = _draw_parameters(rng, (rows.shape[1], plan.units, emotions))
    means = [np.zeros_like(parameter) for parameter in parameters]
    squares = [np.zeros_like(parameter) for parameter in parameters]
    chances = np.cumsum(weights / weights.sum())
    for step in range(plan.steps):
        drawn = np.searchsorted(chances, rng.random(plan.batch)).clip(max=len(rows) - 1)
        batch, wanted = _mix(rows[drawn], targets[drawn], rng, plan)
        gradients = _compute_gradients(parameters, batch, wanted, rng, plan)
        rate = _get_rate(step, plan)
        for index, gradient in enumerate(gradients):
            mean, square = means[index], squares[index]
            mean += (1 - _DECAYS[0]) * (gradient - mean)
            square += (1 - _DECAYS[1]) * (gradient * gradient - square)
            unbiased = np.sqrt(square / (1 - _DECAYS[1] ** (step + 1))) + _SMALL
            parameters[index] *= np.float32(1 - rate * plan.weight_decay)
            parameters[index] -= np.float32(rate / (1 - _DECAYS[0] ** (step + 1))) * mean / unbiased
    # As the model file keeps it, so that it gives the same numbers.
    parameters[0] = parameters[0].astype(np.float16).astype(np.float32)
    return parameters


def run_perceptron(parameters: Parameters, rows: Array) -> NDArray[np.float64]:
    """Logits of standardized rows, shape (n, emotions)."""
    hidden = np.maximum(rows @ parameters[0] + parameters[1], 0)
    return np.asarray(hidden @ parameters[2] + parameters[3], dtype=np.float64)


def _draw_parameters(rng: Generator, sizes: tuple[int, int, int]) -> Parameters:
    parameters = []
    for inputs, outputs in pairwise(sizes):
        bound = 1 / np.sqrt(inputs)
        shape = (inputs, outputs)
        parameters.append(rng.uniform(-bound, bound, shape).astype(np.float32))
        parameters.append(np.zeros(outputs, dtype=np.float32))
    return parameters


def _mix(rows: Array, targets: Array, rng: Generator, plan: PerceptronPlan) -> tuple[Array, Array]:
    """Mix the rows of a batch with each other, in some of the batches."""
    if rng.random() >= plan.mixup:
        return rows, targets
    share = np.float32(rng.beta(plan.mixup_shape, plan.mixup_shape))
    order = rng.permutation(len(rows))
    return (
        share * rows + (1 - share) * rows[order],
        share * targets + (1 - share) * targets[order],
    )


def _compute_gradients(
    parameters: Parameters, rows: Array, targets: Array, rng: Generator, plan: PerceptronPlan
) -> Parameters:
    """Gradients of the mean cross-entropy, with dropout."""
    rows = rows * _draw_mask(rng, rows.shape, plan.input_dropout)
    hidden = rows @ parameters[0] + parameters[1]
    mask = _draw_mask(rng, hidden.shape, plan.dropout) * (hidden > 0)
    active = hidden * mask
    logits = active @ parameters[2] + parameters[3]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    output = (probabilities - targets) / np.float32(len(rows))
    inner = (output @ parameters[2].T) * mask
    return [rows.T @ inner, inner.sum(axis=0), active.T @ output, output.sum(axis=0)]


def _draw_mask(rng: Generator, shape: tuple[int, ...], share: float) -> Array:
    """Mask that drops a share of the units and scales the others."""
    kept = rng.random(shape, dtype=np.float32) >= share
    return np.asarray(kept / np.float32(1 - share), dtype=np.float32)


def _get_rate(step: int, plan: PerceptronPlan) -> float:
    """Learning rate that rises and then falls along half a cosine each."""
    rise = plan.warm_up * plan.steps
    if step < rise:
        return float(plan.peak_rate * (1 - np.cos(np.pi * step / rise)) / 2)
    return float(plan.peak_rate * (1 + np.cos(np.pi * (step - rise) / (plan.steps - rise))) / 2)
