"""What a report is made of, before it is Markdown or a page: sections of blocks.

Words, tables and figures are decided once here; :mod:`markdown` and :mod:`html` only set them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Prose:
    """A paragraph of plain text; a warning stands out."""

    text: str
    warns: bool = False
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Code:
    """What was typed, to be typed again."""

    text: str
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Card:
    """One figure in large type.

    Parameters
    ----------
    label, value, interval, note : str
    is_first : bool
        Whether it is the figure to remember.
    """

    label: str
    value: str
    interval: str = ""
    note: str = ""
    is_first: bool = False


@dataclass(frozen=True)
class Cards:
    """Figures that must be read beside each other."""

    cards: tuple[Card, ...]
    kind: ClassVar[str] = "cards"


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    caption : str
    head : sequence of str
    rows : sequence of sequence of str
    words : int
        How many columns, from the left, are words; the others are numbers.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, eq=False)
class Plot:
    """A figure with what it shows, for whoever does not see it.

    Parameters
    ----------
    name : str
        Of its file, and a prefix of its identifiers: letters, digits and hyphens.
    figure : matplotlib Figure
    alternative : str
        What it shows, in numbers.
    caption : str
        How to read it.
    table : Table
        Its data.
    """

    name: str
    figure: Figure
    alternative: str
    caption: str
    table: Table
    kind: ClassVar[str] = "plot"


@dataclass(frozen=True)
class Recording:
    """A recording that was mistaken, and where it can be heard."""

    truth: str
    recognized: str
    confidence: str
    speaker: str
    name: str
    url: str


@dataclass(frozen=True)
class Recordings:
    """Recordings to listen to."""

    caption: str
    recordings: tuple[Recording, ...]
    kind: ClassVar[str] = "recordings"


@dataclass(frozen=True)
class Terms:
    """Words and what they mean."""

    terms: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "terms"


@dataclass(frozen=True, eq=False)
class Folded:
    """Blocks that are there for whoever opens them."""

    summary: str
    blocks: tuple[Block, ...]
    kind: ClassVar[str] = "folded"


Block = Prose | Code | Cards | Table | Plot | Recordings | Terms | Folded


@dataclass(frozen=True, eq=False)
class Section:
    """A heading with what stands under it.

    Parameters
    ----------
    anchor, title : str
    blocks : tuple of Block
    """

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Missing:
    """A section that these data cannot fill, and why."""

    title: str
    reason: str


@dataclass(frozen=True, eq=False)
class Report:
    """All of it.

    Parameters
    ----------
    title : str
    lead : str
        What was measured, on what, how, when.
    summary : str
        The result in one line.
    sections : tuple of Section
    """

    title: str
    lead: str
    summary: str
    sections: tuple[Section, ...]

    @property
    def plots(self) -> tuple[Plot, ...]:
        """Every figure, in order, folded ones too."""
        return tuple(
            plot for section in self.sections for block in section.blocks for plot in _plots(block)
        )


def _plots(block: Block) -> list[Plot]:
    if isinstance(block, Folded):
        return [plot for inner in block.blocks for plot in _plots(inner)]
    return [block] if isinstance(block, Plot) else []
