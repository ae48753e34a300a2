"""The styles of a live run: all with the same controls, each loaded once."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from rtstyle.errors import UsageError
from rtstyle.gallery.find import names_painting
from rtstyle.gallery.mixture import WeightedStyle, load_part, mixture_of, mixture_text
from rtstyle.gallery.spec import StyleSpec
from rtstyle.live.style_cycle import Cycle
from rtstyle.live.style_switcher import Styler
from rtstyle.look import Look
from rtstyle.masks import Mask
from rtstyle.paintings.loading import start_modulation
from rtstyle.runtime.choose import VARIABLE, resolve_device
from rtstyle.style_file import Style
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels
from rtstyle_streams.protocols import ColourMatrix

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveStyles:
    """Makes stylizers for a `StyleSwitcher`."""

    look: Look
    """How paintings are read."""
    controls: Controls
    """Shared by all stylizers, so that a key changes them all."""
    runtime: str = "auto"
    """See `Stylizer`."""
    device: str = "auto"
    """See `Stylizer`."""
    matrix: ColourMatrix = "bt709"
    """See `Stylizer`."""
    mask: Mask | None = None
    """See `Stylizer`."""
    content: Pixels | None = None
    """What the camera saw at the start, RGB, shape ``(H, W, 3)``, uint8; see `Look`."""
    precision: str = "auto"
    """See `Stylizer`; paintings that change with every frame run in fp32."""
    keeps_paintings: bool = False
    """Whether a painting's strength stays: then it can run in int8."""
    _loaded: dict[str, Style] = field(default_factory=dict)

    def build(self, spec: StyleSpec) -> Stylizer:
        """Load a style or a mixture and say what runs."""
        weighted_styles = self._weighted_styles(spec)
        is_live = self.reads_modulation
        log.info("style %s", mixture_text(weighted_styles))
        return Stylizer(
            weighted_styles,
            controls=self.controls,
            runtime=self.runtime,
            device=self.device,
            precision=self.precision,
            matrix=self.matrix,
            mask=self.mask,
            is_live=True,
            start=start_modulation(self._start_content()) if is_live else None,
        )

    def go_on(self, current: Styler, spec: StyleSpec) -> Styler:
        """Load a mixture that takes the place of `current`, a step of a drift."""
        if not isinstance(current, Stylizer):
            return self.build(spec)
        weighted_styles = self._weighted_styles(spec)
        if current.go_on(weighted_styles):
            return current
        return current.sibling(weighted_styles)

    def cycle(self, specs: Sequence[StyleSpec], seconds: float | None) -> Cycle | None:
        """Return the walk through `specs`; None without a period.

        Paintings melt into each other step by step, unless each step would cost a
        TensorRT engine or an int8 twin.

        Raises:
            UsageError: there is only one style.
        """
        if seconds is None:
            return None
        if len(specs) < 2:
            raise UsageError("cycle: expected several styles, got one")
        paintings = [
            self._runtime() != "tensorrt"
            and self.precision != "int8"
            and all(names_painting(p.name) for p in spec.parts)
            for spec in specs
        ]
        return Cycle(paintings, seconds)

    def _weighted_styles(self, spec: StyleSpec) -> tuple[WeightedStyle, ...]:
        look, parts = self.look, []
        if self.reads_modulation:  # `Controls.style_strength` does it then
            look = replace(look, style_strength=None)
        for part in spec.parts:
            if part.name not in self._loaded:
                self._loaded[part.name] = load_part(
                    part.name, look, content=self.content
                )
            parts.append((self._loaded[part.name], part.weight))
        return mixture_of(parts, is_live=self.reads_modulation)

    @property
    def reads_modulation(self) -> bool:
        """Return whether the graph of paintings reads the modulation at every frame.

        GPUs and engines bind one input, the frame, and twins in int8 have the weights
        of one painting; there it stays in the weights.
        """
        if self.precision == "int8" or self.keeps_paintings:
            return False
        return resolve_device(self.device) == "cpu" and self._runtime() != "tensorrt"

    def _runtime(self) -> str:
        return (
            os.environ.get(VARIABLE, "auto") if self.runtime == "auto" else self.runtime
        )

    def _start_content(self) -> Pixels | None:
        return None if self.look.style_strength in (None, 1.0) else self.content
