"""``python -m voxaffect``, and the command ``voxaffect``."""

from __future__ import annotations

import os
import signal

_FEW_THREADS = 256
"""Limits under this are for machines that are shared; no feature is faster with more threads."""


def main() -> None:
    """Run the command line; a signal that comes before or after a command ends it at once.

    Nothing is unfinished then, and an exception in the middle of an import would be a traceback.
    """
    for name in ("SIGINT", "SIGTERM"):
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: os._exit(128 + number))
    _spare_threads()
    from voxaffect.cli import main as run_command

    run_command()


def _spare_threads() -> None:
    """Let OpenBLAS start no threads where the system allows few: it would end the program."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if 0 <= limit < _FEW_THREADS:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


if __name__ == "__main__":
    main()
