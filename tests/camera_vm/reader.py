"""Reads the virtual camera as a call program would, and prints what it saw as JSON."""

import json
import sys

import cv2
import numpy as np


def main(count: int) -> None:
    capture = cv2.VideoCapture(10, cv2.CAP_V4L2)
    seen = []
    for _ in range(count):
        okay, image = capture.read()
        if okay:
            seen.append(image)
    capture.release()
    edges = []
    for image in seen:
        row = image[image.shape[0] // 2].mean(axis=1).astype(int)
        edges.append(int(np.abs(np.diff(row)).argmax()))
    last = seen[-1] if seen else np.zeros((1, 1, 3), np.uint8)
    colours = [image[..., ::-1].mean((0, 1)).round(1).tolist() for image in seen]
    found = {
        "num_frames": len(seen),
        "shape": last.shape,
        "rgb": colours[-1] if colours else None,
        "edges": edges,
        "num_different": len({image.tobytes() for image in seen}),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]))
