"""Export a torch network as a serialised ONNX graph that takes raw frames."""

import contextlib
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import nn

from rtstyle.networks import SwiftNet
from rtstyle.networks.transform_net import TransformNet
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT
from rtstyle_export.graphs.frame import frame_graph
from rtstyle_export.graphs.optimise import with_fast_ends

OPSET = 18
"""Opset of the default domain; every supported runtime reads it."""
SMALLEST, LARGEST = 16, 8192
"""Bounds of the height and width that the graph accepts, in pixels."""


def to_onnx(network: TransformNet) -> bytes:
    """Return `network` as an ONNX graph with dynamic height and width.

    Args:
        network: A transform net: RGB ``(1, 3, H, W)``, float, 0..1, to the same.

    Returns:
        A serialised model, ``frame`` uint8 ``[H, W, 3]`` to ``stylized`` of the same
        shape; no external data, no paths, no stack traces inside.
    """
    model = trace(
        frame_graph(network), example=(72, 88), names=(FRAME_INPUT, FRAME_OUTPUT)
    )
    if isinstance(network, SwiftNet):
        config = network.config
        model = with_fast_ends(model, multiple=config.multiple, padding=config.padding)
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def trace(
    module: nn.Module,
    *,
    example: tuple[int, int],
    names: tuple[str, str],
    sides: tuple[int, int] = (SMALLEST, LARGEST),
) -> onnx.ModelProto:
    """Return the cleaned graph of a module that takes a picture of any size.

    Args:
        module: Takes RGB, shape ``(H, W, 3)``, uint8.
        example: Height and width to trace it with, in pixels.
        names: Names of the graph's input and output.
        sides: Smallest and largest height and width, in pixels.
    """
    least, most = sides
    height = torch.export.Dim("H", min=least, max=most)
    width = torch.export.Dim("W", min=least, max=most)
    with _quiet():
        program = torch.onnx.export(
            module,
            (torch.zeros((*example, 3), dtype=torch.uint8),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[names[0]],
            output_names=[names[1]],
            dynamic_shapes=({0: height, 1: width},),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    clean(model)
    return model


def clean(model: onnx.ModelProto) -> None:
    """Remove traces of the machine and name the dynamic dimensions H and W."""
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "rtstyle", ""
    model.doc_string = ""
    graph = model.graph
    graph.name, graph.doc_string = "rtstyle", ""
    del graph.value_info[:]
    del graph.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]
    for value in (*graph.input, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if len(dims) == 3:
            dims[0].dim_param, dims[1].dim_param = "H", "W"
            dims[2].dim_value = 3


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's progress and deprecation messages."""
    names = ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")
    levels = {name: logging.getLogger(name).level for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
