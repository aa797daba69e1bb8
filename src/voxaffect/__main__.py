"""``python -m voxaffect``, and the command ``voxaffect``."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Run the command line; a signal that comes before or after a command ends it at once.

    Nothing is unfinished then, and an exception in the middle of an import would be a traceback.
    """
    for name in ("SIGINT", "SIGTERM"):
        number = getattr(signal, name)
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _frame: os._exit(128 + number))
    from voxaffect.cli import main as run_command

    run_command()


if __name__ == "__main__":
    main()
