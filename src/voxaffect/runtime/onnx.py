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


def open_session(content: bytes, **config: str) -> Any:
    """Session of a graph on one thread of the processor, silent, with entries of configuration."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # the graphs are tiny
    options.log_severity_level = 4
    for key, value in config.items():
        options.add_session_config_entry(f"session.{key}", value)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def run_part(session: Any, output: str, inputs: dict[str, Any]) -> Any:
    """Value of one output, computed without the parts of the graph that it does not need."""
    options = import_onnxruntime().RunOptions()
    options.only_execute_path_to_fetches = True
    return session.run([output], inputs, options)[0]


def import_quantization() -> Any:
    """Import the quantization of ONNX Runtime, which needs the package onnx."""
    import_onnxruntime()
    import onnxruntime.quantization

    return onnxruntime.quantization


def import_onnxruntime() -> Any:
    """Import ONNX Runtime with its telemetry switched off."""
    disable_telemetry()
    import onnxruntime

    return onnxruntime
