"""Numbers for readers: three decimals, a true minus, and a dash for an unknown one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = "–"


def format_number(value: float | None, decimals: int = 3) -> str:
    """Format a number: ``0.674``."""
    return UNKNOWN if value is None else f"{value:.{decimals}f}".replace("-", "−")


def format_signed(value: float | None) -> str:
    """Format a difference: ``+0.120``, ``−0.030``."""
    return UNKNOWN if value is None else f"{value:+.3f}".replace("-", "−")


def format_percent(share: float | None) -> str:
    """Format a share: ``43 %``. Only exactly none and all are 0 % and 100 %."""
    if share is None:
        return UNKNOWN
    decimals = 0 if 0.005 <= share <= 0.995 or share in (0, 1) else 1
    return f"{100 * share:.{decimals}f} %"


def format_interval(bounds: Sequence[float] | None) -> str:
    """Format an interval: ``[0.628, 0.720]``."""
    return f"[{format_number(bounds[0])}, {format_number(bounds[1])}]" if bounds else UNKNOWN


def format_mean(metric: Mapping[str, Any] | None) -> str:
    """Format the mean and the standard deviation over folds: ``0.674 ± 0.034``."""
    if not metric or metric.get("mean") is None:
        return UNKNOWN
    spread = metric.get("sd")
    return format_number(metric["mean"]) + ("" if spread is None else f" ± {format_number(spread)}")


def format_estimate(metric: Mapping[str, Any] | None) -> str:
    """Format the mean with its interval, if it has one: ``0.674 [0.628, 0.720]``."""
    metric = metric or {}
    bounds = metric.get("interval")
    return format_number(metric.get("mean")) + (f" {format_interval(bounds)}" if bounds else "")


def format_p(p: float | None) -> str:
    """Format a p-value: ``0.012``, ``< 0.001``."""
    return "< 0.001" if p is not None and p < 0.001 else format_number(p)


def format_count(count: int, noun: str) -> str:
    """Format a number of things: ``1 speaker``, ``24 speakers``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", "\u202f")


def format_legend(meanings: Mapping[str, str | None]) -> str:
    """Format meanings: ``pitch: melody of the voice; rhythm: pauses``; empty without any."""
    return "; ".join(f"{name}: {meaning}" for name, meaning in meanings.items() if meaning)


def format_known(value: Any) -> str:
    """Format any value; a dash if it is missing."""
    return UNKNOWN if value is None or value == "" else str(value)
