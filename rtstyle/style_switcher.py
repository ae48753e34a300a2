"""Change the style between two frames: the new network is built aside."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Protocol

import cv2
import numpy as np

from rtstyle.errors import RtstyleError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.pacing import Latest

log = logging.getLogger(__name__)


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


class StyleSwitcher:
    """Several styles of which one is shown; another can be chosen at any time.

    Args:
        names: the styles, in the order of the keys.
        build: loads one; called in a thread of its own, except for the first.
        start: position of the first one.
        fade_seconds: how long the old style fades into the new one; both networks run
            meanwhile.
    """

    def __init__(
        self,
        names: Sequence[str],
        build: Callable[[str], Styler],
        *,
        start: int = 0,
        fade_seconds: float = 0.0,
    ) -> None:
        self.names = tuple(names)
        """The styles that can be chosen."""
        self.position = start
        """Which one was chosen last; it may still be under way."""
        self.say: Callable[[str], None] = log.warning
        """Told one line when a style could not be built."""
        self._build, self._fade_seconds = build, fade_seconds
        self._current: Styler = build(self.names[start])
        self._old: Styler | None = None
        self._fade_start = 0.0
        self._wishes: Latest[int] = Latest()
        self._ready: Latest[Styler] = Latest()
        self._seen: Pixels | None = None
        self._thread = threading.Thread(
            target=self._work, name="rtstyle-style-builder", daemon=True
        )
        self._thread.start()

    @property
    def name(self) -> str:
        """Return the name of the style that was chosen last."""
        return self.names[self.position]

    @property
    def title(self) -> str:
        """Return that name without folder and suffix."""
        return PurePath(self.name).stem

    def choose(self, position: int) -> None:
        """Choose a style by its position, counted around; returns at once."""
        wish = position % len(self.names)
        if wish != self.position:
            self.position = wish
            self._wishes.put(wish)

    def warm_up(self, content: Pixels) -> None:
        """Run the network once, so that the first real frame is not slow."""
        self._seen = content
        _warm(self._current, content)

    def network(self, frame: LiveFrame) -> HalfDone:
        """Run the network of the present style; both, while one fades away."""
        content = frame.pixels
        self._seen = content
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

    def _swap_if_ready(self) -> None:
        """Begin with a new style when it is built; end a fade that is over."""
        if self._old is not None and self._weight() >= 1:
            self._old.close()
            self._old = None
        fresh = self._ready.take(0)
        if fresh is None:
            return
        if self._old is not None:
            self._old.close()
        self._old, self._current = self._current, fresh
        self._fade_start = time.perf_counter()
        if not self._fade_seconds:
            self._old.close()
            self._old = None

    def _weight(self) -> float:
        """Return how much of the new style is seen, 0..1."""
        if not self._fade_seconds:
            return 1.0
        return min(1.0, (time.perf_counter() - self._fade_start) / self._fade_seconds)

    def _work(self) -> None:
        """Build what is wished for; only the newest wish counts."""
        for wish in self._wishes:
            try:
                fresh = self._build(self.names[wish])
                if self._seen is not None:
                    _warm(fresh, self._seen)
            except (RtstyleError, OSError, ValueError, RuntimeError) as error:
                log.debug("style %s", self.names[wish], exc_info=True)
                self.say(f"style {self.names[wish]} could not be loaded: {error}")
                continue
            self._ready.put(fresh)

    def close(self) -> None:
        """Let go of all networks; may be called twice."""
        self._wishes.close(discard=True)
        self._thread.join(1)
        for styler in (self._ready.take(0), self._old, self._current):
            if styler is not None:
                styler.close()
        self._old = None


def _warm(styler: Styler, content: Pixels) -> None:
    """Run everything once and forget it: buffers are made, code is loaded."""
    styler.finish(content, *styler.network(content))
    styler.reset()
