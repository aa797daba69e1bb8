"""Evaluation: an estimator, features and a protocol become honest numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.metrics import (
    Scores,
    calibration_error,
    confusion,
    scores,
    speaker_interval,
    uar,
)
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
    "evaluate_conditions",
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
        In the order of the probabilities.
    folds : tuple of FoldResult
    tested : tuple of Utterance
        What the folds tested, one after the other.
    """

    protocol: Protocol
    emotions: tuple[str, ...]
    folds: tuple[FoldResult, ...]
    tested: tuple[Utterance, ...]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Of all tested utterances, shape (tested, emotions)."""
        return np.concatenate([result.probabilities for result in self.folds])

    @property
    def truth(self) -> NDArray[np.str_]:
        """Emotions of all tested utterances."""
        return np.array([utterance.emotion for utterance in self.tested])

    @property
    def predicted(self) -> NDArray[np.str_]:
        """Recognised emotions of all tested utterances."""
        return np.asarray(np.array(self.emotions)[self.probabilities.argmax(axis=1)])

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

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Utterances by true (row) and recognised (column) emotion, all folds added up."""
        return confusion(self.truth.tolist(), self.predicted.tolist(), self.emotions)

    @property
    def calibration_error(self) -> float:
        """ECE over all tested utterances."""
        return calibration_error(self.probabilities, self.truth, self.emotions)

    @property
    def by_sex(self) -> Mapping[str, float]:
        """UAR of each sex that is known."""
        sexes = np.array([utterance.sex or "" for utterance in self.tested])
        return {
            str(sex): uar(self.truth[sexes == sex], self.predicted[sexes == sex])
            for sex in np.unique(sexes) if sex
        }  # fmt: skip

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the UAR over all tested utterances, by bootstrap over speakers."""
        speakers = [f"{u.corpus}/{u.speaker}" for u in self.tested]
        return speaker_interval(self.truth, self.predicted, speakers)


def evaluate(
    estimator: Any,
    matrix: NDArray[np.float32],
    utterances: Sequence[Utterance],
    *,
    protocol: str,
    copies: Copies | None = None,
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
    seed : int

    Returns
    -------
    Evaluation

    Raises
    ------
    EvaluationError
        If the protocol cannot be filled with these utterances.
    """
    data = Dataset(tuple(utterances), matrix, copies=copies)
    conditions = {"": matrix}
    return evaluate_conditions(estimator, data, conditions, protocol=protocol, seed=seed)[""]


def evaluate_conditions(
    estimator: Any,
    data: Dataset,
    conditions: Mapping[str, NDArray[np.float32]],
    *,
    protocol: str,
    seed: int = 0,
) -> dict[str, Evaluation]:
    """Fit an estimator once a fold, and test it under several conditions.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Any with ``predict_proba``; it is cloned for every fold and its seed set.
    data : Dataset
        What is trained on.
    conditions : mapping of str to ndarray, shape (n, d)
        Features of the same utterances to test on, such as perturbed ones.
    protocol : str
    seed : int

    Returns
    -------
    dict of str to Evaluation
        By condition.

    Raises
    ------
    EvaluationError
        If the protocol cannot be filled with these utterances.
    """
    for matrix in conditions.values():
        if len(matrix) != len(data.utterances):
            raise EvaluationError(
                f"{len(matrix)} rows of features for {len(data.utterances)} utterances."
            )
    chosen = protocol_named(protocol)
    folds = chosen.split(data.utterances, seed)
    used = np.unique(np.concatenate([np.concatenate((f.train, f.test)) for f in folds]))
    emotions = tuple(sorted({data.utterances[place].emotion for place in used}))
    found: dict[str, list[FoldResult]] = {name: [] for name in conditions}
    for fold in folds:
        fitted = _fitted(estimator, data, fold)
        for name, matrix in conditions.items():
            found[name].append(_tested(fitted, data, fold, matrix[fold.test], emotions=emotions))
    tested = tuple(data.utterances[place] for fold in folds for place in fold.test)
    return {
        name: Evaluation(chosen, emotions, tuple(results), tested)
        for name, results in found.items()
    }


def _fitted(estimator: Any, data: Dataset, fold: Fold) -> Any:
    truth = np.array(data.emotions)
    unseen = sorted(set(truth[fold.test]) - set(truth[fold.train]))
    if unseen:
        raise EvaluationError(
            f"{fold.name}: {', '.join(unseen)} is tested and never trained. "
            "Leave the emotion out, or add recordings of it."
        )
    return fit(seeded(estimator, fold.seed), data.rows(fold.train))


def _tested(
    fitted: Any, data: Dataset, fold: Fold, matrix: NDArray[np.float32], *,
    emotions: tuple[str, ...],
) -> FoldResult:  # fmt: skip
    probabilities = np.zeros((len(fold.test), len(emotions)))
    columns = [emotions.index(str(name)) for name in fitted.classes_]
    probabilities[:, columns] = fitted.predict_proba(matrix)
    truth = [data.utterances[place].emotion for place in fold.test]
    predicted = [emotions[best] for best in probabilities.argmax(axis=1)]
    return FoldResult(fold, scores(truth, predicted), probabilities)


def evaluate_all(
    estimators: Mapping[str, Any],
    data: Dataset,
    *,
    protocol: str,
    seed: int,
    tested: NDArray[np.float32] | None = None,
) -> tuple[dict[str, Evaluation], str]:
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
        Test on these features of the same utterances instead, for example perturbed ones.

    Returns
    -------
    dict of str to Evaluation
        By estimator and protocol.
    str
        Why there is no protocol of the other kind, if these data cannot fill it.
    """
    conditions = {"": data.matrix if tested is None else tested}

    def by(name: str) -> dict[str, Evaluation]:
        start = 0 if name == "tutorial" else seed
        return {
            f"{title}, {name}": evaluate_conditions(
                estimator, data, conditions, protocol=name, seed=start
            )[""]
            for title, estimator in estimators.items()
        }

    beside = "random" if protocol_named(protocol).new_voices else "speakers"
    found = by(protocol)
    try:
        return {**found, **by(beside)}, ""
    except EvaluationError as error:
        return found, f"{beside}: {error}"


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
