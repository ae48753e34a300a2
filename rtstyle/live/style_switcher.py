"""Change the style between two frames: the new network is built aside."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rtstyle.gallery.spec import StyleSpec
from rtstyle.live.style_cycle import Cycle
from rtstyle.stylizer.blending import cross_fade
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle_streams.frame import Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.pacing import Latest

log = logging.getLogger(__name__)

REST_SECONDS = 0.4
"""Longest rest of the builder after a step of a drift."""


class Styler(Protocol):
    """What is used of a `Stylizer`."""

    def network(self, content: Pixels) -> NetworkOutput:
        """Run the network alone."""
        ...

    def finish(self, output: NetworkOutput) -> Pixels:
        """Smooth and blend."""
        ...

    def reset(self) -> None:
        """Forget all frames so far."""
        ...

    def close(self) -> None:
        """Let go of the network."""
        ...


@dataclass(frozen=True, slots=True)
class Layer:
    """One style's part in a frame that is not finished."""

    styler: Styler
    """Which has to finish it."""
    output: NetworkOutput
    """What its network made of the frame."""
    weight: float = 1.0
    """Its share of the finished picture; those of all layers sum to 1."""


@dataclass(frozen=True, slots=True)
class UnfinishedFrame(LiveFrame):
    """A frame that has been through the network and must still be smoothed."""

    layers: tuple[Layer, ...] = ()
    """The present style and, while it fades in, the one before."""


def finished(frame: UnfinishedFrame) -> LiveFrame:
    """Smooth and blend all layers of a frame; frames must come in order."""
    pictures = [layer.styler.finish(layer.output) for layer in frame.layers]
    return LiveFrame(
        cross_fade(pictures, [layer.weight for layer in frame.layers]),
        frame.pts,
        frame.time_base,
        frame.index,
        frame.captured_ns,
        content=frame.content,
    )


@dataclass(frozen=True, slots=True)
class StyleRequest:
    """A style that shall be shown next."""

    position: int
    """In the list of styles; of a drift, where it comes from."""
    spec: StyleSpec
    """What to build."""
    fade_seconds: float = 0.0
    """How long the old style fades into it."""
    is_drift: bool = False
    """Whether it takes the old one's place without a step."""


class StyleSwitcher:
    """Several styles of which one is shown; another can be chosen at any time.

    Args:
        specs: The styles, in the order of the keys.
        build: Loads one; called in a thread of its own, except for the first.
        fade_seconds: How long the old style fades into the new one; both networks run
            meanwhile.
        cycle: Walks through the styles by itself; None does not.
        go_on: Loads a mixture of paintings that takes the place of what is shown; may
            return what is shown, changed.
        say: Told one line when a style could not be built.
    """

    def __init__(
        self,
        specs: Sequence[StyleSpec],
        build: Callable[[StyleSpec], Styler],
        *,
        fade_seconds: float = 0.0,
        cycle: Cycle | None = None,
        go_on: Callable[[Styler, StyleSpec], Styler] | None = None,
        say: Callable[[str], None] = log.warning,
    ) -> None:
        self.specs = tuple(specs)
        """The styles that can be chosen."""
        self.say = say
        """Told one line when a style could not be built."""
        self._build, self._fade_seconds = build, fade_seconds
        self._cycle, self._go_on = cycle, go_on
        self._request = StyleRequest(0, self.specs[0])
        self._current: Styler = build(self.specs[0])
        self._old: Styler | None = None
        self._fade = self._fade_start = 0.0
        self._requests: Latest[StyleRequest] = Latest()
        self._ready: Latest[tuple[Styler, StyleRequest]] = Latest()
        self._seen: Pixels | None = None
        self._thread = threading.Thread(
            target=self._work, name="rtstyle-style-builder", daemon=True
        )
        self._thread.start()

    @property
    def position(self) -> int:
        """Return which style was chosen last; it may still be under way."""
        return self._request.position

    @property
    def title(self) -> str:
        """Return the name of that style, for people."""
        return self.specs[self.position].title

    def choose(self, position: int) -> None:
        """Choose a style by its position, counted around; returns at once."""
        position_requested = position % len(self.specs)
        if self._cycle is not None:
            self._cycle.start_at(position_requested)
        self._want(
            StyleRequest(
                position_requested, self.specs[position_requested], self._fade_seconds
            )
        )

    def show(self, spec: StyleSpec, *, is_drift: bool = False) -> None:
        """Show a style that need not be in the list; returns at once.

        Args:
            spec: What to show.
            is_drift: Whether it takes the present one's place without a step.
        """
        fade_seconds = 0.0 if is_drift else self._fade_seconds
        self._want(StyleRequest(self.position, spec, fade_seconds, is_drift))

    def replace(self, position: int, spec: StyleSpec) -> None:
        """Put another style into the list; it is shown if the one there was."""
        is_shown = self._request.spec == self.specs[position]
        before, after = self.specs[:position], self.specs[position + 1 :]
        self.specs = (*before, spec, *after)
        if is_shown:
            self._want(StyleRequest(position, spec, self._fade_seconds))

    @property
    def spec(self) -> StyleSpec:
        """Return what was asked for last; it may still be under way."""
        return self._request.spec

    def warm_up(self, content: Pixels) -> None:
        """Run the network once, so that the first real frame is not slow."""
        self._seen = content
        _warm(self._current, content)

    def network(self, frame: LiveFrame) -> UnfinishedFrame:
        """Run the network of the present style; both, while one fades away."""
        content = frame.pixels
        self._seen = content
        self._walk()
        self._swap_if_ready()
        layers = [Layer(self._current, self._current.network(content))]
        weight = self._weight()
        if self._old is not None and weight < 1:
            layers[0] = replace(layers[0], weight=weight)
            output = self._old.network(content)
            layers.append(Layer(self._old, output, weight=1 - weight))
        return UnfinishedFrame(
            content,
            frame.pts,
            frame.time_base,
            frame.index,
            frame.captured_ns,
            content=content,
            layers=tuple(layers),
        )

    def _walk(self) -> None:
        """StyleRequest for what the cycle shows at this moment."""
        if self._cycle is None:
            return
        moment = self._cycle.now()
        here, there = self.specs[moment.position], self.specs[moment.following]
        if moment.is_mixable and self._go_on is not None:
            mixture = here.toward(there, moment.share)
            self._want(StyleRequest(moment.position, mixture, is_drift=True))
        elif moment.share > 0.0:
            self._want(StyleRequest(moment.following, there, self._cycle.drift_seconds))
        else:  # the end of a drift between paintings
            self._want(
                StyleRequest(moment.position, here, is_drift=self._request.is_drift)
            )

    def _want(self, request: StyleRequest) -> None:
        if request.spec != self._request.spec:
            self._requests.put(request)
        self._request = request

    def _swap_if_ready(self) -> None:
        """Begin with a new style when it is built; end a fade that is over."""
        if self._old is not None and self._weight() >= 1:
            self._old.close()
            self._old = None
        ready = self._ready.take(0)
        if ready is None:
            return
        if self._old is not None:
            self._old.close()
        if ready[0] is self._current:  # it went on with other paintings by itself
            self._old = None
            return
        self._old, self._current = self._current, ready[0]
        self._fade, self._fade_start = ready[1].fade_seconds, time.perf_counter()
        if not self._fade:
            self._old.close()
            self._old = None

    def _weight(self) -> float:
        """Return how much of the new style is seen, 0..1."""
        if not self._fade:
            return 1.0
        return min(1.0, (time.perf_counter() - self._fade_start) / self._fade)

    def _work(self) -> None:
        """Build what was asked for; only the newest request counts."""
        for request in self._requests:
            began = time.perf_counter()
            try:
                fresh = self._made(request)
            except Exception as error:  # OpenCV's own classes too
                log.debug("style %s", request.spec.title, exc_info=True)
                text = " ".join(str(error).split())
                self.say(f"style {request.spec.title} could not be loaded: {text}")
                continue
            self._ready.put((fresh, request))
            if request.is_drift:  # leave the cores to the frames
                time.sleep(min(REST_SECONDS, 4 * (time.perf_counter() - began)))

    def _made(self, request: StyleRequest) -> Styler:
        """Build a style; one that is no step of a drift is warmed up."""
        if request.is_drift and self._go_on is not None:
            return self._go_on(self._current, request.spec)
        fresh = self._build(request.spec)
        if self._seen is not None:
            _warm(fresh, self._seen)
        return fresh

    def close(self) -> None:
        """Let go of all networks; may be called twice."""
        self._requests.close(discard=True)
        self._thread.join(1)
        ready = self._ready.take(0)
        for styler in (ready[0] if ready else None, self._old, self._current):
            if styler is not None:
                styler.close()
        self._old = None


def _warm(styler: Styler, content: Pixels) -> None:
    """Run everything once and forget it: buffers are made, code is loaded."""
    styler.finish(styler.network(content))
    styler.reset()
