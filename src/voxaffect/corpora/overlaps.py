"""Overlaps of parts: rows of a table that name the same sound of one recording."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SLACK_SECONDS = 0.05  # between parts that meet, of which one time is rounded


@dataclass(frozen=True)
class Part:
    """Part of a recording that a line of a table names.

    Parameters
    ----------
    line : int
    recording : object
        Equal for all names of one file.
    start, end : float
        In seconds; the end of the recording is infinity.
    emotion : str
    speaker : str, optional
    """

    line: int
    recording: object
    start: float
    end: float
    emotion: str
    speaker: str | None

    def contradicts(self, other: Part) -> bool:
        """Whether most of one of them is in the other, under another emotion of one person."""
        if self.emotion == other.emotion:
            return False
        if None not in (self.speaker, other.speaker) and self.speaker != other.speaker:
            return False  # two people who talk at once
        shared = min(self.end, other.end) - max(self.start, other.start)
        lengths = self.end - self.start, other.end - other.start
        return math.isinf(shared) or shared > min(lengths) / 2


def overlaps(parts: Iterable[Part]) -> Iterator[tuple[Part, Part]]:
    """Find parts that share sound with the longest one before them.

    Parameters
    ----------
    parts : iterable of Part

    Yields
    ------
    tuple of Part
        In the order of their lines. A whole recording and its parts overlap, too.

    Examples
    --------
    >>> rows = [Part(2, "a", 0, 2, "sad", None), Part(3, "a", 1, 3, "sad", None)]
    >>> [(one.line, other.line) for one, other in overlaps(rows)]
    [(2, 3)]
    """
    last: Part | None = None
    for part in sorted(parts, key=lambda part: (str(part.recording), part.start, -part.end)):
        if last is None or last.recording != part.recording:
            last = part
            continue
        if last.end - part.start > _SLACK_SECONDS:
            yield (last, part) if last.line < part.line else (part, last)
        if part.end > last.end:
            last = part
