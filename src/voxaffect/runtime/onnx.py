"""ONNX Runtime without its telemetry: the one place that imports it.

Wheels of ONNX Runtime 1.29 and later collect usage events by default: importing the library
writes a device id and an event store to the user's cache folder, and later sends the events. The
environment variable ``ORT_DISABLE_TELEMETRY`` prevents this if it is set before the import.
``import voxaffect`` sets it, and processes that voxaffect starts inherit it. A value that the
user has set stays.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TELEMETRY_VARIABLE = "ORT_DISABLE_TELEMETRY"


def disable_telemetry() -> None:
    """Switch the telemetry of ONNX Runtime off, unless the user has decided about it.

    If the user imported onnxruntime before voxaffect, its telemetry runs already, and only
    collects no further events. Then set the variable before Python starts.
    """
    if TELEMETRY_VARIABLE in os.environ:
        return
    os.environ[TELEMETRY_VARIABLE] = "1"
    disable_events = getattr(sys.modules.get("onnxruntime"), "disable_telemetry_events", None)
    if disable_events is not None:
        disable_events()


def import_onnxruntime() -> Any:
    """Import ONNX Runtime with its telemetry switched off."""
    disable_telemetry()
    import onnxruntime

    return onnxruntime
