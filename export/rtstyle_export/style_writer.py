"""Combine graph and card and write the style file, whole or not at all."""

from pathlib import Path
from typing import Any

from rtstyle.networks.transform_net import TransformNet
from rtstyle.style_file import CARD_VERSION, read_card, with_card
from rtstyle.user_files import write_whole
from rtstyle_export.errors import ExportError
from rtstyle_export.parity import check_parity
from rtstyle_export.to_onnx import OPSET, SMALLEST, to_onnx


def make_style(network: TransformNet, card: dict[str, Any]) -> bytes:
    """Return a style file's bytes after comparing its graph with the network.

    Args:
        network: A transform net in evaluation mode, with one style.
        card: At least ``name``, ``title`` and ``kind``.

    Raises:
        ExportError: the graph does not match the network.
    """
    model = to_onnx(network)
    parity = check_parity(model, network)
    facts = {
        "version": CARD_VERSION,
        "opset": OPSET,
        "precision": "fp32",
        "inputs": {},
        "smallest_size": SMALLEST,
        "parity": parity.as_dict(),
        "num_parameters": sum(p.numel() for p in network.parameters()),
    }
    return with_card(model, card | facts)


def write_style(path: Path, data: bytes, *, overwrite: bool) -> None:
    """Write a style file under a temporary name and move it into place.

    Raises:
        ExportError: it exists and may not be replaced, or cannot be written.
    """
    check_target(path, overwrite=overwrite)
    read_card(data, where=str(path))
    write_file(path, data)


def write_file(path: Path, data: bytes) -> None:
    """Write a file under a temporary name and move it into place.

    Raises:
        ExportError: it cannot be written.
    """
    try:
        write_whole(path, data)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written ({error.strerror})") from error


def check_target(path: Path, *, overwrite: bool, suffix: str = ".onnx") -> None:
    """Raise `ExportError` unless a style file may be written at `path`."""
    if path.suffix != suffix:
        raise ExportError(f"{path}: expected a name that ends in {suffix}")
    if path.exists() and not overwrite:
        raise ExportError(f"{path}: exists already; use --overwrite to replace it")
    if not path.parent.is_dir():
        raise ExportError(f"{path.parent}: expected a folder, got none there")
