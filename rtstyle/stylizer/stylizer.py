"""Take a frame through the network and the controls, in this order.

network -> smooth -> detail -> keep colours -> mask -> strength
"""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Self

import numpy as np

from rtstyle.gallery.mixture import WeightedStyle, load_mixture
from rtstyle.masks import Mask
from rtstyle.paintings.cache import Modulation
from rtstyle.paintings.live_network import ModulationInput, reads_modulation
from rtstyle.paintings.loading import start_modulation
from rtstyle.runtime import Session, open_session
from rtstyle.runtime.device import physical_cores
from rtstyle.smoothing import SmootherByMode
from rtstyle.smoothing.protocol import State
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT, Style
from rtstyle.stylizer.blending import (
    blend,
    cross_fade,
    keep_colors,
    restore_detail,
    shrink,
)
from rtstyle.stylizer.controls import SMALLEST_SIDE, Controls
from rtstyle.stylizer.gate_on_device import gate_on_device
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle.stylizer.precision import device_for, with_quickest_precision
from rtstyle.stylizer.sparse_painter import SparsePainter
from rtstyle_streams.frame import Pixels
from rtstyle_streams.protocols import ColourMatrix


class Stylizer:
    """Turns content frames into stylized ones; call it with one frame at a time."""

    def __init__(
        self,
        style: Style | str | Sequence[WeightedStyle],
        *,
        controls: Controls | None = None,
        runtime: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        matrix: ColourMatrix = "bt709",
        workers: int = 1,
        mask: Mask | None = None,
        is_live: bool = False,
        smoother: SmootherByMode | None = None,
        start: Modulation | None = None,
    ) -> None:
        """Load a style, or all styles of a mixture, onto a device.

        Args:
            style: A loaded style, the weighted styles of a mixture, or a text for
                `load_mixture`: a name, a path, or several with their weights.
            controls: May be changed between two frames.
            runtime: ``auto``, ``onnxruntime``, ``openvino`` or ``tensorrt``.
            device: What `--device` takes; ``auto`` is the quickest one here.
            precision: One of `rtstyle.choices.PRECISIONS`; ``auto`` takes the int8
                twin of a style on a CPU, if there is one and it is quicker here.
            matrix: Luma coefficients of the frames, for `Controls.keep_colors`.
            workers: How many threads will call `network` at once; with more than one
                each call runs on one CPU core. 0 chooses a number for the device.
            mask: Marks what is stylized where `Controls.mask` says so; several
                stylizers may share it, and its owner closes it.
            is_live: Whether to run frames in a slower runtime instead of waiting for
                minutes until an engine is built.
            smoother: The smoother of a stylizer that this one replaces, so that its
                frames continue that one's; None starts afresh.
            start: Modulation at style strength 0, for paintings whose graph reads it;
                None is that of an average photograph.
        """
        weighted_styles = _weighted_styles(style)
        device = device_for(weighted_styles[0].style, device, precision)
        styles = [
            with_quickest_precision(weighted.style, precision, device=device)
            for weighted in weighted_styles
        ]
        self.styles = tuple(styles)
        """What runs: a style for each network, in its precision."""
        self.style = styles[0]
        """The style; for a mixture, the first one."""
        self.weights = [weighted.weight for weighted in weighted_styles]
        self.controls = controls or Controls()
        self.matrix: ColourMatrix = matrix
        self.workers = workers or (physical_cores() if device == "cpu" else 1)
        self.is_one_core_a_frame = self.workers > 1
        """Whether a frame is run by one core; the last bits may depend on it."""
        self.mask = mask
        self._modulations = [_modulation_input(style, start) for style in styles]
        self.sessions = [
            open_session(
                style.model,
                runtime=runtime,
                device=device,
                precision=precision,
                threads=1 if self.workers > 1 else None,
                is_live=is_live,
                extra_inputs=None if given is None else given.at(1.0),
            )
            for style, given in zip(styles, self._modulations, strict=True)
        ]
        self._gate = None
        reads_more = any(given is not None for given in self._modulations)
        if smoother is None and not reads_more:  # state on a device stays there
            self._gate = gate_on_device(self.sessions, workers=self.workers)
        self._precision = precision
        self._smooth = smoother or SmootherByMode()
        self._sparse = SparsePainter(self._paint)
        self._carry_state: State = {}

    def __call__(self, content: Pixels) -> Pixels:
        """Return the stylized frame.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8; not changed.

        Returns:
            RGB, same shape, uint8; may be `content` itself at strength 0.
        """
        return self.finish(self.network(content))

    def network(self, content: Pixels) -> NetworkOutput:
        """Run the network alone, or carry its last picture on.

        With `Controls.every` at 1 it has no state and may be called by many threads;
        otherwise frames must come in order, from one.

        Args:
            content: RGB, shape ``(H, W, 3)``, uint8; not changed.
        """
        seen, every = self._seen(content), self.controls.every
        if every == 1:
            return self._paint(content, seen)
        return self._sparse(content, seen, every=every)

    def submit(self, pool: Executor, content: Pixels) -> Future[NetworkOutput]:
        """Let a thread of `pool` do what `network` does; frames must come in order.

        Args:
            pool: Of `frames_at_once` threads; begins what it is given in that order.
            content: RGB, shape ``(H, W, 3)``, uint8; not changed.
        """
        if self.controls.every == 1:
            return pool.submit(self.network, content)
        seen, every = self._seen(content), self.controls.every
        return self._sparse.submit(pool, content, seen, every=every)

    @property
    def frames_at_once(self) -> int:
        """Return how many frames `submit` should work on at once.

        Those that are carried wait for a painted one without work.
        """
        return max(1, self.workers) * self.controls.every

    def _seen(self, content: Pixels) -> Pixels:
        """Return what the network sees of a frame."""
        lines = self.controls.lines_seen(content.shape[0])
        return content if lines == content.shape[0] else shrink(content, height=lines)

    def _paint(self, content: Pixels, seen: Pixels) -> NetworkOutput:
        """Run the network on what it sees."""
        if self.controls.strength == 0.0:
            return NetworkOutput(content, seen, seen)
        frame = _at_least(seen, SMALLEST_SIDE)
        gates = self.controls.smooth == "gate" and self.controls.every == 1
        if self._gate and gates and frame.shape == seen.shape:
            return NetworkOutput(content, seen, self._gate(frame), is_smoothed=True)
        mixed = cross_fade(self._pictures(frame), self.weights)[
            : seen.shape[0], : seen.shape[1]
        ]
        return NetworkOutput(content, seen, np.asarray(mixed, np.uint8))

    def finish(self, output: NetworkOutput) -> Pixels:
        """Smooth and blend; frames must come in order.

        Returns:
            RGB, shape of `output.content`, uint8; may be the content itself.
        """
        controls, content, stylized = self.controls, output.content, output.stylized
        self._carry_state = output.carry_state
        if controls.strength == 0.0:
            return content
        if not output.is_smoothed:
            stylized = self._smooth(output.seen, stylized, mode=controls.smooth)
        if output.seen is not content:
            stylized = restore_detail(content, output.seen, stylized)
        if controls.keep_colors:
            stylized = keep_colors(content, stylized, matrix=self.matrix)
        if self.mask is not None and controls.mask != "off":
            stylized = self.mask(
                content, stylized, outside=controls.mask == "background"
            )
        return blend(content, stylized, strength=controls.strength)

    def _pictures(self, frame: Pixels) -> list[Pixels]:
        """Return what each network makes of a frame."""
        strength, pictures = self.controls.style_strength, []
        for session, given in zip(self.sessions, self._modulations, strict=True):
            more = {} if given is None else given.at(strength)
            pictures.append(session.run({FRAME_INPUT: frame, **more})[FRAME_OUTPUT])
        return pictures

    def go_on(self, style: Sequence[WeightedStyle]) -> bool:
        """Take other paintings from the next frame on, in the session that there is.

        Returns:
            Whether that could be done: both are paintings whose graph reads them.
        """
        given = self._modulations[0] if len(self._modulations) == 1 else None
        fresh = style[0].style if len(style) == 1 else None
        if given is None or fresh is None or not reads_modulation(fresh):
            return False
        assert fresh.modulation is not None
        given.go_on(fresh.modulation)
        self._sparse.reset()
        self.style = fresh
        return True

    @property
    def session(self) -> Session:
        """Return the session; for a mixture, the first one."""
        return self.sessions[0]

    @property
    def precision(self) -> str:
        """Return the precision that the network runs in."""
        if self._precision == "bf16":  # has no separate file
            return "bf16"
        return str(self.style.card.get("precision", "fp32"))

    @property
    def where(self) -> str:
        """Return precision, runtime and device as one phrase."""
        return f"{self.precision}, {self.session.runtime} on {self.session.device}"

    def sibling(self, style: Style | Sequence[WeightedStyle]) -> "Stylizer":
        """Return a stylizer of another style that takes this one's place.

        It has the same settings and continues the same smoothing, so that styles can
        change without a jump.
        """
        return Stylizer(
            style,
            controls=self.controls,
            runtime=self.session.runtime,
            device=self.session.device,
            precision=self._precision,
            matrix=self.matrix,
            workers=self.workers,
            mask=self.mask,
            smoother=self._smooth,
        )

    def state(self) -> State:
        """Return a copy of all that is remembered of the frames before, bit for bit.

        What a device remembers is not in it: give `smoother` to keep it here.
        """
        state = {f"smooth.{name}": a for name, a in self._smooth.state().items()}
        state |= {f"every.{name}": a.copy() for name, a in self._carry_state.items()}
        if self.mask is not None:
            state |= {f"mask.{name}": a for name, a in self.mask.state().items()}
        return state

    def restore(self, state: State) -> None:
        """Go on as a stylizer of the same settings did that gave out `state`."""
        parts: dict[str, State] = {"smooth": {}, "mask": {}, "every": {}}
        for name, array in state.items():
            owner, _, own_name = name.partition(".")
            parts[owner][own_name] = array
        self._smooth.restore(parts["smooth"], mode=self.controls.smooth)
        self._sparse.restore(parts["every"])
        self._carry_state = parts["every"]
        if self.mask is not None:
            self.mask.restore(parts["mask"])

    def reset(self) -> None:
        """Forget all frames so far; the mask detects scene cuts itself."""
        self._smooth.reset()
        self._sparse.reset()
        self._carry_state = {}
        if self._gate:
            self._gate.reset()

    def close(self) -> None:
        """Release the networks; may be called twice."""
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


def _weighted_styles(
    style: Style | str | Sequence[WeightedStyle],
) -> Sequence[WeightedStyle]:
    if isinstance(style, str):
        return load_mixture(style)
    return [WeightedStyle(style)] if isinstance(style, Style) else style


def _modulation_input(style: Style, start: Modulation | None) -> ModulationInput | None:
    """Return what the graph of `style` is given beside the frame, if it takes it."""
    if style.modulation is None or not reads_modulation(style):
        return None
    if start is None:
        start = start_modulation(None)
    return ModulationInput(style.modulation, start)


def _at_least(pixels: Pixels, side: int) -> Pixels:
    """Return `pixels` with its last line and column repeated up to `side` pixels."""
    down, right = (max(0, side - length) for length in pixels.shape[:2])
    if not down and not right:
        return np.ascontiguousarray(pixels)
    return np.pad(pixels, ((0, down), (0, right), (0, 0)), mode="edge")
