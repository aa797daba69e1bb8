"""Our own scikit-learn estimators: a scaler that clips, and an ensemble that is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.errors import extra
from voxaffect.features.affect.logmel import unflatten_logmel
from voxaffect.models import INPUT_NAME
from voxaffect.runtime.onnx import import_onnxruntime
from voxaffect.training.dataset import LEAST_CORPORA, TrainingRows
from voxaffect.training.fitting import can_use_soft_labels, clone_with_seed, fit_rows
from voxaffect.training.matrices import compute_moments, map_rows, take_rows
from voxaffect.training.ratings import SoftLabels
from voxaffect.training.regression import find_possible_emotions, fit_regression

with extra("train"):
    from scipy.optimize import minimize_scalar
    from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
    from sklearn.pipeline import Pipeline

FLOOR_PROBABILITY = 1e-7
_TEMPERATURES = (0.25, 8.0)


class ClippedScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Standardize every feature, then cut what is further from its mean than a few deviations.

    An utterance unlike all others (another microphone, another language) then has a bounded
    effect; a linear model would follow it anywhere.

    Parameters
    ----------
    limit : float
        In standard deviations.
    """

    def __init__(self, limit: float = 2.0) -> None:
        self.limit = limit

    def fit(self, matrix: NDArray[Any], y: Any = None) -> ClippedScaler:  # noqa: ARG002
        """Learn mean and standard deviation of every column; a constant one keeps scale 1."""
        mean, deviation = compute_moments(matrix)
        self.mean_ = mean.astype(np.float32)
        constant = deviation <= 1e-7 * np.abs(self.mean_)
        self.scale_ = np.where(constant, 1.0, deviation).astype(np.float32)
        self.n_features_in_ = matrix.shape[1]
        return self

    def transform(self, matrix: NDArray[Any]) -> NDArray[np.float32]:
        """Return scaled and clipped features, shape (n, d), float32."""
        return map_rows(self._transform_rows, matrix)

    def _transform_rows(self, matrix: NDArray[Any]) -> NDArray[np.float32]:
        scaled = (matrix.astype(np.float32) - self.mean_) / self.scale_
        return np.asarray(np.clip(scaled, -self.limit, self.limit, out=scaled))


def _begin_fit(
    estimator: Any,
    matrix: NDArray[np.float32],
    y: NDArray[Any],
    origins: NDArray[np.intp] | None,
    speakers: NDArray[np.str_] | None,
    sample_weight: NDArray[np.float64] | None = None,
    soft_labels: SoftLabels | None = None,
) -> TrainingRows:
    """Set what every fitted classifier has, and collect its rows: by default, all by themselves."""
    estimator.classes_ = np.unique(y) if soft_labels is None else soft_labels.emotions
    estimator.n_features_in_ = matrix.shape[1]
    origins = np.arange(len(matrix)) if origins is None else origins
    speakers = origins.astype(str) if speakers is None else speakers
    return TrainingRows(matrix, y, origins, speakers, sample_weight, soft_labels)


def _list_classes(rows: TrainingRows) -> NDArray[np.str_]:
    """Emotions that rows have, or that have a share in one."""
    soft = rows.soft_labels
    return np.unique(rows.emotions) if soft is None else soft.prune().emotions


def _get_truth(rows: TrainingRows, classes: NDArray[Any]) -> NDArray[Any]:
    """Truth of rows as `temperature` takes it: shares of the classes, or the index of one."""
    soft = rows.soft_labels
    return np.searchsorted(classes, rows.emotions) if soft is None else soft.shares


class Ensemble(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Mean of the members' log-probabilities, with one temperature fitted out of fold.

    The temperature is fitted on speakers that were held out in groups, each scored by members
    that were trained without it. The members are then trained again on everything.

    Parameters
    ----------
    members : sequence of (estimator, first, last)
        Each sees the columns from ``first`` up to, not including, ``last``.
    weights : sequence of float, optional
        Of the members; equal by default.
    held_out : float
        Share of the speakers in one group that is held out.
    groups : int
        How many are, one after the other: the best temperatures of single speakers differ so
        much that a few speakers alone would leave it to chance.
    stand_ins : sequence of estimator, optional
        Trained in the members' place where speakers are held out: the same, but cheaper.
    random_state : int

    References
    ----------
    Guo et al. 2017, "On calibration of modern neural networks", ICML (temperature).
    """

    def __init__(
        self,
        members: Sequence[tuple[Any, int, int]],
        *,
        weights: Sequence[float] | None = None,
        held_out: float = 1 / 6,
        groups: int = 1,
        stand_ins: Sequence[Any] | None = None,
        random_state: int = 0,
    ) -> None:
        self.members = members
        self.weights = weights
        self.held_out = held_out
        self.groups = groups
        self.stand_ins = stand_ins
        self.random_state = random_state

    @property
    def takes_soft_labels(self) -> bool:
        """True if all members can be trained on soft labels."""
        return all(can_use_soft_labels(member) for member, *_ in self.members)

    def fit(
        self,
        matrix: NDArray[np.float32],
        y: NDArray[Any],
        *,
        origins: NDArray[np.intp] | None = None,
        speakers: NDArray[np.str_] | None = None,
        sample_weight: NDArray[np.float64] | None = None,
        soft_labels: SoftLabels | None = None,
    ) -> Ensemble:
        """Fit the temperature on held-out speakers, then the members on everything.

        Parameters
        ----------
        matrix : ndarray, shape (n, d), float32
        y : ndarray of str, shape (n,)
        origins : ndarray of int, shape (n,), optional
            Copies of one utterance share a number; its first row is the original.
        speakers : ndarray of str, shape (n,), optional
        sample_weight : ndarray, shape (n,), optional
            For the members that take weights.
        soft_labels : SoftLabels, optional
            Shares of the emotions in each row, where all members can use them; ``y`` are then the
            most probable ones.
        """
        soft = soft_labels if self.takes_soft_labels else None
        rows = _begin_fit(self, matrix, y, origins, speakers, sample_weight, soft)
        self.temperature_ = self._temperature(rows)
        self.members_ = self._fit_members(self.members, rows, seed=self.random_state)
        return self

    def _temperature(self, rows: TrainingRows) -> float:
        """Fit it on the originals of held-out speakers; 1 where too few speak to hold any out."""
        is_original = find_originals(rows)
        cheap = zip(self.stand_ins or [m[0] for m in self.members], self.members, strict=True)
        stand_ins = [(estimator, first, last) for estimator, (_, first, last) in cheap]
        scores, truth = [], []
        for number, names in enumerate(self._draw_holdouts(rows.speakers)):
            is_held = np.isin(rows.speakers, names)
            others = rows.select(~is_held)
            if set(_list_classes(others)) != set(self.classes_):
                continue
            fitted = self._fit_members(stand_ins, others, seed=self.random_state + number)
            held = rows.select(is_held & is_original)
            scores.append(self._mean_log(fitted, held.matrix))
            truth.append(_get_truth(held, self.classes_))
        return temperature(np.concatenate(scores), np.concatenate(truth)) if scores else 1.0

    def _draw_holdouts(self, speakers: NDArray[np.str_]) -> list[NDArray[np.str_]]:
        """Groups that share no speaker."""
        names = np.unique(speakers)
        count = max(1, round(self.held_out * len(names)))
        shuffled = np.random.default_rng(self.random_state).permutation(names)
        groups = [shuffled[count * k : count * (k + 1)] for k in range(self.groups)]
        return [group for group in groups if len(group)]

    def _fit_members(
        self,
        members: Sequence[tuple[Any, int, int]],
        rows: TrainingRows,
        *,
        seed: int,
    ) -> list[tuple[Any, int, int]]:
        fitted = []
        for member, first, last in members:
            copy = clone_with_seed(member, seed)
            fit_rows(copy, replace(rows, matrix=rows.matrix[:, first:last]))
            fitted.append((copy, first, last))
        return fitted

    def _mean_log(
        self, members: Sequence[tuple[Any, int, int]], matrix: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        logs = [
            np.log(np.maximum(member.predict_proba(matrix[:, first:last]), FLOOR_PROBABILITY))
            for member, first, last in members
        ]
        return np.average(np.asarray(logs, dtype=np.float64), axis=0, weights=self.weights)

    def predict_proba(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n, emotions)."""
        return softmax(self._mean_log(self.members_, matrix) / self.temperature_)

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[Any]:
        """Return the most probable emotion of each row."""
        return np.asarray(self.classes_[self.predict_proba(matrix).argmax(axis=1)])


class BalancedLogistic(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Logistic regression that is balanced over corpora and calibrated on what was left out.

    Within a corpus, every emotion has the same weight; a corpus has the root of its size. A corpus
    that lacks a basic emotion does not count for it; see `training.regression`. The temperature
    is fitted on corpora that are left out, each in turn and with the same weight; with fewer than
    three corpora, on speakers that are left out in groups.

    Parameters
    ----------
    penalty_c : float
        Inverse strength of the penalty.
    limit : float
        Scaled features are cut at so many standard deviations.
    max_iter : int
    groups : int
        Groups of speakers that are left out where corpora cannot be.
    random_state : int
    """

    weighting = (
        "in training, corpora weigh by the root of their size, and emotions of a corpus alike; a "
        "label is compared only with basic emotions of its corpus, and with all that are not basic"
    )
    takes_soft_labels = True

    def __init__(
        self,
        *,
        penalty_c: float = 1.5e-3,
        limit: float = 2.0,
        max_iter: int = 80,
        groups: int = 3,
        random_state: int = 0,
    ) -> None:
        self.penalty_c = penalty_c
        self.limit = limit
        self.max_iter = max_iter
        self.groups = groups
        self.random_state = random_state

    def fit(
        self,
        matrix: NDArray[np.float32],
        y: NDArray[Any],
        *,
        origins: NDArray[np.intp] | None = None,
        speakers: NDArray[np.str_] | None = None,
        soft_labels: SoftLabels | None = None,
    ) -> BalancedLogistic:
        """Fit the temperature on what is left out, then the regression on everything.

        Parameters
        ----------
        matrix : ndarray, shape (n, d), float32
        y : ndarray of str, shape (n,)
        origins : ndarray of int, shape (n,), optional
            Copies of one utterance share a number; its first row is the original.
        speakers : ndarray of str, shape (n,), optional
            ``corpus/speaker``.
        soft_labels : SoftLabels, optional
            Shares of the emotions in each row; ``y`` are then the most probable ones, by which
            the rows are balanced.
        """
        rows = _begin_fit(self, matrix, y, origins, speakers, None, soft_labels)
        self.temperature_ = self._fit_temperature(rows)
        self.pipeline_ = self._fit_pipeline(rows)
        return self

    def _fit_temperature(self, rows: TrainingRows) -> float:
        """Fit it on the originals of what is left out; 1 where nothing can be."""
        is_original = find_originals(rows)
        scores, truth, weights = [], [], []
        for is_held in self._hold_out(rows.speakers):
            # Without the copies, which take most of the time and hardly change the temperature.
            others = rows.select(~is_held & is_original)
            is_tested = is_held & is_original & np.isin(rows.emotions, others.emotions)
            if len(np.unique(others.emotions)) < 2 or not is_tested.any():
                continue
            fitted, tested = self._fit_pipeline(others), rows.select(is_tested)
            logs = np.log(np.maximum(fitted.predict_proba(tested.matrix), FLOOR_PROBABILITY))
            wide = np.full((len(logs), len(self.classes_)), np.log(FLOOR_PROBABILITY))
            wide[:, np.searchsorted(self.classes_, fitted.classes_)] = logs
            scores.append(wide)
            truth.append(_get_truth(tested, self.classes_))
            weights.append(np.full(len(wide), 1 / len(wide)))
        if not scores:
            return 1.0
        parts = scores, truth, weights
        return temperature(*(np.concatenate(part) for part in parts))

    def _hold_out(self, speakers: NDArray[np.str_]) -> list[NDArray[np.bool_]]:
        """Rows that are left out, one part after the other."""
        corpora = get_corpora(speakers)
        names = np.unique(corpora)
        if len(names) >= LEAST_CORPORA:
            return [corpora == name for name in names]
        shuffled = np.random.default_rng(self.random_state).permutation(np.unique(speakers))
        parts = np.array_split(shuffled, min(self.groups, len(shuffled)))
        return [np.isin(speakers, part) for part in parts]

    def _fit_pipeline(self, rows: TrainingRows) -> Any:
        """Fit scaler and regression; an utterance weighs the same with and without copies."""
        corpora = get_corpora(rows.speakers)
        weights = balance_corpora(rows.emotions, corpora)
        weights *= len(np.unique(rows.origins)) / len(rows.origins)
        soft = None if rows.soft_labels is None else rows.soft_labels.prune()
        # What is tested is no copy: with copies in noise, clean speech would be off the mean.
        scaler = ClippedScaler(self.limit).fit(take_rows(rows.matrix, find_originals(rows)))
        regression = fit_regression(
            scaler.transform(rows.matrix),
            rows.emotions,
            weights=weights,
            is_possible=find_possible_emotions(rows.emotions, corpora, soft),
            penalty_c=self.penalty_c,
            max_iter=self.max_iter,
            soft_labels=soft,
        )
        return Pipeline([("scaler", scaler), ("classifier", regression)])

    def predict_proba(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated probabilities, shape (n, emotions)."""
        probabilities = self.pipeline_.predict_proba(matrix)
        logs = np.log(np.maximum(np.asarray(probabilities), FLOOR_PROBABILITY))
        return softmax(logs / self.temperature_)

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[Any]:
        """Return the most probable emotion of each row."""
        return np.asarray(self.classes_[self.predict_proba(matrix).argmax(axis=1)])


def find_originals(rows: TrainingRows) -> NDArray[np.bool_]:
    """Rows that are no augmented copies."""
    is_original = np.zeros(len(rows.matrix), dtype=bool)
    is_original[np.unique(rows.origins, return_index=True)[1]] = True
    return is_original


def get_corpora(speakers: NDArray[np.str_]) -> NDArray[np.str_]:
    """Corpus of each row, from its ``corpus/speaker``."""
    return np.array([speaker.partition("/")[0] for speaker in speakers])


def balance_corpora(y: NDArray[Any], corpora: NDArray[np.str_]) -> NDArray[np.float64]:
    """Weight of each row, so that corpora and their emotions are balanced.

    Parameters
    ----------
    y : ndarray of str, shape (n,)
        Emotions.
    corpora : ndarray of str, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
        With a mean of 1. Emotions of a corpus have equal weight; a corpus has the root of its
        size.
    """
    weights = np.zeros(len(y))
    for corpus in np.unique(corpora):
        is_member = corpora == corpus
        emotions, counts = np.unique(y[is_member], return_counts=True)
        share = np.sqrt(is_member.sum()) / len(emotions) / counts
        weights[is_member] = share[np.searchsorted(emotions, y[is_member])]
    return np.asarray(weights * len(weights) / weights.sum())


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Exponentials over their sum, row by row."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def temperature(
    scores: NDArray[np.float64],
    truth: NDArray[Any],
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Temperature that makes held-out truths most likely.

    Parameters
    ----------
    scores : ndarray, shape (n, emotions)
        Log-probabilities before scaling.
    truth : ndarray of int, shape (n,), or of float, shape (n, emotions)
        Index of the emotion, or the share of each.
    weights : ndarray, shape (n,), optional
        Of the rows; alike by default.

    Returns
    -------
    float
        Between 0.25 and 8; over 1 makes the model less sure.
    """

    def loss(log_temperature: float) -> float:
        probabilities = softmax(scores / np.exp(log_temperature))
        if truth.ndim == 2:
            logs = (truth * np.log(np.maximum(probabilities, FLOOR_PROBABILITY))).sum(axis=1)
        else:
            chosen = probabilities[np.arange(len(truth)), truth]
            logs = np.log(np.maximum(chosen, FLOOR_PROBABILITY))
        return float(-np.average(logs, weights=weights))

    low, high = np.log(_TEMPERATURES)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


class NetworkClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The network of `training.network`, as a scikit-learn classifier of flattened log-mels.

    Parameters
    ----------
    members : int
        Networks trained from different seeds, combined by the mean of their log-probabilities.
    plan : training.network.Plan, optional
        How they are built and trained, where not by default.
    random_state : int
    """

    takes_soft_labels = True

    def __init__(self, members: int = 1, *, plan: Any = None, random_state: int = 0) -> None:
        self.members = members
        self.plan = plan
        self.random_state = random_state

    def fit(
        self,
        matrix: NDArray[np.float32],
        y: NDArray[Any],
        *,
        origins: NDArray[np.intp] | None = None,
        soft_labels: SoftLabels | None = None,
    ) -> NetworkClassifier:
        """Train; see `training.network.fit_weights`.

        Parameters
        ----------
        matrix : ndarray, shape (n, 12801), float32
        y : ndarray of str, shape (n,)
        origins : ndarray of int, shape (n,), optional
            Copies of one utterance share a number; its first row is the original.
        soft_labels : SoftLabels, optional
            Shares of the emotions in each row, on which it is trained instead.
        """
        from voxaffect.training.network import fit_weights, to_graph

        origins = np.arange(len(matrix)) if origins is None else origins
        truth: NDArray[Any]
        self.classes_, truth = np.unique(y, return_inverse=True)
        if soft_labels is not None:
            self.classes_, truth = soft_labels.emotions, soft_labels.shares
        pictures = [unflatten_logmel(row) for row in matrix]
        seeds = range(100 * self.random_state, 100 * self.random_state + self.members)
        weights = [
            fit_weights(pictures, truth, utterances=origins, seed=seed, plan=self.plan)
            for seed in seeds
        ]
        self.graph_ = to_graph(weights).SerializeToString()
        self.n_features_in_ = matrix.shape[1]
        return self

    def predict_proba(self, matrix: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities, shape (n, emotions), by the graph that is exported."""
        onnxruntime = import_onnxruntime()
        session = onnxruntime.InferenceSession(self.graph_, providers=["CPUExecutionProvider"])
        rows = matrix.astype(np.float32)
        answers = [session.run(None, {INPUT_NAME: rows[[i]]})[0][0] for i in range(len(rows))]
        return np.asarray(answers, dtype=np.float64)

    def predict(self, matrix: NDArray[np.float32]) -> NDArray[Any]:
        """Return the most probable emotion of each row."""
        return np.asarray(self.classes_[self.predict_proba(matrix).argmax(axis=1)])
