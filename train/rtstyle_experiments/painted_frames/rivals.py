"""Simpler ways to let a film follow a painted frame."""

import cv2
import numpy as np

from rtstyle.paintings.network import painting_network
from rtstyle.paintings.picture import shown
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_experiments.painted_frames.teacher import Paint
from rtstyle_streams.frame import Pixels


def histogram_transfer(content: Pixels, painted: Pixels) -> Paint:
    """Return a change of levels, channel by channel, that the painted frame shows.

    Args:
        content: The painted frame before it was painted, RGB, uint8.
        painted: Its painting, same shape.
    """
    table = np.empty((256, 3), np.uint8)
    for channel in range(3):
        before, after = (
            np.cumsum(np.bincount(x[..., channel].ravel(), minlength=256))
            for x in (content, painted)
        )
        table[:, channel] = np.minimum(np.searchsorted(after, before), 255)

    def paint(frame: Pixels) -> Pixels:
        return np.asarray(cv2.LUT(frame, table[None]), np.uint8)

    return paint


def any_painting(painted: Pixels) -> Paint:
    """Return the network for any painting, which is given the painted frame."""
    network = painting_network()
    modulation = network.encode(shown(painted, side=network.side))
    style = network.fold(modulation, {"name": "painted", "title": "Painted"})
    return Stylizer(style, precision="fp32")
