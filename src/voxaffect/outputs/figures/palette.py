"""How each emotion looks in every figure: a color, and marks that need none.

The colors are Paul Tol's *muted* scheme, which people with any of the common color
vision deficiencies tell apart; hatches and markers carry the same distinction in black and
white. No drawing library is imported: the values are those that Matplotlib, SVG and most
others take.

References
----------
Tol 2021, *Color Schemes*, SRON/EPS/TN/09-002, issue 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle


@dataclass(frozen=True)
class Look:
    """How one emotion is drawn.

    Parameters
    ----------
    color : str
        Such as ``#332288``.
    hatch : str
        Fill pattern, in Matplotlib's notation.
    marker : str
        Point symbol, in Matplotlib's notation.
    """

    color: str
    hatch: str
    marker: str


LOOKS: Mapping[str, Look] = {
    "neutral": Look("#BBBBBB", "", "o"),
    "calm": Look("#44AA99", "--", "s"),
    "happy": Look("#DDCC77", "//", "^"),
    "sad": Look("#332288", "\\\\", "v"),
    "angry": Look("#CC6677", "xx", "X"),
    "fearful": Look("#AA4499", "..", "D"),
    "disgust": Look("#117733", "||", "P"),
    "surprised": Look("#88CCEE", "oo", "*"),
    "bored": Look("#999933", "++", "h"),
}
"""By emotion, of those that corpora are labeled with."""

_SPARE = Look("#882255", "**", "d")


def looks(emotions: Sequence[str]) -> dict[str, Look]:
    """Return a look for every emotion, the same one in every figure.

    Parameters
    ----------
    emotions : sequence of str
        Names that ``LOOKS`` does not know take, in order, looks that no other needs.

    Returns
    -------
    dict of str to Look
        In the order given.
    """
    free = [_SPARE, *(look for name, look in LOOKS.items() if name not in emotions)]
    others = cycle(free)
    return {name: LOOKS[name] if name in LOOKS else next(others) for name in emotions}
