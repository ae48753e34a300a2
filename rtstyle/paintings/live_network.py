"""The network for paintings with the modulation as an input, for pictures that change.

`PaintingNetwork.fold` writes a modulation into the weights, which needs a new session
for each change. Here the same graph reads it with every frame: the bytes that come out
are the same, and so is the time (39.0 against 39.6 ms for 640x360 on two cores).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper

from rtstyle.paintings.cache import Modulation
from rtstyle.paintings.network import PaintingNetwork, Slot, mixed
from rtstyle.style_file import Style, with_card

MODULATION_INPUT: Final = "modulation"
"""Name of the graph's second input: float32, shape ``(M,)``."""


def live_style(
    network: PaintingNetwork, modulation: Modulation, card: Mapping[str, Any]
) -> Style:
    """Return the transform net that reads its modulation with every frame.

    Args:
        network: The pair of transform net and encoder.
        modulation: Of the painting, shape ``(M,)``; it goes beside the graph, not in.
        card: Its ``name``, ``title`` and whatever else differs from the base's.
    """
    kept = {k: v for k, v in network.base.card.items() if k != "modulation"}
    whole = kept | dict(card) | {"inputs": {MODULATION_INPUT: [network.neutral.size]}}
    model = live_model(network.base.model, network.slots, network.neutral.size)
    return Style(whole["name"], with_card(model, whole), whole, modulation=modulation)


def reads_modulation(style: Style) -> bool:
    """Tell whether the graph of `style` has the modulation as an input."""
    return MODULATION_INPUT in style.card.get("inputs", {})


@lru_cache(maxsize=2)
def live_model(base: bytes, slots: tuple[Slot, ...], size: int) -> bytes:
    """Return the graph `base` with slices of one input in place of initializers.

    Args:
        base: A serialised ONNX model.
        slots: Initializers that become slices ``[offset, offset + count)``.
        size: Numbers of the input.
    """
    model = onnx.load_from_string(base)
    shapes = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    names = {slot.name for slot in slots}
    kept = [t for t in model.graph.initializer if t.name not in names]
    nodes: list[onnx.NodeProto] = []
    for place, slot in enumerate(slots):
        fresh, constants = _slice(slot, shapes[slot.name], f"modulation.{place}")
        nodes += fresh
        kept += constants
    nodes += model.graph.node
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(kept)
    model.graph.node.extend(nodes)
    model.graph.input.append(
        helper.make_tensor_value_info(MODULATION_INPUT, TensorProto.FLOAT, [size])
    )
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def _slice(
    slot: Slot, shape: list[int], name: str
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return the nodes that cut a slot out of the modulation, and their constants."""
    numbers = {"begin": [slot.offset], "end": [slot.offset + slot.count]}
    if len(shape) != 1:
        numbers["shape"] = shape
    constants = [
        helper.make_tensor(f"{name}.{key}", TensorProto.INT64, [len(values)], values)
        for key, values in numbers.items()
    ]
    flat = slot.name if len(shape) == 1 else f"{name}.flat"
    inputs = [MODULATION_INPUT, f"{name}.begin", f"{name}.end"]
    nodes = [helper.make_node("Slice", inputs, [flat])]
    if len(shape) != 1:
        nodes.append(helper.make_node("Reshape", [flat, f"{name}.shape"], [slot.name]))
    return nodes, constants


class ModulationInput:
    """What a painting's graph is given beside the frame; changes between two frames.

    Args:
        painting: Modulation of the painting, or the mixture of several.
        start: Modulation at style strength 0, same shape.
    """

    def __init__(self, painting: Modulation, start: Modulation) -> None:
        self._start = start
        self._state: tuple[Modulation, float, Modulation] = (painting, 1.0, painting)

    def go_on(self, painting: Modulation) -> None:
        """Take another painting from the next frame on."""
        self._state = (painting, 1.0, painting)

    def at(self, strength: float) -> dict[str, Modulation]:
        """Return the graph's input at a style strength of 0 to 1.5."""
        painting, last, modulation = self._state
        if strength != last:
            modulation = painting
            if strength != 1.0:
                shares = [(self._start, 1.0 - strength), (painting, strength)]
                modulation = mixed(shares)
            self._state = (painting, strength, modulation)
        return {MODULATION_INPUT: np.ascontiguousarray(modulation, np.float32)}
