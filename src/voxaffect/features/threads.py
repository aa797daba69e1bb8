"""Linear algebra on one thread while features are computed.

The matrices of an utterance are so small that threads inside a product bring nothing, and cost
up to twenty times the whole where other work keeps the processors busy. Threads and processes
pay across recordings.
"""

from __future__ import annotations

from contextlib import ContextDecorator
from threading import Lock
from typing import Any

from voxaffect.runtime.forks import no_fork


class _OneThread(ContextDecorator):
    """Holds BLAS to one thread from the first that enters to the last that leaves.

    The setting is the process's, not the thread's: if each thread restored the setting that it
    met, the last would leave that of another. No other thread forks meanwhile, so that a child
    has its own lock free and the setting as it was.
    """

    def __init__(self) -> None:
        self._lock, self._inside = Lock(), 0
        self._blas: Any = None
        self._limit: Any = None

    def __enter__(self) -> None:
        no_fork.__enter__()
        with self._lock:
            if not self._inside:
                self._limit = self._take_over().limit(limits=1)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                blas = self._take_over()
                self._limit.restore_original_limits()
                _release(blas)
        no_fork.__exit__()

    def _take_over(self) -> Any:
        """Return the libraries that are loaded, for this thread to set."""
        if self._blas is None:  # a millisecond
            from threadpoolctl import ThreadpoolController

            self._blas = ThreadpoolController().select(user_api="blas")
        _release(self._blas)
        return self._blas


def _release(blas: Any) -> None:
    """Let any thread set OpenBLAS: since threadpoolctl 3.8 only the first that did so can."""
    for library in blas.lib_controllers:
        if hasattr(library, "clear_controlling_thread"):
            library.clear_controlling_thread(force=True)


one_thread = _OneThread()
