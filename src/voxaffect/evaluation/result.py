"""Result of an evaluation: the values from which every figure of a report comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voxaffect.corpora import Utterance
from voxaffect.errors import EvaluationError
from voxaffect.evaluation.intervals import (
    Interval,
    bootstrap_ccc,
    bootstrap_corpora,
    bootstrap_mean,
    bootstrap_uar,
)
from voxaffect.evaluation.leaks import LeakCheck
from voxaffect.evaluation.metrics import (
    calibration,
    categorical as metrics,
    dimensional,
    distributional,
)
from voxaffect.evaluation.metrics.calibration import Bin, RiskCoverage
from voxaffect.evaluation.metrics.categorical import Scores
from voxaffect.evaluation.protocols import HEARD, Fold, Protocol
from voxaffect.records.choices import DIMENSIONS
from voxaffect.training.ratings import collect_dimensions, tabulate_shares

ScoreKind = Literal["probabilities", "scores", "answers", "dimensions"]
"""Kind of the numbers that an estimator gives each emotion: its probabilities; without any, the
softmax of its ``decision_function``, which ranks and is no probability; or its bare answer. A
system of dimensions alone, such as arousal, gives no emotion at all."""

_LEAST_PROBABILITY = np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class FoldResult:
    """One fold: its split, its scores, and the probabilities of its test utterances.

    Parameters
    ----------
    fold : Fold
    scores : Scores or None
        None where the system or the data have no emotions.
    probabilities : ndarray, shape (test utterances, emotions)
    dimensions : ndarray, shape (test utterances, 3), optional
        A column for each of ``DIMENSIONS``; NaN where the system does not know one.
    """

    fold: Fold
    scores: Scores | None
    probabilities: NDArray[np.float64]
    dimensions: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class DimensionScores:
    """Scores of one dimension, over all tested utterances that are rated.

    Parameters
    ----------
    ccc : float or None
        Concordance correlation; None where it is not defined, as of a single utterance.
    absolute_error : float
        Mean, on the scale from 0 to 1.
    utterances : int
    interval, absolute_error_interval : tuple of float, optional
        95 % by bootstrap over speakers; None with a single one, or unknown ones.
    """

    ccc: float | None
    absolute_error: float
    utterances: int
    interval: Interval | None = None
    absolute_error_interval: Interval | None = None


@dataclass(frozen=True, eq=False)
class SoftScores:
    """Scores of the probabilities against soft labels: means over the utterances that have one.

    Parameters
    ----------
    divergence, cross_entropy, cosine : float
        Jensen-Shannon divergence to base 2, cross-entropy in nats, cosine similarity.
    utterances : int
    intervals : mapping of str to tuple of float
        95 % of each by bootstrap over speakers; empty with a single one, or unknown ones.
    """

    divergence: float
    cross_entropy: float
    cosine: float
    utterances: int
    intervals: Mapping[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GroupScores:
    """Utterances that share something, such as the speaker's sex.

    Parameters
    ----------
    uar, accuracy : float
    utterances : int
    interval : tuple of float, optional
        95 % of the UAR by bootstrap over speakers; None with a single one, or unknown ones.
    """

    uar: float
    accuracy: float
    utterances: int
    interval: Interval | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Result of a protocol.

    Parameters
    ----------
    protocol : Protocol
    emotions : tuple of str
        In the order of the probabilities; empty if only dimensions are evaluated.
    folds : tuple of FoldResult
    tested : tuple of Utterance
        Test utterances, fold by fold.
    check : LeakCheck or None
        None where nothing is known of the training data.
    baselines : mapping
        As `metrics.compute_baselines`, mean over the folds.
    score_kind : {"probabilities", "scores", "answers", "dimensions"}
        Kind of the numbers in ``probabilities``. Metrics that need the estimator's own
        probabilities are None for the others: bare answers have no calibration.
    weighting : str
        Sentence on how recordings were weighted in training; empty if all weigh alike.
    abstention : mapping
        Of the card of a finished model: ``threshold``, ``risk`` and ``coverage``; may be empty.
    unknown : mapping of str to int
        Emotions that a finished model does not know, and the number of their recordings, which
        are left out.
    unchecked : tuple of str
        Sentences on what nobody here can check, such as the training of a system whose
        predictions come from a file.
    """

    protocol: Protocol
    emotions: tuple[str, ...]
    folds: tuple[FoldResult, ...]
    tested: tuple[Utterance, ...]
    check: LeakCheck | None
    baselines: Mapping[str, Mapping[str, float | str]]
    score_kind: ScoreKind = "probabilities"
    weighting: str = ""
    abstention: Mapping[str, float] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    unchecked: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Protocol, score with its interval, and sizes, on one line."""
        return f"Evaluation({self.protocol.name}: {self.describe_score()}, {self._describe_size()})"

    def describe_score(self) -> str:
        """UAR with its interval as text; without emotions, the concordance of each dimension."""
        if self.emotions:
            interval = self.interval
            bounds = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
            return f"UAR {self.uar:.3f}{bounds}"
        cccs = {name: scores.ccc for name, scores in self.dimension_scores.items()}
        texts = [f"{name} {ccc:.3f}" for name, ccc in cccs.items() if ccc is not None]
        return f"CCC {' '.join(texts)}" if texts else "no score"

    def _describe_size(self) -> str:
        folds, count = len(self.folds), len(self.tested)
        return f"{folds} fold{'s' * (folds != 1)}, {count:,} tested utterance{'s' * (count != 1)}"

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Probabilities of all tested utterances, shape (tested, emotions)."""
        return np.concatenate([result.probabilities for result in self.folds])

    @cached_property
    def truth(self) -> NDArray[np.str_]:
        """Emotions of all tested utterances."""
        return np.array([utterance.emotion for utterance in self.tested])

    @cached_property
    def predicted(self) -> NDArray[np.str_]:
        """Recognized emotions of all tested utterances."""
        if not self.emotions:
            return np.full(len(self.tested), "")
        return np.asarray(np.array(self.emotions)[self.probabilities.argmax(axis=1)])

    @cached_property
    def speakers(self) -> tuple[str, ...]:
        """Speaker of every tested utterance; one who is unknown counts as a speaker of its own."""
        return tuple(
            f"{u.corpus}/{u.speaker}" if u.speaker is not None else str(u.path) for u in self.tested
        )

    @cached_property
    def unknown_speakers(self) -> int:
        """Number of tested utterances whose speaker nobody knows."""
        return sum(utterance.speaker is None for utterance in self.tested)

    @property
    def description(self) -> str:
        """Summary of the protocol, which claims nothing of speakers that are unknown."""
        unsure = (
            f"the speakers of {self.unknown_speakers:,} of {len(self.tested):,} tested utterances "
            "are unknown, so test voices may have been heard in training"
        )
        summary = self.protocol.summary
        return summary.replace(HEARD, unsure) if self.unknown_speakers else summary

    @property
    def _has_known_speakers(self) -> bool:
        return not self.unknown_speakers and len(set(self.speakers)) > 1

    @property
    def summary(self) -> Mapping[str, Mapping[str, float]]:
        """Mean and standard deviation (of the population of folds) of each metric.

        Empty if no emotions are evaluated.
        """
        rows = [asdict(result.scores) for result in self.folds if result.scores is not None]
        return {
            metric: {
                "mean": float(np.mean([row[metric] for row in rows])),
                "sd": float(np.std([row[metric] for row in rows])),
            }
            for metric in (rows[0] if rows else ())
        }

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Utterances by true (row) and recognized (column) emotion, all folds added up."""
        return metrics.count_confusions(self.truth.tolist(), self.predicted.tolist(), self.emotions)

    @property
    def by_emotion(self) -> Mapping[str, Mapping[str, float | int | None]]:
        """Recall, precision, F1 and utterances of every emotion, over all tested utterances."""
        return metrics.score_by_emotion(self.truth.tolist(), self.predicted.tolist(), self.emotions)

    @property
    def top_two(self) -> float | None:
        """Share of tested utterances whose emotion is among the two most probable.

        None of bare answers, which have no second.
        """
        if self.score_kind in ("answers", "dimensions"):
            return None
        return metrics.compute_top_two(self.probabilities, self.truth, self.emotions)

    @property
    def calibration_error(self) -> float | None:
        """ECE over all tested utterances; None where there are no probabilities."""
        if self.score_kind != "probabilities":
            return None
        return calibration.compute_calibration_error(self.probabilities, self.truth, self.emotions)

    @property
    def reliability(self) -> tuple[Bin, ...]:
        """Confidence and accuracy, by bins; empty where there are no probabilities."""
        if self.score_kind != "probabilities":
            return ()
        return calibration.compute_reliability(self.probabilities, self.truth, self.emotions)

    @property
    def log_loss(self) -> float | None:
        """NLL over all tested utterances, in nats; None where there are no probabilities."""
        if self.score_kind != "probabilities":
            return None
        return calibration.compute_log_loss(self.probabilities, self.truth, self.emotions)

    @property
    def risk_coverage(self) -> RiskCoverage:
        """Risk and coverage if only confident answers are given."""
        return calibration.compute_risk_coverage(self.probabilities, self.truth, self.emotions)

    @property
    def untested(self) -> tuple[str, ...]:
        """Emotions that the system knows and no tested utterance has."""
        return tuple(name for name in self.emotions if name not in self.truth)

    @property
    def uncertainty(self) -> dict[str, Any] | None:
        """Shares of the answers at or above the threshold of a finished model.

        Returns
        -------
        dict or None
            ``threshold``; ``answered``, the share of answers that are not uncertain; ``right``,
            the share of right ones among them, with its ``interval`` over speakers. None without
            a threshold.
        """
        if "threshold" not in self.abstention:
            return None
        threshold = self.abstention["threshold"]
        sure = self.probabilities.max(axis=1) >= threshold
        right = (self.predicted == self.truth)[sure].astype(float)
        speakers = [self.speakers[index] for index in np.flatnonzero(sure)]
        several = self._has_known_speakers and len(set(speakers)) > 1
        return {
            "threshold": threshold,
            "answered": float(sure.mean()),
            "right": float(right.mean()) if len(right) else None,
            "interval": bootstrap_mean(right, speakers) if several else None,
        }

    def score_groups(self, attribute: str) -> Mapping[str, GroupScores]:
        """Scores of the groups that share an attribute of the utterances.

        Parameters
        ----------
        attribute : str
            A field of ``Utterance``, such as ``sex`` or ``intensity``.

        Returns
        -------
        dict of str to GroupScores
            Without utterances of which it is unknown; empty if no emotions are evaluated.
        """
        if not self.emotions:
            return {}
        values = np.array([getattr(utterance, attribute) or "" for utterance in self.tested])
        return {str(value): self._score(values == value) for value in np.unique(values) if value}

    @property
    def by_sex(self) -> Mapping[str, float]:
        """UAR of each known sex."""
        return {sex: group.uar for sex, group in self.score_groups("sex").items()}

    @property
    def by_speaker(self) -> Mapping[str, GroupScores]:
        """Scores of every known speaker; empty if no emotions are evaluated."""
        if not self.emotions:
            return {}
        known = np.array([utterance.speaker is not None for utterance in self.tested])
        names = np.array(self.speakers)
        return {str(name): self._score(names == name) for name in np.unique(names[known])}

    def _score(self, members: NDArray[np.bool_]) -> GroupScores:
        truth, predicted = self.truth[members], self.predicted[members]
        speakers = [self.speakers[index] for index in np.flatnonzero(members)]
        is_unknown = any(self.tested[index].speaker is None for index in np.flatnonzero(members))
        return GroupScores(
            uar=metrics.compute_uar(truth, predicted),
            accuracy=float((truth == predicted).mean()),
            utterances=int(members.sum()),
            interval=bootstrap_uar(truth, predicted, speakers)
            if len(set(speakers)) > 1 and not is_unknown
            else None,
        )

    @property
    def uar(self) -> float:
        """UAR, the mean over the folds.

        Raises
        ------
        EvaluationError
            If no emotions are evaluated.
        """
        if not self.emotions:
            raise EvaluationError("uar: no emotions were evaluated. Take dimension_scores.")
        return self.summary["uar"]["mean"]

    @cached_property
    def fold_numbers(self) -> NDArray[np.intp]:
        """Number of the fold of every tested utterance, from 0."""
        sizes = [len(result.fold.test) for result in self.folds]
        return np.repeat(np.arange(len(sizes)), sizes)

    @property
    def answers(
        self,
    ) -> tuple[NDArray[np.str_], NDArray[np.str_], tuple[str, ...], NDArray[np.intp]]:
        """Truth, answer, speaker and fold of every tested utterance, for the intervals."""
        return self.truth, self.predicted, self.speakers, self.fold_numbers

    @property
    def interval(self) -> Interval | None:
        """95 % interval of the UAR, the mean over the folds, by bootstrap over speakers.

        None with a single speaker, since nothing is known of the next, or with unknown ones.
        Where corpora are left out, the bootstrap draws corpora, and then speakers of each.
        """
        if not self.emotions:
            return None
        if self.protocol.unit == "corpus":
            return bootstrap_corpora(*self.answers)
        return bootstrap_uar(*self.answers) if self._has_known_speakers else None

    @property
    def soft_scores(self) -> SoftScores | None:
        """Scores against soft labels; None without any, or without probabilities.

        Shares of emotions that the system does not know are left out, and the rest is scaled to a
        sum of 1.
        """
        rated = np.array([utterance.soft_label is not None for utterance in self.tested])
        if self.score_kind != "probabilities" or not rated.any():
            return None
        truth = tabulate_shares(self.tested, self.emotions)
        members = np.flatnonzero(rated & truth.any(axis=1))
        probabilities = self.probabilities / self.probabilities.sum(axis=1, keepdims=True)
        values = {
            name: compute(truth[members], probabilities[members])
            for name, compute in distributional.METRICS.items()
        }
        speakers = self._select_speakers(members)
        several = self._is_several(speakers)
        return SoftScores(
            **{name: float(one.mean()) for name, one in values.items()},
            utterances=len(members),
            intervals={
                name: bootstrap_mean(one, speakers) for name, one in values.items() if several
            },
        )

    @cached_property
    def dimensions(self) -> NDArray[np.float64] | None:
        """Dimensions of all tested utterances, shape (tested, 3); None if the system has none."""
        parts = [result.dimensions for result in self.folds if result.dimensions is not None]
        return np.concatenate(parts) if parts and len(parts) == len(self.folds) else None

    @property
    def dimension_scores(self) -> Mapping[str, DimensionScores]:
        """Scores of each dimension that is rated and that the system knows."""
        ratings = collect_dimensions(self.tested)
        if ratings is None or self.dimensions is None:
            return {}
        is_scored = np.isfinite(ratings) & np.isfinite(self.dimensions)
        return {
            name: self._score_dimension(
                ratings[is_scored[:, k], k],
                self.dimensions[is_scored[:, k], k],
                self._select_speakers(np.flatnonzero(is_scored[:, k])),
            )
            for k, name in enumerate(DIMENSIONS)
            if is_scored[:, k].any()
        }

    def _score_dimension(
        self, truth: NDArray[np.float64], predicted: NDArray[np.float64], speakers: list[str]
    ) -> DimensionScores:
        several = self._is_several(speakers)
        return DimensionScores(
            dimensional.compute_ccc(truth, predicted),
            dimensional.compute_absolute_error(truth, predicted),
            len(truth),
            bootstrap_ccc(truth, predicted, speakers) if several else None,
            bootstrap_mean(np.abs(truth - predicted), speakers) if several else None,
        )

    def _select_speakers(self, indices: NDArray[np.intp]) -> list[str]:
        return [self.speakers[index] for index in indices]

    def _is_several(self, speakers: list[str]) -> bool:
        return self._has_known_speakers and len(set(speakers)) > 1

    def restrict(self) -> Evaluation:
        """Return the evaluation of answers among the emotions that each fold tests.

        The other emotions' probabilities are left out, and the rest is scaled to a sum of 1.
        """
        folds = []
        for number, result in enumerate(self.folds):
            truth = self.truth[self.fold_numbers == number]
            kept = np.where(np.isin(self.emotions, truth), result.probabilities, 0.0)
            total = kept.sum(axis=1, keepdims=True)
            rows = np.divide(kept, total, where=total > 0, out=result.probabilities.copy())
            answers = np.array(self.emotions)[rows.argmax(axis=1)]
            scores = metrics.compute_scores(truth.tolist(), answers.tolist())
            folds.append(replace(result, scores=scores, probabilities=rows))
        return replace(self, folds=tuple(folds))

    def bootstrap_interval(self, metric: str) -> Interval | None:
        """95 % interval of the accuracy, the mean over the folds, or of a mean over utterances.

        Parameters
        ----------
        metric : str
            ``accuracy``, ``top_two`` or ``nll``.

        Returns
        -------
        tuple or None
            By bootstrap over speakers; None where the interval of the UAR is not over speakers.
        """
        if not self._has_known_speakers or self.protocol.unit != "speaker":
            return None
        folds = self.fold_numbers if metric == "accuracy" else None
        columns = np.searchsorted(np.sort(self.emotions), self.truth)
        columns = np.argsort(self.emotions)[columns]
        rows = np.arange(len(columns))
        own = self.probabilities[rows, columns]
        better = (self.probabilities > own[:, None]).sum(axis=1)
        values = {
            "accuracy": (self.predicted == self.truth).astype(float),
            "top_two": (better < 2).astype(float),
            "nll": -np.log(np.maximum(own, _LEAST_PROBABILITY)),
        }[metric]
        return bootstrap_mean(values, self.speakers, folds)
