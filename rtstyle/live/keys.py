"""What the user can change while the picture runs: keys, controls, figures."""

from dataclasses import replace
from typing import Final, Protocol, cast, get_args

import cv2
import numpy as np

from rtstyle.choices import Mirror, SmoothMode
from rtstyle.live.messages import Messages
from rtstyle.live.meters import LiveMeters
from rtstyle.live.style_switcher import StyleSwitcher, UnfinishedFrame, finished
from rtstyle.looks.control_table import CONTROLS
from rtstyle.masks import MaskMode
from rtstyle.stylizer.controls import Controls
from rtstyle_streams.live_frame import LiveFrame
from rtstyle_streams.recorder import Recorder

HELP: Final = (
    "n p\tnext, previous style (also the arrows)",
    "1-9\tstyle by number",
    "+ -\tstrength",
    "c\tkeep the camera's colours",
    "k\tmask: person, background, off",
    "t\tsmoothing: off, gate, flow",
    "m\tmirror: preview, all, off",
    "b\tbefore and after, side by side",
    "s\tsnapshot (PNG)",
    "r\trecord, and stop recording",
    "h\tfigures",
    "space\tpause: a still picture goes out",
    "?\tthis list",
    "q Esc\tquit",
)
"""What the keys do, as shown by "?"."""
RECORDER: Final = "recorder"
"""What the sink is called that records when a key says so."""
STRENGTH_STEP: Final = CONTROLS["strength"].step
MASKED: Final = {"off": "all", "person": "the person", "background": "the background"}
"""What is stylized, by the mask's mode."""


class View(Protocol):
    """What is used of a `Window`."""

    is_mirrored: bool
    """Whether the picture is shown as in a mirror."""
    is_split: bool
    """Whether the left half shows what the camera saw."""


class KeyControls:
    """The two stages of the live loop, and the keys that change what they do."""

    def __init__(
        self,
        switcher: StyleSwitcher,
        controls: Controls,
        *,
        mirror: Mirror = "preview",
        recorder: Recorder | None = None,
        has_mask: bool = False,
        messages: Messages | None = None,
        meters: LiveMeters | None = None,
    ) -> None:
        """Take over what keys change.

        Args:
            switcher: Runs the styles.
            controls: Shared with all stylizers.
            mirror: Who sees a mirror image at the start.
            recorder: For snapshots and recordings; None has none.
            has_mask: Whether the stylizers have a mask.
            messages: Shown over the picture; shared with all who have something to say.
            meters: Of the live run, shown when the figures are on.
        """
        self.switcher, self.controls, self.recorder = switcher, controls, recorder
        self.has_mask = has_mask
        """Whether the stylizers know a part of the frame to leave alone."""
        self.mirror: Mirror = mirror
        """Who sees a mirror image."""
        self.is_paused = False
        """Whether the last picture is sent again and again."""
        self._view: View | None = None
        self._last: LiveFrame | None = None
        self._shows_help = self._shows_figures = False
        self._messages, self._meters = messages or Messages(), meters or LiveMeters()
        self._actions = {
            "n": lambda: self._choose(self.switcher.position + 1),
            "right": lambda: self._choose(self.switcher.position + 1),
            "p": lambda: self._choose(self.switcher.position - 1),
            "left": lambda: self._choose(self.switcher.position - 1),
            "+": lambda: self._change_strength(STRENGTH_STEP),
            "=": lambda: self._change_strength(STRENGTH_STEP),
            "-": lambda: self._change_strength(-STRENGTH_STEP),
            "c": self._toggle_colors,
            "k": self._next_mask,
            "t": self._next_smoothing,
            "m": self._next_mirror,
            "b": self._toggle_split,
            "s": self._snapshot,
            "r": self._record,
            "h": self._toggle_figures,
            " ": self._toggle_pause,
            "?": self._toggle_help,
        }

    def stylize(self, frame: LiveFrame) -> LiveFrame:
        """First stage: run the network; while paused, the last picture again."""
        last = self._last
        if self.is_paused and last is not None:
            return replace(frame, pixels=last.pixels, content=last.content)
        if self.mirror == "all":
            frame = replace(
                frame, pixels=np.asarray(cv2.flip(frame.pixels, 1), np.uint8)
            )
        return self.switcher.network(frame)

    def smooth(self, frame: LiveFrame) -> LiveFrame:
        """Second stage: steady and blend what the network made."""
        if isinstance(frame, UnfinishedFrame):
            frame = self._last = finished(frame)
        return frame

    def show_in(self, view: View) -> None:
        """Let the keys change what this window shows."""
        self._view = view
        view.is_mirrored = self.mirror == "preview"

    def on_key(self, key: str) -> bool:
        """Answer a key; False for those that quit."""
        if key in ("q", "escape"):
            return False
        if key.isdecimal() and 1 <= int(key) <= len(self.switcher.specs):
            self._choose(int(key) - 1)
        elif action := self._actions.get(key):
            action()
        return True

    def say(self, text: str) -> None:
        """Show one line on the picture for a while, and log it."""
        self._messages.say(text)

    def lines(self) -> list[str]:
        """Return what is to be written over the picture now."""
        lines = list(HELP) if self._shows_help else []
        if self._shows_figures:
            lines += self._figures()
        if self.is_paused:
            lines.append("paused; space goes on")
        if self._is_recording():
            lines.append("recording (no sound)")
        if message := self._messages.shown:
            lines.append(message)
        return lines

    def _figures(self) -> list[str]:
        """Return the style, the controls, and what the run measures, a line each."""
        controls = self.controls
        hidden = () if self._is_recording() else (RECORDER,)
        return [
            f"{self.switcher.title}  strength {controls.strength:.1f}  "
            f"colours {'camera' if controls.keep_colors else 'style'}  "
            f"smooth {controls.smooth}",
            *self._meters.lines(hidden=hidden),
        ]

    def _is_recording(self) -> bool:
        return self.recorder is not None and self.recorder.is_recording

    def _choose(self, position: int) -> None:
        self.switcher.choose(position)
        self.say(f"style {self.switcher.title}")

    def _change_strength(self, step: float) -> None:
        strength = round(self.controls.strength + step, 2)
        self.controls.strength = min(1.0, max(0.0, strength))
        self.say(f"strength {self.controls.strength:.1f}")

    def _toggle_colors(self) -> None:
        self.controls.keep_colors = not self.controls.keep_colors
        self.say(
            "colours of the " + ("camera" if self.controls.keep_colors else "style")
        )

    def _next_mask(self) -> None:
        if not self.has_mask:
            self.say("no mask; start with --mask person")
            return
        self.controls.mask = cast(MaskMode, _after(self.controls.mask, MaskMode))
        self.say(f"stylized: {MASKED[self.controls.mask]}")

    def _next_smoothing(self) -> None:
        self.controls.smooth = cast(
            SmoothMode, _after(self.controls.smooth, SmoothMode)
        )
        self.say(f"smoothing {self.controls.smooth}")

    def _next_mirror(self) -> None:
        self.mirror = cast(Mirror, _after(self.mirror, Mirror))
        if self._view is not None:
            self._view.is_mirrored = self.mirror == "preview"
        self.say(f"mirror {self.mirror}")

    def _toggle_split(self) -> None:
        if self._view is not None:
            self._view.is_split = not self._view.is_split

    def _snapshot(self) -> None:
        if self.recorder is not None:
            self.recorder.snapshot()

    def _record(self) -> None:
        if self.recorder is not None:
            self.recorder.toggle_recording()

    def _toggle_figures(self) -> None:
        self._shows_figures = not self._shows_figures

    def _toggle_pause(self) -> None:
        self.is_paused = not self.is_paused

    def _toggle_help(self) -> None:
        self._shows_help = not self._shows_help


def _after(mode: str, modes: object) -> str:
    """Return the mode that comes after `mode` in a literal type, counted around."""
    names: tuple[str, ...] = get_args(modes)
    return names[(names.index(mode) + 1) % len(names)]
