"""Failures: the reason why a recording could not be used, in one line."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from voxaffect.errors import VoxaffectError
from voxaffect.files import describe_reason, escape_control
from voxaffect.records.results import FailureRecord
from voxaffect.records.values import Serializable

_LONGEST = 200

Result = TypeVar("Result")


class Reason(str):
    """Reason of a failure, with the type of its error."""

    error: str = "AudioError"


@dataclass(frozen=True)
class Failure(Serializable):
    """A recording that could not be used, and why.

    Parameters
    ----------
    path : Path
    reason : str
        One line that begins with the name of the recording.
    source : str
        Name of the recording, as results have it; the path by default.
    """

    _schema: ClassVar[type[FailureRecord]] = FailureRecord

    path: Path
    reason: str
    source: str = ""

    def __post_init__(self) -> None:
        if not self.source:
            object.__setattr__(self, "source", str(self.path))

    @property
    def error(self) -> str:
        """Type of the error, such as ``AudioError``."""
        return self.reason.error if isinstance(self.reason, Reason) else Reason.error

    @property
    def message(self) -> str:
        """The reason, as documents hold it."""
        return str(self.reason)


def describe_failure(error: Exception, name: str) -> Reason:
    """Describe in one line why one recording of many could not be used.

    Any exception is the failure of its recording alone: the others go on. An unexpected one is
    given with its type and the line that raised it, so that it can be reported.

    Parameters
    ----------
    error : Exception
    name : str
        What messages call the recording.

    Returns
    -------
    Reason
        One line.
    """
    reason = Reason(_explain(error, name))
    reason.error = type(error).__name__
    return reason


def catch_failure(function: Callable[..., Result], subject: str) -> Callable[..., Result | Reason]:
    """Function that returns the reason of a failure instead of raising it.

    Parameters
    ----------
    function : callable
    subject : str
        What messages call the recording.
    """

    def call(*arguments: Any, **options: Any) -> Result | Reason:
        try:
            return function(*arguments, **options)
        except Exception as error:
            return describe_failure(error, subject)

    return call


def _explain(error: Exception, name: str) -> str:
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
    """Line that raised an error, as in `` (spectrum.py, line 12)``; empty if nobody knows."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
