"""Sharpen recognition for one speaker by a few unlabeled recordings of that voice.

A voice differs from other voices in the mean of its vectors, whatever its emotion. Enrollment
moves an utterance by that difference, so the classifier, unchanged, sees the utterance as if
an average speaker had spoken it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import FeatureError
from voxaffect.features.affect.logmel import is_logmel
from voxaffect.features.dsp import Array

# With n recordings the shift is n / (n + 4) of the difference: two thirds at eight, which is
# where the accuracy for held-out development speakers peaked.
HALFWAY_RECORDINGS = 4.0


@dataclass(frozen=True, eq=False)
class Speaker:
    """Mean features of an enrolled speaker.

    Parameters
    ----------
    mean : ndarray, shape (d,), float32
        Mean of the speaker's vectors.
    recordings : int
        Number of averaged recordings.
    """

    mean: Array
    recordings: int


def enroll(vectors: Array) -> Speaker:
    """Summarize a speaker's recordings.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        Of recordings in varied emotions; about eight serve well.

    Returns
    -------
    Speaker

    Raises
    ------
    FeatureError
        If there is none.
    """
    if not len(vectors):
        raise FeatureError("no recording to enroll: at least one is needed, eight are better.")
    mean = np.asarray(vectors, dtype=np.float64).mean(axis=0)
    return Speaker(mean.astype(np.float32), len(vectors))


def shift_weight(recordings: int) -> float:
    """Share of the speaker's difference that is taken off: n / (n + 4).

    A mean of few recordings holds their emotions and words too, so it is trusted less.
    """
    return recordings / (recordings + HALFWAY_RECORDINGS)


def adapt(
    vectors: Array, speaker: Speaker, *, training_mean: NDArray[np.floating], names: Sequence[str]
) -> Array:
    """Vectors of an enrolled speaker as the classifier should see them.

    Parameters
    ----------
    vectors : ndarray, shape (n, d)
        As from `compute_features`.
    speaker : Speaker
    training_mean : ndarray, shape (d,)
        Mean over the utterances that the classifier was trained on.
    names : sequence of str, length d
        Of the features. A log-mel spectrogram has no meaningful mean and stays as it is.

    Returns
    -------
    ndarray, shape (n, d), float32
    """
    is_shifted = np.array([not is_logmel(name) for name in names])
    difference = np.where(is_shifted, speaker.mean - training_mean, 0.0)
    return np.asarray(vectors - shift_weight(speaker.recordings) * difference, dtype=np.float32)
