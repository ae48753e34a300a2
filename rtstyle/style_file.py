"""Style files: one ONNX graph from frame to stylized frame, with its card inside."""

import hashlib
import json
import stat
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rtstyle.errors import StyleFileError
from rtstyle.untrusted.card import VERSION, parse_card
from rtstyle.untrusted.graph import LARGEST_FILE, check_graph, parse_model

if TYPE_CHECKING:
    from onnx import ModelProto

CARD_KEY = "rtstyle.card"
"""Key of the card in the model's ``metadata_props``."""
CARD_VERSION = VERSION
"""Layout of the card that this version reads and writes."""
OPSETS = range(13, 24)
"""Opsets of the default domain that are accepted."""
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
        state = path.stat()
        if not stat.S_ISREG(state.st_mode):
            kind = "a folder" if stat.S_ISDIR(state.st_mode) else "a device or pipe"
            raise StyleFileError(f"{path}: expected a style file, got {kind}")
        if state.st_size > LARGEST_FILE:
            raise StyleFileError(
                f"{path}: expected a style file of at most {LARGEST_FILE >> 20} MB, "
                f"got {state.st_size >> 20} MB"
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
    model = parse_model(data, where=where)
    text = {entry.key: entry.value for entry in model.metadata_props}.get(CARD_KEY)
    if text is None:
        raise StyleFileError(
            f"{where}: expected a card under {CARD_KEY!r} in the file's metadata, got "
            "none; rtstyle import makes a style file of an ONNX file of others"
        )
    card = parse_card(text, where=where)
    _check_graph(model, set(card.get("inputs", {})), where)
    return card


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


def _check_graph(model: "ModelProto", inputs: set[str], where: str) -> None:
    """Refuse opsets, operators, files and inputs that a style may not have."""
    from onnx import TensorProto

    check_graph(model, where=where)
    for opset in model.opset_import:
        if opset.version not in OPSETS:
            raise StyleFileError(
                f"{where}: expected an opset from {OPSETS[0]} to {OPSETS[-1]}, "
                f"got {opset.version}"
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


def bundled_folder() -> Path:
    """Return the folder of the bundled style files."""
    return Path(str(resources.files("rtstyle") / "styles"))
