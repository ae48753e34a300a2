"""Recipes of arbitrary-style trainings: every knob of `rtstyle train adain`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rtstyle_train.config.reading import merged, settings_of
from rtstyle_train.errors import ConfigError


@dataclass(frozen=True, slots=True)
class AdainConfig:
    """All that decides the result of an arbitrary-style training."""

    network: Literal["adain", "swift-adain"] = "swift-adain"
    """Huang and Belongie's network, or the light one of `SwiftAdain`."""
    placement: Literal["instance", "body"] = "instance"
    """Where the light network has its predicted norms."""
    padding: int = 0
    """Pixels by which the light network's input repeats its edges."""
    hidden: int = 160
    """Width of the layers that predict the light network's modulation."""
    targets: Literal["batch", "cached"] = "batch"
    """Whether the light network's style pictures are new crops in every step, or a few
    of each that are measured once (`StyleLooks`): no loss network looks at paintings
    then, and the style encoder's convolutions stay what they were at the beginning."""
    looks: int = 3
    """Different crops of each style picture, when cached."""
    shown_sides: tuple[int, ...] = (208, 448)
    """Shortest and longest short side of a cached style picture, in pixels."""
    loss_network: Literal["vgg16", "vgg19"] = "vgg19"
    """Architecture of the loss network (and of AdaIN's encoder)."""
    loss_precision: Literal["fp32", "bf16"] = "bf16"
    """Number format inside the loss network; Gram matrices are always fp32."""
    mixed_precision: Literal["no", "bf16"] = "no"
    """Number format inside the network that is trained; weights are always fp32."""
    content: Literal["raw", "normalised"] = "raw"
    """As in `TrainConfig`."""
    content_layers: tuple[str, ...] = ("relu2_1", "relu3_1")
    """Layers of the light network's content loss; AdaIN's own is at relu4_1."""
    content_weight: float = 1.0
    """Weight of the mean content loss over its layers."""
    scales: tuple[int, ...] = (1,)
    """Sizes, as divisors, at which pictures are looked at; see `style_layers_at` and
    `content_layers_at` of ``methods.swift_adain``."""
    style: Literal["gram", "covariance"] = "gram"
    """As in `TrainConfig`."""
    style_growth: Literal["linear", "log"] = "linear"
    """How a style's distance x counts: as it is, or as ``log(1 + x)``, so that nearly
    smooth paintings, whose relative distances are large, do not dominate."""
    style_layers: tuple[str, ...] = (
        "relu1_1",
        "relu2_1",
        "relu3_1",
        "relu4_1",
        "relu5_1",
    )
    """Layers of the style loss."""
    style_weight: float = 8.0
    """Weight of the style loss."""
    tone_weight: float = 0.0
    """Weight of how light and dark differ at the coarsest scale."""
    tv_weight: float = 1.0
    """Weight of the total variation."""
    range_weight: float = 10.0
    """Weight of what leaves 0..1."""
    grid_weight: float = 0.0
    """Weight of regular patterns with periods of 2 and 4 pixels."""
    temporal_weight: float = 0.0
    """Weight of what does not move with the picture, for a quarter of a batch; the
    light network's with cached targets alone."""
    identity_weight: float = 2.0
    """Weight of the mean absolute change of photographs that are their own style."""
    self_share: float = 0.1
    """Share of a batch whose style is the photograph itself."""
    photo_share: float = 0.06
    """Share whose style is another photograph."""
    texture_share: float = 0.15
    """Share whose style is a texture drawn by code."""
    recolour_share: float = 0.6
    """Share of style pictures whose colours are changed."""
    num_textures: int = 240
    """Different textures."""
    held_out: tuple[str, ...] = ()
    """Paintings that the training may not see, by file name without suffix."""
    size: int = 256
    """Side of the training pictures, in pixels."""
    smallest_crop: int = 128
    """Smallest side cut from a photograph before it is resized, in pixels."""
    batch_size: int = 16
    """Pictures a step."""
    steps: int = 40_000
    """Steps of the optimiser."""
    learning_rate: float = 1e-3
    """Rises over 100 steps, stays, and falls to 0 over the last 30 %."""
    modulation_rate: float = 1.0
    """Share of it for the layers that predict the light network's modulation."""
    optimizer: Literal["adam", "muon"] = "muon"
    """Muon for the inner convolutions (Adam for the rest), or Adam for all."""
    ema: float = 0.999
    """Decay of the weights' moving average, which is what is kept."""
    seed: int = 1234
    """Of weights, crops and styles."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        for name in ("batch_size", "steps", "smallest_crop", "hidden", "looks"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}: expected at least 1, got {getattr(self, name)}"
                )
        if self.targets == "cached" and self.network != "swift-adain":
            raise ConfigError(
                "targets: expected 'batch' for this network, got 'cached'; only "
                "swift-adain learns after styles that were measured before"
            )
        for name in ("self_share", "photo_share", "texture_share", "recolour_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}: expected 0..1, got {getattr(self, name)}")
        if self.size < 64 or self.size % 8:
            raise ConfigError(
                f"size: expected a multiple of 8 from 64 up, got {self.size}"
            )
        if len(self.shown_sides) != 2 or not 64 <= min(self.shown_sides):
            raise ConfigError(
                "shown_sides: expected the shortest and the longest short side, from "
                f"64 pixels up, got {list(self.shown_sides)}"
            )
        if 1 not in self.scales or min(self.scales) < 1:
            raise ConfigError(
                f"scales: expected 1 and divisors above, got {list(self.scales)}"
            )
        if self.padding < 0 or self.padding % 8:
            raise ConfigError(
                f"padding: expected a multiple of 8 from 0 up, got {self.padding}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON has them, with the row that export reads."""
        name = self.network.replace("-", "_")
        row = {"name": name, "file": "", "title": "Any painting", "sha256": None}
        return asdict(self) | {
            "kind": "adain",
            "styles": [row | {"artist": "", "year": ""}],
        }


def make_adain_config(*layers: Mapping[str, Any], where: str = "recipe") -> AdainConfig:
    """Merge tables of settings, the later over the earlier, and check them.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or range.
    """
    return settings_of(AdainConfig, merged(layers), where=where)
