"""Measure our torch networks: `python -m rtstyle_experiments.gpu_speed`."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TextIO

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from rtstyle.errors import RtstyleError, RuntimeUnavailableError, UsageError
from rtstyle_experiments.gpu_speed.ahead import compile_ahead
from rtstyle_experiments.gpu_speed.ceilings import probe
from rtstyle_experiments.gpu_speed.job import (
    NETWORKS,
    NO_TIME,
    WAYS,
    Result,
    Skipped,
    cases,
    first_network,
    measured,
)
from rtstyle_experiments.gpu_speed.report import HEAD, about, device_name, row
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture

AHEAD_SHARE = 0.45
"""Share of the total time for compiling ahead in separate processes."""


def main(words: list[str] | None = None) -> int:
    """Measure, print each row as it is done, then JSON if requested."""
    began = time.monotonic()
    given = _parser().parse_args(words)
    sizes = [_size(text) for text in given.sizes.split(",")]
    if given.device == "cuda" and not torch.cuda.is_available():
        raise RuntimeUnavailableError(
            "device cuda: expected a CUDA GPU, torch sees none; try --device cpu"
        )
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = False
    ceilings = probe(given.device)
    say = partial(_say, sys.stderr if given.json else sys.stdout)
    say(about(given.device, ceilings))
    if given.ahead and "fp16 compiled" in given.ways:
        compile_ahead(
            given.networks,
            given.sizes,
            weights=given.weights,
            seconds=given.seconds * AHEAD_SHARE,
        )
        say(f"compiled after {time.monotonic() - began:.1f} s")
    networks = {name: _network(name, given.weights) for name in given.networks}
    say(HEAD)
    outcomes = []
    for result in measured(
        cases(tuple(given.networks), tuple(given.ways), sizes),
        photo=photo_reader(given.photo),
        networks=networks,
        device=given.device,
        ceilings=ceilings,
        ends_at=began + given.seconds,
        seconds_each=given.seconds_each,
    ):
        say(row(result))
        outcomes.append(result)
    say(f"done after {time.monotonic() - began:.1f} s")
    if given.json:
        results = [one.as_json() for one in outcomes if isinstance(one, Result)]
        facts = {"device": device_name(given.device), "ceilings": asdict(ceilings)}
        facts |= {"torch": torch.__version__, "photo": str(given.photo or "")}
        sys.stdout.write(json.dumps({**facts, "results": results}) + "\n")
    return int(any(isinstance(o, Skipped) and o.why != NO_TIME for o in outcomes))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rtstyle_experiments.gpu_speed", description=__doc__
    )
    option = parser.add_argument
    option("--sizes", default="1280x720,1920x1080,3840x2160", help="WxH, by commas")
    option("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    option("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    option("--device", choices=("cuda", "cpu"), default="cuda")
    option("--seconds", type=float, default=90.0, help="start nothing that ends later")
    option("--seconds-each", type=float, default=0.6, help="timing of one row")
    option(
        "--ahead",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="first compile all networks at once, a process each",
    )
    option("--photo", type=Path, help="content image of all sizes")
    option(
        "--weights",
        action="append",
        default=[],
        metavar="NETWORK=FILE",
        help="safetensors of ours, or of pytorch/examples for johnson",
    )
    option("--json", action="store_true", help="JSON on stdout, the table on stderr")
    return parser


def _network(name: str, weights: list[str]) -> nn.Module:
    files = dict(text.partition("=")[::2] for text in weights)
    if name not in files:
        return first_network(name)
    from safetensors.torch import load_file

    from rtstyle.networks import JohnsonNet
    from rtstyle.networks.weights_file import load_weights

    path = Path(files[name])
    if name == "johnson":
        return JohnsonNet.from_state_dict(load_file(path))
    return load_weights(path).build()


def photo_reader(path: Path | None) -> Callable[[int, int], Tensor]:
    """Return a function that gives the photograph, or smooth colours, at any size."""
    if path is None:
        coarse = np.random.default_rng(7).integers(0, 256, (9, 16, 3), np.uint8)
        photo: Pixels = coarse
    else:
        try:
            photo, _ = read_picture(path)
        except SourceError as error:
            raise UsageError(str(error)) from error

    def sized(height: int, width: int) -> Tensor:
        frame = cv2.resize(photo, (width, height), interpolation=cv2.INTER_CUBIC)
        return torch.from_numpy(frame)

    return sized


def _size(text: str) -> tuple[int, int]:
    """Return height and width of ``1280x720``."""
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UsageError(f"--sizes: expected 1280x720 and so on, got {text!r}")
    return int(height), int(width)


def _say(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RtstyleError as error:
        sys.exit(str(error))
