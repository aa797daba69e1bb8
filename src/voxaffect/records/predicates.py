"""Checks of plain data from a file: kind, range and length, with the JSON path of a fault.

A check takes a value and its path, and raises a ValueError such as
``scores.loso.uar.mean: expected a finite number, found nan``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from reprlib import repr as shortened
from sys import float_info
from typing import Any, NoReturn

import numpy as np

from voxaffect.files import escape_control

Check = Callable[[Any, str], None]
_SHOWN_KEY = 40
_SHOWN = 60


def refuse(path: str, expected: str, value: object) -> NoReturn:
    """Raise the error of a value that does not fit.

    Raises
    ------
    ValueError
        Always.
    """
    found = shortened(value)
    short = found if len(found) <= _SHOWN else f"{found[:_SHOWN]}…"
    raise ValueError(f"{path or 'the whole'}: expected {expected}, found {short}")


def any_of(*checks: Check) -> Check:
    """Check that one of several holds; a fault is that of the last."""

    def check(value: Any, path: str) -> None:
        for one in checks[:-1]:
            try:
                return one(value, path)
            except ValueError:
                continue
        return checks[-1](value, path)

    return check


def or_null(check: Check) -> Check:
    """Check that allows null too."""

    def check_unless_null(value: Any, path: str) -> None:
        if value is not None:
            check(value, path)

    return check_unless_null


def flag(value: Any, path: str) -> None:
    """Check that a value is true or false."""
    if not isinstance(value, bool):
        refuse(path, "true or false", value)


def anything(value: Any, path: str) -> None:
    """Check nothing."""


def number(
    low: float = -float_info.max, high: float = float_info.max, *, whole: bool = False
) -> Check:
    """Check of a finite number within limits, both allowed."""
    kind = "a whole number" if whole else "a finite number"
    is_open = (low, high) == (-float_info.max, float_info.max)
    expected = kind if is_open else f"{kind} from {low:g} to {high:g}"

    def check(value: Any, path: str) -> None:
        is_number = isinstance(value, int if whole else int | float)
        if not is_number or isinstance(value, bool) or not low <= value <= high:
            refuse(path, expected, value)

    return check


def text(longest: int, *, is_empty_allowed: bool = True, is_plain: bool = True) -> Check:
    """Check of text; plain text is a line without control characters and hidden marks."""
    expected = f"text of {0 if is_empty_allowed else 1} to {longest:,} characters"

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not (not is_empty_allowed) <= len(value) <= longest:
            refuse(path, expected, value)
        if is_plain and escape_control(value) != value:
            refuse(path, "text without control characters", value)

    return check


def words(*known: str) -> Check:
    """Check that a value is one of some words."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or value not in known:
            refuse(path, " or ".join(map(repr, known)), value)

    return check


def array(item: Check, *, least: int = 0, most: int | None = None) -> Check:
    """Check of a list whose items all fit."""

    def check(value: Any, path: str) -> None:
        _check_length(value, path, least, most)
        for index, one in enumerate(value):
            item(one, f"{path}[{index}]")

    return check


def numbers(
    low: float = -float_info.max, high: float = float_info.max, *, most: int | None = None
) -> Check:
    """Check of a list of finite numbers within limits; quick where they are."""
    item = number(low, high)

    def check(value: Any, path: str) -> None:
        _check_length(value, path, 0, most)
        if set(map(type, value)) <= {float}:
            array = np.array(value, dtype=np.float64)
            if ((low <= array) & (array <= high)).all():
                return
        for index, one in enumerate(value):
            item(one, f"{path}[{index}]")

    return check


def names(most: int, longest: int) -> Check:
    """Check of a list of different names, at least one; quick where they are plain."""
    item = text(longest, is_empty_allowed=False)

    def check(value: Any, path: str) -> None:
        _check_length(value, path, 1, most)
        is_text = set(map(type, value)) == {str}
        if not is_text or not "".join(value).isprintable() or not _fit(value, longest):
            for index, one in enumerate(value):
                item(one, f"{path}[{index}]")
        if len(set(value)) < len(value):
            again = next(one for index, one in enumerate(value) if one in value[:index])
            refuse(path, "different names", again)

    return check


def _fit(value: list[str], longest: int) -> bool:
    lengths = [*map(len, value)]
    return min(lengths) > 0 and max(lengths) <= longest


def _check_length(value: Any, path: str, least: int, most: int | None) -> None:
    if not isinstance(value, list):
        refuse(path, "a list", value)
    if len(value) < least or (most is not None and len(value) > most):
        raise ValueError(
            f"{path}: expected a list of {least:,} to {most:,} items, found {len(value):,}"
            if most is not None
            else f"{path}: expected a list of at least {least:,}, found {len(value):,}"
        )


def mapping(item: Check, *, key: Check | None = None, most: int | None = None) -> Check:
    """Check of an object whose values all fit, and its keys too."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            refuse(path, "a mapping", value)
        if most is not None and len(value) > most:
            raise ValueError(f"{path}: expected at most {most:,} entries, found {len(value):,}")
        for name, one in value.items():
            if key:
                key(name, f"a name in {path}")
            item(one, join(path, name))

    return check


def record(
    required: Mapping[str, Check],
    optional: Mapping[str, Check] | None = None,
    *,
    others: Check | None = None,
) -> Check:
    """Check of an object with known fields; further ones are refused unless ``others`` fits."""
    known = {**required, **(optional or {})}

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            refuse(path, "a mapping", value)
        for name in required:
            if name not in value:
                raise ValueError(f"{join(path, name)} is missing")
        for name, one in value.items():
            field = known.get(name, others)
            if field is None:
                raise ValueError(f"{join(path, name)} is not known")
            field(one, join(path, name))

    return check


def join(path: str, name: object) -> str:
    """Path of a field within what has a path."""
    shown = escape_control(str(name))[:_SHOWN_KEY]
    return f"{path}.{shown}" if path else shown
