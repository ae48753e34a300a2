"""The int8 twin of any painting's network, made in well under a second.

A style's twin takes its ranges from photographs, for minutes, when it is exported. A
painting comes at run time, so ranges are taken from a few small pictures that code
draws: on 40 paintings that no network had seen they serve as well as photographs.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import onnx
from onnx import TensorProto, helper

from rtstyle.errors import GraphError, StyleFileError
from rtstyle.metrics.psnr import psnr_db
from rtstyle.paintings.cache import PaintingCache
from rtstyle.quantised.bare import bare_graph
from rtstyle.quantised.byte_graph import byte_graph
from rtstyle.quantised.bytes_between import quantised_tensors, with_bytes_between
from rtstyle.quantised.equalise import (
    Change,
    Floats,
    Group,
    change_for,
    equalised,
    groups_of,
)
from rtstyle.quantised.integer_graph import integer_graph
from rtstyle.quantised.ranges import Range, best_range
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.style_file import (
    FRAME_INPUT,
    FRAME_OUTPUT,
    Style,
    graph_sha256,
    with_card,
)
from rtstyle_streams.frame import Pixels
from rtstyle_streams.sample.leaves import dead_leaves
from rtstyle_streams.sample.source import SampleSource

log = logging.getLogger(__name__)

LEAST_PSNR_DB = 36.0
"""Of the twin against fp32 on two drawn pictures; photographs come 1 to 2 dB lower."""
GOOD_PSNR_DB = 40.0
"""Below this the convolution whose output a painting amplifies most, that in front of
the first norm, computes in float: 1.5 dB more for a tenth more time."""
WIDTH, HEIGHT = 384, 256
"""Of the pictures that are drawn, in pixels."""
NUM_SCENES, NUM_LEAVES = 2, 3
"""Pictures that ranges are taken from: of the built-in scene, and dead leaves."""
SAMPLES = 1000
"""Numbers of each channel and picture that are looked at."""
METHOD = 1
"""Counts up when the same network would get other scales."""


def int8_style(style: Style) -> Style:
    """Return the int8 twin of a painting's style.

    Args:
        style: Of `load_painting` or `mix_paintings`, the modulation in its weights.

    Raises:
        StyleFileError: its network is no swift net of this version, or its twin differs
            too much from it.
    """
    model = onnx.load_from_string(style.model)
    key = f"{graph_sha256(style.model)} int8 {METHOD}"
    try:
        groups = groups_of(model)
        numbers = PaintingCache().get(key, lambda: _calibrated(model, groups).packed())
        found = Calibration.unpacked(numbers)
        data = _twin(model, groups, found)
    except GraphError as error:
        raise StyleFileError(
            f"{style.name}: expected a network for paintings that runs in int8, got "
            f"another ({error}); use --precision fp32"
        ) from error
    if found.psnr_db < LEAST_PSNR_DB:
        raise StyleFileError(
            f"{style.name}: int8 against fp32: expected a PSNR of at least "
            f"{LEAST_PSNR_DB:.0f} dB, got {found.psnr_db:.1f}; use --precision fp32"
        )
    card = style.card | {"precision": "int8"}
    return Style(style.name, with_card(data, card), card, modulation=style.modulation)


@lru_cache(maxsize=1)
def drawn_pictures() -> tuple[Pixels, ...]:
    """Return the pictures that ranges are taken from, then two for the gate."""
    with SampleSource(width=WIDTH, height=HEIGHT) as source:
        scenes = [source.render(float(second)) for second in range(NUM_SCENES + 1)]
    leaves = [
        dead_leaves(seed, width=WIDTH, height=HEIGHT) for seed in range(NUM_LEAVES + 1)
    ]
    return (*scenes[:-1], *leaves[:-1], scenes[-1], leaves[-1])


@dataclass(frozen=True, slots=True)
class Calibration:
    """What bytes stand for in one painting's network."""

    changes: tuple[Change, ...]
    """Of the channels of each group."""
    ranges: Floats
    """Lower and upper end of every tensor with a range of its own, in the order of the
    graph: shape ``(n, 2)``."""
    psnr_db: float
    """Of the twin against fp32."""
    is_first_in_float: bool = False
    """Whether the convolution in front of the first norm computes in float."""

    def packed(self) -> Floats:
        """Return all numbers in a row, each part behind its length."""
        sides: list[Sequence[float] | Floats] = []
        for change in self.changes:
            sides += [change.factor, change.shift]
        rows = [*sides, self.ranges.reshape(-1), [self.psnr_db, self.is_first_in_float]]
        return np.concatenate([[len(row), *row] for row in rows]).astype(np.float32)

    @classmethod
    def unpacked(cls, numbers: Floats) -> "Calibration":
        """Return what `packed` was called on."""
        rows: list[Floats] = []
        at = 0
        while at < numbers.size:
            behind = at + 1 + int(numbers[at])
            rows.append(numbers[at + 1 : behind])
            at = behind
        *sides, ranges, (psnr, is_first_in_float) = rows
        pairs = zip(sides[::2], sides[1::2], strict=True)
        changes = tuple(Change(factor, shift) for factor, shift in pairs)
        ends = ranges.reshape(-1, 2)
        return cls(changes, ends, float(psnr), bool(is_first_in_float))


def _calibrated(model: onnx.ModelProto, groups: Sequence[Group]) -> Calibration:
    """Look at what a network's tensors hold, and at what its twin paints."""
    pictures = drawn_pictures()
    samples = observed(model, pictures[:-2])
    changes = tuple(change_for(group, samples) for group in groups)
    for group, change in zip(groups, changes, strict=True):
        for name in group.tensors:
            shifted = samples[name] - change.shift[:, None]
            samples[name] = shifted / change.factor[:, None]
    integer = integer_graph(equalised(model, groups, changes))
    ranges: dict[str, Range] = {}
    for name, source in quantised_tensors(integer.model).items():
        if name in samples and source not in ranges:
            ranges[source] = best_range(samples[name])
    order = dict.fromkeys(quantised_tensors(integer.model).values())
    pairs = np.array([ranges[source] for source in order], np.float32)
    found = Calibration(changes, pairs, 0.0)
    for is_first_in_float in (False, True):
        found = replace(found, is_first_in_float=is_first_in_float)
        graphs = model.SerializeToString(), _twin(model, groups, found)
        found = replace(found, psnr_db=_psnr(*graphs, pictures[-2:]))
        if found.psnr_db >= GOOD_PSNR_DB:
            break
    log.debug("int8 twin of a painting: %.1f dB against fp32", found.psnr_db)
    return found


def _twin(model: onnx.ModelProto, groups: Sequence[Group], found: Calibration) -> bytes:
    """Return the graph in bytes, with the card of `model`."""
    integer = integer_graph(equalised(model, groups, found.changes))
    sources = quantised_tensors(integer.model)
    order = dict.fromkeys(sources.values())
    pairs = [(float(low), float(high)) for low, high in found.ranges]
    of_source = dict(zip(order, pairs, strict=True))
    ranges = {name: of_source[source] for name, source in sources.items()}
    in_float = _first_before_norm(integer.model) if found.is_first_in_float else []
    quantised = with_bytes_between(integer.model, ranges, in_float=in_float)
    data: bytes = byte_graph(quantised, integer, style=model).SerializeToString()
    return data


def _first_before_norm(model: onnx.ModelProto) -> list[str]:
    """Return what the first instance norm reads, if there is one."""
    norms = [n for n in model.graph.node if n.op_type == "InstanceNormalization"]
    return [norm.input[0] for norm in norms[:1]]


def observed(model: onnx.ModelProto, pictures: Sequence[Pixels]) -> dict[str, Floats]:
    """Return some of what each tensor of a style's graph holds, over all pictures.

    Args:
        model: A style graph of a swift net.
        pictures: RGB, shape ``(H, W, 3)``, uint8.

    Returns:
        By name, shape ``(C, K)``: K numbers of every channel.
    """
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    names = [node.output[0] for node in bare_graph(model).nodes[:-1]]
    del wide.graph.output[:]
    wide.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names
    )
    session = OrtSession(wide.SerializeToString(), device="cpu", threads=1)
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for picture in pictures:
        for name, values in session.run({FRAME_INPUT: picture}).items():
            channels = values[0].reshape(values.shape[1], -1)
            places = np.random.default_rng(0).integers(0, channels.shape[1], SAMPLES)
            found[name].append(channels[:, places])
    session.close()
    return {name: np.concatenate(parts, axis=1) for name, parts in found.items()}


def _psnr(fp32: bytes, int8: bytes, pictures: Sequence[Pixels]) -> float:
    """Return the PSNR of two graphs' pictures in dB."""
    painted = []
    for data in (fp32, int8):
        session = OrtSession(data, device="cpu", threads=1)
        results = [session.run({FRAME_INPUT: p})[FRAME_OUTPUT] for p in pictures]
        painted.append(np.stack(results).astype(np.float64))
        session.close()
    return psnr_db(float(np.mean((painted[0] - painted[1]) ** 2)))
