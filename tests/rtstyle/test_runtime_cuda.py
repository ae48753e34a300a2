"""The way of a frame to a GPU and back, with memory of this machine in its place."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rtstyle.errors import RuntimeUnavailableError
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.cuda.session import CudaSession
from rtstyle.runtime.onnxruntime import OrtSession, cuda_fault
from rtstyle.telemetry import import_onnxruntime
from tests.rtstyle.fake_tensorrt import FakeCudaLibrary
from tests.tiny_styles import negative_model

FULL = "BFCArena: Failed to allocate memory for requested buffer"


def session_with(
    library: FakeCudaLibrary, open_part: Callable[[bytes], OrtSession] | None = None
) -> CudaSession:
    """Return a session whose device memory is this machine's."""
    model = negative_model()
    return CudaSession(
        model,
        device="cuda:0",
        session=OrtSession(model, device="cpu"),
        cuda=Cuda(library=library),
        open_part=open_part,
    )


def no_room(model: bytes) -> OrtSession:
    """Stand for a device on which not even a part finds memory."""
    raise RuntimeError(FULL)


def frame_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def test_a_frame_goes_through_bound_buffers_once_each_way() -> None:
    library = FakeCudaLibrary()
    session = session_with(library)
    for number, size in enumerate([(40, 72), (40, 72), (24, 16)], start=1):
        frame = frame_of(*size)
        before = frame.copy()
        assert (session.run({"frame": frame})["stylized"] == 255 - frame).all()
        assert (frame == before).all()
        assert library.copies == {1: number, 2: number}
    session.close()
    session.close()
    assert not library.held, "memory of the device was not freed"


def test_every_thread_works_on_the_device_that_was_asked_for() -> None:
    library, model, frame = FakeCudaLibrary(), negative_model(), frame_of(24, 40)
    cuda = Cuda(device=1, library=library)
    session = CudaSession(
        model, device="cuda:1", session=OrtSession(model, device="cpu"), cuda=cuda
    )
    worker = threading.Thread(target=session.run, args=({"frame": frame},))
    worker.start()
    worker.join(30.0)
    library.cudaSetDevice(0)  # somebody else's choice in this thread
    session.run({"frame": frame})
    session.close()
    assert library.used == {1}


def test_buffers_that_could_not_be_had_are_not_used_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = FakeCudaLibrary()
    session, frame = session_with(library), frame_of(40, 72)
    session.run({"frame": frame})

    def broken(*rest: object) -> int:
        return 999

    with monkeypatch.context() as patch:
        patch.setattr(library, "cudaMallocHost", broken)
        with pytest.raises(RuntimeUnavailableError, match="failed with status 999"):
            session.run({"frame": frame_of(24, 16)})
    assert (session.run({"frame": frame})["stylized"] == 255 - frame).all()


def test_results_stay_as_they_are_when_the_next_frame_comes() -> None:
    session = session_with(FakeCudaLibrary())
    frames = [frame_of(32, 48), frame_of(32, 48)[::-1].copy()]
    results = [session.run({"frame": frame})["stylized"] for frame in frames]
    assert all((r == 255 - f).all() for r, f in zip(results, frames, strict=True))


def test_a_full_gpu_hands_over_to_the_cpu_and_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)
    session = session_with(FakeCudaLibrary(), no_room)
    frame = frame_of(400, 720)

    def full(binding: Any, graph_id: int) -> None:
        raise RuntimeError(FULL)

    monkeypatch.setattr(session._ort, "run_bound", full)
    for _ in range(2):
        assert (session.run({"frame": frame})["stylized"] == 255 - frame).all()
    assert session.device == "cpu"
    assert caplog.text.count("its memory is full; going on with the CPU") == 1


def test_no_memory_for_buffers_counts_as_full_too() -> None:
    library = FakeCudaLibrary()
    session, frame = session_with(library, no_room), frame_of(40, 72)
    library.is_full = True
    assert (session.run({"frame": frame})["stylized"] == 255 - frame).all()
    assert session.device == "cpu"


def test_other_failures_of_the_gpu_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_with(FakeCudaLibrary())

    def broken(binding: Any, graph_id: int) -> None:
        raise RuntimeError("CUDA failure 700: illegal memory access")

    monkeypatch.setattr(session._ort, "run_bound", broken)
    with pytest.raises(RuntimeUnavailableError, match="cuda:0: CUDA failure 700"):
        session.run({"frame": frame_of(40, 72)})


def test_without_a_driver_no_library_of_cuda_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    onnxruntime = import_onnxruntime()

    def loaded() -> None:
        raise AssertionError("preload_dlls was called")

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"]
    )
    monkeypatch.setattr(onnxruntime, "preload_dlls", loaded, raising=False)
    monkeypatch.setattr("rtstyle.runtime.onnxruntime.has_nvidia_driver", lambda: False)
    assert cuda_fault() == "no NVIDIA driver is installed"


def test_a_graph_that_onnxruntime_refuses_is_one_line_of_ours() -> None:
    with pytest.raises(RuntimeUnavailableError, match="did not take the graph") as info:
        OrtSession(b"no graph at all", device="cpu")
    assert "\n" not in str(info.value)


def test_a_session_that_fell_back_to_the_cpu_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle.runtime.onnxruntime.require_cuda", lambda device: None)
    monkeypatch.setattr(
        "rtstyle.runtime.onnxruntime.providers_for",
        lambda device, **rest: ["CPUExecutionProvider"],
    )
    with pytest.raises(RuntimeUnavailableError, match="fell back to CPUExecution"):
        OrtSession(negative_model(), device="cuda:0")


@pytest.mark.gpu
def test_a_gpu_gives_the_picture_of_the_cpu() -> None:
    from rtstyle.runtime import open_session

    if fault := cuda_fault():
        pytest.skip(f"no GPU: {fault}")
    frame = frame_of(360, 640)
    session = open_session(negative_model(), runtime="onnxruntime", device="cuda:0")
    assert (session.run({"frame": frame})["stylized"] == 255 - frame).all()
