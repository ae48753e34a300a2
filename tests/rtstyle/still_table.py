"""How much of a frame must be painted: ``python -m tests.rtstyle.still_table CLIP...``.

By hand. Blocks of 8 pixels that moved at 720p, and these with the network's border.
"""

import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source

SIZE = (1280, 720)
BLOCK = 8
BORDER = 87
"""Pixels around a pixel that a ``slim`` network looks at, its norms aside."""
NUM_FRAMES = 150
NOISE = 3.0
"""Mean difference within a block that a camera's noise alone makes, of 255."""


def frames_of(path: Path) -> list[Pixels]:
    """Return the first frames of a clip at `SIZE`."""
    found: list[Pixels] = []
    with open_source(str(path)) as source:
        for frame in source:
            found.append(np.asarray(cv2.resize(frame.pixels, SIZE), np.uint8))
            if len(found) == NUM_FRAMES:
                break
    return found


def shares(before: Pixels, after: Pixels) -> tuple[float, float]:
    """Return the shares of a frame that moved, and that see something that moved."""
    change = cv2.absdiff(before, after).max(axis=2).astype(np.float32)
    blocks = (SIZE[0] // BLOCK, SIZE[1] // BLOCK)
    moved = cv2.resize(change, blocks, interpolation=cv2.INTER_AREA) > NOISE
    reach = 2 * -(-BORDER // BLOCK) + 1
    seen = cv2.dilate(moved.astype(np.uint8), np.ones((reach, reach), np.uint8))
    return float(moved.mean()), float(seen.mean())


def main() -> None:
    """Print the table."""
    print("| clip | moved | with the network's border |\n|---|---|---|")
    for path in map(Path, sys.argv[1:]):
        pairs = [shares(*pair) for pair in pairwise(frames_of(path))]
        moved, seen = np.mean(pairs, axis=0)
        print(f"| {path.stem} | {moved:.0%} | {seen:.0%} |", flush=True)


if __name__ == "__main__":
    main()
