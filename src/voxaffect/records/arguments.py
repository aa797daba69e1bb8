"""Checks of arguments, so that a wrong kind is named at once, not where it first fails."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from numbers import Integral, Real
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from voxaffect.errors import ArgumentError
from voxaffect.files import escape_control

MAX_SEED = 2**32 - 100
"""The limit of scikit-learn, less the seeds that protocols count up."""
_LARGEST = 10**300


def check_kind(value: object, kind: type | tuple[type, ...], name: str, expected: str) -> None:
    """Refuse an argument of another kind.

    Parameters
    ----------
    value : object
    kind : type or tuple of type
    name : str
        Of the argument.
    expected : str
        Description of the right kind, with its article, as in ``a FeatureSpec``.
    """
    if not isinstance(value, kind):
        raise _kind_error(value, name, expected)


def check_number(value: object, name: str) -> None:
    """Refuse all but a single real number that a float can hold."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or (isinstance(value, int) and abs(value) > _LARGEST):
        raise _kind_error(value, name, "a number")


def check_seed(seed: object) -> None:
    """Refuse all but a whole number from 0 to `MAX_SEED`."""
    is_whole = isinstance(seed, Integral) and not isinstance(seed, bool)
    if not is_whole or not 0 <= seed <= MAX_SEED:  # type: ignore[operator]
        raise _kind_error(seed, "seed", f"a whole number from 0 to {MAX_SEED}")


def check_share(value: object, name: str, *, under_one: bool = False) -> None:
    """Refuse all but a number from 0 to 1, or to less than 1."""
    check_number(value, name)
    if not 0 <= value <= 1 or (under_one and value == 1):  # type: ignore[operator]
        end = "less than 1" if under_one else "1"
        raise _kind_error(value, name, f"a share from 0 to {end}")


def check_list(values: Any, name: str, expected: str) -> list[Any]:
    """Items of a sequence or another iterable; a single text or path is refused."""
    if isinstance(values, str | bytes | os.PathLike):
        raise ArgumentError(f"{name}: expected {expected}, found one. Put it in a list.")
    if not isinstance(values, Iterable):
        raise _kind_error(values, name, expected)
    try:
        return list(values)
    except (TypeError, ValueError) as error:  # an array of no dimension, a closed file
        raise ArgumentError(f"{name}: expected {expected} ({error}).") from error


def check_path(value: object, name: str) -> Path:
    """Path of a text or path; bytes are refused."""
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise _kind_error(value, name, "a path")
    return Path(value)


def is_known(value: object, known: Collection[str]) -> bool:
    """True if a value of any kind is one of some names."""
    return isinstance(value, str) and value in known


def _kind_error(value: object, name: str, expected: str) -> ArgumentError:
    kind = "the class" if isinstance(value, type) else type(value).__name__
    short = escape_control(shortened(value))[:60]
    return ArgumentError(f"{name}: expected {expected}, found {kind} {short}.")
