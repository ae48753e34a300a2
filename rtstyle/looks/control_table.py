"""Every control by its one name: range, default, key, and what people read about it.

The page, HTTP, OSC, MIDI, the keys of the window and the command line all read this
table, so that a value means the same wherever it comes from.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from rtstyle.choices import MIRRORS, SMOOTH_MODES
from rtstyle.errors import UsageError

Kind = Literal["number", "lines", "switch", "choice"]
"""``lines`` is a whole number or None, which means as many as the camera gives."""
Value = float | int | str | bool | None
"""What a control can be set to."""


@dataclass(frozen=True, slots=True)
class Control:
    """One control."""

    name: str
    """In messages, looks and options."""
    title: str
    """For people, two or three words."""
    kind: Kind
    """What values it takes."""
    default: Value
    """At the start."""
    help: str
    """One sentence for people."""
    least: float = 0.0
    """Numbers: the smallest."""
    most: float = 1.0
    """Numbers: the largest."""
    step: float = 0.05
    """Numbers: what a key or an arrow changes."""
    choices: tuple[str, ...] = ()
    """Choices: the names."""
    keys: str = ""
    """In the window and on the page; of two, the second goes down."""
    is_for_paintings: bool = False
    """Whether it changes paintings only."""
    in_look: bool = True
    """Whether a look holds it; others belong to the moment."""

    def checked(self, value: object) -> Value:
        """Return `value` as this control takes it.

        Raises:
            UsageError: it takes no such value.
        """
        if self.kind == "switch":
            if isinstance(value, bool):
                return value
            raise self._refused("true or false", value)
        if self.kind == "choice":
            if isinstance(value, str) and value in self.choices:
                return value
            raise self._refused(f"one of {', '.join(self.choices)}", value)
        if self.kind == "lines" and value is None:
            return None
        if not _is_number(value) or not self.least <= float(value) <= self.most:  # type: ignore[arg-type]
            raise self._refused(f"{self.least:g} to {self.most:g}", value)
        number = float(value)  # type: ignore[arg-type]
        if self.kind == "lines":
            if not number.is_integer():
                raise self._refused("a whole number of lines", value)
            return int(number)
        return number

    def of_share(self, share: float) -> Value:
        """Return the value at `share` of the range, 0..1, as a MIDI fader gives it."""
        share = min(1.0, max(0.0, share))
        if self.kind == "switch":
            return share >= 0.5
        if self.kind == "choice":
            place = min(len(self.choices) - 1, int(share * len(self.choices)))
            return self.choices[place]
        number = self.least + share * (self.most - self.least)
        return round(number) if self.kind == "lines" else round(number, 4)

    def _refused(self, wanted: str, value: object) -> UsageError:
        text = repr(value)
        text = text if len(text) <= 60 else f"{text[:57]}..."
        return UsageError(f"{self.name}: expected {wanted}, got {text}")


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number too large for a float
        return False


CONTROLS: Final[Mapping[str, Control]] = {
    control.name: control
    for control in (
        Control(
            "strength",
            "Strength",
            "number",
            1.0,
            "0 gives the input back bit for bit.",
            step=0.1,
            keys="+-",
        ),
        Control(
            "style_strength",
            "Style strength",
            "number",
            1.0,
            "Paintings: 1 is the painting's style, 0 nearly the input, 1.5 bolder.",
            most=1.5,
            is_for_paintings=True,
        ),
        Control(
            "style_scale",
            "Stroke size",
            "number",
            1.0,
            "Size of the strokes; 2 is twice as large.",
            least=0.25,
            most=4.0,
            step=0.25,
        ),
        Control(
            "smooth",
            "Smoothing",
            "choice",
            "gate",
            "How frames are kept steady.",
            choices=SMOOTH_MODES,
            keys="t",
        ),
        Control(
            "height",
            "Detail height",
            "lines",
            None,
            "Lines that the network sees; fewer is faster and bolder.",
            least=16,
            most=8192,
            step=30,
        ),
        Control(
            "keep_colors",
            "Keep colours",
            "switch",
            False,
            "Light and dark from the style, colours from the input.",
            keys="c",
        ),
        Control(
            "mirror",
            "Mirror",
            "choice",
            "preview",
            "Who sees a mirror image.",
            choices=MIRRORS,
            keys="m",
        ),
        Control(
            "mask",
            "Paint only",
            "choice",
            "off",
            "Which part is stylized.",
            choices=("off", "person", "background"),
            keys="k",
            in_look=False,
        ),
        Control(
            "split",
            "Before and after",
            "number",
            0.0,
            "How much of the picture, from the left, is what the camera saw.",
            keys="b",
            in_look=False,
        ),
        Control(
            "paused",
            "Pause",
            "switch",
            False,
            "A still picture goes out.",
            keys=" ",
            in_look=False,
        ),
    )
}
"""All controls, in the order in which people see them."""


def control_named(name: object) -> Control:
    """Return a control by its name.

    Raises:
        UsageError: there is none of that name.
    """
    control = CONTROLS.get(name) if isinstance(name, str) else None
    if control is None:
        text = repr(name)[:60]
        raise UsageError(f"control: expected one of {', '.join(CONTROLS)}, got {text}")
    return control


def table_rows() -> list[dict[str, Any]]:
    """Return the table as plain data, for a page."""
    return [asdict(control) for control in CONTROLS.values()]
