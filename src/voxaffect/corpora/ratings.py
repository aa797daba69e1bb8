"""Ratings of utterances: soft labels, and the dimensions of emotion.

A soft label is the share of the raters who chose each emotion. Dimensions are numbers from 0 to 1,
where 0.5 is neutral. They are never derived from emotions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from voxaffect.corpora.vocabulary import find_emotion, normalize_label
from voxaffect.records.choices import DIMENSIONS

PREFIX = "p_"
"""Of a table's column with the share of an emotion."""
SUM_TOLERANCE = 0.02
"""Largest difference of a sum of shares from 1: shares of six raters, in two decimals, have it."""

Ratings = Mapping[str, float]


def check_soft_label(shares: Ratings) -> None:
    """Refuse shares that are no probabilities of emotions.

    Raises
    ------
    ValueError
        With the reason.
    """
    for emotion, share in shares.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{PREFIX}{emotion} is {share:g}, expected a number from 0 to 1")
    total = sum(shares.values())
    if not total:
        raise ValueError(
            f"the columns {PREFIX}… are all 0, expected a sum of 1. Write the shares, or delete "
            "the row"
        )
    if abs(total - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"the columns {PREFIX}… add up to {total:.4g}, expected 1. Divide each by their sum"
        )


def check_dimensions(ratings: Ratings) -> None:
    """Refuse unknown dimensions, and ratings outside of 0 to 1.

    Raises
    ------
    ValueError
        With the reason.
    """
    for name, rating in ratings.items():
        if name not in DIMENSIONS:
            raise ValueError(f"{name!r} is no dimension; there are: {', '.join(DIMENSIONS)}")
        if not 0 <= rating <= 1:
            raise ValueError(
                f"{name} is {rating:g}, expected a number from 0 to 1. Convert a scale "
                "from 1 to 7 yourself before, by (x - 1) / 6"
            )


def parse_rating(text: str) -> float:
    """Number of a cell; NaN if it is none.

    Examples
    --------
    >>> parse_rating("0.25"), parse_rating("0,25"), parse_rating("much")
    (0.25, 0.25, nan)
    """
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def merge_shares(shares: Ratings, emotions: Mapping[str, str]) -> dict[str, float]:
    """Soft label in other words: the shares of words for one emotion are added up."""
    merged: dict[str, float] = {}
    for word, share in shares.items():
        merged[emotions[word]] = merged.get(emotions[word], 0.0) + share
    return merged


def scale_shares(shares: Ratings) -> dict[str, float]:
    """Soft label whose shares add up to 1, without the emotions that have none."""
    total = sum(shares.values())
    return {emotion: share / total for emotion, share in shares.items() if share > 0}


def find_most_probable(shares: Ratings, preferred: str | None = None) -> str:
    """Most probable emotion; of several, the preferred one, or else the first.

    Examples
    --------
    >>> find_most_probable({"angry": 0.4, "sad": 0.4, "happy": 0.2})
    'angry'
    """
    best = list_most_probable(shares)
    return preferred if preferred in best else best[0]


def list_most_probable(shares: Ratings) -> list[str]:
    """Emotions that no other one exceeds."""
    highest = max(shares.values())
    return [emotion for emotion, share in shares.items() if share >= highest - 1e-9]


def match_most_probable(text: str, shares: Ratings) -> str | None:
    """Emotion that a text names, as the shares spell it; None if another one is more probable.

    Examples
    --------
    >>> match_most_probable("Angry", {"angry": 0.6, "sad": 0.4})
    'angry'
    """
    names = {find_emotion(emotion) or normalize_label(emotion): emotion for emotion in shares}
    emotion = names.get(find_emotion(text) or normalize_label(text))
    return emotion if emotion in list_most_probable(shares) else None


def restrict_shares(shares: Ratings, emotions: Iterable[str]) -> dict[str, float] | None:
    """Soft label among some emotions, scaled to a sum of 1; None if they have no share."""
    kept = {emotion: shares[emotion] for emotion in emotions if shares.get(emotion)}
    return scale_shares(kept) if kept else None
