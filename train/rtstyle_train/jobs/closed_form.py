"""Run `rtstyle train wct` and `rtstyle train style-swap`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle_streams.frame import Pixels
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.jobs.still_pictures import STYLE_SIZE, paint_pictures, reduced
from rtstyle_train.methods.autoencoders import level_of, read_autoencoders
from rtstyle_train.methods.style_swap import StyleSwap
from rtstyle_train.methods.wct import Wct

ALPHA = 0.6
"""How far WCT goes by default: more loses the photograph's shapes."""
SWAP_LEVEL = 3
"""Patches are exchanged at relu3_1, as in the paper."""


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """A painter that learns nothing."""

    method: Literal["wct", "style-swap"]
    """Which one."""
    painting: Path
    """The style image."""
    networks: Path
    """Encoders and decoders, for `read_autoencoders`."""
    alpha: float = ALPHA
    """Of WCT."""
    style_size: int | None = None
    """Short side of the painting; None for `STYLE_SIZE`."""

    def open(self) -> Callable[[Pixels], Pixels]:
        """Measure the painting; return what paints RGB ``(H, W, 3)`` uint8.

        Raises:
            TrainError: a file is missing or broken.
            ConfigError: a setting is out of range, or a level is missing.
        """
        networks = read_autoencoders(self.networks)
        painting = load_style_image(
            self.painting, short_side=self.style_size or STYLE_SIZE
        )
        paint: Callable[[Tensor], Tensor]
        if self.method == "wct":
            paint = Wct(networks, painting, alpha=self.alpha)
        else:
            paint = StyleSwap(level_of(networks, SWAP_LEVEL), painting)
        return lambda pixels: to_pixels(paint(to_batch(pixels)))


@dataclass(frozen=True, slots=True)
class ClosedFormJob:
    """Options of the command line."""

    photo: Path
    """A photograph or a folder of them."""
    out: Path
    """A picture file, or a folder if `photo` is a folder."""
    painter: ClosedForm
    """Who paints."""
    size: int = 512
    """Long side of the picture, in pixels."""
    overwrite: bool = False
    """Whether `out` may exist."""


def run_closed_form(job: ClosedFormJob) -> Iterator[str]:
    """Paint every photograph, and yield a line about each once it is written.

    Raises:
        RtstyleError: a file or a setting is wrong.
        StreamError: a picture cannot be read or written.
    """
    painter = job.painter.open()
    yield from paint_pictures(
        job.photo,
        job.out,
        paint=lambda pixels: (painter(reduced(pixels, job.size)), ""),
        overwrite=job.overwrite,
    )
