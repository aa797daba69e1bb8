"""Palette of all figures: colors, and marks that distinguish without color.

Emotions have Paul Tol's *muted* colors, systems have Okabe and Ito's. People with any of the common
color vision deficiencies can distinguish both. Hatches, markers and dashes distinguish the same in
black and white. No drawing library is imported: the values are those that Matplotlib, SVG and most
others take.

References
----------
Tol 2021, *Color Schemes*, SRON/EPS/TN/09-002, issue 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

INK = "#1b1f24"
MUTED = "#667080"
LINE = "#d5dae1"
PAPER = "#ffffff"
BLUE = "#0072b2"
ORANGE = "#d55e00"
HEAT = "#00446f"
"""The full end of a scale that begins with the paper."""


@dataclass(frozen=True)
class EmotionStyle:
    """Style of one emotion.

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


@dataclass(frozen=True)
class SystemStyle:
    """Style of one of several systems."""

    color: str
    marker: str
    hatch: str
    dashes: str

    @property
    def face(self) -> str:
        """Fill color of markers and bars: solid for the first system, open for the others."""
        return PAPER if self.hatch else self.color


EMOTION_STYLES: Mapping[str, EmotionStyle] = {
    "neutral": EmotionStyle("#BBBBBB", "", "o"),
    "calm": EmotionStyle("#44AA99", "--", "s"),
    "happy": EmotionStyle("#DDCC77", "//", "^"),
    "sad": EmotionStyle("#332288", "\\\\", "v"),
    "angry": EmotionStyle("#CC6677", "xx", "X"),
    "fearful": EmotionStyle("#AA4499", "..", "D"),
    "disgust": EmotionStyle("#117733", "||", "P"),
    "surprised": EmotionStyle("#88CCEE", "oo", "*"),
    "bored": EmotionStyle("#999933", "++", "h"),
}
"""By emotion, of those that corpora are labeled with."""
_SPARE = EmotionStyle("#882255", "**", "d")

SYSTEM_STYLES = (
    SystemStyle(BLUE, "o", "", "-"),
    SystemStyle(ORANGE, "s", "////", "--"),
    SystemStyle("#009e73", "^", "\\\\\\\\", "-."),
    SystemStyle("#a2609b", "D", "xxxx", ":"),
)
MOST_SYSTEMS = len(SYSTEM_STYLES)
"""As many as people can distinguish in one figure."""


def assign_styles(emotions: Sequence[str]) -> dict[str, EmotionStyle]:
    """Assign a style to every emotion, the same one in every figure.

    Parameters
    ----------
    emotions : sequence of str
        Names without a style of their own take, in order, the styles that no other needs.

    Returns
    -------
    dict of str to EmotionStyle
        In the order given.
    """
    free = [_SPARE, *(style for name, style in EMOTION_STYLES.items() if name not in emotions)]
    others = cycle(free)
    return {name: EMOTION_STYLES.get(name) or next(others) for name in emotions}
