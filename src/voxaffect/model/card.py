"""What a model file says of itself: the ``ModelCard`` in its metadata, read strictly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from reprlib import repr as shortened
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxaffect.audio import MAX_RATE_HZ
from voxaffect.errors import FeatureError, ModelError
from voxaffect.features import FeatureSpec, is_picture
from voxaffect.files import printable

FORMAT_VERSION = 4
"""Raised when a reader of the version before could misread the file. To bump: write the new
field, raise this number, keep reading the old one, and add a file of the old one to the tests."""
_SINCE: Mapping[int, Mapping[str, Any]] = {
    2: {"sd": [], "distances": {}, "abstention": {}, "conditions": {}},
    3: {"augmentation": {}},
}
"""What a file of an older format does not state, by the format that began to."""
_REASON_LENGTH = 120
_FARTHEST_SDS = 5.0


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of itself.

    Parameters
    ----------
    spec : FeatureSpec
    feature_names : tuple of str
    emotions : tuple of str
        In the order of the probabilities.
    recipe : str
    seed : int
    corpora : mapping of str to mapping
        By name: number of utterances and of speakers, licence, citation.
    augmentation : mapping
        How the altered copies were made that it was trained on too, as
        ``training.Augmentation``; empty if there were none, or before format 3.
    scores : mapping of str to mapping
        By protocol: mean and standard deviation of each metric.
    golden : mapping
        ``vector`` and its ``probabilities``.
    mean : tuple of float
        Of every feature over the utterances trained on: where enrolment moves a speaker to.
    sd : tuple of float
        Of every feature over the utterances trained on; empty where format 1 did not say.
    distances : mapping of str to float
        Percentiles (``5``, ``50``, ``95``, ``99``) of `distance` over all that was trained on,
        altered copies too; may be empty.
    abstention : mapping of str to float
        ``threshold`` of the highest probability under which a prediction is uncertain, and the
        ``risk`` (share of wrong ones) and ``coverage`` of the others on new voices; may be empty.
    conditions : mapping of str to float
        UAR of the recipe on new voices, ``clean`` and under altered sound; may be empty.
    libraries : mapping of str to str
        Versions that trained the model.
    created : str
        Date, ISO 8601.
    """

    spec: FeatureSpec
    feature_names: tuple[str, ...]
    emotions: tuple[str, ...]
    recipe: str
    seed: int
    corpora: Mapping[str, Mapping[str, Any]]
    augmentation: Mapping[str, float | list[float]]
    scores: Mapping[str, Mapping[str, Any]]
    golden: Mapping[str, list[float]]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    distances: Mapping[str, float]
    abstention: Mapping[str, float]
    conditions: Mapping[str, float]
    libraries: Mapping[str, str]
    created: str
    format: int = field(default=FORMAT_VERSION)

    def to_json(self) -> str:
        """Return the metadata entry."""
        return json.dumps({**asdict(self), "spec": json.loads(self.spec.to_json())})

    @classmethod
    def from_json(cls, text: str, name: str) -> ModelCard:
        """Read a metadata entry.

        Raises
        ------
        ModelError
            If the format is newer, or a field is missing, unknown or of another kind.
        """
        try:
            fields = json.loads(text, object_pairs_hook=_mapping)
            _check(fields, {"format": _FIELDS["format"]})
            if fields["format"] > FORMAT_VERSION:
                raise ModelError(
                    f"{name}: written in model format {fields['format']}, this voxaffect reads "
                    f"up to {FORMAT_VERSION}. Upgrade voxaffect."
                )
            for version, unstated in _SINCE.items():
                if fields["format"] < version:
                    fields = {**unstated, **fields}
            _check(fields, _FIELDS)
            _check(fields["spec"], _SPEC_FIELDS)
            _check_lengths(fields)
            read = {
                "spec": FeatureSpec.from_json(json.dumps(fields["spec"])),
                "feature_names": tuple(fields["feature_names"]),
                "emotions": tuple(fields["emotions"]),
                "golden": {key: [*map(float, row)] for key, row in fields["golden"].items()},
                "mean": tuple(map(float, fields["mean"])),
                "sd": tuple(map(float, fields["sd"])),
            }
            return cls(**{**fields, **read})
        except (
            ValueError, TypeError, KeyError, OverflowError, RecursionError, FeatureError
        ) as error:  # fmt: skip
            raise ModelError(
                f"{name}: its voxaffect metadata are damaged ({shortest(error)})."
            ) from error

    def distance(self, vector: NDArray[np.float32]) -> float | None:
        """How far a vector lies from what was trained on, as `distances`; None if unknown.

        Parameters
        ----------
        vector : ndarray, shape (d,)

        Returns
        -------
        float or None
            About 1 for an utterance like those trained on; compare with `distances`.
        """
        if not self.sd:
            return None
        mean, sd = np.array(self.mean), np.array(self.sd)
        return float(distances(vector[None], mean=mean, sd=sd, names=self.feature_names)[0])


def distances(
    matrix: NDArray[np.float32], *, mean: NDArray[np.float64], sd: NDArray[np.float64],
    names: Sequence[str],
) -> NDArray[np.float64]:  # fmt: skip
    """Root mean square over the features of the distance to the mean, in standard deviations.

    A feature counts for at most 5 of them. The log-mel picture is left out, and a feature that
    never varied.

    Parameters
    ----------
    matrix : ndarray, shape (n, d)
    mean, sd : ndarray, shape (d,)
    names : sequence of str, length d

    Returns
    -------
    ndarray, shape (n,)
    """
    counted = np.array([not is_picture(name) for name in names]) & (sd > 0)
    if not counted.any():
        return np.zeros(len(matrix))
    sds = (matrix[:, counted] - mean[counted]) / sd[counted]
    near = np.square(sds.clip(-_FARTHEST_SDS, _FARTHEST_SDS))
    return np.asarray(np.sqrt(near.mean(axis=1)))


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, unless a name is in it twice."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name is there twice")
    return result


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_whole(value) and value >= 1


def _is_rate(value: Any) -> bool:
    return value is None or (_is_positive(value) and value <= MAX_RATE_HZ)


def _are_names(value: Any) -> bool:
    is_list = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    return is_list and 0 < len(value) == len(set(value))


def _are_numbers(value: object) -> bool:
    return isinstance(value, list) and all(_is_whole(n) or isinstance(n, float) for n in value)


def _are_finite(value: Any) -> bool:
    return _are_numbers(value) and all(map(math.isfinite, value))


def _are(holds: Callable[[Any], bool], value: object) -> bool:
    return isinstance(value, dict) and all(map(holds, value.values()))


def _is_corpus(value: Any) -> bool:
    is_counted = isinstance(value, dict) and {"utterances", "speakers", "licence"} <= set(value)
    return is_counted and all(isinstance(one, int | str) for one in value.values())


def _is_score(value: Any) -> bool:
    is_pair = isinstance(value, dict) and {"mean", "sd"} <= set(value)
    return is_pair and _are_numbers([value["mean"], value["sd"]])


def _is_golden(value: Any) -> bool:
    is_pair = isinstance(value, dict) and set(value) == {"vector", "probabilities"}
    return is_pair and all(map(_are_numbers, value.values()))


def _is_finite(value: Any) -> bool:
    return _are_finite([value])


def _is_amount(value: Any) -> bool:
    return _is_finite(value) or _are_finite(value)


def _is_abstention(value: Any) -> bool:
    if value == {}:
        return True
    is_full = isinstance(value, dict) and set(value) == {"threshold", "risk", "coverage"}
    return is_full and all(_is_finite(one) and 0 <= one <= 1 for one in value.values())


_Checks = Mapping[str, tuple[Callable[[Any], bool], str]]
_FIELDS: _Checks = {
    "spec": (lambda value: isinstance(value, dict), "a mapping"),
    "feature_names": (_are_names, "a list of unique names"),
    "emotions": (_are_names, "a list of unique names"),
    "recipe": (_is_text, "text"),
    "seed": (_is_whole, "a whole number"),
    "corpora": (partial(_are, _is_corpus), "utterances, speakers and licence of each"),
    "augmentation": (partial(_are, _is_amount), "a mapping to finite numbers, or lists of them"),
    "scores": (partial(_are, partial(_are, _is_score)), "mean and sd of each metric of each"),
    "golden": (_is_golden, "vector and probabilities, lists of numbers"),
    "mean": (_are_finite, "a list of finite numbers"),
    "sd": (_are_finite, "a list of finite numbers"),
    "distances": (partial(_are, _is_finite), "a mapping to finite numbers"),
    "abstention": (_is_abstention, "nothing, or threshold, risk and coverage from 0 to 1"),
    "conditions": (partial(_are, _is_finite), "a mapping to finite numbers"),
    "libraries": (partial(_are, _is_text), "a mapping to text"),
    "created": (_is_text, "text"),
    "format": (_is_positive, "a whole number from 1"),
}
_SPEC_FIELDS: _Checks = {
    "name": (_is_text, "text"),
    "version": (_is_whole, "a whole number"),
    "groups": (_are_names, "a list of unique names"),
    "rate_hz": (_is_rate, f"nothing, or a whole number from 1 to {MAX_RATE_HZ}"),
}


def _check(fields: Any, checks: _Checks) -> None:
    """Refuse a field of another kind: JSON has fewer kinds than the card."""
    if not isinstance(fields, dict):
        raise TypeError(f"expected a mapping, found {shortened(fields)}")
    for key, (holds, expected) in checks.items():
        if key not in fields:
            raise ValueError(f"{key} is missing")
        if not holds(fields[key]):
            raise ValueError(f"{key}: expected {expected}, found {shortened(fields[key])}")


def _check_lengths(fields: Mapping[str, Any]) -> None:
    """Refuse a list of numbers that is not one a feature; format 1 had no sd."""
    wanted = len(fields["feature_names"])
    if len(fields["mean"]) != wanted:
        raise ValueError("mean: not as many numbers as feature_names")
    if fields["sd"] and len(fields["sd"]) != wanted:
        raise ValueError("sd: not as many numbers as feature_names")


def shortest(error: Exception) -> str:
    """First line of what a library says, short enough to stand in a message."""
    return printable((str(error) or type(error).__name__).splitlines()[0][:_REASON_LENGTH])
