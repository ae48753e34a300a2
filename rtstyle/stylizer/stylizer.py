"""A frame's way through the network and the controls, in this order.

network -> smooth -> detail -> keep colours -> mask -> strength
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from rtstyle.errors import UsageError
from rtstyle.gallery.mixture import Share, load_mixture
from rtstyle.look import Look
from rtstyle.masks import Mask, MaskMode, mask_mode
from rtstyle.runtime import Session, open_session
from rtstyle.runtime.choose import resolve_device
from rtstyle.runtime.onnxruntime import physical_cores
from rtstyle.smoothing import Smoother, SmoothMode, make_smoother
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT, Style
from rtstyle.stylizer.blending import (
    blend,
    cross_fade,
    keep_colors,
    restore_detail,
    shrink,
)
from rtstyle.stylizer.gate_on_device import Steadied, gate_on_device
from rtstyle.twins import with_precision
from rtstyle_streams.frame import Pixels
from rtstyle_streams.protocols import ColourMatrix

SMALLEST_SIDE = 16
"""Pixels; less than this the networks do not take."""
LEAST_SCALE, MOST_SCALE = 0.25, 4.0
"""Bounds of `Controls.scale`."""


@dataclass(slots=True)
class Controls:
    """What a user may turn between two frames."""

    strength: float = 1.0
    """0 gives the content back bit for bit, 1 the stylized frame."""
    keep_colors: bool = False
    """Take the luma of the style and the chroma of the content."""
    smooth: SmoothMode = "off"
    """How frames are kept steady."""
    height: int | None = None
    """Lines that the network sees; None means all."""
    scale: float = 1.0
    """Size of the strokes: the network sees so many times fewer lines.

    Of the ways tried this is the one that changes strokes and nothing else, for fixed
    styles and paintings alike: a painting shown larger or smaller to its encoder gives
    smoother or busier pictures rather than larger or smaller strokes.
    """
    mask: MaskMode = "off"
    """Which part is stylized; means something where the stylizer has a mask."""

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 0.0 <= self.strength <= 1.0:
            raise UsageError(f"strength: expected 0 to 1, got {self.strength}")
        if self.height is not None and not SMALLEST_SIDE <= self.height <= 8192:
            raise UsageError(
                f"height: expected {SMALLEST_SIDE} to 8192 lines, got {self.height}"
            )
        if not LEAST_SCALE <= self.scale <= MOST_SCALE:
            raise UsageError(
                f"style scale: expected {LEAST_SCALE} to {MOST_SCALE}, got {self.scale}"
            )

    def lines_seen(self, height: int) -> int:
        """Return how many lines of a frame of `height` lines the network sees."""
        if self.height is None and self.scale == 1.0:
            return height
        return max(SMALLEST_SIDE, round((self.height or height) / self.scale))


def controls_of(look: Look, *, smooth: SmoothMode) -> Controls:
    """Return the controls that a look asks for."""
    return Controls(
        look.strength,
        look.keep_colors,
        smooth,
        look.height,
        look.style_scale,
        mask_mode(look),
    )


class Stylizer:
    """Turns content frames into stylized ones; callable, one frame at a time."""

    def __init__(
        self,
        style: Style | str | Sequence[Share],
        *,
        controls: Controls | None = None,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        matrix: ColourMatrix = "bt709",
        workers: int = 1,
        mask: Mask | None = None,
        is_live: bool = False,
    ) -> None:
        """Load a style, or all of a mixture, onto a device.

        Args:
            style: A loaded style, the shares of a mixture, or a text for
                `load_mixture`: a name, a path, or several with their weights.
            controls: May be changed between two frames.
            runtime: ``auto``, ``onnxruntime``, ``openvino`` or ``tensorrt``.
            device: ``auto``, ``cpu`` or ``cuda:N``.
            precision: One of `rtstyle.twins.PRECISIONS`; ``auto`` takes the int8
                twin of a style on a CPU, if there is one.
            matrix: Luma coefficients of the frames, for `Controls.keep_colors`.
            workers: How many threads will call `network` at once; with more than one
                each call runs on one CPU core. 0 means as many as suit the device.
            mask: Marks what is stylized where `Controls.mask` says so; several
                stylizers may share it, and its owner closes it.
            is_live: Whether frames would rather be painted by a slower runtime than
                wait for minutes until an engine is built.
        """
        chosen = resolve_device(device)
        shares = _shares(style)
        styles = [with_precision(s.style, precision, device=chosen) for s in shares]
        self.style = styles[0]
        """What runs; of a mixture, the first."""
        self.weights = [share.weight for share in shares]
        self.controls = controls or Controls()
        self.matrix: ColourMatrix = matrix
        self.workers = workers or (physical_cores() if chosen == "cpu" else 1)
        self.mask = mask
        self.sessions = [
            open_session(
                style.model,
                runtime=runtime,
                device=chosen,
                precision=precision,
                threads=1 if self.workers > 1 else None,
                is_live=is_live,
            )
            for style in styles
        ]
        self._gate = gate_on_device(self.sessions, workers=self.workers)
        self._precision = precision
        self._steady = _Steadier()

    def __call__(self, content: Pixels) -> Pixels:
        """Return the stylized frame.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8; not changed.

        Returns:
            RGB, same shape, uint8; may be `content` itself at strength 0.
        """
        return self.finish(content, *self.network(content))

    def network(self, content: Pixels) -> tuple[Pixels, Pixels]:
        """Run the network alone; has no state and may be called by many threads.

        Returns:
            What the network saw, and what it made of it, both ``(h, w, 3)`` uint8.
        """
        lines = self.controls.lines_seen(content.shape[0])
        seen = content if lines == content.shape[0] else shrink(content, height=lines)
        if self.controls.strength == 0.0:
            return seen, seen
        frame = _at_least(seen, SMALLEST_SIDE)
        if self._gate and self.controls.smooth == "gate" and frame.shape == seen.shape:
            return seen, self._gate(frame)
        pictures = [s.run({FRAME_INPUT: frame})[FRAME_OUTPUT] for s in self.sessions]
        made = cross_fade(pictures, self.weights)
        return seen, np.asarray(made[: seen.shape[0], : seen.shape[1]], np.uint8)

    def finish(self, content: Pixels, seen: Pixels, made: Pixels) -> Pixels:
        """Smooth and blend; frames must come in order.

        Args:
            content: The frame, ``(H, W, 3)``.
            seen: What the network saw, ``(h, w, 3)``.
            made: What the network made, ``(h, w, 3)``.
        """
        controls = self.controls
        if controls.strength == 0.0:
            return content
        if not isinstance(made, Steadied):
            made = self._steady(seen, made, mode=controls.smooth)
        if seen is not content:
            made = restore_detail(content, seen, made)
        if controls.keep_colors:
            made = keep_colors(content, made, matrix=self.matrix)
        if self.mask is not None and controls.mask != "off":
            made = self.mask(content, made, outside=controls.mask == "background")
        return blend(content, made, strength=controls.strength)

    @property
    def session(self) -> Session:
        """Return what runs; of a mixture, the first."""
        return self.sessions[0]

    @property
    def precision(self) -> str:
        """Return which numbers the network runs in."""
        if self._precision == "bf16":  # has no file of its own
            return "bf16"
        return str(self.style.card.get("precision", "fp32"))

    @property
    def where(self) -> str:
        """Return what runs, by which library, where, in one phrase for people."""
        return f"{self.precision}, {self.session.runtime} on {self.session.device}"

    def sibling(self, style: Style | Sequence[Share]) -> "Stylizer":
        """Return a stylizer of another style that takes this one's place.

        It has the same settings and goes on with the same smoothing, so that a style
        can drift without a step.
        """
        fresh = Stylizer(
            style,
            controls=self.controls,
            runtime=self.session.runtime,
            device=self.session.device,
            precision=self._precision,
            matrix=self.matrix,
            workers=self.workers,
            mask=self.mask,
        )
        fresh._steady, fresh._gate = self._steady, None
        return fresh

    def reset(self) -> None:
        """Forget all frames so far; the mask knows scene cuts by itself."""
        self._steady.reset()
        if self._gate:
            self._gate.reset()

    def close(self) -> None:
        """Let go of the networks; may be called twice."""
        for session in self.sessions:
            session.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


class _Steadier:
    """The smoother of the mode that is on; another mode starts afresh."""

    def __init__(self) -> None:
        self._smoother: Smoother | None = None
        self._mode: SmoothMode = "off"

    def __call__(self, seen: Pixels, made: Pixels, *, mode: SmoothMode) -> Pixels:
        if mode == "off":
            self._smoother = None
            return made
        if self._smoother is None or self._mode != mode:
            self._smoother, self._mode = make_smoother(mode), mode
        return self._smoother(seen, made)

    def reset(self) -> None:
        if self._smoother is not None:
            self._smoother.reset()


def _shares(style: Style | str | Sequence[Share]) -> Sequence[Share]:
    if isinstance(style, str):
        return load_mixture(style)
    return [Share(style)] if isinstance(style, Style) else style


def _at_least(pixels: Pixels, side: int) -> Pixels:
    """Return `pixels` with its last line and column repeated up to `side` pixels."""
    down, right = (max(0, side - length) for length in pixels.shape[:2])
    if not down and not right:
        return np.ascontiguousarray(pixels)
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
