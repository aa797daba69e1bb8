"""Why a recording could not be used, whatever was raised meanwhile, in one line."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path

from voxaffect.errors import VoxaffectError
from voxaffect.files import describe_reason, escape_control

_LONGEST = 200


@dataclass(frozen=True)
class Failure:
    """A recording that could not be used, and why.

    Parameters
    ----------
    path : Path
    reason : str
        One line that begins with the name of the recording.
    source : str
        Name of the recording, as results have it; the path by default.
    """

    path: Path
    reason: str
    source: str = ""

    def __post_init__(self) -> None:
        if not self.source:
            object.__setattr__(self, "source", str(self.path))


def failure_reason(error: Exception, name: str) -> str:
    """Reason why one recording of many could not be used.

    Any exception is the failure of its recording alone: the others go on. An unexpected one is
    given with its type and the line that raised it, so that it can be reported.

    Parameters
    ----------
    error : Exception
    name : str
        What messages call the recording.

    Returns
    -------
    str
        One line.
    """
    if isinstance(error, VoxaffectError):
        text = str(error)
        return text if text.startswith(name) else f"{name}: {text}"
    if isinstance(error, MemoryError):
        return f"{name}: memory ran out. Use fewer workers (--workers 1), or cut the recording."
    if isinstance(error, OSError):
        return f"{name}: cannot be used ({describe_reason(error)})."
    text = " ".join(str(error).split())
    detail = escape_control(text if len(text) <= _LONGEST else text[:_LONGEST] + "…")
    return (
        f"{name}: unexpected {type(error).__name__}{_origin(error)}: {detail or 'no message'}. "
        "This is a fault of voxaffect or of a library: please report it."
    )


def _origin(error: Exception) -> str:
    """Where an error was raised, as in `` (spectrum.py, line 12)``; empty if nobody knows."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
