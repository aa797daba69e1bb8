"""The tutorial's own names: ``extract_feature``, ``load_data``, ``emotions``.

They take what the tutorial gives them and return what it expects; everything else is
voxaffect's. ``emotions`` and ``observed_emotions`` can be changed, in place or by assignment to
``voxaffect.observed_emotions``: ``load_data`` reads them when it is called.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Source, as_signal
from voxaffect.corpora import CORPORA
from voxaffect.errors import EvaluationError, TrainingError, extra
from voxaffect.evaluation import random_split
from voxaffect.features import SETS, compute_features, get_feature_spec
from voxaffect.training import OBSERVED_EMOTIONS, load_dataset

emotions: dict[str, str] = dict(CORPORA["ravdess"].emotions)
"""RAVDESS's codes, the third field of its file names, and what they mean."""

observed_emotions: list[str] = list(OBSERVED_EMOTIONS)
"""The emotions that the tutorial keeps."""

_INITIAL = observed_emotions

TUTORIAL_SEED = 9


def extract_feature(
    file_name: Source,
    mfcc: bool | None = None,
    chroma: bool | None = None,
    mel: bool | None = None,
    contrast: bool | None = None,
    tonnetz: bool | None = None,
    *,
    rate_hz: int | None = None,
) -> NDArray[np.float32]:
    """Means over time of MFCCs, chroma and mel bands, as the tutorial computes them.

    Parameters
    ----------
    file_name : str, Path, bytes, binary stream, ndarray or Signal
        A recording, analyzed at its own rate.
    mfcc, chroma, mel : bool, optional
        Which to compute: 40, 12 and 128 numbers. As in the tutorial's function, what is not
        named is off; without any name, these three are on.
    contrast, tonnetz : bool, optional
        As copies of the tutorial compute them: 7 bands of spectral contrast, and 6 tonal
        centroids of the harmonic part. They come in the order of these arguments.
    rate_hz : int, optional
        Sampling rate of an array.

    Returns
    -------
    ndarray, shape (180,) without any name

    Raises
    ------
    AudioError
        If the recording cannot be read, is shorter than 0.25 s or silent.
    FeatureError
        If none of them is wanted, or the rate is too low for contrast or tonnetz.

    Examples
    --------
    >>> va.extract_feature("call.wav", mfcc=True, chroma=True, mel=True).shape
    (180,)
    >>> va.extract_feature("call.wav", mfcc=True).shape
    (40,)
    """
    flags = (mfcc, chroma, mel, contrast, tonnetz)
    wanted = tuple(name for name, flag in zip(SETS["classic"].groups, flags, strict=True) if flag)
    is_any_named = any(flag is not None for flag in flags)
    spec = get_feature_spec("classic", groups=wanted if is_any_named else None)
    return compute_features(as_signal(file_name, rate_hz), spec)


def load_data(
    test_size: float = 0.25,
    *,
    root: str | Path | None = None,
    observed: Sequence[str] | None = observed_emotions,
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
        Emotions to keep; by default those that ``observed_emotions`` holds at present. None
        keeps all eight.
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
        If `test_size` is no share, or either side of the split would be empty.

    Examples
    --------
    >>> x_train, x_test, y_train, y_test = va.load_data(root="ravdess")
    >>> x_train.shape, x_test.shape
    ((12, 180), (4, 180))
    """
    _check_share(test_size)
    with extra("train"):
        import sklearn  # noqa: F401 (it fails now, not after the extraction)
    kept = observed_emotions if observed is _INITIAL else observed
    data = load_dataset(
        {"ravdess": root},
        get_feature_spec("classic"),
        emotions=_check_observed(kept),
        labels=_map_changed_words(emotions),
        workers=workers,
        cached=cached,
        progress=progress,
    )
    for failure in data.failures:
        warnings.warn(f"left out: {failure.reason}", stacklevel=2)
    train, test = random_split(len(data.matrix), test_size=test_size, seed=seed)
    matrix, names = data.matrix, data.emotions
    return matrix[train], matrix[test], [names[i] for i in train], [names[i] for i in test]


def _check_share(test_size: object) -> None:
    """Refuse a value that is no share before anything is read."""
    if isinstance(test_size, str | os.PathLike):
        path = os.fspath(test_size)
        raise EvaluationError(
            f"test_size {path!r}: expected a share between 0 and 1. If it is the folder of "
            f"RAVDESS, name it: load_data(root={path!r})."
        )
    is_number = isinstance(test_size, Real) and not isinstance(test_size, bool)
    if not is_number or not 0 < test_size < 1:  # type: ignore[operator]
        raise EvaluationError(f"test_size {test_size!r}: expected a share between 0 and 1.")


def _check_observed(observed: object) -> list[str] | None:
    """Emotions to keep, as a list; None for all."""
    if observed is None:
        return None
    if isinstance(observed, str) or not isinstance(observed, Sequence | set | frozenset):
        raise TrainingError(
            f"observed_emotions {observed!r}: expected a list of emotions, such as "
            "['happy', 'sad']."
        )
    if not observed:
        raise TrainingError(
            "observed_emotions is empty: name the emotions to keep, or None for all."
        )
    return [str(emotion) for emotion in observed]


def _map_changed_words(words: Mapping[str, str]) -> dict[str, str] | None:
    """Map from our words to those that a user wrote into ``emotions``, by RAVDESS's codes."""
    codes = CORPORA["ravdess"].emotions
    if missing := sorted(set(codes) - set(words)):
        raise TrainingError(
            f"emotions has no entry for {', '.join(missing)}: every code of RAVDESS needs its "
            "word. To leave emotions out, change observed_emotions."
        )
    changed = {codes[code]: str(words[code]) for code in codes if words[code] != codes[code]}
    return changed or None
