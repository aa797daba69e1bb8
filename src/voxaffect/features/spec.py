"""Feature spec: everything that can change a number, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from typing import Any

from voxaffect.errors import FeatureError


@dataclass(frozen=True)
class FeatureSpec:
    """A feature set, exactly enough described to compute the same numbers again.

    It is written into every cache key and every model file. How a computation runs
    (workers, cache, progress) is no part of it and can never change a number.

    Parameters
    ----------
    name : str
        Name of the feature set, such as ``classic``.
    version : int
        Raised whenever the same recording gets other numbers than before.
    groups : tuple of str
        Groups of the set, in the order of the vector.
    rate_hz : int, optional
        Resample to this rate first; None analyzes every recording at its own rate.
    weights : str, optional
        SHA-256 of the weights of the set's encoder; None for a set without weights.
    package : str, optional
        Package whose plug-in is the set; None for a set of voxaffect.
    encoder : features.encoders.Encoder, optional
        The encoder itself, with which the features can be computed. It is no part of the
        description: specs with and without it are equal, and JSON does not hold it.

    Examples
    --------
    >>> spec = FeatureSpec("classic", version=1, groups=("mfcc",))
    >>> spec.to_json()
    '{"groups":["mfcc"],"name":"classic","rate_hz":null,"version":1}'
    >>> FeatureSpec.from_json(spec.to_json()) == spec
    True
    """

    name: str
    version: int
    groups: tuple[str, ...]
    rate_hz: int | None = None
    weights: str | None = None
    package: str | None = None
    encoder: Any = field(default=None, compare=False, repr=False)

    def to_json(self) -> str:
        """Canonical JSON, equal for equal specs on every platform.

        Weights and package are there only if the set has them: keys and files stay as they were.
        """
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.compare}
        for name in ("weights", "package"):
            if values[name] is None:
                del values[name]
        return json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> FeatureSpec:
        """Spec from the text of ``to_json``.

        Raises
        ------
        FeatureError
            If the text is not a feature spec, or has fields that this version does not know.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if "encoder" in values:
                raise KeyError("encoder")
            return cls(**{**values, "groups": tuple(values["groups"])})
        except (ValueError, TypeError, KeyError) as error:
            raise FeatureError(f"not a feature spec ({error}): {text[:80]!r}") from error
