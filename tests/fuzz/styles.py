"""Malformed style files: read, tried, and if all is well run on a frame."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import onnx
from onnx import AttributeProto, ModelProto, TensorProto

from rtstyle.errors import RtstyleError
from rtstyle.runtime import open_session
from rtstyle.style_file import (
    CARD_KEY,
    FRAME_INPUT,
    FRAME_OUTPUT,
    bundled_folder,
    with_card,
)
from rtstyle.style_trial import read_to_run
from rtstyle.untrusted.names import is_style_name
from tests.fuzz.mutators import mutated
from tests.fuzz.runner import Outcome, Run, Seed
from tests.tiny_paintings import tinting_model
from tests.tiny_styles import CARD, negative_style

EXTREMES: Final = (-(2**63), -1, 0, 1, 2, 255, 2**31 - 1, 2**40, 2**63 - 1)
VALUES: Final[tuple[Any, ...]] = (
    *(None, True, -1, 0, 1e308, 2**70, "", "x" * 500, "a\x1b[2J\n", [], [[]], {}),
    *({"a": [1]}, "../../x", "--help", "\u202e", ["x"] * 50),
)
OPERATORS: Final = (
    *("Loop", "If", "Tile", "Expand", "Resize", "ConstantOfShape", "Range", "Pad"),
    *("Gather", "Reshape", "Transpose", "Squeeze", "Concat", "Conv", "Einsum", "Log"),
    *("OneHot", "NonZero", "StringNormalizer", "SequenceEmpty", "RandomNormal"),
)
SIDES: Final = (33, 47)
"""Height and width of the frame that is stylized in the end."""


class Styles:
    """Reads a style file as `--style FILE` does, and stylizes one frame."""

    def seeds(self) -> list[Seed]:
        """Return small graphs, a whole bundled style and its int8 twin."""
        small = {"negative.onnx": negative_style(), "tinting.onnx": tinting()}
        for name in ("starry_night.onnx", "starry_night.int8.onnx"):
            small[name.replace(".int8", "_int8")] = (
                bundled_folder() / name
            ).read_bytes()
        return [Seed(name, data) for name, data in small.items()]

    def mutated(self, seed: Seed, other: Seed, random: Random) -> bytes:
        """Change bytes, or the message: nodes, tensors, shapes, the card."""
        if random.random() < 0.3:
            return mutated(seed.data, random, other=other.data)
        model = onnx.load_from_string(seed.data)
        for _ in range(random.randint(1, 3)):
            random.choice(CHANGES)(model, random)
        data: bytes = model.SerializeToString()
        return data

    def run(self, path: Path, folder: Path) -> Run:
        """Read, try and run a style."""
        try:
            style = read_to_run(path)
            session = open_session(style.model, runtime="onnxruntime", device="cpu")
            frame = np.random.default_rng(0).integers(0, 256, (*SIDES, 3), np.uint8)
            made = session.run({FRAME_INPUT: frame})[FRAME_OUTPUT]
        except RtstyleError as error:
            assert "\n" not in str(error), "an error of several lines"
            return Run(Outcome.CLEAN_ERROR, str(error)[:200])
        assert is_style_name(style.name)
        lines, columns = made.shape[:2] if made.ndim == 3 else (0, 0)
        return Run(Outcome.SUCCESS, style.name, {"lines": lines, "columns": columns})

    def loss(self, path: Path, run: Run) -> str:
        """Return what is wrong with the size of the picture."""
        made = run.facts["lines"], run.facts["columns"]
        return "" if made == SIDES else f"expected {SIDES}, got {made}"


def tinting() -> bytes:
    return with_card(tinting_model(), CARD | {"name": "tinting"})


def _card(model: ModelProto, random: Random) -> None:
    """Change a value of the card, at any depth."""
    entries = {entry.key: entry for entry in model.metadata_props}
    if CARD_KEY not in entries:
        return
    try:
        table = card = json.loads(entries[CARD_KEY].value)
        while isinstance(table, dict) and table and random.random() < 0.4:
            inner = [value for value in table.values() if isinstance(value, dict)]
            if not inner:
                break
            table = random.choice(inner)
        key = random.choice([*table, "x", "inputs", "quality", "precision", "title"])
        table[key] = random.choice(VALUES)
        entries[CARD_KEY].value = json.dumps(card)
    except (ValueError, TypeError, IndexError):
        return


def _node(model: ModelProto, random: Random) -> None:
    """Drop, repeat, move or rename a node, or join its ends to others."""
    nodes = model.graph.node
    if not nodes:
        return
    node = random.choice(nodes)
    kind = random.randrange(6)
    if kind == 0:
        nodes.remove(node)
    elif kind == 1:
        nodes.append(node)
    elif kind == 2:
        node.op_type = random.choice(OPERATORS)
    elif kind == 3:
        node.domain = random.choice(("com.microsoft", "ai.onnx.ml", "x", "ai.onnx"))
    elif node.input and kind == 4:
        names = [name for other in nodes for name in (*other.input, *other.output)]
        node.input[random.randrange(len(node.input))] = random.choice([*names, "", "?"])
    elif node.output:
        node.output[random.randrange(len(node.output))] = random.choice(
            ["", FRAME_OUTPUT, FRAME_INPUT, "?"]
        )


def _attribute(model: ModelProto, random: Random) -> None:
    """Change a number, the type or the whole of an attribute."""
    found = [a for node in model.graph.node for a in node.attribute]
    if not found:
        return
    attribute: AttributeProto = random.choice(found)
    kind = random.randrange(5)
    if kind == 0 and attribute.ints:
        attribute.ints[random.randrange(len(attribute.ints))] = random.choice(EXTREMES)
    elif kind == 1:
        attribute.i = random.choice(EXTREMES)
    elif kind == 2:
        attribute.type = random.choice(list(AttributeProto.AttributeType.values()))
    elif kind == 3:
        attribute.s = random.randbytes(8)
    else:
        _spoil(attribute.t, random)


def _tensor(model: ModelProto, random: Random) -> None:
    """Spoil a weight."""
    if model.graph.initializer:
        _spoil(random.choice(model.graph.initializer), random)


def _spoil(tensor: TensorProto, random: Random) -> None:
    """Change a tensor's shape, type or numbers, or lay it into another file."""
    kind = random.randrange(6)
    if kind == 0 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(EXTREMES)
    elif kind == 1:
        tensor.data_type = random.randrange(0, 24)
    elif kind == 2:
        tensor.raw_data = tensor.raw_data[: len(tensor.raw_data) // 2]
    elif kind == 3:
        tensor.raw_data = random.randbytes(len(tensor.raw_data))
    elif kind == 4:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/dev/zero")
    else:
        del tensor.dims[:]


def _ends(model: ModelProto, random: Random) -> None:
    """Change what goes in or comes out."""
    values = [*model.graph.input, *model.graph.output]
    if not values:
        return
    value = random.choice(values)
    kind = random.randrange(5)
    dims = value.type.tensor_type.shape.dim
    if kind == 0 and dims:
        random.choice(dims).dim_value = random.choice(EXTREMES)
    elif kind == 1:
        value.type.tensor_type.elem_type = random.randrange(0, 24)
    elif kind == 2:
        value.name = random.choice(("", "x", FRAME_INPUT, FRAME_OUTPUT))
    elif kind == 3:
        model.graph.output.add(name=random.choice(("x", FRAME_OUTPUT)))
    else:
        del dims[random.randrange(len(dims) + 1) :]


def _opset(model: ModelProto, random: Random) -> None:
    if model.opset_import:
        random.choice(model.opset_import).version = random.choice((*EXTREMES, 13, 22))
    model.ir_version = random.choice((0, 3, 9, 10, 2**31))


def _branch(model: ModelProto, random: Random) -> None:
    """Put the whole graph into a branch or a loop."""
    whole = onnx.GraphProto()
    whole.CopyFrom(model.graph)
    node = model.graph.node.add(op_type=random.choice(("If", "Loop", "Scan")))
    attribute = node.attribute.add(name=random.choice(("then_branch", "body")))
    attribute.type = AttributeProto.GRAPH
    attribute.g.CopyFrom(whole)


CHANGES: Final[tuple[Callable[[ModelProto, Random], None], ...]] = (
    *(_card, _node, _attribute, _tensor, _ends, _opset, _branch),
    *(_card, _node, _attribute, _tensor),
)
