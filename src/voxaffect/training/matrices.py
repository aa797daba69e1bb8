"""Matrices that may be larger than memory: mapped files, read and written in chunks of rows."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CHUNK_BYTES = 1 << 25
_MEMORY_SHARE = 0.25
_UNKNOWN_MEMORY = 4 << 30


def get_memory_limit() -> int:
    """Bytes of the largest matrix that is held in memory: a quarter of the machine's."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        memory = _UNKNOWN_MEMORY
    return int(_MEMORY_SHARE * memory)


def is_mapped(matrix: NDArray[Any]) -> bool:
    """True of a matrix in a file."""
    return isinstance(matrix, np.memmap)


def make_matrix(rows: int, columns: int) -> NDArray[np.float32]:
    """Matrix without values, in memory if it fits there, or else in a file without a name."""
    if 4 * rows * columns <= get_memory_limit():
        return np.empty((rows, columns), np.float32)
    return _make_mapped(rows, columns)


def _make_mapped(rows: int, columns: int) -> NDArray[np.float32]:
    with TemporaryFile(prefix="voxaffect-") as stream:  # the map keeps the file, and removes it
        stream.truncate(max(4 * rows * columns, 1))
        shape = (rows, columns)
        mapped: NDArray[np.float32] = np.memmap(stream, np.float32, "r+", shape=shape)
        return mapped


def iter_chunks(matrix: NDArray[Any]) -> Iterator[slice]:
    """Slices of rows that fit into memory; a matrix in memory is one."""
    step = len(matrix)
    if is_mapped(matrix):
        step = max(1, _CHUNK_BYTES // max(matrix.strides[0], 1))
    return (slice(start, start + step) for start in range(0, len(matrix), max(step, 1)))


def take_rows(matrix: NDArray[np.float32], chosen: NDArray[Any]) -> NDArray[np.float32]:
    """Some rows, by their indices or by a mask; those of a mapped matrix in another file."""
    if not is_mapped(matrix):
        rows: NDArray[np.float32] = matrix[chosen]
        return rows
    indices = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    if len(indices) == len(matrix) and np.array_equal(indices, np.arange(len(matrix))):
        return matrix
    taken = _make_mapped(len(indices), matrix.shape[1])
    for part in iter_chunks(taken):
        taken[part] = matrix[indices[part]]
    return taken


def join_matrices(parts: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Rows of several matrices, one below the other."""
    if len(parts) == 1:
        return parts[0]
    joined = make_matrix(sum(map(len, parts)), parts[0].shape[1])
    start = 0
    for matrix in parts:
        for part in iter_chunks(matrix):
            rows = matrix[part]
            joined[start : start + len(rows)] = rows
            start += len(rows)
    return joined


def map_rows(
    function: Callable[[NDArray[np.float32]], NDArray[np.float32]], matrix: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Matrix of the same shape, from a function of rows."""
    if not is_mapped(matrix):
        return function(matrix)
    result = _make_mapped(*matrix.shape)
    for part in iter_chunks(matrix):
        result[part] = function(np.asarray(matrix[part]))
    return result


def are_finite(matrix: NDArray[np.float32]) -> bool:
    """True if no number is NaN or infinite."""
    return all(np.isfinite(matrix[part]).all() for part in iter_chunks(matrix))


def compute_moments(
    matrix: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of every column, in double precision."""
    if not is_mapped(matrix):
        return matrix.mean(axis=0, dtype=np.float64), matrix.std(axis=0, dtype=np.float64)
    total = np.zeros(matrix.shape[1])
    for part in iter_chunks(matrix):
        total += matrix[part].sum(axis=0, dtype=np.float64)
    mean = total / len(matrix)
    squares = np.zeros(matrix.shape[1])
    for part in iter_chunks(matrix):
        squares += ((matrix[part] - mean) ** 2).sum(axis=0)
    return mean, np.sqrt(squares / len(matrix))
