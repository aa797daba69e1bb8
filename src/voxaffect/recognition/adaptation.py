"""Adaptation of a model to a group of recordings: its statistics, and the decision to use them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import Samples
from voxaffect.errors import ModelError
from voxaffect.features import ENCODER, FeatureSpec
from voxaffect.features.adaptation import (
    LARGEST_SHARE,
    LEAST_EMOTIONS,
    LEAST_NAMED_RECORDINGS,
    LEAST_RECORDINGS,
    LEAST_SPREAD,
    FeatureStatistics,
    Vector,
    adapt_vectors,
    compute_spread,
    compute_statistics,
    compute_transform,
    compute_weight,
)
from voxaffect.models import Model
from voxaffect.records.arguments import check_kind
from voxaffect.records.results import AdaptationRecord
from voxaffect.records.values import Serializable

NAMED: Final = "named recordings"
"""Group of recordings that somebody named in order to adapt to them."""


@dataclass(frozen=True, eq=False)
class Adaptation(FeatureStatistics):
    """Mean and deviation of every feature over a group of recordings without labels.

    Parameters
    ----------
    mean, sd : ndarray, shape (d,)
    recordings : int
        Number of recordings with speech. Of a long recording, each window of speech counts that
        does not overlap the one before.
    spec : FeatureSpec
        Of the features.
    group : str
        Name of the group in results and messages.
    is_named : bool
        True if somebody named the recordings in order to adapt to them: then few are enough.
    emotions : float, optional
        Effective number of emotions among the answers without adaptation, as a share of the
        model's: the exponential of the entropy of their mean probabilities. None if unknown.
    largest_share : float, optional
        Share of these answers that are the most frequent emotion; None if unknown.

    Raises
    ------
    FeatureError
        If a number is NaN or infinite, a deviation is negative, or the lengths differ.
    """

    spec: FeatureSpec
    group: str = NAMED
    is_named: bool = True
    emotions: float | None = None
    largest_share: float | None = None

    def __repr__(self) -> str:
        return f"<Adaptation to {self.group!r}: {self.recordings} recordings>"

    @property
    def digest(self) -> str:
        """SHA-256 of everything that can change a result, in hexadecimal."""
        rest = f"{self.recordings} {self.is_named} {self.group} {self.spec.to_json()} "
        rest += f"{self.emotions} {self.largest_share}"
        content = self.mean.tobytes() + self.sd.tobytes() + rest.encode(errors="surrogateescape")
        return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class AdaptationDecision(Serializable):
    """Decision about the adaptation to a group of recordings.

    Parameters
    ----------
    group : str
        The folder, ``all``, ``named recordings``, or the name of a speaker.
    recordings : int
        Number of recordings, or windows, that the statistics are of.
    weight : float
        Share of the difference to the training data that was taken off; 0 if not applied.
    is_applied : bool
    reason : str or None
        Why it was not applied.
    """

    group: str
    recordings: int
    weight: float
    is_applied: bool
    reason: str | None = None

    _schema: ClassVar = AdaptationRecord


@dataclass(frozen=True, eq=False)
class VectorAdapter:
    """Adaptation of the vectors of one model, decided once.

    Parameters
    ----------
    decision : AdaptationDecision
    scale, offset : ndarray, shape (d,)
        Of every feature.
    """

    decision: AdaptationDecision
    scale: Vector
    offset: Vector

    def adapt(self, vector: Samples) -> Samples:
        """Vector as the classifier should get it."""
        if not self.decision.is_applied:
            return vector
        return adapt_vectors(vector, self.scale, self.offset)


def make_adapter(adaptation: Adaptation, model: Model) -> VectorAdapter:
    """Adapter of a model's vectors, with the decision whether it is applied.

    Raises
    ------
    ModelError
        If it is no adaptation, or is one of other features than the model's.
    """
    check_kind(adaptation, Adaptation, "adapt", "what measure_adaptation gives")
    card = model.card
    if adaptation.spec != model.spec or len(adaptation.mean) != len(card.mean):
        raise ModelError(
            f"{model.name}: the adaptation was measured with other features than those of the "
            "model. Measure it again with this model."
        )
    model.check_gives_emotions("adaptation")
    spread = compute_spread(adaptation, training_sd=card.sd, names=card.feature_names)
    reason = _explain_refusal(adaptation, spread)
    decision = AdaptationDecision(
        adaptation.group,
        int(adaptation.recordings),
        0.0 if reason else compute_weight(adaptation.recordings),
        reason is None,
        reason,
    )
    scale, offset = compute_transform(
        adaptation,
        training_mean=card.mean,
        training_sd=card.sd,
        names=card.feature_names,
        is_scaled=model.spec.name == ENCODER,
    )
    return VectorAdapter(decision, scale, offset)


def _explain_refusal(adaptation: Adaptation, spread: float | None) -> str | None:
    """Reason not to apply an adaptation; None to apply it."""
    count = adaptation.recordings
    least = LEAST_NAMED_RECORDINGS if adaptation.is_named else LEAST_RECORDINGS
    if count < least:
        return f"too few recordings with speech: {count}, at least {least} are needed"
    if count < LEAST_RECORDINGS or (spread is None and adaptation.is_named):
        return None
    if spread is None:
        return "the model file does not state the deviations of its features"
    if spread < LEAST_SPREAD:
        return (
            f"too little spread: {spread:.2f} of that in training, at least {LEAST_SPREAD:g} is "
            "needed; perhaps there is one emotion only"
        )
    return _explain_sameness(adaptation)


def _explain_sameness(adaptation: Adaptation) -> str | None:
    """Reason not to adapt to recordings that mostly sound alike; None if they do not."""
    emotions, share = adaptation.emotions, adaptation.largest_share
    if emotions is None or share is None:
        return None
    if emotions < LEAST_EMOTIONS or share > LARGEST_SHARE:
        return (
            f"too few emotions: without adaptation, {share:.0%} of the answers are the same (at "
            f"most {LARGEST_SHARE:.0%}), and their variety is {emotions:.0%} of the model's (at "
            f"least {LEAST_EMOTIONS:.0%}); adaptation would take the emotion for the voice"
        )
    return None


def summarize_vectors(
    vectors: Sequence[Samples], model: Model, group: str, *, is_named: bool = False
) -> Adaptation:
    """Adaptation to the vectors of a group; their order changes no bit.

    Parameters
    ----------
    vectors : sequence of ndarray, shape (n, d)
    model : Model
    group : str
    is_named : bool
        As of `Adaptation`.
    """
    model.check_gives_emotions("adaptation")  # which asks how much the answers vary
    if not vectors:
        return make_empty_adaptation(model, group)
    statistics = compute_statistics(vectors)
    mean, sd, count = statistics.mean, statistics.sd, statistics.recordings
    variety = measure_variety(model.probabilities(np.array(vectors, dtype=np.float32)))
    return Adaptation(mean, sd, count, model.spec, group, is_named, *variety)


def measure_variety(probabilities: NDArray[np.float64]) -> tuple[float, float]:
    """Effective number of emotions, as a share of all; and the share of the most frequent one."""
    mean = np.sort(probabilities, axis=0).mean(axis=0)  # sorted, so that the order changes no bit
    entropy = -float((mean * np.log(np.maximum(mean, np.finfo(float).tiny))).sum())
    counts = np.bincount(probabilities.argmax(axis=1))
    return float(np.exp(entropy)) / len(mean), float(counts.max()) / len(probabilities)


def make_empty_adaptation(model: Model, group: str) -> Adaptation:
    """Adaptation to a group without any speech: it is never applied."""
    zeros = np.zeros(len(model.card.mean))
    return Adaptation(zeros, zeros, 0, model.spec, group, is_named=False)
