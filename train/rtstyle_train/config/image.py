"""Recipes of image styles: every knob of a training on paintings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rtstyle.untrusted.names import RULE, is_style_name
from rtstyle_train.config.reading import merged, settings_of
from rtstyle_train.errors import ConfigError

JITTER = 8
"""Pixels by which the loss window moves, so that strides do not lock to pooling."""
LEAST_REDUCED = 12
"""Side of a crop at the coarsest scale, in pixels: relu3_1 then sees 2 and more."""

LEAST_SHOWN = 16
"""Short side of a painting as it is shown, in pixels."""


@dataclass(frozen=True, slots=True)
class StyleImage:
    """One painting of a training."""

    name: str
    """What `--style` will be called with."""
    file: str
    """Name of the painting's file; its folder is given on the command line."""
    short_side: int = 512
    """Size at which its strokes appear in the result, in pixels."""
    sha256: str | None = None
    """Checksum of the file the recipe was made with."""
    title: str = ""
    """Title of the work."""
    artist: str = ""
    """Who painted it."""
    year: str = ""
    """When."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """All that decides the result of an image-style training."""

    network: str = "small"
    """Member of `rtstyle.networks.SWIFT_SIZES`, or ``johnson``."""
    norm: Literal["instance", "body", "frozen", "none"] = "instance"
    """Where a swift network runs instance norm."""
    learned: Literal["all", "norms"] = "all"
    """What is learned: all weights, or the scales and shifts of norms alone, which the
    network for any painting takes as another modulation."""
    freeze_after: int = 10_000
    """Step from which ``frozen`` norms use typical statistics in training too."""
    head: Literal["shuffle", "resize", "subpixel"] = "subpixel"
    """How a swift network puts the picture together."""
    padding: int = 16
    """Pixels by which a swift network's input repeats its edges; see `SwiftConfig`."""
    loss_network: Literal["vgg16", "vgg19"] = "vgg19"
    """Architecture of the loss network."""
    loss_precision: Literal["fp32", "bf16"] = "bf16"
    """Number format inside the loss network; Gram matrices are always fp32."""
    mixed_precision: Literal["no", "bf16"] = "no"
    """Number format inside the transform net; "no" is fp32 throughout."""
    content_layers: tuple[str, ...] = ("relu3_1", "relu4_1")
    """Layers of the content loss."""
    content_weight: float = 1.0
    """Weight of the mean content loss over its layers."""
    content: Literal["raw", "normalised"] = "normalised"
    """Whether the features of the content loss keep their channels' means and
    contrasts, which are colours and light in low layers, or structure alone."""
    scales: tuple[int, ...] = (1, 4)
    """Sizes, as divisors, at which style is looked at; the losses are summed over them.
    At a quarter of the size they see areas, not edges."""
    tone_weight: float = 1.0
    """Weight of the areas' light and dark, at the sizes below full; their colours are
    the painting's."""
    style_layers: tuple[str, ...] = (
        "relu1_1",
        "relu2_1",
        "relu3_1",
        "relu4_1",
        "relu5_1",
    )
    """Layers of the style loss."""
    style_weight: float = 6.0
    """Weight of the mean style loss over its layers."""
    style: Literal["gram", "covariance"] = "covariance"
    """Whether means and variety of features are compared in one matrix, where the means
    outweigh the variety, or apart."""
    style_layer_weights: tuple[float, ...] = ()
    """Factor of each style layer; empty means 1 for all."""
    batch_style: float = 0.0
    """Share of the style loss that looks at the mean Gram matrix of a batch, 0..1: a
    small crop need not hold all of the painting's colours by itself."""
    tv_weight: float = 1.0
    """Weight of the total variation."""
    range_weight: float = 10.0
    """Weight of what leaves 0..1."""
    grid_weight: float = 300.0
    """Weight of regular patterns with periods of 2 and 4 pixels."""
    border_weight: float = 10.0
    """Weight of how a crop that ends differs from what it was within its photograph."""
    temporal_weight: float = 0.0
    """Weight of the consistency under synthetic motion and noise."""
    size: int = 192
    """Side of the training crops, in pixels."""
    margin: int = 16
    """Pixels around a crop that the network sees and content and style do not."""
    smallest_crop: int = 96
    """Smallest side cut from a photograph before it is resized, in pixels."""
    batch_size: int = 4
    """Pictures for each step and process."""
    steps: int = 20_000
    """Steps of the optimiser."""
    learning_rate: float = 2e-3
    """Rises over 100 steps, stays, and falls to 0 over the last 30 %."""
    optimizer: Literal["adam", "muon"] = "muon"
    """Muon for the inner convolutions (Adam for the rest), or Adam for all."""
    ema: float = 0.998
    """Decay of the weights' moving average, which is what is kept."""
    seed: int = 1234
    """Of weights, crops and styles."""
    flat_after: int = 5000
    """Begin the end when the loss fell by under 0.5 % in so many steps; 0: never."""
    start: str = ""
    """Style, style file or weights that the training begins at, unless told another on
    the command line; empty: at weights from the seed."""
    first: Mapping[str, Any] = field(default_factory=dict)
    """What is different in a training before this one, whose result this one starts
    at; empty: there is none."""
    styles: tuple[StyleImage, ...] = field(default=())
    """The paintings."""

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained with."""
        for name in ("size", "batch_size", "steps", "smallest_crop"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    f"{name}: expected at least 1, got {getattr(self, name)}"
                )
        if self.seed < 0:
            raise ConfigError(f"seed: expected 0 or more, got {self.seed}")
        self._check_styles()
        for name in ("content_layers", "style_layers"):
            if not getattr(self, name):
                raise ConfigError(f"{name}: expected at least one, got none")
        if not 0 <= self.batch_style <= 1:
            raise ConfigError(f"batch_style: expected 0..1, got {self.batch_style}")
        for name in ("padding", "margin"):
            if (value := getattr(self, name)) < 0 or value % 8:
                raise ConfigError(
                    f"{name}: expected a multiple of 8 from 0 up, got {value}"
                )
        if self.margin >= self.size:
            raise ConfigError(
                f"margin: expected less than the size, {self.size}, got {self.margin}"
            )
        self._check_size()
        if 1 not in self.scales or min(self.scales) < 1:
            raise ConfigError(
                f"scales: expected 1 and divisors above, got {self.scales}"
            )
        if max(self.scales) > 1 and self.size // max(self.scales) < LEAST_REDUCED:
            raise ConfigError(
                f"scales: expected at least {LEAST_REDUCED} pixels of {self.size} to "
                f"be left, got 1/{max(self.scales)} of them; take larger crops or "
                "scales = [1]"
            )
        if max(self.scales) > 1 and min(self.style_layers, default="") > "relu4":
            raise ConfigError(
                "style_layers: expected one up to relu3_4, which is what scales below "
                f"full size look at, got {', '.join(self.style_layers)}"
            )
        weights = self.style_layer_weights
        if weights and len(weights) != len(self.style_layers):
            raise ConfigError(
                f"style_layer_weights: expected {len(self.style_layers)} numbers, "
                f"one for each style layer, got {len(weights)}"
            )

    def _check_styles(self) -> None:
        """Refuse paintings that are too small, or have the same name."""
        names = [style.name for style in self.styles]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigError(
                f"styles: expected different names, got {twice[0]!r} twice"
            )
        for style in self.styles:
            if not is_style_name(style.name):
                raise ConfigError(f"styles: expected {RULE}, got {style.name!r:.60}")
            if style.short_side < LEAST_SHOWN:
                raise ConfigError(
                    f"styles: short_side: expected at least {LEAST_SHOWN} pixels for "
                    f"{style.name}, got {style.short_side}"
                )

    def _check_size(self) -> None:
        """Refuse crops of which the deepest layer would see less than 2 pixels."""
        layers = (*self.content_layers, *self.style_layers)
        deepest = max((name[: len("relu1")] for name in layers), default="relu1")
        halvings = int(deepest[-1:]) - 1 if deepest[-1:].isdigit() else 0
        least = max(32, -(-(2 * 2**halvings + JITTER) // 8) * 8)
        if self.size < least or self.size % 8:
            raise ConfigError(
                f"size: expected a multiple of 8 from {least} up, got {self.size}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain numbers, texts, lists and tables."""
        return asdict(self)

    def first_part(self) -> "TrainConfig | None":
        """Return the settings of the training before this one, or None.

        Raises:
            ConfigError: there are some that cannot be trained with.
        """
        if not self.first:
            return None
        own = self.as_dict() | {"first": {}}
        first = make_config(own, self.first, where="first")
        if first.mixed_precision != self.mixed_precision:
            raise ConfigError(
                "first: mixed_precision: expected that of the whole, "
                f"{self.mixed_precision!r}, got {first.mixed_precision!r}"
            )
        return first


def make_config(*layers: Mapping[str, Any], where: str = "recipe") -> TrainConfig:
    """Merge tables of settings, the later over the earlier, and check them.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or range.
    """
    rows = merged(layers)
    given = rows.pop("styles", ())
    if not isinstance(given, list | tuple):
        raise ConfigError(
            f"{where}.styles: expected a list of tables, got {given!r:.60}"
        )
    styles = tuple(
        row
        if isinstance(row, StyleImage)
        else settings_of(StyleImage, row, where=f"{where}.styles")
        for row in given
    )
    return settings_of(TrainConfig, rows | {"styles": styles}, where=where)
