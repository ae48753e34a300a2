"""Compares WebGPU with the CPU; run where ``onnxruntime`` is ``onnxruntime-webgpu``.

Prints one JSON object a comparison. Arguments: styles or paintings, then ``@WxH`` for
each size of a frame, ``--gate`` for the gate behind the first style.
"""

import json
import sys
import time
from collections.abc import Iterator

import numpy as np

from rtstyle.gallery.find import load_style
from rtstyle.runtime import Session, open_session
from rtstyle.smoothing.gate_graph import BEFORE, RESTART, gated_style, state_shapes
from rtstyle.style_file import FRAME_INPUT, FRAME_OUTPUT
from rtstyle.stylizer.gate_on_device import gate_on_device

GATE_FRAMES = 5
"""Frames of the gated film: one with a new picture, the others with noise on it."""


def frame_of(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Return gradients, an edge and noise, RGB, ``(height, width, 3)``, uint8."""
    random = np.random.default_rng((height, width, seed))
    rows, columns = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    frame = np.stack([rows, columns, (rows + columns) % 0.5 * 2], axis=2) * 200
    frame[height // 3 : height // 2, width // 4 : width // 2] += 55
    noisy = frame + random.normal(0, 3, frame.shape)
    return np.asarray(np.clip(noisy, 0, 255), np.uint8)


def told(
    name: str, size: str, began: float, got: np.ndarray, wanted: np.ndarray
) -> str:
    """Return one line of JSON about two pictures."""
    difference = np.abs(got.astype(np.int16) - wanted)
    facts = {
        "style": name,
        "size": size,
        "largest": int(difference.max()),
        "share": float((difference > 0).mean()),
        "spread": float(wanted.std()),
        "seconds": round(time.perf_counter() - began, 2),
    }
    return json.dumps(facts)


def compare(name: str, sizes: list[str]) -> Iterator[str]:
    """Give out a line for each size; one session runs them all."""
    model = load_style(name).model
    here = open_session(model, runtime="onnxruntime", device="cpu")
    there = open_session(model, runtime="onnxruntime", device="webgpu:0")
    for size in sizes:
        width, height = (int(side) for side in size.split("x"))
        frame = frame_of(width, height)
        began = time.perf_counter()
        got = there.run({FRAME_INPUT: frame})[FRAME_OUTPUT]
        wanted = here.run({FRAME_INPUT: frame})[FRAME_OUTPUT]
        assert there.device == "webgpu:0", "the device was lost"
        yield told(name, size, began, got, wanted)
    there.close()
    here.close()


def compare_gate(name: str, size: str) -> Iterator[str]:
    """Give out a line for each frame of a film that hardly moves.

    The same graph, style and gate in one, runs on the CPU; its past is handed on here.
    """
    model = load_style(name).model
    here = open_session(gated_style(model), runtime="onnxruntime", device="cpu")
    there: Session = open_session(model, runtime="onnxruntime", device="webgpu:0")
    gate = gate_on_device([there], workers=1)
    assert gate is not None
    width, height = (int(side) for side in size.split("x"))
    shapes = state_shapes(height, width)
    past = {state: np.zeros(shape, np.float32) for state, shape in shapes.items()}
    for number in range(GATE_FRAMES):
        frame, began = frame_of(width, height, number), time.perf_counter()
        got = gate(frame)
        inputs = {state + BEFORE: value for state, value in past.items()}
        restart = np.array([number == 0], np.float32)
        made = here.run({FRAME_INPUT: frame, RESTART: restart, **inputs})
        past = {state: made[state] for state in past}
        yield told(f"{name} gate {number}", size, began, got, made[FRAME_OUTPUT])
    assert gate._here is None, "the gate ran on the CPU"
    there.close()
    here.close()


def main(words: list[str]) -> None:
    """Compare what the arguments say."""
    sizes = [word[1:] for word in words if word.startswith("@")]
    names = [word for word in words if not word.startswith(("@", "--"))]
    for name in names:
        for line in compare(name, sizes):
            print(line, flush=True)
    if "--gate" in words:
        for line in compare_gate(names[0], sizes[0]):
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
