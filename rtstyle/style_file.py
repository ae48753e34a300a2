"""Style files: one ONNX graph from frame to stylized frame, with its card inside."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import StyleFileError

if TYPE_CHECKING:
    from onnx import ModelProto

CARD_KEY = "rtstyle.card"
"""Key of the card in the model's ``metadata_props``."""
CARD_VERSION = 1
"""Layout of the card that this version reads and writes."""
OPSETS = range(13, 24)
"""Opsets of the default domain that are accepted."""
DOMAINS = ("", "ai.onnx")
"""Operator domains that are accepted: no custom operators."""
LARGEST_FILE = 1 << 29
"""Bytes; far above any transform net."""
FRAME_INPUT, FRAME_OUTPUT = "frame", "stylized"
"""Names of the graph's picture in and out."""


@dataclass(frozen=True, slots=True)
class Style:
    """A style that can be run: a checked graph and what is known about it."""

    name: str
    """What `--style` was given, or the card's own name."""
    model: bytes
    """The serialised ONNX model, without external data."""
    card: dict[str, Any]
    """Name, title, kind, network, recipe, parity and quality figures."""
    path: Path | None = None
    """Where it was read; None when it was made here."""
    modulation: npt.NDArray[np.float32] | None = field(
        default=None, compare=False, repr=False
    )
    """What an encoder saw in a painting, shape ``(M,)``; None for other styles."""

    @property
    def title(self) -> str:
        """Return the title for people."""
        return str(self.card.get("title") or self.name)

    @property
    def kind(self) -> str:
        """Return ``image``, ``text`` or ``adain``."""
        return str(self.card["kind"])


def read_style(path: Path) -> Style:
    """Read a style file and check all of it before any runtime sees it.

    Raises:
        StyleFileError: it is missing, no ONNX, has no card or one of another version,
            claims other inputs, or refers to other files or operators.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise StyleFileError(
                f"{path}: expected a style file of at most {LARGEST_FILE >> 20} MB, "
                f"got {path.stat().st_size >> 20} MB"
            )
        data = path.read_bytes()
    except OSError as error:
        raise StyleFileError(
            f"{path}: style file cannot be read ({error.strerror})"
        ) from error
    card = read_card(data, where=str(path))
    return Style(name=str(card["name"]), model=data, card=card, path=path)


def read_card(data: bytes, *, where: str) -> dict[str, Any]:
    """Check a serialised style and return its card.

    Args:
        data: The file's bytes.
        where: Names the file in errors.

    Raises:
        StyleFileError: as in `read_style`.
    """
    model = _parse(data, where)
    text = {entry.key: entry.value for entry in model.metadata_props}.get(CARD_KEY)
    if text is None:
        raise StyleFileError(
            f"{where}: expected a card under {CARD_KEY!r} in the file's metadata, got "
            "none; make style files with rtstyle export or rtstyle import"
        )
    try:
        card = json.loads(text)
        version, inputs = card["version"], dict(card.get("inputs", {}))
        texts = (card["name"], card["kind"], card.get("title", ""))
        if not all(isinstance(text, str) for text in texts):
            raise ValueError("name, title and kind have to be texts")
    except (ValueError, KeyError, TypeError) as error:
        raise StyleFileError(f"{where}: the card cannot be read ({error})") from error
    if version != CARD_VERSION:
        raise StyleFileError(
            f"{where}: expected a card of version {CARD_VERSION}, got {version}; "
            "export it again with this version of rtstyle"
        )
    _check_graph(model, set(inputs), where)
    return {"title": card["name"], **card}


def with_card(data: bytes, card: dict[str, Any]) -> bytes:
    """Return the serialised model `data` with `card` in place of the one it has."""
    import onnx

    model = onnx.load_from_string(data)
    _drop_card(model)
    text = json.dumps(card, ensure_ascii=False, sort_keys=True)
    model.metadata_props.add(key=CARD_KEY, value=text)
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def graph_sha256(data: bytes) -> str:
    """Return the SHA-256 of the serialised model `data` without its card."""
    import onnx

    model = onnx.load_from_string(data)
    _drop_card(model)
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()


def _drop_card(model: "ModelProto") -> None:
    kept = [entry for entry in model.metadata_props if entry.key != CARD_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)


def _parse(data: bytes, where: str) -> "ModelProto":
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_from_string(data)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise StyleFileError(f"{where}: expected an ONNX file, got another") from error
    if not model.graph.node:
        raise StyleFileError(f"{where}: expected an ONNX file, got one without a graph")
    return model


def _check_graph(model: "ModelProto", inputs: set[str], where: str) -> None:
    """Refuse opsets, operators, files and inputs that a style may not have."""
    from onnx import TensorProto

    for opset in model.opset_import:
        if opset.domain not in DOMAINS:
            raise StyleFileError(
                f"{where}: expected standard operators, got some of {opset.domain!r}"
            )
        if opset.version not in OPSETS:
            raise StyleFileError(
                f"{where}: expected an opset from {OPSETS[0]} to {OPSETS[-1]}, "
                f"got {opset.version}"
            )
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise StyleFileError(
                f"{where}: expected all weights inside the file, "
                f"got {tensor.name!r} in another"
            )
    names = {value.name: value for value in model.graph.input}
    claimed = {FRAME_INPUT, *inputs}
    if set(names) != claimed:
        raise StyleFileError(
            f"{where}: expected the inputs that the card names "
            f"({', '.join(sorted(claimed))}), got {', '.join(sorted(names)) or 'none'}"
        )
    frame = names[FRAME_INPUT].type.tensor_type
    last = frame.shape.dim[-1].dim_value if frame.shape.dim else 0
    is_frame = frame.elem_type == TensorProto.UINT8 and len(frame.shape.dim) == 3
    kinds = {v.name: v.type.tensor_type.elem_type for v in model.graph.output}
    is_stylized = kinds.get(FRAME_OUTPUT) == TensorProto.UINT8
    if not is_frame or last != 3 or not is_stylized:
        raise StyleFileError(
            f"{where}: expected uint8 {FRAME_INPUT} [H, W, 3] in and "
            f"{FRAME_OUTPUT} out, got other inputs or outputs"
        )
