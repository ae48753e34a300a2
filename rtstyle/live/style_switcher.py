"""Change the style between two frames: the new network is built aside."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from rtstyle.gallery.spec import StyleSpec
from rtstyle.live.style_cycle import Cycle
from rtstyle_streams.frame import Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.pacing import Latest

log = logging.getLogger(__name__)

REST_SECONDS = 0.4
"""Longest rest of the builder after a step of a drift."""


class Styler(Protocol):
    """What is used of a `Stylizer`."""

    def network(self, content: Pixels) -> tuple[Pixels, Pixels]:
        """Return what the network saw and what it made of it."""
        ...

    def finish(self, content: Pixels, seen: Pixels, made: Pixels) -> Pixels:
        """Smooth and blend."""
        ...

    def reset(self) -> None:
        """Forget all frames so far."""
        ...

    def close(self) -> None:
        """Let go of the network."""
        ...


@dataclass(frozen=True, slots=True)
class HalfDone(LiveFrame):
    """A frame that has been through the network and must still be smoothed."""

    finish: Callable[[], Pixels] | None = None
    """Returns the finished pixels; frames must be finished in order."""


@dataclass(frozen=True, slots=True)
class Wish:
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
        specs: the styles, in the order of the keys.
        build: loads one; called in a thread of its own, except for the first.
        fade_seconds: how long the old style fades into the new one; both networks run
            meanwhile.
        cycle: walks through the styles by itself; None does not.
        go_on: for `cycle`: loads a mixture of paintings that takes the place of what
            is shown.
    """

    def __init__(
        self,
        specs: Sequence[StyleSpec],
        build: Callable[[StyleSpec], Styler],
        *,
        fade_seconds: float = 0.0,
        cycle: Cycle | None = None,
        go_on: Callable[[Styler, StyleSpec], Styler] | None = None,
    ) -> None:
        self.specs = tuple(specs)
        """The styles that can be chosen."""
        self.say: Callable[[str], None] = log.warning
        """Told one line when a style could not be built."""
        self._build, self._fade_seconds = build, fade_seconds
        self._cycle, self._go_on = cycle, go_on
        self._wish = Wish(0, self.specs[0])
        self._current: Styler = build(self.specs[0])
        self._old: Styler | None = None
        self._fade = self._fade_start = 0.0
        self._wishes: Latest[Wish] = Latest()
        self._ready: Latest[tuple[Styler, Wish]] = Latest()
        self._seen: Pixels | None = None
        self._thread = threading.Thread(
            target=self._work, name="rtstyle-style-builder", daemon=True
        )
        self._thread.start()

    @property
    def position(self) -> int:
        """Return which style was chosen last; it may still be under way."""
        return self._wish.position

    @property
    def title(self) -> str:
        """Return the name of that style, for people."""
        return self.specs[self.position].title

    def choose(self, position: int) -> None:
        """Choose a style by its position, counted around; returns at once."""
        wished = position % len(self.specs)
        if self._cycle is not None:
            self._cycle.start_at(wished)
        self._want(Wish(wished, self.specs[wished], self._fade_seconds))

    def warm_up(self, content: Pixels) -> None:
        """Run the network once, so that the first real frame is not slow."""
        self._seen = content
        _warm(self._current, content)

    def network(self, frame: LiveFrame) -> HalfDone:
        """Run the network of the present style; both, while one fades away."""
        content = frame.pixels
        self._seen = content
        self._walk()
        self._swap_if_ready()
        current, old = self._current, self._old
        new_half = current.network(content)
        old_half = old.network(content) if old else None
        weight = self._weight()

        def finish() -> Pixels:
            pixels = current.finish(content, *new_half)
            if old is None or old_half is None or weight >= 1:
                return pixels
            fading = old.finish(content, *old_half)
            mixed = cv2.addWeighted(pixels, weight, fading, 1 - weight, 0)
            return np.asarray(mixed, np.uint8)

        return HalfDone(
            content,
            frame.pts,
            frame.time_base,
            frame.index,
            frame.captured_ns,
            content=content,
            finish=finish,
        )

    def _walk(self) -> None:
        """Wish for what the cycle shows at this moment."""
        if self._cycle is None:
            return
        moment = self._cycle.now()
        here, there = self.specs[moment.position], self.specs[moment.following]
        if moment.melts and self._go_on is not None:
            mixture = here.toward(there, moment.share)
            self._want(Wish(moment.position, mixture, is_drift=True))
        elif moment.share > 0.0:
            self._want(Wish(moment.following, there, self._cycle.drift_seconds))
        else:  # the end of a drift between paintings
            self._want(Wish(moment.position, here, is_drift=self._wish.is_drift))

    def _want(self, wish: Wish) -> None:
        if wish.spec != self._wish.spec:
            self._wishes.put(wish)
        self._wish = wish

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
        """Build what is wished for; only the newest wish counts."""
        for wish in self._wishes:
            began = time.perf_counter()
            try:
                fresh = self._made(wish)
            except Exception as error:  # OpenCV's own classes too
                log.debug("style %s", wish.spec.title, exc_info=True)
                text = " ".join(str(error).split())
                self.say(f"style {wish.spec.title} could not be loaded: {text}")
                continue
            self._ready.put((fresh, wish))
            if wish.is_drift:  # leave the cores to the frames
                time.sleep(min(REST_SECONDS, 4 * (time.perf_counter() - began)))

    def _made(self, wish: Wish) -> Styler:
        """Build a style; one that is no step of a drift is warmed up."""
        if wish.is_drift and self._go_on is not None:
            return self._go_on(self._current, wish.spec)
        fresh = self._build(wish.spec)
        if self._seen is not None:
            _warm(fresh, self._seen)
        return fresh

    def close(self) -> None:
        """Let go of all networks; may be called twice."""
        self._wishes.close(discard=True)
        self._thread.join(1)
        ready = self._ready.take(0)
        for styler in (ready[0] if ready else None, self._old, self._current):
            if styler is not None:
                styler.close()
        self._old = None


def _warm(styler: Styler, content: Pixels) -> None:
    """Run everything once and forget it: buffers are made, code is loaded."""
    styler.finish(content, *styler.network(content))
    styler.reset()
