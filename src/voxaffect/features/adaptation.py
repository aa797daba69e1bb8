"""Adaptation of feature vectors to a group of recordings, without labels.

Recordings of one speaker or one set-up share a mean and a deviation of every feature, whatever
their emotions. Both differ from those of the training data. Adaptation takes this difference off,
so the classifier, unchanged, gets vectors like those that it was trained on. Statistics of few
recordings hold their emotions and words, too, so they are shrunk towards those of the training.

All constants of the mechanism are in this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import FeatureError
from voxaffect.features.affect.logmel import is_logmel
from voxaffect.features.dsp import Array

HALFWAY_RECORDINGS: Final = 4.0
"""With n recordings, n / (n + 4) of the difference of the means is taken off."""
HALFWAY_RECORDINGS_OF_DEVIATION: Final = 16.0
"""The same for the logarithm of the deviations, which need more recordings to be known."""
LARGEST_FACTOR: Final = 2.0
"""Most by which a feature is stretched or compressed."""
LEAST_RECORDINGS: Final = 8
"""Fewer are not adapted to, unless somebody named them for that."""
LEAST_NAMED_RECORDINGS: Final = 2
"""Fewer are never adapted to. From here to `LEAST_RECORDINGS`, spread is not asked for."""
LEAST_SPREAD: Final = 0.6
"""Recordings with one emotion only have less spread; their mean is not that of the speaker."""

LEAST_EMOTIONS: Final = 0.625
"""Effective number of emotions among the answers without adaptation, as a share of the model's.

Without this limit and the next one, recordings of one emotion by one speaker lose much accuracy by
adaptation. With them, they lose little, and recordings of all emotions keep most of their gain:
docs/batches.md has the figures of `benchmarks/adaptation.py`, on corpora that were left out."""
LARGEST_SHARE: Final = 0.5
"""Largest share of the answers without adaptation that may be one emotion."""

_SMALLEST_RATIO: Final = 1e-6
Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FeatureStatistics:
    """Mean and deviation of every feature over some recordings.

    Parameters
    ----------
    mean, sd : ndarray, shape (d,)
        Finite.
    recordings : int
        Number of recordings; a window of a long recording counts as one.

    Raises
    ------
    FeatureError
        If a number is NaN or infinite, a deviation is negative, or the lengths differ.
    """

    mean: Vector
    sd: Vector
    recordings: int

    def __post_init__(self) -> None:
        mean, sd = (np.asarray(row, dtype=np.float64) for row in (self.mean, self.sd))
        if mean.ndim != 1 or mean.shape != sd.shape:
            raise FeatureError(
                f"adaptation: expected a mean and a deviation of every feature, found shapes "
                f"{mean.shape} and {sd.shape}."
            )
        if not (np.isfinite(mean).all() and np.isfinite(sd).all() and (sd >= 0).all()):
            raise FeatureError(
                "adaptation: a mean is not finite, or a deviation is negative or not finite. "
                "Measure the recordings again."
            )
        if isinstance(self.recordings, bool) or not isinstance(self.recordings, int | np.integer):
            raise FeatureError(f"recordings: expected a whole number, found {self.recordings!r}.")
        if self.recordings < 0:
            raise FeatureError(f"recordings: expected 0 or more, found {self.recordings}.")
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "sd", sd)


def compute_statistics(vectors: Sequence[Array] | Array) -> FeatureStatistics:
    """Statistics of the vectors of a group; their order changes no bit.

    Parameters
    ----------
    vectors : sequence of ndarray, shape (n, d)

    Raises
    ------
    FeatureError
        If there is none, or one is not finite.
    """
    if not len(vectors):
        raise FeatureError(
            f"no recording to adapt to: at least {LEAST_NAMED_RECORDINGS} are needed, "
            f"{LEAST_RECORDINGS} are better."
        )
    if not all(np.isfinite(row).all() for row in vectors):
        raise FeatureError("adaptation: NaN or infinite features. Leave the recording out.")
    rows = sorted(vectors, key=lambda row: blake2b(row.tobytes()).digest())
    total = np.zeros(len(rows[0]))
    for row in rows:
        total += row
    mean, squares = total / len(rows), np.zeros(len(total))
    for row in rows:
        squares += np.square(row - mean)
    return FeatureStatistics(mean, np.sqrt(squares / len(rows)), len(rows))


def compute_weight(recordings: int, halfway: float = HALFWAY_RECORDINGS) -> float:
    """Share of the group's difference that is taken off: n / (n + halfway)."""
    return recordings / (recordings + halfway)


def compute_spread(
    group: FeatureStatistics, *, training_sd: Sequence[float] | Vector, names: Sequence[str]
) -> float | None:
    """Mean over the features of the group's deviation by that of the training.

    Parameters
    ----------
    group : FeatureStatistics
    training_sd : sequence of float
        Of every feature; empty if a model file does not state it.
    names : sequence of str, length d

    Returns
    -------
    float or None
        None if it cannot be known.
    """
    sd = np.asarray(training_sd, dtype=np.float64)
    is_counted = _find_adaptable(sd, names) if len(sd) else np.zeros(0, dtype=np.bool_)
    if not is_counted.any():
        return None
    return float((group.sd[is_counted] / sd[is_counted]).mean())


def compute_transform(
    group: FeatureStatistics,
    *,
    training_mean: Sequence[float] | Vector,
    training_sd: Sequence[float] | Vector,
    names: Sequence[str],
    is_scaled: bool,
) -> tuple[Vector, Vector]:
    """Scale and offset of every feature: an adapted vector is ``scale * x + offset``.

    With the training's mean m and deviation s, the shrunk mean m' and deviation s' of the group,
    that is ``m + s (x - m') / s'``. Log-mel spectrograms, and features that never vary in
    training, stay as they are.

    Parameters
    ----------
    group : FeatureStatistics
    training_mean, training_sd : sequence of float
        Of every feature; the deviations may be empty, if they are not known.
    names : sequence of str, length d
    is_scaled : bool
        Whether deviations are adapted, and not means alone.
    """
    mean, sd = (np.asarray(row, dtype=np.float64) for row in (training_mean, training_sd))
    is_adapted = _find_adaptable(sd, names)
    weight = compute_weight(group.recordings)
    shifted = mean + weight * (group.mean - mean)
    factor = np.ones(len(mean))
    if is_scaled and len(sd):
        weight = compute_weight(group.recordings, HALFWAY_RECORDINGS_OF_DEVIATION)
        ratio = np.divide(group.sd, sd, out=np.ones(len(sd)), where=is_adapted)
        change = weight * np.log(np.maximum(ratio, _SMALLEST_RATIO))
        factor = np.exp(change.clip(-log(LARGEST_FACTOR), log(LARGEST_FACTOR)))
    scale = np.where(is_adapted, 1.0 / factor, 1.0)
    return scale, np.where(is_adapted, mean - shifted * scale, 0.0)


def adapt_vectors(vectors: Array, scale: Vector, offset: Vector) -> Array:
    """Adapted vectors, as the classifier should get them.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
    scale, offset : ndarray, shape (d,)
        As from `compute_transform`.
    """
    return np.asarray(vectors * scale + offset, dtype=np.float32)


def _find_adaptable(sd: Vector, names: Sequence[str]) -> NDArray[np.bool_]:
    """Features that can be adapted: no log-mel spectrogram, and none without deviation."""
    is_scalar = np.array([not is_logmel(name) for name in names], dtype=np.bool_)
    return is_scalar & (sd > 0) if len(sd) else is_scalar
