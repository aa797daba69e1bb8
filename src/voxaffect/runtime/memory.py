"""Memory that arrays leave: kept for the next ones, where Dask would give it back to the system.

Dask starts its workers with ``MALLOC_TRIM_THRESHOLD_`` at 64 KiB. The C library of Linux then
asks the system for each array of more than 128 KiB, gives it back, and asks again for the next.
Each time its pages are faulted in again, which costs much of the processor time of features.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

VARIABLE: Final = "MALLOC_TRIM_THRESHOLD_"
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, in malloc.h
_KEPT_BYTES: Final = {_TRIM_THRESHOLD: 64 << 20, _MMAP_THRESHOLD: 32 << 20}
"""Largest values that the library itself comes to when nobody sets them."""
_DEFAULT_BYTES: Final = 128 << 10


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let a worker of Dask keep freed memory inside the block, and give it back afterwards.

    Elsewhere, and with another C library than glibc, nothing changes.
    """
    threshold = os.environ.get(VARIABLE, "")
    library = _open_library() if threshold.isdecimal() and _is_dask_worker() else None
    if library is None:
        yield
        return
    for option, size in _KEPT_BYTES.items():
        library.mallopt(option, size)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _DEFAULT_BYTES)
        library.mallopt(_TRIM_THRESHOLD, int(threshold))
        library.malloc_trim(0)


def _is_dask_worker() -> bool:
    worker = sys.modules.get("distributed.worker")
    return worker is not None and bool(worker.Worker._instances)


def _open_library() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
