"""The contract of a feature set, and the rows that declare its descriptors.

A feature set is one package with one object that follows `FeatureSet`, and one row in
`voxaffect.features.SETS`. A set declares its numbers as rows: a `Descriptor` holds the name, the
unit and the family of each number next to the function that computes them, so that names and
values cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from voxaffect.audio import Signal
from voxaffect.features.dsp import Array

Source = TypeVar("Source", contravariant=True)


class FeatureSet(Protocol):
    """One feature set: its identity, its names and the computation of its vectors.

    A set whose overlapping windows can share frames also has a method
    ``compute_window(samples, spectra, groups)``, as `affect` has.

    Attributes
    ----------
    version : int
        Raised whenever the same recording gets other numbers than before.
    groups, default_groups : tuple of str
        Parts of the vector, in its order, and those that a spec has by default.
    rate_hz : int or None
        The one rate that the set is defined at; None: that of the recording.
    families : mapping of str to str
        Families of the numbers, as people speak of them, and the meaning of each.
    weights : str or None
        SHA-256 of the encoder's weights; None for a set without weights.
    """

    version: int
    groups: tuple[str, ...]
    default_groups: tuple[str, ...]
    rate_hz: int | None
    families: Mapping[str, str]
    weights: str | None

    def get_names(self, group: str) -> tuple[str, ...]:
        """Name of each number of a group, in order."""

    def get_families(self, group: str) -> tuple[str, ...]:
        """Family of each number of a group, in the order of the names."""

    def compute(self, signal: Signal, groups: tuple[str, ...]) -> Array:
        """Vector of a signal at the set's rate, group after group; shape (d,)."""


def check_set(value: Any) -> None:
    """Refuse what is no feature set, as a plug-in may name it.

    Raises
    ------
    ValueError
        With what was expected.
    """
    for name, kind, expected in (
        ("version", int, "a whole number"),
        ("groups", tuple, "a tuple of names"),
        ("default_groups", tuple, "a tuple of names"),
        ("rate_hz", int | None, "a whole number or None"),
        ("families", Mapping, "a mapping of names to texts"),
        ("weights", type(None), "None: raise version when weights change"),
        ("get_names", Callable, "a method"),
        ("get_families", Callable, "a method"),
        ("compute", Callable, "a method"),
    ):
        if not isinstance(getattr(value, name, _MISSING), kind):  # type: ignore[arg-type]
            raise ValueError(f"a feature set needs {name}: {expected}")
    if isinstance(value, type):
        raise ValueError(f"expected an object, found the class {value.__name__}")
    if not (value.default_groups and set(value.default_groups) <= set(value.groups)):
        raise ValueError("default_groups: expected some of groups")
    listed = [name for group in value.groups for name in value.get_names(group)]
    if len(set(listed)) < len(listed) or not all(isinstance(one, str) and one for one in listed):
        raise ValueError("expected different names of numbers")
    for group in value.groups:
        names, families = value.get_names(group), value.get_families(group)
        if len(names) != len(families) or not set(families) <= value.families.keys():
            raise ValueError(f"each name of the group {group!r} needs one of its families")


_MISSING = object()


class Quantity(NamedTuple):
    """Name, unit and family of a number, or of a track that holds a number per frame."""

    name: str
    unit: str
    family: str


@dataclass(frozen=True)
class Descriptor(Generic[Source]):
    """One row of a feature set: quantities, and the function that computes all of them at once.

    Parameters
    ----------
    quantities : tuple of Quantity
    compute : callable
        From the source, such as a spectrum or an utterance, to one value for each quantity.
    """

    quantities: tuple[Quantity, ...]
    compute: Callable[[Source], ArrayLike]


def declare(
    names: str, unit: str, family: str, compute: Callable[[Any], ArrayLike]
) -> Descriptor[Any]:
    """Row of quantities that share a unit and a family.

    Parameters
    ----------
    names : str
        Separated by blanks.

    Examples
    --------
    >>> declare("low_hz high_hz", "Hz", "spectrum", np.sort).quantities[1].name
    'high_hz'
    """
    return Descriptor(tuple(Quantity(name, unit, family) for name in names.split()), compute)


def list_quantities(rows: Iterable[Descriptor[Any]]) -> tuple[Quantity, ...]:
    """Quantities of all rows, one after the other."""
    return tuple(chain.from_iterable(row.quantities for row in rows))


def list_names(rows: Iterable[Descriptor[Any]]) -> tuple[str, ...]:
    """Names of the quantities of all rows, one after the other."""
    return tuple(quantity.name for quantity in list_quantities(rows))


def compute_rows(rows: Iterable[Descriptor[Source]], source: Source) -> Array:
    """Values of all rows for one source, one after the other; shape (d,), float32.

    Examples
    --------
    >>> mean = declare("mean", "Hz", "pitch", np.mean)
    >>> rows = (mean, declare("low high", "Hz", "pitch", np.sort))
    >>> compute_rows(rows, [3.0, 1.0]).tolist()
    [2.0, 1.0, 3.0]
    """
    values = [np.ravel(row.compute(source)) for row in rows]
    return np.concatenate(values, dtype=np.float32, casting="same_kind")
