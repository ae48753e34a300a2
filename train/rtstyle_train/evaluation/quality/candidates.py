"""What is measured: style files as they are shipped, and the networks of others."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from rtstyle.gallery.find import load_style
from rtstyle.networks import JohnsonNet
from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels
from rtstyle_train.errors import TrainError

CHECKPOINTS = (".safetensors", ".pth", ".pt", ".model")
"""Suffixes of the transform nets of pytorch/examples."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One network to be judged."""

    name: str
    """Shown in the table."""
    network: Callable[[Pixels], Pixels]
    """RGB ``(H, W, 3)`` uint8 in and out, without memory."""
    where: str
    """Runtime and device, such as ``onnxruntime cpu``."""
    close: Callable[[], None]
    """Lets go of the network."""
    path: Path | None = None
    """The style file; None for a peer's checkpoint."""
    card: Mapping[str, Any] = field(default_factory=dict)
    """The style file's card; empty for a peer's checkpoint."""

    @property
    def painting_file(self) -> str | None:
        """Return the file name of the painting it was trained on, where it is known."""
        rows = self.card.get("recipe", {}).get("styles", ())
        return str(rows[0]["file"]) if rows else None


def open_candidate(
    name_or_path: str, *, runtime: str = "auto", device: str = "auto"
) -> Candidate:
    """Open a style of the gallery, a style file, or a peer's checkpoint.

    Raises:
        StyleFileError: there is no such style.
        TrainError: the checkpoint is none of pytorch/examples' transform net.
    """
    path = Path(name_or_path)
    if path.suffix.lower() in CHECKPOINTS:
        network = _johnson(path)
        return Candidate(path.stem, network, "torch cpu", lambda: None)
    style = load_style(name_or_path)
    stylizer = Stylizer(
        style,
        controls=Controls(),
        runtime=runtime,
        device=device,
        precision=str(style.card.get("precision", "fp32")),  # this file, not its twin
    )
    session = stylizer.session
    return Candidate(
        name=path.stem if path.suffix == ".onnx" else name_or_path,
        network=lambda pixels: stylizer.network(pixels).stylized,
        where=f"{session.runtime} {session.device}",
        close=stylizer.close,
        path=style.path,
        card=style.card,
    )


def _johnson(path: Path) -> Callable[[Pixels], Pixels]:
    try:
        network = JohnsonNet.from_state_dict(_tensors(path))
    except ValueError as error:
        raise TrainError(f"{path}: {error}") from error

    @torch.inference_mode()
    def stylize(content: Pixels) -> Pixels:
        batch = to_batch(content)
        height, width = content.shape[:2]
        below, right = -height % network.multiple, -width % network.multiple
        stylized = network(F.pad(batch, (0, right, 0, below), mode="reflect"))
        return to_pixels(stylized[:, :, :height, :width])

    return stylize


def _tensors(path: Path) -> dict[str, Tensor]:
    """Read a state dict; nothing in the file is executed."""
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise TrainError(
            f"{path}: expected tensors alone, got a file that wants code to be run"
        ) from error
    except Exception as error:  # broken files make the readers raise all sorts
        text = " ".join(str(error).split())[:160]
        raise TrainError(f"{path}: expected a checkpoint, got {text}") from error
    if not isinstance(found, dict):
        raise TrainError(f"{path}: expected a state dict of tensors, got another")
    return dict(found)
