"""Choose and measure cases of networks, ways and sizes, in order, within a time."""

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rtstyle.metrics.psnr import psnr_db
from rtstyle.networks import SWIFT_SIZES, JohnsonNet, SwiftNet
from rtstyle_experiments.gpu_speed.adain import VggAdain
from rtstyle_experiments.gpu_speed.ceilings import Ceilings, work_of
from rtstyle_experiments.gpu_speed.cells import in_precision
from rtstyle_experiments.gpu_speed.clock import CpuRig, CudaRig, Rig, Step, Timing
from rtstyle_experiments.gpu_speed.graphs import bytes_graph

Way = Literal["fp16", "fp16 compiled", "fp32"]
"""Precision that the network runs in, and whether torch.compile fuses it."""
WAYS: dict[Way, float] = {"fp16 compiled": 0.0, "fp16": 0.6, "fp32": 1.5}
"""Ways with their place in the order: after how many sizes of the first way."""
NETWORKS = ("small", "johnson", "slim", "adain", "small-flat")
"""Likewise."""
NO_TIME = "no time left"
"""Reason for skipping a case if nothing went wrong."""
LEAST_SECONDS = 3.0
"""Estimated time of a case, unless the last one of its way took longer."""
FIRST_SIZE = (1080, 1920)
"""Height and width to measure first, in pixels; then the largest."""


@dataclass(frozen=True, slots=True)
class Case:
    """One network in one way at one size."""

    network: str
    """One of `NETWORKS`."""
    way: Way
    """How it runs."""
    height: int
    """Of the frame, in pixels."""
    width: int
    """Likewise."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A case that was not measured."""

    case: Case
    """Which."""
    why: str
    """One line."""


@dataclass(frozen=True, slots=True)
class Result:
    """Measurements of a case."""

    case: Case
    """Which."""
    timing: Timing
    """Milliseconds and frames per second."""
    gmac: float
    """Multiplications per frame, in 10^9."""
    arithmetic_share: float
    """Share of the matrix product's speed in the same precision, 0..1."""
    bandwidth_share: float
    """Share of the device copy's speed if every convolution's input and output moved
    once; may exceed 1 if the cache holds them."""
    psnr_db: float | None
    """PSNR of the bytes against the same network in fp32; None for fp32 itself."""
    largest_difference: int
    """Of 255: from fp32, or for fp32 from the network as defined in its paper."""
    prepared_seconds: float
    """Time for building, compiling and capturing."""

    def as_json(self) -> dict[str, Any]:
        """Return all figures in one flat mapping."""
        rest = asdict(self)
        flat = {**rest.pop("case"), **rest.pop("timing"), **rest}
        return {**flat, "copy_share": self.timing.copy_share}


def cases(
    networks: tuple[str, ...], ways: tuple[Way, ...], sizes: list[tuple[int, int]]
) -> list[Case]:
    """Return all cases, the most requested first.

    Args:
        networks: Names from `NETWORKS`.
        ways: Names from `WAYS`.
        sizes: Heights and widths in pixels.
    """
    near = sorted(sizes, key=lambda size: (size != FIRST_SIZE, -size[0] * size[1]))
    groups = [
        (rank + WAYS[way], way, size) for rank, size in enumerate(near) for way in ways
    ]
    groups.sort(key=lambda group: group[0])
    return [Case(name, way, *size) for _, way, size in groups for name in networks]


def first_network(name: str) -> nn.Module:
    """Return a network with initial weights from a fixed seed.

    Light nets have the head and padding of the bundled styles.
    """
    torch.manual_seed(1234)
    if name == "adain":
        return VggAdain().eval()
    if name == "johnson":
        network = JohnsonNet()
        # initial weights make a grey picture: rounding would hide every difference
        network.deconv3.conv2d.weight.data.mul_(100.0)
        network.deconv3.conv2d.bias = nn.Parameter(torch.full((3,), 127.0))
        return network.eval()
    config = replace(SWIFT_SIZES[name], head="subpixel", padding=32)
    return SwiftNet(config).eval()


def measured(
    pending: list[Case],
    *,
    photo: Callable[[int, int], Tensor],
    networks: dict[str, nn.Module],
    device: str,
    ceilings: Ceilings,
    ends_at: float,
    seconds_each: float = 0.6,
) -> Iterator[Result | Skipped]:
    """Measure one case after another; skip those for which no time is left.

    Args:
        pending: Cases in the order to measure them.
        photo: Returns a frame of a height and width: RGB bytes on the CPU.
        networks: By name, in fp32 on the CPU.
        device: ``cpu`` or ``cuda``.
        ceilings: Peak speeds of this device.
        ends_at: Deadline on `time.monotonic`.
        seconds_each: How long to time one case.
    """
    took: dict[Way, float] = dict.fromkeys(WAYS, LEAST_SECONDS)
    for case in pending:
        began = time.monotonic()
        if began + took[case.way] > ends_at:
            yield Skipped(case, NO_TIME)
            continue
        frame = photo(case.height, case.width)
        network = networks[case.network]
        try:
            yield _measure(case, network, frame, device, ceilings, seconds_each)
        except RuntimeError as error:  # from CUDA or the compiler; go on
            yield Skipped(case, " ".join(str(error).split())[:300])
        took[case.way] = max(LEAST_SECONDS, time.monotonic() - began)


@torch.no_grad()
def _measure(
    case: Case,
    network: nn.Module,
    frame: Tensor,
    device: str,
    ceilings: Ceilings,
    seconds: float,
) -> Result:
    began = time.perf_counter()
    is_half = case.way != "fp32"
    graph = bytes_graph(network)
    if device != "cpu":
        graph = graph.cuda()
    in_precision(graph, torch.float32)
    expected = _reference(network, graph, frame, device, is_half=is_half)
    if is_half:
        graph.dtype = torch.float16
        in_precision(graph, torch.float16)
    step: Step = graph
    if case.way == "fp16 compiled":
        torch._dynamo.reset()
        step = torch.compile(graph, fullgraph=True, dynamic=False)
    rig: Rig = CpuRig(step, frame) if device == "cpu" else CudaRig(step, frame)
    apart = rig.stylized().float() - expected.float()
    prepared = time.perf_counter() - began
    timing = rig.timing(seconds=seconds)
    work = work_of(network, height=case.height, width=case.width)
    peak = ceilings.fp16_tflops if is_half else ceilings.fp32_tflops
    moved = work.numbers * (2 if is_half else 4) / timing.device_ms_p50 / 1e6
    return Result(
        case=case,
        timing=timing,
        gmac=work.gmac,
        arithmetic_share=2 * work.gmac / timing.device_ms_p50 / peak,
        bandwidth_share=moved / ceilings.copy_gb_per_second,
        psnr_db=psnr_db(float(apart.double().square().mean())) if is_half else None,
        largest_difference=int(apart.abs().max()),
        prepared_seconds=prepared,
    )


def _reference(
    network: nn.Module, graph: nn.Module, frame: Tensor, device: str, *, is_half: bool
) -> Tensor:
    """Return fp32 bytes to compare with: of the graph, or of the network for fp32."""
    here = frame.to(device)
    torch.backends.cudnn.benchmark = False  # a search is not worth it for one run
    if is_half:
        stylized: Tensor = graph(here)
    else:
        stylized = as_drawn(copy.deepcopy(network).to(device), here)
    torch.backends.cudnn.benchmark = True
    return stylized.cpu()


def as_drawn(network: nn.Module, frame: Tensor) -> Tensor:
    """Return a network's output for bytes, computed as in its definition.

    Args:
        network: Takes and returns RGB ``(1, 3, H, W)``, 0..1.
        frame: RGB, ``(H, W, 3)``, uint8.
    """
    facts: Any = getattr(network, "config", network)
    m, p = int(facts.multiple), int(getattr(facts, "padding", 0))
    height, width = frame.shape[:2]
    pixels = frame.permute(2, 0, 1)[None].float() / 255.0
    edges = (p, -width % m + p, p, -height % m + p)
    stylized = network(F.pad(pixels, edges, mode="replicate"))
    picture = stylized[0, :, p : p + height, p : p + width].permute(1, 2, 0)
    levels: Tensor = (picture * 255.0 + 0.5).clamp(0.0, 255.0)
    return levels.to(torch.uint8)
