"""Check that each execution provider runs a node; if not, find what is missing."""

import contextlib
import ctypes
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rtstyle.doctor.check import Check
from rtstyle.telemetry import import_onnxruntime, import_openvino

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
DRIVER: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}
"""The library that comes with an NVIDIA driver, by `sys.platform`."""
HARMLESS: Final = frozenset(("AzureExecutionProvider",))
"""Providers that onnxruntime lists but that run no models on this machine."""


def fault_of(provider: str) -> str:
    """Run a node on one execution provider; return what went wrong, empty if nothing.

    onnxruntime lists providers that cannot be loaded and silently falls back to the
    CPU, so this asks the session which provider it really uses.
    """
    import numpy as np

    onnxruntime = import_onnxruntime()

    from rtstyle.runtime.onnxruntime import one_node_model

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        with quiet():
            session = onnxruntime.InferenceSession(
                one_node_model(), options, providers=[provider]
            )
        if provider not in session.get_providers():
            return "listed, but it could not be loaded"
        result = session.run(None, {"x": np.ones(1, np.float32)})[0]
    except Exception as error:  # onnxruntime's own classes are not public
        return " ".join(str(error).split())[:300]
    return "" if float(result[0]) == 2.0 else "a node gave a wrong result"


def cuda_state() -> Check:
    """Return whether CUDA runs a node; if not, what is missing: driver or libraries."""
    from rtstyle.runtime.onnxruntime import cuda_fault

    with quiet():
        driver, fault = driver_fault(), cuda_fault()
    if fault is None:
        return Check("cuda", "ok", "runs a node")
    if driver:
        return Check(
            "cuda",
            "note",
            f"not used: {driver}",
            "only with an NVIDIA GPU: install NVIDIA's driver, then pip install "
            "'rtstyle[cuda]'; without one the CPU is used",
        )
    missing = missing_library(library_fault(CUDA)) or missing_library(fault)
    state = f"a driver is there, but {missing or fault}"
    return Check("cuda", "fail", state, cuda_todo(fault))


def driver_fault() -> str:
    """Return why no NVIDIA driver can be used; empty when one can."""
    library = DRIVER.get(sys.platform)
    if library is None:
        return f"CUDA does not exist for {sys.platform}"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return f"no NVIDIA driver ({library} is missing)"
    if code := driver.cuInit(0):
        return f"the NVIDIA driver found no GPU (cuInit returned {code})"
    return ""


def library_fault(provider: str) -> str:
    """Return the system's error on loading a provider's library; "" if it loads.

    onnxruntime itself only writes this error to its log. Linux only.
    """
    onnxruntime = import_onnxruntime()

    folder = Path(onnxruntime.__file__).parent / "capi"
    name = provider.removesuffix("ExecutionProvider").lower()
    try:
        for part in ("shared", name):
            path = folder / f"libonnxruntime_providers_{part}.so"
            if not path.exists():
                return ""
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep onnxruntime from printing; the checks report what it says."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def missing_library(fault: str) -> str:
    """Return which library a provider could not load, from what onnxruntime says."""
    names = re.findall(r"(lib[\w.+-]+\.so[\w.]*|[\w-]+64_\w+\.dll)", fault)
    libraries = [name for name in names if "onnxruntime" not in name]
    return f"{libraries[0]} is missing" if libraries else ""


def cuda_todo(fault: str) -> str:
    """Return what to do about a CUDA provider that does not run."""
    if "built without CUDA" in fault:
        return (
            "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]'"
        )
    if "driver" in fault.lower() and "insufficient" in fault.lower():
        return "NVIDIA's driver is too old for this CUDA: install a newer one"
    return "pip install 'rtstyle[cuda]' (brings CUDA and cuDNN), or use --device cpu"


def other_states() -> list[tuple[str, str]]:
    """Return every other listed provider, with its fault or ""."""
    onnxruntime = import_onnxruntime()

    names = onnxruntime.get_available_providers()
    others = [name for name in names if name not in (CPU, CUDA, *HARMLESS)]
    return [(name.removesuffix("ExecutionProvider"), _fault(name)) for name in others]


def _fault(provider: str) -> str:
    """Return what is wrong with a provider; if a library is missing, which one."""
    fault = fault_of(provider)
    return (fault and missing_library(library_fault(provider))) or fault


def openvino_state() -> Check:
    """Return whether OpenVINO is installed and on which devices it runs a node."""
    try:
        openvino = import_openvino()
    except ImportError:
        return Check(
            "openvino",
            "note",
            "not installed",
            "faster on Intel CPUs: pip install 'rtstyle[openvino]'",
        )
    import numpy as np

    from rtstyle.runtime.onnxruntime import one_node_model

    core = openvino.Core()
    model = core.read_model(model=one_node_model(), weights=b"")
    states = []
    for device in core.available_devices:
        try:
            compiled = core.compile_model(model, device)
            result = compiled([np.ones(1, np.float32)])[compiled.output(0)]
            states.append(
                f"{device} runs a node" if result[0] == 2.0 else f"{device}: wrong"
            )
        except RuntimeError as error:
            states.append(f"{device}: {' '.join(str(error).split())[:120]}")
    works = any(text.endswith("runs a node") for text in states)
    return Check(
        "openvino", "ok" if works else "fail", "; ".join(states) or "no device"
    )
