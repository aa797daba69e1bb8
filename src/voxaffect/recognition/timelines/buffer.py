"""The end of something endless."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Tail:
    """The last rows of a sequence that only grows, by their place in the whole.

    Parameters
    ----------
    kept : int
        Rows that stay at hand; older ones may be gone.
    shape : tuple of int
        Of a row.
    kind : type
        Of a number.
    """

    def __init__(self, kept: int, shape: tuple[int, ...] = (), kind: Any = np.float32) -> None:
        self._kept, self._first, self._count = kept, 0, 0
        self._rows: NDArray[Any] = np.zeros((2 * kept, *shape), dtype=kind)

    @property
    def stop(self) -> int:
        """Place after the last row."""
        return self._first + self._count

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows at the end."""
        if self._count + len(rows) > len(self._rows):
            self._make_room(len(rows))
        self._rows[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def _make_room(self, needed: int) -> None:
        kept = min(self._kept, self._count)
        last = self._rows[self._count - kept : self._count].copy()
        if kept + needed > len(self._rows):
            size = max(kept + needed, 2 * self._kept)
            self._rows = np.zeros((size, *self._rows.shape[1:]), dtype=self._rows.dtype)
        self._rows[:kept] = last
        self._first, self._count = self.stop - kept, kept

    def restart(self, place: int) -> None:
        """Drop everything; the next row is at ``place``."""
        self._first, self._count = place, 0

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Copy of the rows from one place to another, all still at hand."""
        if start < self._first:
            raise IndexError(f"row {start} is gone, the first at hand is {self._first}")
        found: NDArray[Any] = self._rows[start - self._first : stop - self._first].copy()
        return found
