"""The tutorial's own names: ``extract_feature``, ``load_data``, ``emotions``.

They take what the tutorial gives them and return what it expects; everything else is
voxaffect's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Source, as_signal
from voxaffect.corpora import CORPORA
from voxaffect.errors import extra
from voxaffect.evaluation import random_split
from voxaffect.features import describe, feature_spec
from voxaffect.training import OBSERVED_EMOTIONS, gather

emotions: dict[str, str] = dict(CORPORA["ravdess"].emotions)
"""RAVDESS's codes, the third field of its file names, and what they mean."""

observed_emotions: list[str] = list(OBSERVED_EMOTIONS)
"""The emotions that the tutorial keeps."""

TUTORIAL_SEED = 9


def extract_feature(
    file_name: Source,
    mfcc: bool = True,
    chroma: bool = True,
    mel: bool = True,
    *,
    rate_hz: int | None = None,
) -> NDArray[np.float32]:
    """Means over time of 40 MFCCs, 12 chroma and 128 mel bands, as the tutorial computes them.

    Parameters
    ----------
    file_name : str, Path, bytes, binary stream, ndarray or Signal
        A recording, analysed at its own rate.
    mfcc, chroma, mel : bool
        Which to compute; they come in this order.
    rate_hz : int, optional
        Sampling rate of an array.

    Returns
    -------
    ndarray, shape (180,) if all three are wanted

    Raises
    ------
    AudioError
        If the recording cannot be read, is shorter than 0.25 s or silent.
    FeatureError
        If none of the three is wanted.

    Examples
    --------
    >>> extract_feature("call.wav", mfcc=True, chroma=True, mel=True).shape  # doctest: +SKIP
    (180,)
    """
    wanted = {"mfcc": mfcc, "chroma": chroma, "mel": mel}
    spec = feature_spec("classic", groups=tuple(name for name, is_on in wanted.items() if is_on))
    return describe(as_signal(file_name, rate_hz), spec)


def load_data(
    test_size: float = 0.25,
    *,
    root: str | Path | None = None,
    observed: Sequence[str] | None = tuple(observed_emotions),
    seed: int = TUTORIAL_SEED,
    workers: int | None = None,
    cached: bool = True,
    progress: bool = True,
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str], list[str]]:
    """Read RAVDESS, keep the observed emotions, and split it at random.

    A recording that cannot be used is left out with a warning that names it.

    Parameters
    ----------
    test_size : float
        Share to hold out, between 0 and 1.
    root : str or Path, optional
        The folder of the ``Actor_*`` folders; by default ``ravdess`` under ``VOXAFFECT_DATA``,
        else the download folder.
    observed : sequence of str, optional
        Emotions to keep; None keeps all eight.
    seed : int
        Of the split.
    workers : int, optional
        As many as processors by default.
    cached : bool
        Keep features in the cache.
    progress : bool
        Show a progress bar.

    Returns
    -------
    x_train, x_test : ndarray, shape (n, 180)
    y_train, y_test : list of str

    Raises
    ------
    CorpusError
        If RAVDESS is not found or names do not fit.
    TrainingError
        If an emotion is unknown, or nothing could be read.
    EvaluationError
        If either side of the split would be empty.
    """
    with extra("train"):
        import sklearn  # noqa: F401 (said now, not after the extraction)
    data = gather(
        {"ravdess": root}, feature_spec("classic"), emotions=observed,
        workers=workers, cached=cached, progress=progress,
    )  # fmt: skip
    for failure in data.failures:
        warnings.warn(f"left out: {failure.reason}", stacklevel=2)
    train, test = random_split(len(data.matrix), test_size=test_size, seed=seed)
    matrix, names = data.matrix, data.emotions
    return matrix[train], matrix[test], [names[i] for i in train], [names[i] for i in test]
