"""The first run of a style of others: on small frames, in little memory, not for long.

A graph of a hundred bytes can ask for a terabyte or compute for a year. It is run on
two small frames before it is given a large one, inside an arena that cannot grow, and
what it makes on the way is measured.
"""

import hashlib
import queue
import threading
from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from rtstyle.errors import StyleFileError
from rtstyle.style_file import Style, bundled_folder, read_style
from rtstyle.telemetry import import_onnxruntime

SIZES: Final = ((16, 16), (64, 48))
"""Height and width of the frames; by the growth between them large ones are judged."""
MOST_BYTES: Final = 1 << 29
"""Of all tensors of a run on a small frame; weights count."""
MOST_BYTES_PER_PIXEL: Final = 2048
"""By which one tensor may grow with each pixel of the frame: 512 float channels."""
MOST_SECONDS: Final = 10.0
"""For both frames; a style takes some milliseconds, on a busy machine a second."""
FULL: Final = (
    "Available memory of",
    "Failed to allocate",
    "verflow",
    "bad_alloc",
    "would require more than",
)
"""Texts of onnxruntime that say that there is not so much memory."""
Value = TypeVar("Value")


def check_by_trial(model: bytes, *, where: str) -> None:
    """Run a style's graph on small frames and refuse what is not a style's.

    Args:
        model: A serialised ONNX model that was checked by `check_graph`.
        where: Names the file in errors.

    Raises:
        StyleFileError: it does not run, gives something else than a frame of the same
            size, or wants memory or time far beyond what a frame needs.
    """
    fault = _trial(hashlib.sha256(model).digest(), _Bytes(model))
    if fault:
        raise StyleFileError(f"{where}: {fault}")


class _Bytes:
    """Bytes beside a key that stands for them: equal to all others."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _trial(digest: bytes, model: _Bytes) -> str:
    """Return what is wrong with a graph; once for each."""
    options = import_onnxruntime().RunOptions()

    def stop() -> None:
        options.terminate = True

    try:
        return in_time(
            lambda: _run_both(model.data, options), seconds=MOST_SECONDS, stop=stop
        )
    except TimeoutError:
        return (
            f"expected a style that runs on {SIZES[1][1]}x{SIZES[1][0]} pixels in "
            f"{MOST_SECONDS:.0f} s, got one that takes longer"
        )
    except Exception as error:  # onnxruntime's own classes, none of them public
        return _reason(error)


def _run_both(model: bytes, options: Any) -> str:
    """Run a graph on both frames; return what is wrong with what it made."""
    session, outputs = _session(model)
    largest = []
    for height, width in SIZES:
        frame = np.full((height, width, 3), 90, np.uint8)
        frame[::2, ::3] = 180
        made = session.run(None, {"frame": frame}, options)
        stylized = dict(zip(outputs, made, strict=True))["stylized"]
        if stylized.shape != frame.shape or stylized.dtype != np.uint8:
            return (
                f"expected uint8 of shape {_text(frame.shape)} for a frame of that "
                f"size, got {stylized.dtype} of shape {_text(stylized.shape)}"
            )
        largest.append(max(getattr(array, "nbytes", 0) for array in made))
    pixels = [height * width for height, width in SIZES]
    growth = (largest[1] - largest[0]) / (pixels[1] - pixels[0])
    if growth > MOST_BYTES_PER_PIXEL:
        return (
            f"expected at most {MOST_BYTES_PER_PIXEL} bytes of memory for a pixel of "
            f"the frame in one step, got {growth:.0f}"
        )
    return ""


def _session(model: bytes) -> tuple[Any, list[str]]:
    """Return a session that gives out every tensor it makes, with their names."""
    import onnx

    ort = import_onnxruntime()
    proto = onnx.load_from_string(model)
    known = {value.name for value in proto.graph.output}
    for node in proto.graph.node:
        for name in node.output:
            if name and name not in known:
                known.add(name)
                proto.graph.output.add(name=name)
    _limit_memory()
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    # what the graph computes of constants is computed in the run, which can be stopped
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.use_env_allocators", "1")
    session = ort.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session, [output.name for output in session.get_outputs()]


@cache
def _limit_memory() -> None:
    """Make the arena that trials share; one that is full is an error, not a swap."""
    ort = import_onnxruntime()
    where = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    limits = ort.OrtArenaCfg({"max_mem": MOST_BYTES, "arena_extend_strategy": 1})
    ort.create_and_register_allocator(where, limits)


def in_time(
    work: Callable[[], Value], *, seconds: float, stop: Callable[[], None]
) -> Value:
    """Return what `work` returns; Ctrl-C is heard meanwhile.

    Args:
        work: Done in a thread of its own.
        seconds: How long it may take.
        stop: Asks it to end; called when it takes longer or was interrupted.

    Raises:
        TimeoutError: it took longer.
    """
    box: queue.SimpleQueue[tuple[Value | None, BaseException | None]]
    box = queue.SimpleQueue()

    def run() -> None:
        try:
            box.put((work(), None))
        except BaseException as error:  # carried to the thread that waits
            box.put((None, error))

    threading.Thread(target=run, name="trial", daemon=True).start()
    try:
        value, error = box.get(timeout=seconds)
    except queue.Empty:
        stop()
        raise TimeoutError from None
    except BaseException:
        stop()
        raise
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # no error, so it is there


def _reason(error: Exception) -> str:
    """Return what onnxruntime says, in our words where the words are known."""
    text = " ".join(str(error).split())
    if any(mark in text for mark in FULL):
        return (
            f"expected a style that takes at most {MOST_BYTES >> 20} MB for a small "
            "frame, got one that wants more"
        )
    said = text.rpartition("Status Message: ")[2].rpartition("[ONNXRuntimeError] : ")[2]
    return f"expected a graph that onnxruntime runs, got: {said[:160]}"


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "no dimension"


def read_to_run(path: Path) -> Style:
    """Read a style file and try its graph, so that a large frame can be given to it.

    Bundled ones are not tried: they were when they were made.

    Raises:
        StyleFileError: As `read_style`, or the graph does not do what a style does.
    """
    style = read_style(path)
    if path.parent != bundled_folder():
        check_by_trial(style.model, where=str(path))
    return style
