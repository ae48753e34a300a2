"""Turn checkpoints of pytorch/examples into style files (`rtstyle import`)."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import Tensor

from rtstyle.networks import JohnsonNet
from rtstyle.untrusted.names import style_name
from rtstyle_export.errors import ExportError
from rtstyle_export.style_writer import check_target, make_style, write_style
from rtstyle_streams.errors import HEAD_BYTES, accident

FIRST: Final = "conv1.conv2d.weight"
"""Name of the first tensor of a transform net of pytorch/examples."""
MOST_TABLES: Final = 3
"""How deep in a checkpoint a network may lie."""


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
        "name": style_name(style_path.stem),
        "title": title or checkpoint.stem.replace("_", " "),
        "kind": "image",
        "network": {"kind": "johnson", "width": network.width},
        "origin": f"imported from {checkpoint.name}",
    }
    write_style(style_path, make_style(network, card), overwrite=overwrite)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read tensors by name; nothing in the file is executed.

    A ``.pth`` is read by torch's weights-only reader, which knows tensors and plain
    containers and rejects every other instruction. What training programs lay around a
    network is taken off: tables such as ``{"state_dict": …}``, and prefixes of names.

    Raises:
        ExportError: it is missing, broken, or holds no tensors.
    """
    _refuse_accidents(path)
    try:
        if path.suffix == ".safetensors":
            found: object = load_file(path)
        else:
            _refuse_bombs(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about how old the file is
                found = torch.load(path, map_location="cpu", weights_only=True)
    except ExportError:
        raise
    except pickle.UnpicklingError as error:
        raise ExportError(
            f"{path}: expected tensors alone, got a file that wants code to be run; "
            "save its state_dict() instead"
        ) from error
    except Exception as error:  # broken files make the readers raise all sorts
        text = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise ExportError(
            f"{path}: expected a checkpoint, got a file that cannot be read ({text})"
        ) from error
    tensors = without_prefix(_state_dict(found, path))
    _check_tensors(tensors, path)
    return tensors


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take off what wrappers put before each name: ``module.``, ``_orig_mod.``.

    Where the first convolution of the network is found, its prefix is the one; what
    stands beside it, of an optimiser or a loss network, is left out.
    """
    for name in tensors:
        if name.endswith(FIRST) and name.removesuffix(FIRST)[-1:] in ("", "."):
            prefix = name.removesuffix(FIRST)
            return {
                key.removeprefix(prefix): value
                for key, value in tensors.items()
                if key.startswith(prefix)
            }
    return dict(tensors)


def _state_dict(found: object, path: Path, depth: int = 0) -> dict[str, Tensor]:
    """Return the tensors by name, out of whatever tables they lie in."""
    if isinstance(found, dict) and depth <= MOST_TABLES:
        tensors = {str(k): v for k, v in found.items() if isinstance(v, Tensor)}
        if any(name.endswith(FIRST) for name in tensors):
            return tensors
        for value in found.values():
            if isinstance(value, dict):
                inner = _state_dict(value, path, depth + 1)
                if any(name.endswith(FIRST) for name in inner):
                    return inner
        if tensors or depth:
            return tensors
    if depth:
        return {}
    raise ExportError(
        f"{path}: expected a state dict of tensors, got {type(found).__name__}"
    )


def _refuse_accidents(path: Path) -> None:
    try:
        if not path.is_file():
            raise ExportError(f"{path}: expected a checkpoint, found no such file")
        with open(path, "rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise ExportError(f"{path}: cannot be read ({error.strerror})") from error
    found = accident(head)
    if found is not None and not head.startswith((b"PK", b"\x80")):
        raise ExportError(f"{path}: expected a checkpoint, got {found}")


def _refuse_bombs(path: Path) -> None:
    """Refuse a file that unpacks to far more than it is; torch packs nothing."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as file:
        unpacked = sum(entry.file_size for entry in file.infolist())
    if unpacked > 2 * path.stat().st_size + (1 << 20):
        raise ExportError(
            f"{path}: expected tensors as torch saves them, got {unpacked >> 20} MB "
            f"packed into {path.stat().st_size >> 10} kB"
        )


def _check_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are larger than their numbers, or are none of numbers."""
    for name, tensor in tensors.items():
        what = f"{path}: tensor {name[:60]}"
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise ExportError(f"{what}: expected a dense one, got {tensor.layout}")
        if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
            raise ExportError(
                f"{what}: expected its numbers in the file, got shape "
                f"{list(tensor.shape)} made of fewer"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise ExportError(f"{what}: expected finite numbers, got NaN or infinity")
