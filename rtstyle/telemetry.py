"""The one door to libraries that report their use to their makers unless told not to.

onnxruntime (1.31) writes a device id and a queue of events into the user's home as soon
as it is imported; OpenVINO (2026.4) a client id and a count of uses, and sends them.
"""

import os
import sys
from importlib import import_module
from typing import Any, Final

OFF: Final = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}
"""What libraries are told by the environment; processes that we start inherit it."""

SILENT: Final = 4
"""Severity of onnxruntime's log from which on it speaks: fatal errors alone."""


def forbid_telemetry() -> None:
    """Keep every library that is imported from now on from reporting anything."""
    os.environ.update(OFF)
    # OpenVINO has no switch that leaves no file; without this package it has a stub
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


def import_onnxruntime(part: str = "") -> Any:
    """Import onnxruntime with its telemetry off; the only place that imports it.

    It writes nothing to stderr: what went wrong is in its errors, which are caught.

    Args:
        part: A module of it, such as ``quantization``; empty is the package.
    """
    forbid_telemetry()
    package = import_module("onnxruntime")
    if hasattr(package, "disable_telemetry_events"):
        package.disable_telemetry_events()  # somebody else may have imported it first
    package.set_default_logger_severity(SILENT)
    return import_module(f"onnxruntime.{part}") if part else package


def import_openvino() -> Any:
    """Import OpenVINO with its telemetry off; the only place that imports it.

    Raises:
        ImportError: it is not installed.
    """
    forbid_telemetry()
    return import_module("openvino")
