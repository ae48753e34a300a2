"""A frame's way through the network and the controls, in this order.

network -> smooth -> detail -> keep colours -> strength
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from rtstyle.blending import blend, keep_colors, restore_detail, shrink
from rtstyle.errors import UsageError
from rtstyle.gallery import load_style
from rtstyle.precision import with_precision
from rtstyle.runtime import open_session
from rtstyle.runtime.choose import resolve_device
from rtstyle.runtime.onnxruntime import physical_cores
from rtstyle.smoothing import Smoother, SmoothMode, make_smoother
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT, Style
from rtstyle_streams.frame import Pixels
from rtstyle_streams.protocols import ColourMatrix

SMALLEST_SIDE = 16
"""Pixels; less than this the networks do not take."""


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

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 0.0 <= self.strength <= 1.0:
            raise UsageError(f"strength: expected 0 to 1, got {self.strength}")
        if self.height is not None and not SMALLEST_SIDE <= self.height <= 8192:
            raise UsageError(
                f"height: expected {SMALLEST_SIDE} to 8192 lines, got {self.height}"
            )


class Stylizer:
    """Turns content frames into stylized ones; callable, one frame at a time."""

    def __init__(
        self,
        style: Style | str,
        *,
        controls: Controls | None = None,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        matrix: ColourMatrix = "bt709",
        workers: int = 1,
    ) -> None:
        """Load a style onto a device.

        Args:
            style: A loaded style, or a name or path for `load_style`.
            controls: May be changed between two frames.
            runtime: ``auto``, ``onnxruntime``, ``openvino`` or ``tensorrt``.
            device: ``auto``, ``cpu`` or ``cuda:N``.
            precision: One of `rtstyle.precision.PRECISIONS`; ``auto`` takes the int8
                twin of a style on a CPU, if there is one.
            matrix: Luma coefficients of the frames, for `Controls.keep_colors`.
            workers: How many threads will call `network` at once; with more than one
                each call runs on one CPU core. 0 means as many as suit the device.
        """
        chosen = resolve_device(device)
        named = load_style(style) if isinstance(style, str) else style
        self.style = with_precision(named, precision, device=chosen)
        self.controls = controls or Controls()
        self.matrix: ColourMatrix = matrix
        self.workers = workers or (physical_cores() if chosen == "cpu" else 1)
        self.session = open_session(
            self.style.model,
            runtime=runtime,
            device=chosen,
            precision=precision,
            threads=1 if self.workers > 1 else None,
        )
        self._smoother: Smoother | None = None
        self._smooth_mode: SmoothMode = "off"

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
        height = self.controls.height
        seen = content if height in (None, content.shape[0]) else _seen(content, height)
        if self.controls.strength == 0.0:
            return seen, seen
        frame = _at_least(seen, SMALLEST_SIDE)
        made = self.session.run({FRAME_INPUT: frame})[FRAME_OUTPUT]
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
        made = self._steady(seen, made)
        if seen is not content:
            made = restore_detail(content, seen, made)
        if controls.keep_colors:
            made = keep_colors(content, made, matrix=self.matrix)
        return blend(content, made, strength=controls.strength)

    @property
    def where(self) -> str:
        """Return what runs, by which library, where, in one phrase for people."""
        number = self.style.card.get("precision", "fp32")
        return f"{number}, {self.session.runtime} on {self.session.device}"

    def reset(self) -> None:
        """Forget all frames so far."""
        if self._smoother is not None:
            self._smoother.reset()

    def close(self) -> None:
        """Let go of the network; may be called twice."""
        self.session.close()

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

    def _steady(self, seen: Pixels, made: Pixels) -> Pixels:
        if self.controls.smooth == "off":
            self._smoother = None
            return made
        if self._smoother is None or self._smooth_mode != self.controls.smooth:
            self._smooth_mode = self.controls.smooth
            self._smoother = make_smoother(self._smooth_mode)
        return self._smoother(seen, made)


def _seen(content: Pixels, height: int | None) -> Pixels:
    return shrink(content, height=height or content.shape[0])


def _at_least(pixels: Pixels, side: int) -> Pixels:
    """Return `pixels` with its last line and column repeated up to `side` pixels."""
    down, right = (max(0, side - length) for length in pixels.shape[:2])
    if not down and not right:
        return np.ascontiguousarray(pixels)
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
