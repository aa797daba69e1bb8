"""Evaluation: an estimator, features and a protocol become honest numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.metrics import Scores, confusion, scores
from voxaffect.evaluation.protocols import (
    PROTOCOLS,
    Fold,
    Protocol,
    protocol_named,
    random_split,
)
from voxaffect.training import fit, seeded

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Fold",
    "FoldResult",
    "HeldOut",
    "Protocol",
    "Scores",
    "evaluate",
    "held_out",
    "protocol_named",
    "random_split",
]


@dataclass(frozen=True, eq=False)
class FoldResult:
    """One fold: its split, its scores, and the probabilities of its test utterances.

    Parameters
    ----------
    fold : Fold
    scores : Scores
    probabilities : ndarray, shape (test utterances, emotions)
    """

    fold: Fold
    scores: Scores
    probabilities: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a protocol found.

    Parameters
    ----------
    protocol : Protocol
    emotions : tuple of str
    folds : tuple of FoldResult
    confusion : ndarray of int, shape (emotions, emotions)
        Rows are truths; all folds added up.
    """

    protocol: Protocol
    emotions: tuple[str, ...]
    folds: tuple[FoldResult, ...]
    confusion: NDArray[np.int64]

    @property
    def summary(self) -> Mapping[str, Mapping[str, float]]:
        """Mean and standard deviation (of the population of folds) of each metric."""
        rows = [asdict(result.scores) for result in self.folds]
        return {
            metric: {
                "mean": float(np.mean([row[metric] for row in rows])),
                "sd": float(np.std([row[metric] for row in rows])),
            }
            for metric in rows[0]
        }


def evaluate(
    estimator: Any,
    matrix: NDArray[np.float32],
    utterances: Sequence[Utterance],
    *,
    protocol: str,
    seed: int = 0,
) -> Evaluation:
    """Fit and test an estimator on every fold of a protocol.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Any with ``predict_proba``; it is cloned for every fold and its seed set.
    matrix : ndarray, shape (n, d)
        Features, one row an utterance.
    utterances : sequence of Utterance, length n
    protocol : str
        One of ``PROTOCOLS``.
    seed : int

    Returns
    -------
    Evaluation

    Raises
    ------
    EvaluationError
        If the protocol cannot be filled with these utterances.
    """
    if len(matrix) != len(utterances):
        raise EvaluationError(f"{len(matrix)} rows of features for {len(utterances)} utterances.")
    chosen = protocol_named(protocol)
    truth = np.array([utterance.emotion for utterance in utterances])
    emotions = tuple(map(str, np.unique(truth)))
    results, total = [], np.zeros((len(emotions), len(emotions)), dtype=np.int64)
    for fold in chosen.split(utterances, seed):
        result, predicted = _tested(estimator, matrix, truth, fold=fold, emotions=emotions)
        results.append(result)
        total += confusion(truth[fold.test].tolist(), predicted, emotions)
    return Evaluation(chosen, emotions, tuple(results), total)


def _tested(
    estimator: Any, matrix: NDArray[np.float32], truth: NDArray[np.str_], *,
    fold: Fold, emotions: tuple[str, ...],
) -> tuple[FoldResult, list[str]]:  # fmt: skip
    unseen = sorted(set(truth[fold.test]) - set(truth[fold.train]))
    if unseen:
        raise EvaluationError(
            f"{fold.name}: {', '.join(unseen)} is tested and never trained. "
            "Leave the emotion out, or add recordings of it."
        )
    fitted = fit(seeded(estimator, fold.seed), matrix[fold.train], truth[fold.train].tolist())
    raw = fitted.predict_proba(matrix[fold.test].astype(np.float64))
    probabilities = np.zeros((len(fold.test), len(emotions)))
    probabilities[:, [emotions.index(str(name)) for name in fitted.classes_]] = raw
    predicted = [emotions[best] for best in probabilities.argmax(axis=1)]
    found = scores(truth[fold.test].tolist(), predicted)
    return FoldResult(fold, found, probabilities), predicted


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One random split, as the tutorial makes it.

    Parameters
    ----------
    train_shape, test_shape : tuple of int
        Utterances and features on either side.
    scores : Scores
        On the held-out side.
    """

    train_shape: tuple[int, int]
    test_shape: tuple[int, int]
    scores: Scores


def held_out(
    estimator: Any,
    matrix: NDArray[np.float32],
    emotions: Sequence[str],
    *,
    test_size: float,
    seed: int,
) -> HeldOut:
    """Hold a random share out, fit on the rest, and score what was held out.

    Parameters
    ----------
    estimator : scikit-learn classifier
        It is cloned and its seed set.
    matrix : ndarray, shape (n, d)
    emotions : sequence of str, length n
    test_size : float
        Between 0 and 1.
    seed : int

    Returns
    -------
    HeldOut

    Raises
    ------
    EvaluationError
        If either side would be empty.
    """
    truth = np.asarray(emotions)
    train, test = random_split(len(truth), test_size=test_size, seed=seed)
    fitted = fit(seeded(estimator, seed), matrix[train], truth[train].tolist())
    predicted = fitted.predict(matrix[test].astype(np.float64))
    found = scores(truth[test].tolist(), list(map(str, predicted)))
    return HeldOut(matrix[train].shape, matrix[test].shape, found)
