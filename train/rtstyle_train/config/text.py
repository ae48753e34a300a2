"""Recipes of text styles: every knob of a training that a prompt guides."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rtstyle_train.config.reading import merged, settings_of
from rtstyle_train.errors import ConfigError

MODEL = "ViT-B-32-quickgelu"
"""The network of CLIPstyler and SpectralCLIP, with its own activation."""
SOURCE_TEXT = "a Photo"
"""What a content image is, in words."""
THRESHOLD = 0.7
"""Patches with a smaller distance are good enough and are left out."""


@dataclass(frozen=True, slots=True)
class TextConfig:
    """All that decides the result of a text-style training.

    The weights are ours, found with a small CLIP: CLIPstyler's 9000 / 500 / 150 are for
    one network per picture and for content losses that are not relative.
    """

    prompt: str
    """The style, in words."""
    source_text: str = SOURCE_TEXT
    """What the content images are, in words."""
    clip: str = MODEL
    """Name of an open_clip architecture, a config file .json, or a folder."""
    clip_weights: str | None = None
    """open_clip's name of weights, or a local file."""
    band: Literal["none", "c1", "c2", "c3"] = "c2"
    """Frequencies that SpectralCLIP keeps; none is plain CLIP."""
    network: str = "small"
    """Member of `rtstyle.networks.SWIFT_SIZES`, or ``johnson``, without a start."""
    norm: Literal["instance", "body", "none"] = "instance"
    """Where a swift network runs instance norm."""
    head: Literal["shuffle", "resize", "subpixel"] = "subpixel"
    """How a swift network puts the picture together."""
    padding: int = 16
    """Pixels by which a new network has its picture's edges repeated, so that no frame
    is painted; a multiple of 8."""
    patch_weight: float = 40.0
    """Weight of the patch loss."""
    directional_weight: float = 20.0
    """Weight of the directional loss of whole pictures."""
    threshold: float = THRESHOLD
    """Patches with a smaller distance are good enough."""
    num_patches: int = 32
    """Views of all pictures of a step together."""
    crop_size: int = 96
    """Side of the views before they are distorted and resized, in pixels."""
    noise: float = 0.0
    """Standard deviation of noise on what CLIP sees; it smooths its gradients."""
    loss_network: Literal["vgg16", "vgg19"] = "vgg19"
    """Architecture of the content loss network."""
    content_layers: tuple[str, ...] = ("relu4_2", "relu5_2")
    """Layers of the content loss."""
    content_weight: float = 8.0
    """Weight of the mean content loss over its layers."""
    tv_weight: float = 20.0
    """Weight of the total variation."""
    range_weight: float = 100.0
    """Weight of what leaves 0..1."""
    grid_weight: float = 300.0
    """Weight of patterns at the strides of the network."""
    temporal_weight: float = 0.0
    """Weight of the consistency under synthetic motion and noise."""
    size: int = 224
    """Side of the training pictures, in pixels."""
    smallest_crop: int = 192
    """Smallest side cut from a photograph before it is resized, in pixels."""
    num_views: int = 2000
    """Different crops of the photographs; CLIP sees each of them once, and they are
    kept in memory, `size` squared times 3 bytes each."""
    batch_size: int = 4
    """Pictures a step."""
    identity_steps: int = 500
    """First steps, without a start, in which the network learns to change nothing."""
    steps: int = 1500
    """Steps of the optimiser."""
    learning_rate: float = 2e-3
    """Peak learning rate."""
    optimizer: Literal["adam", "muon"] = "muon"
    """Adam for all, or Muon for the inner convolutions."""
    ema: float = 0.99
    """Decay of the weights' moving average, which is what is kept."""
    seed: int = 1234
    """Of weights, crops and patches."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        for name in ("size", "batch_size", "steps", "num_patches", "num_views"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}: expected at least 1, got {getattr(self, name)}"
                )
        if self.size < 32 or self.size % 8:
            raise ConfigError(
                f"size: expected a multiple of 8 from 32 up, got {self.size}"
            )
        if not 1 <= self.crop_size <= self.size:
            raise ConfigError(
                f"crop_size: expected 1..{self.size} (size), got {self.crop_size}"
            )

    @property
    def band_or_none(self) -> str | None:
        """Return the band as the losses take it."""
        return None if self.band == "none" else self.band

    @property
    def name(self) -> str:
        """Return what ``--style`` will be called with, from the prompt."""
        return re.sub(r"[^a-z0-9]+", "_", self.prompt.lower()).strip("_")[:60] or "text"

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON has them, with the row that export reads."""
        row = {"name": self.name, "file": "", "title": self.prompt}
        return asdict(self) | {
            "kind": "text",
            "styles": [row | {"artist": "", "year": "", "sha256": None}],
        }


def make_text_config(*layers: Mapping[str, Any], where: str = "recipe") -> TextConfig:
    """Merge tables of settings, the later over the earlier, and check them.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or range.
    """
    return settings_of(TextConfig, merged(layers), where=where)
