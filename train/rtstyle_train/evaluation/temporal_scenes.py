"""Define the scenes on which temporal consistency is measured."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from rtstyle.metrics import known_motion as known
from rtstyle.metrics.motion import FLOW_METHOD, InputMotion
from rtstyle.metrics.warping_error import no_motion
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source

LONG = 500
"""Still scenes of at least this many frames name them: they show the drift."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A film whose motion is known or estimated."""

    name: str
    """Shown in the table."""
    flow_method: str
    """Where the motion comes from; shown beside every figure."""
    play: Callable[[], Iterator[known.Moved]]
    """Yields the frames from the start."""
    is_still: bool = False
    """Whether nothing moves, so that flicker can be measured."""


def clip_scene(path: Path, *, num_frames: int = 90, height: int | None = None) -> Scene:
    """Make a scene from a real clip; motion is estimated on it, not on stylized frames.

    Args:
        path: A video file.
        num_frames: Largest number of frames.
        height: Number of lines to reduce it to; None keeps its size.
    """

    def play() -> Iterator[known.Moved]:
        motion = InputMotion()
        with open_source(path) as source:
            for frame in islice(source, num_frames):
                pixels = _shrunk(frame.pixels, height)
                yield known.Moved(pixels, *motion(pixels))

    return Scene(path.stem, FLOW_METHOD, play)


def known_motion_scene(photo: Pixels, *, num_frames: int = 60) -> Scene:
    """Make a scene that moves over a photograph behind a disc, with exact flow."""

    def play() -> Iterator[known.Moved]:
        return known.known_motion(photo, num_frames=num_frames)

    return Scene("known motion", known.FLOW_METHOD, play)


def noise_scene(photo: Pixels, *, num_frames: int = 60, noise: float = 4.0) -> Scene:
    """Make a scene that repeats a photograph with new sensor noise in each frame.

    Args:
        photo: RGB ``(H, W, 3)`` uint8.
        num_frames: Number of frames; a thousand shows drift.
        noise: Standard deviation, in 1/255.
    """

    def play() -> Iterator[known.Moved]:
        flow, mask = no_motion(photo)
        frames = known.noisy_still(photo, num_frames=num_frames, noise=noise)
        for index, pixels in enumerate(frames):
            yield known.Moved(pixels, flow, mask if index else np.zeros_like(mask))

    name = f"still, noise {noise:g}/255"
    if num_frames >= LONG:
        name += f", {num_frames} frames"
    return Scene(name, "exact (none)", play, is_still=True)


def _shrunk(pixels: Pixels, height: int | None) -> Pixels:
    if height is None or height >= pixels.shape[0]:
        return pixels
    width = max(2, round(pixels.shape[1] * height / pixels.shape[0] / 2) * 2)
    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)
