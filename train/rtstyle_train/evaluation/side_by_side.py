"""Write a clip that shows the input and each candidate side by side."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from rtstyle.smoothing import make_smoother
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_train.evaluation.temporal import SmoothedCandidate

LABEL_HEIGHT = 24
"""Height of the band above the pictures, in lines."""


def side_by_side(pictures: Sequence[Pixels], labels: Sequence[str]) -> Pixels:
    """Put pictures of one size in a row, each under its label.

    Args:
        pictures: RGB ``(H, W, 3)`` uint8 each.
        labels: One for each picture.

    Returns:
        RGB ``(H + 24, n W, 3)`` uint8; one line or column more if that is odd, for
        the encoder.
    """
    height, width = pictures[0].shape[:2]
    lines, columns = height + LABEL_HEIGHT, width * len(pictures)
    row = np.full((lines + lines % 2, columns + columns % 2, 3), 255, np.uint8)
    for index, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        left = index * width
        row[LABEL_HEIGHT:lines, left : left + width] = picture
        place = (left + 8, LABEL_HEIGHT - 7)
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(row, label, place, font, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return row


def write_side_by_side(
    clip: str | Path,
    out: str | Path,
    candidates: Sequence[SmoothedCandidate],
    *,
    num_frames: int | None = None,
    overwrite: bool = False,
) -> int:
    """Write a clip of the input and every candidate, in this order.

    Args:
        clip: Any source.
        out: Any sink, usually a video file.
        candidates: Usually one network frame by frame and smoothed.
        num_frames: Largest number of frames; None for all.
        overwrite: Whether a file that exists may be replaced.

    Returns:
        How many frames were written.
    """
    smoothers = [make_smoother(c.smooth) for c in candidates]
    labels = ["input", *(c.name for c in candidates)]
    written = 0
    with open_source(clip) as source:
        info = source.info
        blank = np.zeros((info.height, info.width, 3), np.uint8)
        height, width = side_by_side([blank] * len(labels), labels).shape[:2]
        wide = replace(info, width=width, height=height)
        with open_sink(out, wide, overwrite=overwrite) as sink:
            for frame in islice(source, num_frames):
                stylized: dict[int, Pixels] = {}
                pictures = [frame.pixels]
                for candidate, smooth in zip(candidates, smoothers, strict=True):
                    key = id(candidate.stylize)
                    if key not in stylized:
                        stylized[key] = candidate.stylize(frame.pixels)
                    pictures.append(smooth(frame.pixels, stylized[key]))
                sink.write(replace(frame, pixels=side_by_side(pictures, labels)))
                written += 1
    return written
