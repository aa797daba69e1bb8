"""The interpreter that runs worker processes, and the options that it takes over."""

from __future__ import annotations

import sys
from pathlib import Path

_FLAGS = {
    "-I": "isolated",
    "-E": "ignore_environment",
    "-s": "no_user_site",
    "-S": "no_site",
    "-P": "safe_path",
    "-B": "dont_write_bytecode",
}
_NOT_FOR_WORKERS = ("importtime", "showrefcount")  # they print


def find_interpreter() -> str | None:
    """Path of the program that runs Python; None if an application has Python inside."""
    name = Path(sys.executable or "").stem.lower()
    is_frozen = getattr(sys, "frozen", False)
    return sys.executable if name.startswith(("python", "pypy")) and not is_frozen else None


def interpreter_options() -> list[str]:
    """Options that this interpreter was started with, for another one.

    Without them a worker process of an isolated parent (``python -I``) would obey
    ``PYTHONPATH``, and run a ``sitecustomize`` that its parent must not run.
    """
    options = [option for option, name in _FLAGS.items() if getattr(sys.flags, name, 0)]
    options += ["-" + "O" * sys.flags.optimize] if sys.flags.optimize else []
    options += ["-" + "b" * sys.flags.bytes_warning] if sys.flags.bytes_warning else []
    options += [f"-W{option}" for option in sys.warnoptions]
    for name, value in sys._xoptions.items():
        if name not in _NOT_FOR_WORKERS:
            options += ["-X", name if value is True else f"{name}={value}"]
    return options
