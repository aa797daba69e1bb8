"""Parts of recordings that share sound: rows of a table that name the same seconds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SLACK_SECONDS = 0.05  # between parts that meet, of which one time is rounded


@dataclass(frozen=True)
class Part:
    """Part of a recording that a line of a table names."""

    line: int
    recording: object  # equal for all names of one file
    start: float  # in seconds
    end: float  # in seconds; infinity is the end of the recording
    emotion: str
    speaker: str | None

    def contradicts(self, other: Part) -> bool:
        """True if most of one of them is in the other, under another emotion of one person."""
        if self.emotion == other.emotion:
            return False
        if None not in (self.speaker, other.speaker) and self.speaker != other.speaker:
            return False  # two people who talk at once
        shared = min(self.end, other.end) - max(self.start, other.start)
        lengths = self.end - self.start, other.end - other.start
        return math.isinf(shared) or shared > min(lengths) / 2


def find_overlaps(parts: Iterable[Part]) -> Iterator[tuple[Part, Part]]:
    """Pairs of parts, in the order of their lines, where one shares sound with the longest before.

    Examples
    --------
    >>> parts = [Part(2, "a", 0, 2, "sad", None), Part(3, "a", 1, 3, "sad", None)]
    >>> [(first.line, second.line) for first, second in find_overlaps(parts)]
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
