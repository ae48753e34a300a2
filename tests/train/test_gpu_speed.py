"""Measuring on a GPU: the networks in cells, the order of cases, the calls around."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.metrics.psnr import psnr_db
from rtstyle.networks import SWIFT_SIZES, JohnsonNet, SwiftNet
from rtstyle.networks.swift import Head
from rtstyle_experiments.gpu_speed import __main__ as command
from rtstyle_experiments.gpu_speed import clock
from rtstyle_experiments.gpu_speed.ceilings import Ceilings, work_of
from rtstyle_experiments.gpu_speed.cells import (
    CellNorm,
    from_cells,
    in_precision,
    relaid,
    to_cells,
)
from rtstyle_experiments.gpu_speed.clock import CudaRig
from rtstyle_experiments.gpu_speed.graphs import bytes_graph
from rtstyle_experiments.gpu_speed.job import (
    FIRST_SIZE,
    NETWORKS,
    WAYS,
    Case,
    Skipped,
    as_drawn,
    cases,
    first_network,
    measured,
)

UNIT = Ceilings(1.0, 1.0, 1.0, 1.0, 1.0)


@pytest.fixture
def frame() -> Tensor:
    """A frame that no network's multiple divides, with coarse colours."""
    torch.manual_seed(5)
    coarse = torch.rand(1, 3, 5, 7)
    fine = F.interpolate(coarse, size=(37, 51), mode="bicubic").clamp(0, 1)
    return (fine[0].permute(1, 2, 0) * 255).to(torch.uint8).contiguous()


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_cells_and_back_is_identity(c: int, f: int, h: int, w: int) -> None:
    x = torch.arange(c * f * h * f * w).reshape(1, c, h * f, w * f)
    assert torch.equal(from_cells(to_cells(x, f), f), x)


@pytest.mark.parametrize(
    ("stride", "cell_in", "cell_out", "upsample"),
    [
        (1, 1, 1, 1),
        (2, 4, 2, 1),
        (2, 2, 1, 1),
        (1, 4, 4, 1),
        (1, 1, 2, 2),
        (1, 2, 4, 2),
    ],
)
@pytest.mark.parametrize("width", [1, 3, 9])
def test_a_relaid_convolution_gives_the_same_numbers(
    stride: int, cell_in: int, cell_out: int, upsample: int, width: int
) -> None:
    torch.manual_seed(1)
    conv = nn.Conv2d(3, 5, width, stride, width // 2)
    x = torch.randn(1, 3, 16, 24)
    with torch.no_grad():
        big = F.interpolate(x, scale_factor=float(upsample)) if upsample > 1 else x
        other = relaid(conv, cell_in=cell_in, cell_out=cell_out, upsample=upsample)
        edge = [other.kernel_size[0] // 2] * 4
        cells = other(F.pad(to_cells(x, cell_in), edge))
    torch.testing.assert_close(
        from_cells(cells, cell_out), conv(big), atol=1e-5, rtol=1e-4
    )


def test_cells_that_cover_different_areas_are_refused() -> None:
    with pytest.raises(ValueError, match="cells: expected 4 x 1 = 1 x 2"):
        relaid(nn.Conv2d(3, 3, 3), cell_in=4, cell_out=2)


def test_a_norm_on_cells_is_instance_norm_with_statistics_in_fp32() -> None:
    torch.manual_seed(2)
    x = 40 * torch.randn(1, 6, 8, 12) + 300
    weight, bias = torch.randn(6), torch.randn(6)
    expected = F.instance_norm(x, weight=weight, bias=bias)
    norm = in_precision(CellNorm(weight, bias), torch.float16)
    cells = norm(to_cells(x, 2).half())
    assert cells.dtype == torch.float16
    assert norm.weight.dtype == torch.float32
    torch.testing.assert_close(
        from_cells(cells, 2).float(), expected, atol=2e-2, rtol=1e-2
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_in_cells_paints_what_the_network_as_drawn_paints(
    name: str, frame: Tensor
) -> None:
    network = first_network(name)
    with torch.no_grad():
        for parameter in network.parameters():  # norms that do something
            if parameter.dim() < 3:
                parameter.add_(0.2 * torch.randn_like(parameter))
        before = frame.clone()
        drawn = as_drawn(network, frame)
        graph = bytes_graph(network)
        cells = graph(frame)
        graph.dtype = torch.float16
        half = in_precision(graph, torch.float16)(frame)
        again = as_drawn(network, frame)
    assert float(drawn.float().std()) > 20, "a grey picture would prove nothing"
    assert cells.shape == frame.shape
    assert int((cells.int() - drawn.int()).abs().max()) <= 1
    assert psnr_db(float((half.float() - drawn.float()).square().mean())) > 45
    assert torch.equal(frame, before)
    assert torch.equal(again, drawn), "the network itself was changed"


@pytest.mark.parametrize("head", ["shuffle", "resize"])
def test_other_heads_and_no_padding_are_taken_too(frame: Tensor, head: Head) -> None:
    torch.manual_seed(3)
    network = SwiftNet(replace(SWIFT_SIZES["small"], head=head)).eval()
    with torch.no_grad():
        apart = bytes_graph(network)(frame).int() - as_drawn(network, frame).int()
    assert int(apart.abs().max()) <= 1


def test_a_foreign_network_is_refused() -> None:
    with pytest.raises(TypeError, match="expected one of ours, got Linear"):
        bytes_graph(nn.Linear(1, 1))


def test_johnson_asks_for_the_arithmetic_that_its_paper_draws() -> None:
    work = work_of(first_network("johnson"), height=360, width=640)
    assert work.gmac == pytest.approx(35.4, rel=0.02)


def test_what_the_aims_name_is_measured_first() -> None:
    sizes = [(720, 1280), (1080, 1920), (2160, 3840)]
    order = cases(("small", "johnson"), tuple(WAYS), sizes)
    assert order[0] == Case("small", "fp16 compiled", *FIRST_SIZE)
    assert order[1].network == "johnson"
    assert len(order) == len(set(order)) == 18
    assert order[-1].way == "fp32"


def test_no_case_is_begun_when_time_is_up() -> None:
    wanted = cases(("small",), ("fp32",), [(16, 16)])
    (result,) = measured(
        wanted,
        photo=lambda height, width: pytest.fail("a frame was asked for"),
        networks={},
        device="cpu",
        ceilings=UNIT,
        ends_at=time.monotonic(),
    )
    assert result == Skipped(wanted[0], "no time left")


def test_a_case_that_fails_leaves_the_others_their_turn() -> None:
    wanted = cases(("johnson", "small"), ("fp32",), [(16, 16)])
    johnson, small = JohnsonNet(), first_network("small")
    johnson.conv3.conv2d = nn.Conv2d(5, 7, 3)
    networks = {"small": small, "johnson": johnson}
    found = list(
        measured(
            wanted,
            photo=lambda height, width: torch.zeros(height, width, 3).byte(),
            networks=networks,
            device="cpu",
            ceilings=UNIT,
            ends_at=time.monotonic() + 60,
            seconds_each=0.01,
        )
    )
    assert [isinstance(result, Skipped) for result in found] == [True, False]


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """CUDA's calls without a GPU: everything is done at once, by the host's clock."""
    calls: list[str] = []

    class Event:
        def __init__(self, enable_timing: bool = False) -> None:
            self.at = 0.0

        def record(self) -> None:
            self.at = time.perf_counter()

        def synchronize(self) -> None:
            calls.append("waited")

        def elapsed_time(self, other: "Event") -> float:
            return (other.at - self.at) * 1e3

    class Stream:
        def wait_event(self, event: Event) -> None:
            assert event.at, "waited for what was never recorded"

        def synchronize(self) -> None:
            calls.append("stream")

    class Graph:
        def replay(self) -> None:
            calls.append("replay")

    @contextlib.contextmanager
    def graph(captured: Graph, *, stream: Stream) -> Iterator[None]:
        calls.append("capture")
        yield

    fake = SimpleNamespace(
        Event=Event,
        Stream=Stream,
        CUDAGraph=Graph,
        graph=graph,
        stream=lambda stream: contextlib.nullcontext(),
        synchronize=lambda: calls.append("all"),
    )
    monkeypatch.setattr(clock, "cuda", fake)
    monkeypatch.setattr(Tensor, "pin_memory", Tensor.clone)
    monkeypatch.setattr(Tensor, "cuda", Tensor.clone)
    return calls


def test_every_slot_has_its_graph_and_all_figures_are_taken(
    fake_cuda: list[str], frame: Tensor
) -> None:
    rig = CudaRig(lambda x: 255 - x, frame)
    assert fake_cuda.count("capture") == clock.SLOTS
    timing = rig.timing(seconds=0.05)
    assert torch.equal(rig.stylized(), 255 - frame)
    assert 0 < timing.device_ms_p50 <= timing.device_ms_p99
    assert min(timing.serial_fps, timing.overlapped_fps, timing.device_fps) > 0
    assert 0 < timing.copy_share < 1


def test_frames_that_mix_in_the_slots_are_noticed(
    fake_cuda: list[str], frame: Tensor
) -> None:
    made = iter(range(100))
    rig = CudaRig(lambda x: x + next(made), frame)
    with pytest.raises(RuntimeError, match="overlapped frames: expected"):
        rig.timing(seconds=0.01)


def test_the_command_prints_a_row_for_each_case_and_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--device", "cpu", "--sizes", "24x16", "--networks", "slim", "--json"]
    words += ["--ways", "fp16", "fp32", "--seconds-each", "0.01"]
    assert command.main(words) == 0
    out, err = capsys.readouterr()
    found: dict[str, Any] = json.loads(out)
    assert [row["way"] for row in found["results"]] == ["fp16", "fp32"]
    assert all(row["width"] == 24 for row in found["results"])
    assert found["results"][1]["psnr_db"] is None
    assert found["results"][1]["largest_difference"] <= 1
    assert err.count("slim") == 2


def test_wrong_sizes_photos_and_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--sizes: expected 1280x720"):
        command.main(["--device", "cpu", "--sizes", "big"])
    with pytest.raises(UsageError, match="expected a picture, got a directory"):
        command.main(["--device", "cpu", "--ways", "fp32", "--photo", str(tmp_path)])
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeUnavailableError, match="expected a CUDA GPU"):
            command.main([])


def test_a_photo_keeps_its_colours(tmp_path: Path) -> None:
    import cv2

    red = np.zeros((10, 20, 3), np.uint8)
    red[:, :, 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "red.png"), red)
    frame = command.photo_reader(tmp_path / "red.png")(8, 6)
    assert frame.shape == (8, 6, 3)
    assert frame[4, 3].tolist() == [255, 0, 0]
