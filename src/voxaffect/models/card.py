"""Card of a model file: the ``ModelCard`` in its metadata, read strictly.

Nothing in a card can do harm where it is shown or computed with: numbers are finite and in
range, names are short lines without control characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from voxaffect.audio import MAX_RATE_HZ
from voxaffect.errors import FeatureError, ModelError
from voxaffect.features import FeatureSpec, is_logmel
from voxaffect.files import escape_control
from voxaffect.records.codec import LARGEST_FLOAT, check, check_lines, show

FORMAT_VERSION = 6
"""Raised when a reader of the version before could misread the file. To bump: write the new
field, raise this number, keep reading the old one, and add a file of the old one to the tests."""
_SINCE: Mapping[int, Mapping[str, Any]] = {
    2: {"sd": [], "distances": {}, "abstention": {}, "conditions": {}},
    3: {"augmentation": {}},
    5: {"encoder": {}},
    6: {"dimensions": {}},
}
"""What a file of an older format does not state, by the format that began to."""
MAX_EMOTIONS = 256
MAX_EMOTION_LENGTH = 64
MAX_FEATURES = 200_000
MAX_NAME_LENGTH = 200
MAX_TEXT_LENGTH = 5_000
MAX_ENTRIES = 1_000
"""Of a mapping, such as corpora and scores."""
MAX_CARD_LENGTH = 32 << 20
_LARGEST = float(np.finfo(np.float32).max)
_PERCENTILES = ("5", "50", "95", "99")
_REASON_LENGTH = 160
_FARTHEST_SDS = 5.0


_Line = Annotated[str, Meta(max_length=MAX_TEXT_LENGTH)]
_Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
_Emotion = Annotated[str, Meta(min_length=1, max_length=MAX_EMOTION_LENGTH)]
_Number = Annotated[float, Meta(ge=-LARGEST_FLOAT, le=LARGEST_FLOAT)]
_Single = Annotated[float, Meta(ge=-_LARGEST, le=_LARGEST)]
_Distance = Annotated[float, Meta(ge=0, le=_LARGEST)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0, le=10**12)]
_Version = Annotated[int, Meta(ge=1, le=10**6)]
_Features = Annotated[list[_Single], Meta(max_length=MAX_FEATURES)]
_FEW = Meta(max_length=MAX_ENTRIES)


class _Spec(Struct, forbid_unknown_fields=True):
    name: _Name
    version: _Version
    groups: Annotated[list[_Name], Meta(min_length=1, max_length=MAX_ENTRIES)]
    rate_hz: Annotated[int, Meta(ge=1, le=MAX_RATE_HZ)] | None
    weights: _Name | None = None
    package: _Name | None = None


class _Corpus(Struct):
    utterances: _Count
    speakers: _Count
    license: _Line


class _Score(Struct):
    mean: _Number
    sd: Annotated[float, Meta(ge=0, le=LARGEST_FLOAT)]


class _Golden(Struct, forbid_unknown_fields=True):
    vector: _Features
    probabilities: list[Annotated[float, Meta(ge=-1e-3, le=1 + 1e-3)]]
    encoded: _Features = []
    dimensions: list[_Share] = []


class _Dimension(Struct, forbid_unknown_fields=True):
    low: _Number
    high: _Number
    utterances: _Count
    speakers: _Count
    corpora: Annotated[list[_Line], _FEW]
    ccc: Annotated[float, Meta(ge=-1, le=1)] | None = None
    absolute_error: _Share | None = None


class CardSchema(Struct, forbid_unknown_fields=True):
    """Metadata of a model file."""

    spec: _Spec
    feature_names: Annotated[list[_Name], Meta(min_length=1, max_length=MAX_FEATURES)]
    emotions: Annotated[list[_Emotion], Meta(max_length=MAX_EMOTIONS)]
    recipe: _Line
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    corpora: Annotated[dict[_Line, _Corpus], _FEW]
    augmentation: Annotated[dict[_Name, list[_Number] | _Number], _FEW]
    encoder: Annotated[dict[_Name, _Line], _FEW]
    scores: Annotated[dict[_Line, Annotated[dict[_Name, _Score], _FEW]], _FEW]
    golden: _Golden
    mean: _Features
    sd: Annotated[list[_Distance], Meta(max_length=MAX_FEATURES)]
    distances: dict[Literal["5", "50", "95", "99"], _Distance]
    abstention: Annotated[
        dict[
            Literal["threshold", "risk", "coverage", "speakers_risk", "speakers_coverage"], _Share
        ],
        Meta(max_length=5),
    ]
    conditions: Annotated[dict[_Line, _Share], _FEW]
    libraries: Annotated[dict[_Name, _Name], _FEW]
    created: Annotated[str, Meta(max_length=40)]
    dimensions: dict[Literal["arousal", "valence", "dominance"], _Dimension]
    format: _Version


class _Formatted(Struct):
    format: _Version


@dataclass(frozen=True)
class ModelCard:
    """Description of a model in its own file.

    Parameters
    ----------
    spec : FeatureSpec
    feature_names : tuple of str
    emotions : tuple of str
        In the order of the probabilities; empty if it gives dimensions alone.
    recipe : str
    seed : int
    corpora : mapping of str to mapping
        By name: number of utterances and of speakers, license, citation.
    augmentation : mapping
        How the augmented copies that it was also trained on were made, as
        ``training.Augmentation``; empty if there were none, or before format 3.
    scores : mapping of str to mapping
        By protocol: mean and standard deviation of each metric.
    golden : mapping
        ``vector`` and its ``probabilities``; with an encoder, the vector that it gives of a fixed
        log-mel spectrogram, as ``encoded``; with dimensions, those of the vector.
    mean : tuple of float
        Of every feature over the utterances trained on: adaptation moves a group there.
    sd : tuple of float
        Of every feature over the utterances trained on; empty where format 1 did not say.
    distances : mapping of str to float
        Percentiles (``5``, ``50``, ``95``, ``99``) of `distance` over all that was trained on,
        augmented copies too; may be empty.
    abstention : mapping of str to float
        ``threshold`` of the highest probability under which a prediction is uncertain, and the
        ``risk`` (share of wrong ones) and ``coverage`` of the others on new speakers; may be empty.
        With ``speakers_risk`` and ``speakers_coverage`` for new speakers, the former are those on
        corpora that were left out.
    conditions : mapping of str to float
        UAR of the recipe on new speakers, ``clean`` and under degraded audio; may be empty.
    libraries : mapping of str to str
        Versions that trained the model.
    created : str
        Date, ISO 8601.
    encoder : mapping of str to str
        Name, source, license and citation of the pretrained encoder; empty if there is none.
    dimensions : mapping of str to mapping
        Of each dimension that it gives, in the order of that output: the scale from ``low`` to
        ``high``; the ``corpora`` with ratings, and their number of rated ``utterances`` and of
        ``speakers``; ``ccc`` and ``absolute_error`` on new speakers, where they were measured.
        Empty if it gives none.
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
    encoder: Mapping[str, str] = field(default_factory=dict)
    dimensions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    format: int = field(default=FORMAT_VERSION)

    def to_json(self) -> str:
        """Return the metadata entry."""
        fields = {**asdict(self), "spec": json.loads(self.spec.to_json())}
        return json.dumps(fields, allow_nan=False)

    @classmethod
    def from_json(cls, content: str, name: str) -> ModelCard:
        """Read a metadata entry.

        Raises
        ------
        ModelError
            If the format is newer, or a field is missing, unknown or of another kind.
        """
        try:
            if len(content) > MAX_CARD_LENGTH:
                raise ValueError(f"more than {MAX_CARD_LENGTH:,} characters")
            fields = json.loads(content, object_pairs_hook=_mapping)
            check(fields, _Formatted)
            if fields["format"] > FORMAT_VERSION:
                raise ModelError(
                    f"{name}: written in model format {fields['format']}, this voxaffect reads "
                    f"up to {FORMAT_VERSION}. Upgrade voxaffect."
                )
            for version, unstated in _SINCE.items():
                if fields["format"] < version:
                    fields = {**unstated, **fields}
            _rename_fields(fields)
            check(fields, CardSchema)
            check_lines(fields)
            _check_together(fields)
            read = {
                "spec": FeatureSpec.from_json(json.dumps(fields["spec"], allow_nan=False)),
                "feature_names": tuple(fields["feature_names"]),
                "emotions": tuple(fields["emotions"]),
                "golden": {key: [*map(float, row)] for key, row in fields["golden"].items()},
                "mean": tuple(map(float, fields["mean"])),
                "sd": tuple(map(float, fields["sd"])),
            }
            return cls(**{**fields, **read})
        except (
            ValueError,
            TypeError,
            KeyError,
            OverflowError,
            RecursionError,
            FeatureError,
        ) as error:
            raise ModelError(
                f"{name}: its voxaffect metadata are damaged ({shortest(error)})."
            ) from error

    def distance(self, vector: NDArray[np.float32]) -> float | None:
        """Distance of a vector to the training data, as `distances`; None if unknown.

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
    matrix: NDArray[np.float32],
    *,
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Root mean square over the features of the distance to the mean, in standard deviations.

    A feature counts for at most 5 of them. The log-mel spectrogram is left out, and a feature
    that never varied.

    Parameters
    ----------
    matrix : ndarray, shape (n, d)
    mean, sd : ndarray, shape (d,)
    names : sequence of str, length d

    Returns
    -------
    ndarray, shape (n,)
    """
    counted = np.array([not is_logmel(name) for name in names]) & (sd > 0)
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


# Former names of fields of the corpora and the augmentation, and of conditions.
_RENAMED = {
    "licence": "license",
    "equaliser_db": "equalizer_db",
    "equaliser_points": "equalizer_points",
    "noise_colours": "noise_colors",
    "talkers_probability": "babble_probability",
    "most_talkers": "babble_voices",
    "talkers_snr_db": "babble_snr_db",
    "talkers_speeds": "babble_speeds",
    "talkers 20 dB": "babble 20 dB",
    "talkers 10 dB": "babble 10 dB",
}


def _rename_fields(fields: dict[str, Any]) -> None:
    """Give every field its present name."""
    corpora, augmentation = fields.get("corpora"), fields.get("augmentation")
    entries = [*corpora.values()] if isinstance(corpora, dict) else []
    for entry in [augmentation, fields.get("conditions"), *entries]:
        if isinstance(entry, dict):
            for former in entry.keys() & _RENAMED.keys():
                entry[_RENAMED[former]] = entry.pop(former)


_RESTRICTED = ("corpora left out", "corpora left out, adapted by speaker")
"""Protocols in the card of `accurate`, where the answer is one of the emotions of both sides."""


def describe_protocol(protocol: str) -> str:
    """Protocol of a card's scores, with the emotions that were allowed as answers if not all were.

    Examples
    --------
    >>> describe_protocol("corpora left out")
    'corpora left out (over the emotions that training and test share)'
    >>> describe_protocol("speakers")
    'speakers'
    """
    is_restricted = protocol in _RESTRICTED
    return protocol + " (over the emotions that training and test share)" * is_restricted


class _Emotions(Struct):
    emotions: Annotated[list[_Emotion], Meta(min_length=1, max_length=MAX_EMOTIONS)]


def check_emotions(emotions: Sequence[str]) -> None:
    """Refuse names of emotions that no model file may hold.

    Raises
    ------
    ValueError
        With the index of the name.
    """
    fields = {"emotions": list(emotions)}
    check(fields, _Emotions)
    check_lines(fields)
    _check_different(fields["emotions"], "emotions")


def _check_different(names: Sequence[str], field: str) -> None:
    if len(set(names)) < len(names):
        again = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"$.{field}: expected different names, found {show(again)}")


def _check_together(fields: Mapping[str, Any]) -> None:
    """Refuse fields that do not fit each other; format 1 had no sd."""
    for name in ("feature_names", "emotions"):
        _check_different(fields[name], name)
    if not fields["emotions"] and not fields["dimensions"]:
        raise ValueError("$.emotions: expected one or more, or dimensions")
    _check_different(fields["spec"]["groups"], "spec.groups")
    expected = len(fields["feature_names"])
    for name in ("mean", "sd"):
        if len(fields[name]) not in ({expected} if name == "mean" else {0, expected}):
            raise ValueError(f"$.{name}: not as many numbers as feature_names")
    in_order = [fields["distances"][key] for key in _PERCENTILES if key in fields["distances"]]
    if in_order != sorted(in_order):
        raise ValueError("$.distances: expected percentiles that grow, found them out of order")
    if len(fields["abstention"]) not in (0, 3, 5):
        raise ValueError("$.abstention: expected threshold, risk and coverage, or none of them")


def shortest(error: Exception) -> str:
    """First line of what a library says, short enough to stand in a message."""
    return escape_control((str(error) or type(error).__name__).splitlines()[0][:_REASON_LENGTH])
