"""ONNX files of others: what a graph may hold, looked for wherever it can hide.

Tensors and nodes stand in attributes, in subgraphs, in functions and in places that
future versions of the format may add: the whole message is walked, field by field.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from rtstyle.errors import StyleFileError
from rtstyle_streams.errors import accident

if TYPE_CHECKING:
    from onnx import ModelProto

DOMAINS: Final = ("", "ai.onnx")
"""Operator domains that are accepted: no custom operators."""
ENDLESS: Final = frozenset(("Loop", "Scan", "SequenceMap"))
"""Operators that run a graph again and again: a file could run for ever."""
LARGEST_FILE: Final = 1 << 29
"""Bytes; far above any transform net."""


def parse_model(data: bytes, *, where: str) -> "ModelProto":
    """Return the model in a file's bytes; nothing outside of them is read.

    Raises:
        StyleFileError: it is no ONNX file; what it is instead is said.
    """
    import onnx
    from google.protobuf.message import DecodeError

    if found := accident(data):
        raise StyleFileError(f"{where}: expected an ONNX file, got {found}")
    try:
        model = onnx.load_from_string(data)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise StyleFileError(f"{where}: expected an ONNX file, got another") from error
    if not model.graph.node:
        raise StyleFileError(f"{where}: expected an ONNX file, got one without a graph")
    return model


def check_graph(model: "ModelProto", *, where: str) -> None:
    """Refuse what would read other files, run foreign code, or run for ever.

    Args:
        model: As parsed; no runtime may have seen it.
        where: Names the file in errors.

    Raises:
        StyleFileError: weights in other files, operators of other domains, functions,
            loops, or sparse tensors, anywhere in the file.
    """
    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            raise StyleFileError(
                f"{where}: expected standard operators, got some of {opset.domain!r}"
            )
    for message in messages(model):
        if fault := _fault(message):
            raise StyleFileError(f"{where}: {fault}")


def messages(message: Any) -> Iterator[Any]:
    """Yield a protobuf message and all messages inside it, however deep."""
    waiting = [message]
    while waiting:
        current = waiting.pop()
        yield current
        for field, value in current.ListFields():
            if field.type != field.TYPE_MESSAGE:
                continue
            waiting.extend([value] if hasattr(value, "ListFields") else value)


def _fault(message: Any) -> str:
    """Return what is wrong with one message itself; empty when nothing is."""
    from onnx import TensorProto

    kind = message.DESCRIPTOR.name
    if kind == "TensorProto":
        is_outside = message.data_location == TensorProto.EXTERNAL
        if is_outside or message.external_data:
            return (
                "expected all weights inside the file, "
                f"got {message.name[:60]!r} in another"
            )
    elif kind == "NodeProto":
        if message.domain not in DOMAINS:
            return f"expected standard operators, got some of {message.domain[:60]!r}"
        if message.op_type in ENDLESS:
            return f"expected a graph without loops, got the operator {message.op_type}"
    elif kind == "FunctionProto":
        return (
            "expected standard operators, got the function "
            f"{message.name[:60]!r} of the file's own"
        )
    elif kind == "SparseTensorProto":
        return "expected dense tensors, got a sparse one"
    return ""
