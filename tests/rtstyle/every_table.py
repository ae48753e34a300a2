"""Tables of `--every`: ``python -m tests.rtstyle.every_table CLIP...``, by hand.

Each clip at 640 columns, its first frames, with the style starry_night.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from rtstyle.choices import SMOOTH_MODES, SmoothMode
from rtstyle.metrics.motion import InputMotion
from rtstyle.metrics.psnr import psnr_db
from rtstyle.metrics.texture import texture_distance
from rtstyle.metrics.warping_error import WarpingError
from rtstyle.smoothing.warp import Flow, Mask
from rtstyle.stylizer.controls import EVERY, Controls
from rtstyle.stylizer.network_output import NetworkOutput
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source

COLUMNS, NUM_FRAMES = 640, 60


@dataclass
class Figures:
    """Of one clip in one mode."""

    num_painted: int = 0
    pictures: list[Pixels] = field(default_factory=list)


class Counted(Stylizer):
    """Counts how often the network runs."""

    num_painted = 0

    def _paint(self, content: Pixels, seen: Pixels) -> NetworkOutput:
        self.num_painted += 1
        return super()._paint(content, seen)


def frames_of(path: Path) -> list[Pixels]:
    """Return the first frames of a clip, `COLUMNS` wide."""
    found = []
    with open_source(str(path)) as source:
        for frame in source:
            height, width = frame.pixels.shape[:2]
            size = COLUMNS, round(height * COLUMNS / width)
            small = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA)
            found.append(np.asarray(small, np.uint8))
            if len(found) == NUM_FRAMES:
                break
    return found


def figures_of(
    stylizer: Counted, frames: list[Pixels], smooth: SmoothMode, every: int
) -> Figures:
    """Stylize a clip."""
    stylizer.controls = Controls(smooth=smooth, every=every)
    stylizer.reset()
    stylizer.num_painted = 0
    pictures = [stylizer(frame) for frame in frames]
    return Figures(stylizer.num_painted, pictures)


def rows_of(name: str, stylizer: Counted, frames: list[Pixels]) -> Iterator[str]:
    """Yield a clip's rows."""
    look = InputMotion()
    motion: list[tuple[Flow, Mask]] = [look(frame) for frame in frames]
    for smooth in SMOOTH_MODES:
        whole: list[Pixels] = []
        for every in EVERY:
            made = figures_of(stylizer, frames, smooth, every)
            whole = whole or made.pictures
            error = WarpingError()
            for picture, moved in zip(made.pictures, motion, strict=True):
                error.add(picture, *moved)
            pairs = list(zip(whole, made.pictures, strict=True))
            squares = [np.mean((a.astype(float) - b) ** 2) for a, b in pairs]
            textures = [texture_distance(a, b) for a, b in pairs[1::3]]
            yield (
                f"| {name} | {smooth} | {every} "
                f"| {made.num_painted / len(frames):.0%} "
                f"| {error.mean * 1e4:.1f} | {psnr_db(float(np.mean(squares))):.1f} "
                f"| {np.mean(textures):.1%} |"
            )


def main(paths: list[str]) -> None:
    """Print a table."""
    print("| clip | --smooth | --every | painted | warping error | PSNR | texture |")  # noqa: T201
    with Counted("starry_night", device="cpu") as stylizer:
        for path in paths:
            for row in rows_of(Path(path).stem, stylizer, frames_of(Path(path))):
                print(row, flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
