"""Words and numbers for people, the same in tables, subtitles, live views and diagnoses."""

from __future__ import annotations

from typing import Final

NO_SPEECH: Final = "(no speech)"
"""Shown instead of an emotion."""
UNCERTAIN: Final = "uncertain"
"""Shown with a prediction or segment that is uncertain."""
FEWEST_DECIMALS, MOST_DECIMALS = 2, 6


def format_probability(probability: float) -> str:
    """Probability with two decimals, and with more where two would turn it into 1.

    Examples
    --------
    >>> format_probability(0.5), format_probability(0.99987), format_probability(1.0)
    ('0.50', '0.9999', '1.00')
    """
    return format_apart(probability, 1.0)[0]


def format_percent(probability: float) -> str:
    """Probability in percent without decimals, and with some where it would turn into 100.

    Examples
    --------
    >>> format_percent(0.5), format_percent(0.99987), format_percent(1.0)
    ('50%', '99.99%', '100%')
    """
    decimals = len(format_probability(probability)) - len("0.00")
    return f"{probability:.{decimals}%}"


def format_apart(value: float, other: float) -> tuple[str, str]:
    """Two numbers with two decimals, or as many as tell them apart, at most six.

    Examples
    --------
    >>> format_apart(1.3891, 1.3912)
    ('1.389', '1.391')
    """
    for decimals in range(FEWEST_DECIMALS, MOST_DECIMALS + 1):
        texts = f"{value:.{decimals}f}", f"{other:.{decimals}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{value:.{FEWEST_DECIMALS}f}", f"{other:.{FEWEST_DECIMALS}f}"
