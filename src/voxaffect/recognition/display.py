"""Words and numbers for people, the same in tables, subtitles, live views and diagnoses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from voxaffect.files import escape_control

NO_SPEECH: Final = "(no speech)"
"""Shown instead of an emotion."""
NO_EMOTION: Final = "(none)"
"""Shown instead of the emotion of a turn or sentence without speech of its speaker alone."""
UNCERTAIN: Final = "uncertain"
"""Shown with a prediction or segment that is uncertain."""
UNCALIBRATED: Final = "not calibrated"
"""Shown with results that were limited to some of the model's emotions."""
CORRECTED: Final = "corrected"
"""Shown with a segment whose emotion comes from a person."""
FEWEST_DECIMALS, MOST_DECIMALS = 2, 6


def name_channel(result: Any) -> str:
    """Name of the channel of a result: the one that a caller gave, else what results call it."""
    return escape_control(result.channel_name or result.channel)


def describe_doubt(part: Any) -> str:
    """Words on the trust in a segment or window: empty where there is nothing to state."""
    if (emotion := getattr(part, "model_emotion", None)) is not None:
        return f"{CORRECTED}; model: {escape_control(emotion)}"
    return UNCERTAIN if part.uncertain else ""


def describe_limits(emotions: Iterable[str]) -> str:
    """Sentence on results that were limited to some emotions."""
    names = escape_control(", ".join(emotions))
    return (
        f"Answers are limited to {names}. Their probabilities are scaled to a sum of 1 and are "
        f"{UNCALIBRATED}."
    )


def describe_dimensions(dimensions: Mapping[str, float]) -> str:
    """Dimensions with their numbers, such as ``arousal 0.62, valence 0.40``."""
    return ", ".join(f"{name} {value:.2f}" for name, value in dimensions.items())


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
