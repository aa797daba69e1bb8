"""Checks of arguments at the door: a wrong kind is named there, not where it first fails."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from numbers import Real
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from voxaffect.errors import ArgumentError
from voxaffect.files import escape_control

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
        What it should be, with its article, as in ``a FeatureSpec``.

    Raises
    ------
    ArgumentError
    """
    if not isinstance(value, kind):
        found = "the class" if isinstance(value, type) else type(value).__name__
        raise ArgumentError(f"{name}: expected {expected}, found {found} {_shown(value)}.")


def check_number(value: object, name: str) -> None:
    """Refuse what is no single real number, or is larger than a float can be.

    Raises
    ------
    ArgumentError
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or (isinstance(value, int) and abs(value) > _LARGEST):
        raise ArgumentError(
            f"{name}: expected a number, found {type(value).__name__} {_shown(value)}."
        )


def check_list(values: Any, name: str, expected: str) -> list[Any]:
    """Items of a sequence or another iterable; a single text or path is no sequence.

    Raises
    ------
    ArgumentError
        If it is a single item, or nothing to go through.
    """
    if isinstance(values, str | bytes | os.PathLike):
        raise ArgumentError(f"{name}: expected {expected}, found one. Put it in a list.")
    if not isinstance(values, Iterable):
        found = type(values).__name__
        raise ArgumentError(f"{name}: expected {expected}, found {found} {_shown(values)}.")
    try:
        return list(values)
    except (TypeError, ValueError) as error:  # an array of no dimension, a closed file
        raise ArgumentError(f"{name}: expected {expected} ({error}).") from error


def check_path(value: object, name: str) -> Path:
    """Path of a text or path; bytes are none.

    Raises
    ------
    ArgumentError
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        raise ArgumentError(
            f"{name}: expected a path, found {type(value).__name__} {_shown(value)}."
        )
    return Path(value)


def is_known(value: object, known: Collection[str]) -> bool:
    """Whether a value is one of some names; a value of any kind may be asked about."""
    return isinstance(value, str) and value in known


def _shown(value: object) -> str:
    """Value, short enough to stand in a message."""
    return escape_control(shortened(value))[:60]
