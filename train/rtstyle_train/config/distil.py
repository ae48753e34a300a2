"""Recipes of distilled styles: every knob of `rtstyle train distil`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rtstyle_train.config.image import TrainConfig
from rtstyle_train.config.reading import merged, settings_of
from rtstyle_train.errors import ConfigError

LEAST_SIZE = 64
"""Side of the crops, in pixels: relu4_1 then sees 8."""


@dataclass(frozen=True, slots=True)
class DistilConfig:
    """All that decides what a student learns from pairs of pictures."""

    network: str = "slim"
    """As in `TrainConfig`."""
    norm: Literal["instance", "body", "none"] = "instance"
    """As in `TrainConfig`."""
    head: Literal["shuffle", "resize", "subpixel"] = "subpixel"
    """As in `TrainConfig`."""
    padding: int = 16
    """As in `TrainConfig`."""
    short_side: int = 272
    """Short side at which the teacher paints, in pixels; smaller ones stay so."""
    size: int = 224
    """Side of the crops that the student learns from, in pixels."""
    loss_network: Literal["vgg16", "vgg19"] = "vgg19"
    """Architecture of the loss network."""
    loss_precision: Literal["fp32", "bf16"] = "bf16"
    """Number format inside the loss network."""
    mixed_precision: Literal["no", "bf16"] = "no"
    """Number format inside the student; weights are always fp32."""
    pixel_weight: float = 6.0
    """Weight of the mean absolute difference of the pixels, 0..1."""
    layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    """Layers of the perceptual loss and of the style loss."""
    perceptual_weight: float = 1.0
    """Weight of the mean relative distance of features."""
    style_weight: float = 1.0
    """Weight of the mean relative distance of features' means and covariances: without
    it what the student cannot place exactly becomes a blur."""
    batch_size: int = 2
    """Pairs a step and process."""
    steps: int = 6000
    """Steps of the optimiser."""
    learning_rate: float = 2e-3
    """Rises over 100 steps, stays, and falls to 0 over the last 30 %."""
    optimizer: Literal["adam", "muon"] = "muon"
    """As in `TrainConfig`."""
    ema: float = 0.995
    """Decay of the weights' moving average, which is what is kept."""
    seed: int = 1234
    """Of weights and crops."""
    flat_after: int = 0
    """As in `TrainConfig`."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        for name in ("batch_size", "steps"):
            if (value := getattr(self, name)) < 1:
                raise ConfigError(f"{name}: expected at least 1, got {value}")
        if self.seed < 0:
            raise ConfigError(f"seed: expected 0 or more, got {self.seed}")
        if self.size < LEAST_SIZE or self.size % 8:
            raise ConfigError(
                f"size: expected a multiple of 8 from {LEAST_SIZE} up, got {self.size}"
            )
        if self.short_side < self.size:
            raise ConfigError(
                f"short_side: expected at least the size, {self.size}, "
                f"got {self.short_side}"
            )
        if self.padding < 0 or self.padding % 8:
            raise ConfigError(
                f"padding: expected a multiple of 8 from 0 up, got {self.padding}"
            )
        if not self.layers:
            raise ConfigError("layers: expected at least one, got none")

    def network_config(self) -> TrainConfig:
        """Return the recipe that makes the student, for `methods.johnson`."""
        return TrainConfig(
            network=self.network,
            norm=self.norm,
            head=self.head,
            padding=self.padding,
            seed=self.seed,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain numbers, texts and lists."""
        return asdict(self)


def make_distil_config(
    *layers: Mapping[str, Any], where: str = "recipe"
) -> DistilConfig:
    """Merge tables of settings, the later over the earlier, and check them.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or range.
    """
    return settings_of(DistilConfig, merged(layers), where=where)
