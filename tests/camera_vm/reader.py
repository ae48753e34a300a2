"""Reads a camera or a film as another program would, and prints what it saw as JSON."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
"""RGB, shape ``(H, W, 3)``."""
VIRTUAL_CAMERA = 10


def camera_pictures(count: int) -> Iterator[Picture]:
    """Give out `count` pictures of the virtual camera, fewer where it gives none."""
    capture = cv2.VideoCapture(VIRTUAL_CAMERA, cv2.CAP_V4L2)
    for _ in range(count):
        okay, image = capture.read()
        if okay:
            yield np.asarray(image[..., ::-1], dtype=np.uint8)
    capture.release()


def film_pictures(path: Path) -> Iterator[Picture]:
    """Give out all pictures of a film."""
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def place_of_ramp(picture: Picture) -> float:
    """Return how many columns a grey ramp as wide as the picture has moved.

    The phase of the lowest frequency of the middle line: it turns evenly as the ramp
    runs around, where following its edge fails at the picture's own edge.
    """
    line = picture[picture.shape[0] // 2].mean(axis=-1)
    turn = -np.angle(np.fft.rfft(line)[1]) / (2 * np.pi)
    return float(turn * len(line) % len(line))


def main(what: str) -> None:
    is_camera = what.isdecimal()
    seen = list(camera_pictures(int(what)) if is_camera else film_pictures(Path(what)))
    colours = [image.mean((0, 1)).round(1).tolist() for image in seen]
    found = {
        "num_frames": len(seen),
        "shape": seen[-1].shape if seen else None,
        "rgb": colours[-1] if colours else None,
        "places": [round(place_of_ramp(image), 2) for image in seen],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
