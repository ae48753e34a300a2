"""TensorRT's surroundings, against a fake that honours its contract; no GPU here."""

import re
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from rtstyle.errors import MissingExtraError, RuntimeUnavailableError, UsageError
from rtstyle.networks import JohnsonNet, SwiftConfig, SwiftNet
from rtstyle.runtime import Arrays, Session, open_session
from rtstyle.runtime.cuda.memory import Cuda
from rtstyle.runtime.graphs.float_ends import with_float_ends
from rtstyle.runtime.onnxruntime import one_node_model
from rtstyle.runtime.switching import SwitchingSession
from rtstyle.runtime.tensorrt import build as tensorrt_build
from rtstyle.runtime.tensorrt import session as tensorrt
from rtstyle.runtime.tensorrt.build import build_engine, describe_gpu
from rtstyle.runtime.tensorrt.engine_cache import Profile, engine_folder
from rtstyle.runtime.tensorrt.session import TensorRtSession
from rtstyle.style_file import Style
from rtstyle.telemetry import import_onnxruntime
from rtstyle_export.parity import parity_frame as frame_of
from rtstyle_export.to_fp16 import fp16_graph
from rtstyle_export.to_onnx import to_onnx
from rtstyle_export.to_tensorrt import export_engine
from tests.rtstyle.fake_tensorrt import FakeCudaLibrary, FakeTrt
from tests.tiny_styles import negative_model

ROOT = Path(__file__).parents[2]
SMALL = Profile((16, 16), (64, 64), (128, 128))


@pytest.fixture(scope="module")
def model() -> bytes:
    torch.manual_seed(6)
    config = SwiftConfig(channels=16, blocks=1, deep_channels=16, head="resize")
    return to_onnx(SwiftNet(config).eval())


@pytest.fixture(autouse=True)
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_build, "describe_gpu", lambda device: ("GPU", "1"))


def session_of(
    model: bytes, trt: FakeTrt, library: FakeCudaLibrary | None = None
) -> TensorRtSession:
    cuda = Cuda(device=1, library=library or FakeCudaLibrary())
    return TensorRtSession(
        model,
        device="cuda:1",
        profile=SMALL,
        trt=trt,  # type: ignore[arg-type]  # a fake of what is used of it
        cuda=cuda,
    )


def by_onnxruntime(model: bytes, frame: np.ndarray) -> np.ndarray:
    session = open_session(model, runtime="onnxruntime", device="cpu")
    return session.run({"frame": frame})["stylized"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(16, 16), (41, 55), (72, 104)])
def test_the_rewritten_graph_gives_the_same_bytes(
    model: bytes, size: tuple[int, int]
) -> None:
    frame = frame_of(*size)
    wanted = by_onnxruntime(model, frame)
    got = by_onnxruntime(with_float_ends(model), frame)
    assert (got == wanted).all() and wanted.std() > 5.0


@pytest.mark.slow
def test_a_johnson_graph_is_rewritten_too() -> None:
    torch.manual_seed(1)
    model, frame = to_onnx(JohnsonNet(width=4).eval()), frame_of(40, 52)
    got = by_onnxruntime(with_float_ends(model), frame)
    assert (got == by_onnxruntime(model, frame)).all()


@pytest.mark.slow
def test_an_fp16_twin_keeps_its_conversions_inside(model: bytes) -> None:
    twin, frame = fp16_graph(model), frame_of(41, 55)
    got = by_onnxruntime(with_float_ends(twin), frame)
    assert (got == by_onnxruntime(twin, frame)).all() and got.std() > 5.0


@pytest.mark.slow
def test_bytes_stand_only_at_the_ends_of_the_rewritten_graph(model: bytes) -> None:
    graph = onnx.load_from_string(with_float_ends(model)).graph
    touching = [n for n in graph.node if {"frame", "stylized"} & {*n.input, *n.output}]
    assert [n.op_type for n in touching] == ["Cast", "Cast"]
    targets = [n.attribute[0].i for n in graph.node if n.op_type == "Cast"]
    assert targets.count(onnx.TensorProto.UINT8) == 1


@pytest.mark.slow
def test_a_frame_goes_up_once_and_comes_down_once(model: bytes) -> None:
    library, frames = FakeCudaLibrary(), [frame_of(40 + 8 * n, 64) for n in range(3)]
    session = session_of(model, FakeTrt(), library)
    for number, frame in enumerate(frames, start=1):
        before = frame.copy()
        got = session.run({"frame": frame})["stylized"]
        assert (got == by_onnxruntime(model, frame)).all()
        assert (frame == before).all()
        assert library.copies == {1: number, 2: number}
        assert library.num_waits == number
    assert library.used == {1} and session.device == "cuda:1"
    session.close()
    session.close()
    assert not library.held, "memory of the device was not freed"


@pytest.mark.slow
def test_a_frame_that_found_no_memory_leaves_room_for_the_next(model: bytes) -> None:
    library, frame = FakeCudaLibrary(), frame_of(40, 64)
    session = session_of(model, FakeTrt(), library)
    session.run({"frame": frame})
    library.is_full = True
    with pytest.raises(RuntimeUnavailableError, match="out of memory"):
        session.run({"frame": frame_of(80, 64)})
    library.is_full = False
    got = session.run({"frame": frame})["stylized"]
    assert (got == by_onnxruntime(model, frame)).all()


def test_an_engine_that_does_not_load_leaves_no_memory_behind(model: bytes) -> None:
    library, trt = FakeCudaLibrary(), FakeTrt()
    trt.is_out_of_memory = True
    with pytest.raises(RuntimeUnavailableError, match="could not be built"):
        session_of(model, trt, library)
    assert not library.held


@pytest.mark.slow
def test_threads_share_an_engine(model: bytes) -> None:
    session, frames = session_of(model, FakeTrt()), [frame_of(40, 48), frame_of(64, 56)]
    wanted = [session.run({"frame": frame})["stylized"] for frame in frames]
    faults: list[int] = []

    def work(index: int) -> None:
        for _ in range(6):
            got = session.run({"frame": frames[index]})["stylized"]
            if got.shape != wanted[index].shape or (got != wanted[index]).any():
                faults.append(index)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert not faults


@pytest.mark.slow
def test_an_engine_is_built_ahead_by_export_and_found_by_the_runtime(
    model: bytes,
) -> None:
    trt, told = FakeTrt(), list[tuple[str, int, int]]()
    path = export_engine(
        Style("s", model, {}),
        device="cuda:1",
        profile=SMALL,
        report=lambda *line: told.append(line),
        trt=trt,  # type: ignore[arg-type]
        cuda=Cuda(device=1, library=FakeCudaLibrary()),
    )
    assert path.is_file() and path.parent == engine_folder()
    assert told == [("tactics", n, 2) for n in (0, 1, 2, 2)]
    session_of(model, trt)
    assert trt.num_builds == 1


@pytest.mark.slow
def test_live_frames_are_painted_while_an_engine_is_built(
    model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt, may_build, frame = FakeTrt(), threading.Event(), frame_of(40, 48)
    build = trt.Builder

    def slow_builder(logger: object) -> object:
        assert may_build.wait(20.0)
        return build(logger)

    def on_gpu(model: bytes, **rest: object) -> Session:
        return open_session(model, runtime="onnxruntime", device="cpu")

    monkeypatch.setattr(trt, "Builder", slow_builder)
    monkeypatch.setattr(tensorrt, "import_tensorrt", lambda: trt)
    library = FakeCudaLibrary()
    monkeypatch.setattr("rtstyle.runtime.cuda.memory.load_library", lambda: library)
    monkeypatch.setattr("rtstyle.runtime.cuda.session.open_on_gpu", on_gpu)
    wanted = by_onnxruntime(model, frame)
    live = open_session(model, runtime="tensorrt", device="cuda:0", is_live=True)
    assert isinstance(live, SwitchingSession)
    assert (live.run({"frame": frame})["stylized"] == wanted).all()
    assert live.runtime == "onnxruntime"
    may_build.set()
    assert live.wait(30.0) and live.runtime == "tensorrt"
    assert (live.run({"frame": frame})["stylized"] == wanted).all()
    live.close()
    again = open_session(model, runtime="tensorrt", device="cuda:0", is_live=True)
    assert isinstance(again, TensorRtSession) and trt.num_builds == 1


@pytest.mark.slow
def test_fp16_keeps_the_statistics_in_fp32(model: bytes) -> None:
    trt = FakeTrt()
    plan = build_engine(trt, model, profile=SMALL, precision="fp16")  # type: ignore[arg-type]
    assert plan.startswith(b"fake plan")
    assert trt.last_config is not None and trt.last_network is not None
    assert trt.last_config.flags == {"fp16", "obey"}
    kinds = {(la.type, la.precision) for la in trt.last_network.layers}
    assert kinds == {("normalization", "float32"), ("other", None)}


@pytest.mark.slow
def test_failures_of_tensorrt_are_one_line_each(
    model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    trt = FakeTrt()
    trt.is_out_of_memory = True
    with pytest.raises(RuntimeUnavailableError, match="could not be built"):
        session_of(model, trt)
    monkeypatch.setattr(tensorrt_build, "with_float_ends", lambda data: data)
    with pytest.raises(RuntimeUnavailableError, match="refused .*uint8 needs a Cast"):
        session_of(model, FakeTrt())


@pytest.mark.slow
def test_a_plan_that_does_not_load_says_so(
    model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "rtstyle.runtime.tensorrt.session.cached_engine", lambda key, build: b"foreign"
    )
    with pytest.raises(RuntimeUnavailableError, match="does not load on cuda:1"):
        session_of(model, FakeTrt())


@pytest.mark.slow
def test_sizes_and_precisions_outside_the_engine_are_refused(model: bytes) -> None:
    session = session_of(model, FakeTrt())
    with pytest.raises(UsageError, match="from 16x16 to 128x128, got 200x64"):
        session.run({"frame": frame_of(64, 200)})
    with pytest.raises(UsageError, match="expected device cuda:N, got cpu"):
        TensorRtSession(model, device="cpu", trt=FakeTrt())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="expected fp32 or fp16"):
        TensorRtSession(model, precision="bf16", trt=FakeTrt())  # type: ignore[arg-type]


def test_a_full_device_is_an_error_of_ours() -> None:
    library = FakeCudaLibrary()
    cuda = Cuda(library=library)
    library.is_full = True
    with pytest.raises(
        RuntimeUnavailableError, match="cudaMalloc failed with status 2"
    ):
        cuda.device_buffer(100)


def test_without_tensorrt_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'rtstyle\[tensorrt\]'"):
        open_session(b"", runtime="tensorrt", device="cuda:0")


def test_the_gpu_is_described_by_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **rest: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "NVIDIA L4, 8.9, 580.65\n")

    monkeypatch.setattr(subprocess, "run", run)
    assert describe_gpu("cuda:3") == ("NVIDIA L4 8.9", "580.65")
    assert asked[0][-1] == "--id=3"


def test_without_a_gpu_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(command: list[str], **rest: object) -> None:
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(RuntimeUnavailableError, match="--device cpu --runtime onnx"):
        describe_gpu("cuda:0")


class Plain:
    """A session that answers with its name."""

    def __init__(self, runtime: str) -> None:
        self.runtime, self.device, self.is_closed = runtime, "cuda:0", False

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        assert not self.is_closed
        return {"who": np.array(self.runtime)}

    def close(self) -> None:
        self.is_closed = True


def test_a_graph_that_computes_on_bytes_is_left_alone() -> None:
    with pytest.raises(ValueError, match="expected bytes to be moved, got Sub"):
        with_float_ends(negative_model())
    with pytest.raises(ValueError, match="expected conversions from and to bytes"):
        with_float_ends(one_node_model())


def test_frames_go_on_while_an_engine_is_built_and_then_switch() -> None:
    first, better, ready = Plain("onnxruntime"), Plain("tensorrt"), threading.Event()

    def make() -> Plain:
        assert ready.wait(10.0)
        return better

    session = SwitchingSession(first, make)
    assert [str(session.run({})["who"]) for _ in range(3)] == ["onnxruntime"] * 3
    assert not session.wait(0.0)
    ready.set()
    assert session.wait(10.0)
    assert str(session.run({})["who"]) == session.runtime == "tensorrt"
    assert first.is_closed and not better.is_closed
    session.close()
    assert better.is_closed


def test_an_engine_that_fails_leaves_the_first_session(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def make() -> Plain:
        raise RuntimeUnavailableError("no engine")

    session = SwitchingSession(Plain("onnxruntime"), make)
    assert session.wait(10.0)
    assert str(session.run({})["who"]) == "onnxruntime"
    assert "no engine; going on with onnxruntime" in caplog.text


def test_an_engine_that_comes_after_the_end_is_closed() -> None:
    better, ready = Plain("tensorrt"), threading.Event()

    def make() -> Plain:
        assert ready.wait(10.0)
        return better

    session = SwitchingSession(Plain("onnxruntime"), make)
    session.close()
    ready.set()
    assert session.wait(10.0)
    assert better.is_closed


def test_the_extra_pins_the_tensorrt_that_onnxruntime_links() -> None:
    onnxruntime = import_onnxruntime()

    capi = Path(onnxruntime.__file__).parent / "capi"
    found = list(capi.glob("*onnxruntime_providers_tensorrt*"))
    if not found:
        pytest.skip("this onnxruntime was built without TensorRT")
    linked = re.search(rb"(?:libnvinfer\.so\.|nvinfer_)(\d+)", found[0].read_bytes())
    assert linked is not None
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pin = extras["optional-dependencies"]["tensorrt"][0]
    low, high = (int(n) for n in re.findall(r"[>=<]=?(\d+)", pin))
    assert low == int(linked[1]) and high == low + 1


@pytest.mark.gpu
def test_tensorrt_gives_the_picture_of_onnxruntime_on_a_gpu(model: bytes) -> None:
    pytest.importorskip("tensorrt")
    frame = frame_of(360, 640)
    session = TensorRtSession(model, profile=Profile((16, 16), (360, 640), (720, 1280)))
    got = session.run({"frame": frame})["stylized"].astype(int)
    assert np.abs(got - by_onnxruntime(model, frame)).max() <= 1
