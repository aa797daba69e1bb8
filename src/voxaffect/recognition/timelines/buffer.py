"""Ring buffer over the last rows of an endless sequence."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class RingBuffer:
    """Last rows of a sequence that only grows, by their index in the whole sequence.

    Parameters
    ----------
    capacity : int
        Rows that stay available; older ones may be gone.
    shape : tuple of int
        Of a row.
    dtype : data type
    """

    def __init__(self, capacity: int, shape: tuple[int, ...] = (), dtype: Any = np.float32) -> None:
        self._capacity, self._first, self._count = capacity, 0, 0
        self._rows: NDArray[Any] = np.zeros((2 * capacity, *shape), dtype=dtype)

    @property
    def stop(self) -> int:
        """Index after the last row."""
        return self._first + self._count

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows at the end."""
        if self._count + len(rows) > len(self._rows):
            self._drop_old_rows(len(rows))
        self._rows[self._count : self._count + len(rows)] = rows
        self._count += len(rows)

    def _drop_old_rows(self, needed: int) -> None:
        kept = min(self._capacity, self._count)
        last = self._rows[self._count - kept : self._count].copy()
        if kept + needed > len(self._rows):
            size = max(kept + needed, 2 * self._capacity)
            self._rows = np.zeros((size, *self._rows.shape[1:]), dtype=self._rows.dtype)
        self._rows[:kept] = last
        self._first, self._count = self.stop - kept, kept

    def restart(self, index: int) -> None:
        """Drop everything; the next row has this index."""
        self._first, self._count = index, 0

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Copy of the rows between two indices, all still available."""
        if start < self._first:
            raise IndexError(f"row {start} is gone, the first available is {self._first}")
        rows: NDArray[Any] = self._rows[start - self._first : stop - self._first].copy()
        return rows
