"""Settings of trainings on painted frames of a film."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rtstyle.untrusted.names import RULE, is_style_name
from rtstyle_train.config.reading import merged, settings_of
from rtstyle_train.errors import ConfigError

LEAST_SIZE = 48
"""Side of a crop at least, in pixels: relu4_1 then sees six."""


@dataclass(frozen=True, slots=True)
class FramesConfig:
    """All that decides the result of a training on painted frames."""

    name: str = "painted"
    """What `--style` will be called with."""
    title: str = ""
    """Title of the style."""
    network: str = "slim"
    """Member of `rtstyle.networks.SWIFT_SIZES`; of a start its own."""
    norm: Literal["instance", "frozen"] = "frozen"
    """Whether a swift network normalises each picture by itself, or all by what is
    typical of the film: then a crop is painted as it is in the whole frame."""
    head: Literal["shuffle", "resize", "subpixel"] = "subpixel"
    """How a swift network puts the picture together; of a start its own."""
    padding: int = 16
    """Pixels by which the network's input repeats its edges; of a start its own."""
    loss_network: Literal["vgg16", "vgg19"] = "vgg19"
    """Architecture of the loss network."""
    loss_precision: Literal["fp32", "bf16"] = "bf16"
    """Number format inside the loss network; Gram matrices are always fp32."""
    mixed_precision: Literal["no", "bf16"] = "no"
    """Number format inside the transform net; "no" is fp32 throughout."""
    pixel_weight: float = 4.0
    """Weight of the mean absolute difference of pixels from the painting."""
    feature_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1")
    """Layers at which features are compared with the painting's, place by place."""
    feature_weight: float = 1.0
    """Weight of their mean relative difference."""
    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    """Layers at which statistics are compared with the painting's; where none is known,
    with those of the painted part that shows the most similar content."""
    style_weight: float = 1.0
    """Weight of the mean style loss over its layers."""
    temporal_weight: float = 20.0
    """Weight of the change from a frame to the next along the film's motion."""
    range_weight: float = 10.0
    """Weight of what leaves 0..1."""
    num_others: int = 48
    """Frames of the film besides the painted ones that are learnt from."""
    size: int = 128
    """Side of the training crops, in pixels."""
    margin: int = 16
    """Pixels around a crop that the network sees and the losses do not."""
    batch_size: int = 4
    """Crops for each step and process; half of them from other frames."""
    jitter: float = 0.04
    """Largest change of a crop's light and contrast, as a share; noise is a quarter."""
    steps: int = 4000
    """Steps of the optimiser."""
    learning_rate: float = 2e-3
    """Rises over 20 steps, stays, and falls to 0 over the last 30 %."""
    optimizer: Literal["adam", "muon"] = "muon"
    """Muon for the inner convolutions (Adam for the rest), or Adam for all."""
    ema: float = 0.99
    """Decay of the weights' moving average, which is what is kept."""
    seed: int = 1234
    """Of weights and crops."""
    flat_after: int = 0
    """Begin the end when the loss fell by under 0.5 % in so many steps; 0: never."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        for name in ("batch_size", "steps"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}: expected at least 1, got {getattr(self, name)}"
                )
        for name in ("num_others", "seed"):
            if getattr(self, name) < 0:
                raise ConfigError(
                    f"{name}: expected 0 or more, got {getattr(self, name)}"
                )
        for name in ("padding", "margin", "size"):
            if (value := getattr(self, name)) < 0 or value % 8:
                raise ConfigError(
                    f"{name}: expected a multiple of 8 from 0 up, got {value}"
                )
        if self.size < LEAST_SIZE:
            raise ConfigError(
                f"size: expected at least {LEAST_SIZE} pixels, got {self.size}"
            )
        if not 0 <= self.jitter <= 0.5:
            raise ConfigError(f"jitter: expected 0..0.5, got {self.jitter}")
        for name in ("feature_layers", "style_layers"):
            if not getattr(self, name):
                raise ConfigError(f"{name}: expected at least one, got none")
        if not is_style_name(self.name):
            raise ConfigError(f"name: expected {RULE}, got {self.name!r:.60}")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain numbers, texts and lists, with their style."""
        row = {"name": self.name, "title": self.title}
        return asdict(self) | {"styles": [row]}


def make_frames_config(
    *layers: Mapping[str, Any], where: str = "recipe"
) -> FramesConfig:
    """Merge tables of settings, the later over the earlier, and check them.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or range.
    """
    return settings_of(FramesConfig, merged(layers), where=where)
