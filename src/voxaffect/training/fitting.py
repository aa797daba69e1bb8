"""Fitting: an estimator and rows of features."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import ArgumentError, TrainingError, extra
from voxaffect.models.card import check_emotions
from voxaffect.records.arguments import check_kind
from voxaffect.training.dataset import Dataset, TrainingRows
from voxaffect.training.matrices import are_finite, take_rows

_NARROW_FEATURES = 1_000
_INTERRUPTED = "Training interrupted by user"


def fit(estimator: Any, rows: TrainingRows) -> Any:
    """Fit an estimator to features and emotions.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Fitted in place. One that asks for ``origins`` and ``speakers`` gets them.
    rows : TrainingRows
        Of at least two different emotions. Their weights, if there are any, replace the
        estimator's ``class_weight``. An estimator that takes no weights counts rows alike. Soft
        labels are used where it can; see `can_use_soft_labels`.

    Returns
    -------
    The estimator.

    Raises
    ------
    TrainingError
        If there is nothing to tell apart, an emotion's name does not fit in a model file, or
        NaN is among the features.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> va.fit(va.make_estimator("logistic"), data.rows()).classes_.tolist()
    ['happy', 'sad']
    """
    check_kind(rows, TrainingRows, "rows", "TrainingRows, as Dataset.rows gives them")
    check_estimator(estimator)
    soft = rows.soft_labels
    emotions = np.unique(rows.emotions) if soft is None else soft.emotions
    if len(emotions) < 2:
        raise TrainingError(
            f"at least two emotions are needed to train, found {', '.join(emotions) or 'none'}."
        )
    try:
        check_emotions([*map(str, emotions)])
    except ValueError as error:
        raise TrainingError(f"{error}. Rename the emotion.") from error
    if not are_finite(rows.matrix):
        raise TrainingError("NaN or infinite features.")
    with extra("train"):
        from sklearn.exceptions import ConvergenceWarning
        from threadpoolctl import threadpool_limits
    # Threads inside small products cost more than they bring: five times the whole training
    # of an MLP on 180 features with two of them.
    threads = 1 if rows.matrix.shape[1] < _NARROW_FEATURES else None
    with warnings.catch_warnings(), threadpool_limits(threads, user_api="blas"):
        # Stopping after the recipe's iterations, and batches cut to small data, are the recipe.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger than")
        # scikit-learn turns Ctrl-C into a warning and hands back a half-trained network.
        warnings.filterwarnings("error", _INTERRUPTED)
        try:
            return fit_rows(estimator, rows)
        except UserWarning as warning:
            raise KeyboardInterrupt from warning


def fit_rows(estimator: Any, rows: TrainingRows) -> Any:
    """Fit an estimator to rows that were checked, by their soft labels where it can."""
    accepted = inspect.signature(estimator.fit).parameters
    keys = ("origins", "speakers", "soft_labels")
    more = {key: getattr(rows, key) for key in keys if key in accepted}
    is_soft = rows.soft_labels is not None and can_use_soft_labels(estimator)
    if is_soft and "soft_labels" not in more:
        return _fit_copies(estimator, rows.matrix, rows)
    more |= pass_weights(estimator, rows.weights)
    return estimator.fit(rows.matrix, rows.emotions, **more)


def can_use_soft_labels(estimator: Any) -> bool:
    """True if an estimator is trained on soft labels, and not on the most probable emotions.

    Those are our own that take them, and all that take weights of rows.

    Examples
    --------
    >>> can_use_soft_labels(va.make_estimator("ensemble"))
    True
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> can_use_soft_labels(KNeighborsClassifier())
    False
    """
    takes = getattr(estimator, "takes_soft_labels", None)
    return find_weight_parameter(estimator) is not None if takes is None else bool(takes)


def _fit_copies(estimator: Any, matrix: NDArray[np.float32], rows: TrainingRows) -> Any:
    """Fit to copies of each row, one for each of its emotions, weighted by its share.

    The weighted loss of the copies is the cross-entropy of the distributions. Steps before the
    classifier see each row once. Weights by emotion go by the most probable one.
    """
    soft = rows.soft_labels
    assert soft is not None
    if steps := getattr(estimator, "steps", None):
        for _, step in steps[:-1]:
            matrix = step.fit_transform(matrix) if hasattr(step, "fit_transform") else matrix
        _fit_copies(steps[-1][1], matrix, rows)
        return estimator
    weights = np.ones(len(matrix)) if rows.weights is None else rows.weights
    if rows.weights is None and estimator.get_params().get("class_weight") == "balanced":
        _, indices, counts = np.unique(rows.emotions, return_inverse=True, return_counts=True)
        weights = len(indices) / len(counts) / counts[indices]
    pass_weights(estimator, weights)  # takes its weights by emotion from it
    copied, columns = np.nonzero(soft.shares)
    shares = soft.shares[copied, columns]
    return estimator.fit(
        take_rows(matrix, copied), soft.emotions[columns], sample_weight=weights[copied] * shares
    )


def find_weight_parameter(estimator: Any) -> str | None:
    """Parameter of ``fit`` that takes the weights of rows; None if there is none.

    Examples
    --------
    >>> find_weight_parameter(va.make_estimator("logistic"))
    'logisticregression__sample_weight'
    """
    if steps := getattr(estimator, "steps", None):
        name, last = steps[-1]
        inner = find_weight_parameter(last)
        return inner and f"{name}__{inner}"
    accepted = inspect.signature(estimator.fit).parameters
    return "sample_weight" if "sample_weight" in accepted else None


def pass_weights(estimator: Any, weights: NDArray[np.float64] | None) -> dict[str, Any]:
    """Arguments of ``fit`` that carry the weights of rows; none if the estimator takes none.

    Weights by emotion (``class_weight``) are taken from the estimator: those of rows replace them.
    """
    name = None if weights is None else find_weight_parameter(estimator)
    if name is None:
        return {}
    by_emotion = [key for key in estimator.get_params() if key.split("__")[-1] == "class_weight"]
    estimator.set_params(**dict.fromkeys(by_emotion))
    return {name: weights}


def describe_weights(estimator: Any) -> str:
    """Sentence on the weights of balanced rows in the training of an estimator.

    An estimator that weighs corpora by itself says so in its attribute ``weighting``.
    """
    if steps := getattr(estimator, "steps", None):
        return describe_weights(steps[-1][1])
    if weighting := getattr(estimator, "weighting", ""):
        return str(weighting)
    members = getattr(estimator, "members", None)
    parts = [part for part, *_ in members] if isinstance(members, list | tuple) else [estimator]
    takes_weights = [find_weight_parameter(part) is not None for part in parts]
    if not any(takes_weights):
        return "in training, all recordings weigh alike: the estimator takes no weights"
    suffix = "" if all(takes_weights) else ", in those of its parts that take weights"
    return f"in training, each emotion of each corpus weighs alike{suffix}"


def check_estimator(estimator: object) -> None:
    """Refuse an object that is no estimator, such as a class of estimators.

    Raises
    ------
    ArgumentError
    """
    if isinstance(estimator, type) or not callable(getattr(estimator, "fit", None)):
        raise ArgumentError(
            f"estimator: expected a scikit-learn classifier, found {type(estimator).__name__}. "
            "Make one with voxaffect.make_estimator."
        )


def attach_inputs(estimator: Any, datasets: Iterable[Dataset]) -> None:
    """Give an estimator that trains its encoder the log-mels of all data that it will see.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Others than that of the recipe ``finetuned`` need none.
    datasets : iterable of Dataset
    """
    if attach := getattr(estimator, "attach_inputs", None):
        attach(datasets)


def clone_with_seed(estimator: Any, seed: int) -> Any:
    """Return an unfitted copy of an estimator with every ``random_state`` in it set to the seed."""
    with extra("train"):
        from sklearn.base import clone
    copy = clone(estimator)
    states = {key: seed for key in copy.get_params() if key.split("__")[-1] == "random_state"}
    return copy.set_params(**states)
