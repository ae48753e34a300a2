"""Define what passes from the network to the last steps of a frame."""

from dataclasses import dataclass, field

from rtstyle.smoothing.protocol import State
from rtstyle_streams.frame import Pixels


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """One frame after the network, before smoothing and controls."""

    content: Pixels
    """The frame, RGB, shape ``(H, W, 3)``, uint8."""
    seen: Pixels
    """What the network saw, RGB, shape ``(h, w, 3)``, uint8; `content` itself where
    the network sees all of its lines."""
    stylized: Pixels
    """The network's output for `seen`, same shape, uint8."""
    is_smoothed: bool = False
    """Whether the device that ran the network has smoothed it too."""
    carry_state: State = field(default_factory=dict)
    """What carrying pictures on remembers behind this frame; nothing where every frame
    is painted."""
