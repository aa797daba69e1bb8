"""Running a protocol: fit and test an estimator on every fold, in parallel, with one result."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.console import show_progress
from voxaffect.corpora import Utterance
from voxaffect.corpora.base import list_emotions
from voxaffect.errors import EvaluationError, WorkerError, extra
from voxaffect.evaluation.leaks import check_leaks
from voxaffect.evaluation.metrics.categorical import Scores, compute_baselines, compute_scores
from voxaffect.evaluation.protocols import Fold, Protocol, get_protocol, random_split
from voxaffect.evaluation.result import Evaluation, FoldResult, ScoreKind
from voxaffect.extraction import LocalExecutor, count_workers, open_executor
from voxaffect.records.arguments import check_kind, check_list, check_seed
from voxaffect.records.choices import DIMENSIONS
from voxaffect.training import (
    AugmentedCopies,
    Dataset,
    TrainingRows,
    check_estimator,
    clone_with_seed,
    describe_weights,
    fit,
)
from voxaffect.training.ratings import NO_REGRESSION, can_regress, choose_columns

if TYPE_CHECKING:
    from voxaffect.training.dimensions import DimensionRegressor

Matrix = NDArray[np.float32]
FeatureTransform = Callable[[Matrix, int], Matrix]
"""From the features of a fold's test utterances and the fold's seed to changed ones."""
Condition = Matrix | FeatureTransform
_ByCondition = dict[str, NDArray[np.float64]]
_log = logging.getLogger("voxaffect")
_SMALL = 100_000  # numbers; below, starting processes takes longer than they save
_ONE_FIT = Lock()  # random generators of libraries are the process's, not the thread's


def evaluate_estimator(
    estimator: Any,
    matrix: Matrix,
    utterances: Sequence[Utterance],
    *,
    protocol: str | Protocol,
    copies: AugmentedCopies | None = None,
    seed: int = 0,
    workers: int | Executor | None = None,
    allow_leaks: bool = False,
) -> Evaluation:
    """Fit and test an estimator on every fold of a protocol.

    Parameters
    ----------
    estimator : scikit-learn classifier
        It is cloned for every fold and its seed set. Without ``predict_proba``, the softmax of
        its ``decision_function`` ranks its answers; without either, its bare answer is taken.
        Decisions are scored all the same; NLL, ECE and reliability are not available.
    matrix : ndarray, shape (n, d)
        Features of any kind, one row an utterance.
    utterances : sequence of Utterance, length n
    protocol : str or Protocol
        One of ``PROTOCOLS``, or as `read_split` gives it.
    copies : AugmentedCopies, optional
        Augmented copies to train on: those of training utterances, never of others.
    seed : int
    workers : int or Executor, optional
        Processes; as many as processors by default. Their number changes no number.
    allow_leaks : bool
        Go on though something is on both sides of a fold; it is reported all the same.

    Returns
    -------
    Evaluation

    Raises
    ------
    EvaluationError
        If the protocol cannot be filled with these utterances; `LeakError` if something
        stands on both sides of a fold that the protocol does not mean to be there.

    Examples
    --------
    >>> data = va.load_dataset({"folder": "my_recordings"}, "classic")
    >>> estimator = va.make_estimator("logistic")
    >>> result = va.evaluate_estimator(estimator, data.matrix, data.utterances, protocol="loso")
    >>> len(result.folds)
    3
    """
    members = check_list(utterances, "utterances", "utterances")
    for utterance in members:
        check_kind(utterance, Utterance, "utterances", "an Utterance for each row")
    data = Dataset(tuple(members), matrix, copies=copies)
    return evaluate_conditions(
        estimator,
        data,
        {"": matrix},
        protocol=protocol,
        seed=seed,
        workers=workers,
        allow_leaks=allow_leaks,
    )[""]


def evaluate_conditions(
    estimator: Any,
    data: Dataset,
    conditions: Mapping[str, Condition],
    *,
    protocol: str | Protocol,
    seed: int = 0,
    workers: int | Executor | None = None,
    allow_leaks: bool = False,
    progress: str = "",
) -> dict[str, Evaluation]:
    """Fit an estimator once a fold, and test it under several conditions.

    Parameters
    ----------
    estimator : scikit-learn classifier
        As for `evaluate`.
    data : Dataset
        What is trained on.
    conditions : mapping of str to ndarray, shape (n, d), or callable
        Features of the same utterances to test on, such as perturbed ones; or what makes them
        from the test utterances' own features and the fold's seed.
    protocol : str or Protocol
    seed, workers, allow_leaks
        As for `evaluate`.
    progress : str
        Title of a progress bar over the folds; none if empty.

    Returns
    -------
    dict of str to Evaluation
        By condition.

    Raises
    ------
    EvaluationError
        As `evaluate`.
    """
    check_estimator(estimator)
    check_seed(seed)
    for name, condition in conditions.items():
        if not callable(condition):
            _check_matrix(condition, len(data.utterances), name)
    chosen = protocol if isinstance(protocol, Protocol) else get_protocol(protocol)
    chosen = chosen.adapt_to(data.utterances)
    folds = chosen.split(data.utterances, seed)
    truth = np.array(data.emotions)
    for fold in folds:
        _check_emotions(fold, data.utterances)
    check = check_leaks(data.utterances, folds, chosen)
    if not allow_leaks:
        check.raise_if_unexpected()
    if not data.has_emotions:
        _check_regression(estimator, conditions)
    used = np.unique(np.concatenate([np.concatenate((f.train, f.test)) for f in folds]))
    emotions = list_emotions(data.utterances[index] for index in used)
    task = _FoldTask(estimator, data, conditions, emotions, chosen.is_balanced)
    results = _run_folds(task, folds, workers=workers, progress=progress)
    tested = tuple(data.utterances[index] for fold in folds for index in fold.test)
    mean_baselines = average_baselines(folds, truth) if emotions else {}
    weighting = describe_weights(estimator) if chosen.is_balanced and emotions else ""
    return {
        name: Evaluation(
            chosen,
            emotions,
            tuple(
                score_fold(fold, one.probabilities[name], truth, emotions, one.dimensions.get(name))
                for fold, one in zip(folds, results, strict=True)
            ),
            tested,
            check,
            mean_baselines,
            results[0].score_kind,
            weighting,
        )
        for name in conditions
    }


def _check_matrix(matrix: Any, count: int, name: str) -> None:
    """Refuse features that are no finite numbers, a row an utterance."""
    where = f"{name}: " if name else ""
    if not isinstance(matrix, np.ndarray):
        raise EvaluationError(
            f"{where}expected an array of features (n, d), found {type(matrix).__name__}."
        )
    if matrix.ndim != 2 or not matrix.shape[1]:
        raise EvaluationError(
            f"{where}expected an array of features (n, d), found shape {matrix.shape}."
        )
    if len(matrix) != count:
        raise EvaluationError(f"{where}{len(matrix)} rows of features for {count} utterances.")
    if matrix.dtype.kind not in "fiub":
        raise EvaluationError(f"{where}expected features as real numbers, found {matrix.dtype}.")
    for row in matrix:
        if not np.isfinite(row).all():
            raise EvaluationError(f"{where}NaN or infinite features. Leave those recordings out.")


def _check_emotions(fold: Fold, utterances: Sequence[Utterance]) -> None:
    trained = list_emotions(utterances[index] for index in fold.train)
    unseen = sorted({utterances[index].emotion for index in fold.test} - {*trained, ""})
    if unseen:
        raise EvaluationError(
            f"{fold.name}: {', '.join(unseen)} is tested and never trained. "
            "Leave the emotion out, or add recordings of it."
        )


def _check_regression(estimator: Any, conditions: Mapping[str, Condition]) -> None:
    """Refuse what needs emotions, for data with dimensions alone."""
    if not can_regress(estimator):
        raise EvaluationError(f"{type(estimator).__name__}: {NO_REGRESSION}")
    if len(conditions) > 1:
        raise EvaluationError(
            "conditions are measured by the UAR of emotions, and these data have dimensions alone. "
            "Leave them out."
        )


@dataclass(frozen=True, eq=False)
class _FoldAnswers:
    """Answers to the test utterances of a fold.

    Parameters
    ----------
    score_kind : ScoreKind
    probabilities : dict of str to ndarray, shape (test utterances, emotions)
        By condition.
    dimensions : dict of str to ndarray, shape (test utterances, 3)
        By condition; empty if none is rated.
    """

    score_kind: ScoreKind
    probabilities: _ByCondition
    dimensions: _ByCondition


@dataclass(frozen=True, eq=False)
class _FoldTask:
    """Work on one fold, the same in this process and in others."""

    estimator: Any
    data: Dataset
    conditions: Mapping[str, Condition]
    emotions: tuple[str, ...]
    is_balanced: bool

    def __call__(self, fold: Fold) -> _FoldAnswers:
        """Answers to the fold's test utterances under every condition."""
        with extra("train"):
            from threadpoolctl import threadpool_limits
        # One thread whatever the workers: the order of a sum must not depend on their number.
        with _ONE_FIT, threadpool_limits(1, user_api="blas"):
            trained = self.data.rows(fold.train, is_balanced=self.is_balanced)
            if not self.emotions:
                return self._rate(self._fit_dimensions(trained), fold)
            fitted = fit(clone_with_seed(self.estimator, fold.seed), trained)
            columns = self._index_classes(fitted)
            regressor = self._fit_dimensions(trained)
            probabilities, dimensions = {}, {}
            for name, condition in self.conditions.items():
                rows = np.zeros((len(fold.test), len(self.emotions)))
                matrix = self._get_test_features(condition, fold)
                answers = _predict(fitted, matrix)
                _check_probabilities(answers, (len(rows), len(columns)), fold.name, fitted)
                rows[:, columns] = answers
                probabilities[name] = rows
                if regressor is not None:
                    dimensions[name] = spread_dimensions(regressor.names, regressor.predict(matrix))
        return _FoldAnswers(_get_score_kind(fitted), probabilities, dimensions)

    def _rate(self, regressor: DimensionRegressor | None, fold: Fold) -> _FoldAnswers:
        """Dimensions of the test utterances, where the data have no emotions."""
        dimensions = {}
        for name, condition in self.conditions.items():
            if regressor is not None:
                values = regressor.predict(self._get_test_features(condition, fold))
                dimensions[name] = spread_dimensions(regressor.names, values)
        empty = np.empty((len(fold.test), 0))
        return _FoldAnswers("dimensions", dict.fromkeys(self.conditions, empty), dimensions)

    def _fit_dimensions(self, trained: TrainingRows) -> DimensionRegressor | None:
        """Regression of the dimensions, as the model file would hold it."""
        if trained.dimensions is None or not can_regress(self.estimator):
            return None
        from voxaffect.training.dimensions import fit_dimensions

        return fit_dimensions(trained, choose_columns(self.data.spec, trained.matrix.shape[1]))

    def _index_classes(self, fitted: Any) -> list[int]:
        """Index of each of the estimator's classes among the emotions."""
        names = [str(name) for name in getattr(fitted, "classes_", ())]
        if not names or not set(names) <= set(self.emotions):
            raise EvaluationError(
                f"{type(fitted).__name__}: expected classes_ of {', '.join(self.emotions)} after "
                f"fit, found {', '.join(names) or 'none'}. Use a scikit-learn classifier."
            )
        return [self.emotions.index(name) for name in names]

    def _get_test_features(self, condition: Condition, fold: Fold) -> Matrix:
        if callable(condition):
            return condition(self.data.matrix[fold.test], fold.seed)
        return condition[fold.test]


def spread_dimensions(names: Sequence[str], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values of some dimensions as a column for each of ``DIMENSIONS``; NaN in the others."""
    rows = np.full((len(values), len(DIMENSIONS)), np.nan)
    rows[:, [DIMENSIONS.index(name) for name in names]] = values
    return rows


def _get_score_kind(fitted: Any) -> ScoreKind:
    if hasattr(fitted, "predict_proba"):
        return "probabilities"
    return "scores" if hasattr(fitted, "decision_function") else "answers"


def _predict(fitted: Any, matrix: Matrix) -> NDArray[np.float64]:
    """Probabilities of the classes; from the scores or the answer, where there are none."""
    if hasattr(fitted, "predict_proba"):
        return np.asarray(fitted.predict_proba(matrix), dtype=np.float64)
    answers = np.reshape(fitted.predict(matrix), (-1, 1)) == fitted.classes_
    if not hasattr(fitted, "decision_function"):
        return np.asarray(answers, dtype=np.float64)
    from scipy.special import expit, softmax

    decisions = np.asarray(fitted.decision_function(matrix), dtype=np.float64)
    if decisions.ndim == 1:  # two classes: the second's score
        return np.stack([expit(-decisions), expit(decisions)], axis=1)
    return np.asarray(softmax(decisions, axis=1))


def _check_probabilities(
    answers: NDArray[np.float64], shape: tuple[int, int], fold: str, by: Any
) -> None:
    """Refuse numbers that are no probabilities: argmax would make an answer of NaN."""
    name = type(by).__name__
    if answers.shape != shape:
        raise EvaluationError(
            f"{fold}: {name} gave probabilities of shape {answers.shape}, expected {shape}, an "
            "utterance a row and a class a column."
        )
    if not (np.isfinite(answers).all() and (answers >= 0).all() and answers.any(axis=1).all()):
        raise EvaluationError(
            f"{fold}: {name} gave probabilities that are NaN, infinite, negative or all 0, or an "
            "answer that is none of its classes. Mend the estimator or its features."
        )


def _run_folds(
    task: _FoldTask, folds: Sequence[Fold], *, workers: int | Executor | None, progress: str
) -> list[_FoldAnswers]:
    """Run the folds in several processes if that pays; results in the order of the folds."""
    bar: dict[str, Any] = {"title": progress, "total": len(folds), "is_shown": bool(progress)}
    if workers is None or isinstance(workers, int):
        count = min(workers or count_workers(), len(folds))
        if task.data.matrix.size < _SMALL or count == 1:
            return list(show_progress(map(task, folds), **bar))
        opened: Any = LocalExecutor(count, kind="processes", by_value=True)
    else:
        opened = open_executor(workers)
    results: dict[int, _FoldAnswers] = {}
    with opened as executor, show_progress(**bar) as shown:
        for index, result in executor.map_unordered(task, folds):
            if isinstance(result, WorkerError):
                _log.warning(
                    "%s: a worker process was ended twice at it; memory may have run out. It is "
                    "computed in this process.",
                    folds[index].name,
                )
                result = task(folds[index])
            results[index] = result
            shown.update()
    return [results[index] for index in range(len(folds))]


def score_fold(
    fold: Fold,
    probabilities: NDArray[np.float64],
    truth: NDArray[np.str_],
    emotions: tuple[str, ...],
    dimensions: NDArray[np.float64] | None = None,
) -> FoldResult:
    """Scores of the most probable emotions of a fold's test utterances; none without emotions.

    Parameters
    ----------
    fold : Fold
    probabilities : ndarray, shape (test utterances, emotions)
    truth : ndarray of str
        Emotion of every utterance that the fold indexes.
    emotions : tuple of str
    dimensions : ndarray, shape (test utterances, 3), optional
        Of a system that knows some; NaN for the others.
    """
    if not emotions:
        return FoldResult(fold, None, probabilities, dimensions)
    predicted = [emotions[best] for best in probabilities.argmax(axis=1)]
    scores = compute_scores(truth[fold.test].tolist(), predicted)
    return FoldResult(fold, scores, probabilities, dimensions)


def average_baselines(
    folds: Sequence[Fold], truth: NDArray[np.str_]
) -> dict[str, dict[str, float | str]]:
    """Baselines, the mean over the folds; the emotion of the first stands for all."""
    rows = [compute_baselines(truth[f.train].tolist(), truth[f.test].tolist()) for f in folds]
    means: dict[str, dict[str, float | str]] = {}
    for name, values in rows[0].items():
        means[name] = {
            key: value if isinstance(value, str) else float(np.mean([r[name][key] for r in rows]))
            for key, value in values.items()
        }
    return means


@dataclass(frozen=True, eq=False)
class HoldoutResult:
    """One random split, as the tutorial makes it.

    Parameters
    ----------
    train_shape, test_shape : tuple of int
        Utterances and features on either side.
    scores : Scores
        On the held-out side.
    known_share : float or None
        Share of the held-out utterances whose speaker is in training, too; None where no
        held-out speaker has a name.
    """

    train_shape: tuple[int, int]
    test_shape: tuple[int, int]
    scores: Scores
    known_share: float | None


def hold_out(estimator: Any, data: Dataset, *, test_size: float, seed: int) -> HoldoutResult:
    """Hold a random share out, fit on the rest, and score the share.

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
    HoldoutResult

    Raises
    ------
    EvaluationError
        If either side would be empty.
    """
    truth = np.array(data.emotions)
    train, test = random_split(len(truth), test_size=test_size, seed=seed)
    fitted = fit(clone_with_seed(estimator, seed), data.rows(train))
    result = compute_scores(truth[test].tolist(), list(map(str, fitted.predict(data.matrix[test]))))
    return HoldoutResult(
        data.matrix[train].shape,
        data.matrix[test].shape,
        result,
        _measure_known_share(data, train, test),
    )


def _measure_known_share(
    data: Dataset, train: NDArray[np.intp], test: NDArray[np.intp]
) -> float | None:
    """Share of one side whose speakers are known to be on the other, too."""
    speakers = [u.speaker and (u.corpus, u.speaker) for u in data.utterances]
    tested = [speakers[index] for index in test if speakers[index]]
    trained_on = {speakers[index] for index in train}
    return sum(speaker in trained_on for speaker in tested) / len(test) if tested else None
