"""What is computed, as a value: everything that can change a number, and nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
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
        Which feature set, such as ``classic``.
    version : int
        Raised whenever the same recording gets other numbers than before.
    groups : tuple of str
        Which groups of the set, in the order of the vector.
    rate_hz : int, optional
        Resample to this rate first; None analyzes every recording at its own rate.
    """

    name: str
    version: int
    groups: tuple[str, ...]
    rate_hz: int | None = None

    def to_json(self) -> str:
        """Canonical JSON, equal for equal specs on every platform."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> FeatureSpec:
        """Read what ``to_json`` wrote.

        Raises
        ------
        FeatureError
            If the text is not a feature spec, or has fields that this version does not know.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            return cls(**{**fields, "groups": tuple(fields["groups"])})
        except (ValueError, TypeError, KeyError) as error:
            raise FeatureError(f"not a feature spec ({error}): {text[:80]!r}") from error
