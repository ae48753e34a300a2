"""Turn checkpoints of pytorch/examples into style files (`rtstyle import`)."""

import pickle
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from rtstyle.networks import JohnsonNet
from rtstyle_export.errors import ExportError
from rtstyle_export.style_writer import check_target, make_style, write_style


def import_johnson(
    checkpoint: Path,
    style_path: Path,
    *,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write the style file of a transform net that pytorch/examples trained.

    Args:
        checkpoint: A state dict, ``.pth``, ``.pt``, ``.model`` or ``.safetensors``.
        style_path: Where the style file goes.
        title: Title on the card; None uses the checkpoint's name.
        overwrite: Whether `style_path` may exist.

    Raises:
        ExportError: the file holds something else, or requires running code.
    """
    check_target(style_path, overwrite=overwrite)
    try:
        network = JohnsonNet.from_state_dict(read_state_dict(checkpoint))
    except ValueError as error:
        raise ExportError(f"{checkpoint}: {error}") from error
    card = {
        "name": style_path.stem,
        "title": title or checkpoint.stem.replace("_", " "),
        "kind": "image",
        "network": {"kind": "johnson", "width": network.width},
        "origin": f"imported from {checkpoint.name}",
    }
    write_style(style_path, make_style(network, card), overwrite=overwrite)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name; nothing in the file is executed.

    A ``.pth`` is read by torch's weights-only reader, which knows tensors and plain
    containers and rejects every other instruction.

    Raises:
        ExportError: it is missing, broken, or holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state_dict = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ExportError(
            f"{path}: expected tensors alone, got a file that wants code to be run; "
            "save its state_dict() instead"
        ) from error
    except Exception as error:  # readers raise many types on broken files
        text = " ".join(str(error).split())[:160]
        raise ExportError(f"{path}: expected a checkpoint, got {text}") from error
    if not isinstance(state_dict, dict) or not all(
        isinstance(value, Tensor) for value in state_dict.values()
    ):
        raise ExportError(f"{path}: expected a state dict of tensors, got another")
    return dict(state_dict)
