"""Search among spans of time that may overlap, without a look at all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from math import inf
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Spans = NDArray[np.float64]
"""Shape (n, 2): starts and ends in seconds."""


class _Span(Protocol):
    @property
    def start_seconds(self) -> float: ...

    @property
    def end_seconds(self) -> float: ...


def list_spans(parts: Iterable[_Span]) -> Spans:
    """Spans of turns, segments or other parts of a recording."""
    spans = [(part.start_seconds, part.end_seconds) for part in parts]
    return np.array(spans, dtype=np.float64).reshape(-1, 2)


class SpanIndex:
    """Spans by their time, to list those that may have time in common with another one.

    Parameters
    ----------
    spans : ndarray, shape (n, 2)
        In any order.
    """

    def __init__(self, spans: Spans) -> None:
        self._spans = spans
        self._order = np.argsort(spans[:, 0], kind="stable")
        self._starts = spans[self._order, 0]
        self._reached = np.maximum.accumulate(spans[self._order, 1])

    def __len__(self) -> int:
        return len(self._spans)

    def find(self, start: float, end: float) -> NDArray[np.intp]:
        """Indices, in order; no other span has time in common with this one."""
        first = int(np.searchsorted(self._reached, start, side="right"))
        stop = int(np.searchsorted(self._starts, end, side="left"))
        return np.sort(self._order[first:stop])

    def measure(self, start: float, end: float) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Indices as by `find`, and the seconds that each has in common with another span."""
        indices = self.find(start, end)
        starts, ends = self._spans[indices].T
        common = np.minimum(ends, end) - np.maximum(starts, start)
        return indices, np.maximum(common, 0.0)


class ActiveSpans:
    """Spans that contain a moment which only moves forward.

    Parameters
    ----------
    spans : ndarray, shape (n, 2)
        In any order.
    """

    def __init__(self, spans: Spans) -> None:
        self._waiting = sorted(
            ((start, end, index) for index, (start, end) in enumerate(spans.tolist())), reverse=True
        )
        self._active: list[tuple[float, int]] = []  # a heap by their ends

    def advance(self, seconds: float) -> list[int]:
        """Indices of the spans that contain a moment, in order; their ends do not count."""
        while self._waiting and self._waiting[-1][0] <= seconds:
            _, end, index = self._waiting.pop()
            heappush(self._active, (end, index))
        while self._active and self._active[0][0] <= seconds:
            heappop(self._active)
        return sorted(index for _, index in self._active)


class NearestSpans:
    """Some of all spans, to find the one nearest to a moment that lies in none of them.

    Parameters
    ----------
    spans : ndarray, shape (n, 2)
    indices : sequence of int
        Of the spans that count.
    """

    def __init__(self, spans: Spans, indices: Sequence[int] | NDArray[np.intp]) -> None:
        chosen = [(int(index), *spans[index].tolist()) for index in indices]
        self.indices = frozenset(index for index, _, _ in chosen)
        self._starts = sorted((start, index) for index, start, _ in chosen)
        self._ends = sorted((end, -index) for index, _, end in chosen)

    def find(self, seconds: float, turns: Iterable[tuple[float, float]] = ((-inf, inf),)) -> int:
        """Index of the span nearest to a moment; -1 without one.

        Parameters
        ----------
        seconds : float
        turns : iterable of (float, float)
            Turns that contain the moment. Only spans count that have time in common with one.
        """
        spans = list(turns)
        earliest = min((start for start, _ in spans), default=inf)
        latest = max((end for _, end in spans), default=-inf)
        candidates: list[tuple[float, int]] = []
        before = bisect_right(self._ends, (seconds, inf)) - 1
        if before >= 0 and self._ends[before][0] > earliest:
            end, index = self._ends[before]
            candidates.append((seconds - end, -index))
        after = bisect_right(self._starts, (seconds, inf))
        if after < len(self._starts) and self._starts[after][0] < latest:
            start, index = self._starts[after]
            candidates.append((start - seconds, index))
        return min(candidates)[1] if candidates else -1
