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
from voxaffect.training import Copies, Dataset, fit, seeded

__all__ = [
    "PROTOCOLS",
    "Evaluation",
    "Fold",
    "FoldResult",
    "HeldOut",
    "Protocol",
    "Scores",
    "evaluate",
    "evaluate_all",
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
    copies: Copies | None = None,
    tested: NDArray[np.float32] | None = None,
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
    copies : Copies, optional
        Altered copies to train on: those of training utterances, never of others.
    tested : ndarray, shape (n, d), optional
        Test on these features of the same utterances instead, for example perturbed ones.
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
    data = Dataset(tuple(utterances), matrix, copies=copies)
    emotions = tuple(map(str, np.unique(data.emotions)))
    tested = matrix if tested is None else tested
    results = tuple(
        _tested(estimator, data, fold, tested[fold.test]) for fold in chosen.split(utterances, seed)
    )
    truth = np.array(data.emotions)
    total = np.zeros((len(emotions), len(emotions)), dtype=np.int64)
    for result in results:
        predicted = _named(result.probabilities, emotions)
        total += confusion(truth[result.fold.test].tolist(), predicted, emotions)
    return Evaluation(chosen, emotions, results, total)


def _named(probabilities: NDArray[np.float64], emotions: tuple[str, ...]) -> list[str]:
    return [emotions[best] for best in probabilities.argmax(axis=1)]


def _tested(
    estimator: Any, data: Dataset, fold: Fold, test_matrix: NDArray[np.float32]
) -> FoldResult:
    truth = np.array(data.emotions)
    emotions = tuple(map(str, np.unique(truth)))
    unseen = sorted(set(truth[fold.test]) - set(truth[fold.train]))
    if unseen:
        raise EvaluationError(
            f"{fold.name}: {', '.join(unseen)} is tested and never trained. "
            "Leave the emotion out, or add recordings of it."
        )
    fitted = fit(seeded(estimator, fold.seed), data.rows(fold.train))
    probabilities = np.zeros((len(fold.test), len(emotions)))
    columns = [emotions.index(str(name)) for name in fitted.classes_]
    probabilities[:, columns] = fitted.predict_proba(test_matrix)
    found = scores(truth[fold.test].tolist(), _named(probabilities, emotions))
    return FoldResult(fold, found, probabilities)


def evaluate_all(
    estimators: Mapping[str, Any],
    data: Dataset,
    *,
    protocol: str,
    seed: int,
    tested: NDArray[np.float32] | None = None,
) -> dict[str, Evaluation]:
    """Evaluate several estimators by a protocol, and by one of the other kind beside it.

    Parameters
    ----------
    estimators : mapping of str to scikit-learn classifier
    data : Dataset
    protocol : str
        A random split gets folds of new voices beside it, and the other way round.
    seed : int
        The tutorial protocol always begins with seed 0.
    tested : ndarray, shape (n, d), optional
        As for `evaluate`.

    Returns
    -------
    dict of str to Evaluation
        By estimator and protocol.
    """
    beside = "random" if protocol_named(protocol).new_voices else "speakers"
    names = (protocol, beside) if data.speakers > 1 else (protocol,)
    return {
        f"{title}, {name}": evaluate(
            estimator, data.matrix, data.utterances, protocol=name, copies=data.copies,
            tested=tested, seed=0 if name == "tutorial" else seed,
        )
        for name in names
        for title, estimator in estimators.items()
    }  # fmt: skip


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


def held_out(estimator: Any, data: Dataset, *, test_size: float, seed: int) -> HeldOut:
    """Hold a random share out, fit on the rest, and score what was held out.

    Parameters
    ----------
    estimator : scikit-learn classifier
        It is cloned and its seed set.
    data : Dataset
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
    truth = np.array(data.emotions)
    train, test = random_split(len(truth), test_size=test_size, seed=seed)
    fitted = fit(seeded(estimator, seed), data.rows(train))
    found = scores(truth[test].tolist(), list(map(str, fitted.predict(data.matrix[test]))))
    return HeldOut(data.matrix[train].shape, data.matrix[test].shape, found)
