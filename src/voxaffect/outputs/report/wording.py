"""Numbers as a reader wants them: three places, a true minus, a dash for what is not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = "–"
MOST_LISTED = 20
"""Rows of a list that may be endless; the rest is counted, and stands in report.json."""


def number(value: float | None, places: int = 3) -> str:
    """``0.674``."""
    return UNKNOWN if value is None else f"{value:.{places}f}".replace("-", "−")


def signed(value: float | None, places: int = 3) -> str:
    """``+0.120``, ``−0.030``."""
    return UNKNOWN if value is None else f"{value:+.{places}f}".replace("-", "−")


def percent(share: float | None) -> str:
    """``43 %``; never 0 % or 100 % of what is not."""
    if share is None:
        return UNKNOWN
    places = 0 if 0.005 <= share <= 0.995 or share in (0, 1) else 1
    return f"{100 * share:.{places}f} %"


def interval(bounds: Sequence[float] | None) -> str:
    """``[0.628, 0.720]``."""
    if not bounds:
        return UNKNOWN
    return f"[{number(bounds[0])}, {number(bounds[1])}]"


def measured(metric: Mapping[str, Any] | None) -> str:
    """``0.674 ± 0.034``: mean and standard deviation over folds."""
    if not metric or metric.get("mean") is None:
        return UNKNOWN
    spread = metric.get("sd")
    return number(metric["mean"]) + ("" if spread is None else f" ± {number(spread)}")


def with_interval(value: float | None, bounds: Sequence[float] | None) -> str:
    """``0.674 [0.628, 0.720]``, or only the first where there is no interval."""
    return number(value) + (f" {interval(bounds)}" if bounds else "")


def probability(p: float | None) -> str:
    """``0.012``, ``< 0.001``."""
    if p is None:
        return UNKNOWN
    return "< 0.001" if p < 0.001 else number(p)


def counted(count: int, noun: str) -> str:
    """``1 speaker``, ``24 speakers``, ``7 utterances``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", "\u202f")


def legend(meanings: Mapping[str, str | None]) -> str:
    """``pitch: melody of the voice; rhythm: pauses and pace``; without what has no meaning."""
    return "; ".join(f"{name}: {said}" for name, said in meanings.items() if said)


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
