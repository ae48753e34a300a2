"""Paint one photograph, or a folder of them, into files."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.images import ImageSink, ImageSource
from rtstyle_train.errors import TrainError
from rtstyle_train.evaluation.quality.pictures import resized

log = logging.getLogger(__name__)

Paint = Callable[[Pixels], tuple[Pixels, str]]
"""Takes and returns RGB ``(H, W, 3)`` uint8, with a note about it, perhaps empty."""
STYLE_SIZE = 512
"""Short side of a painting if nothing states it, in pixels."""


def paint_pictures(
    photo: Path, out: Path, *, paint: Paint, overwrite: bool
) -> Iterator[str]:
    """Paint every photograph, and yield a line about each once it is written.

    Args:
        photo: A picture or a folder of them.
        out: A picture, or a folder if `photo` is a folder.
        paint: How.
        overwrite: Whether files may be replaced.

    Raises:
        StreamError: a picture cannot be read or written.
        TrainError: one cannot be painted.
    """
    with ImageSource(photo) as source:
        with ImageSink(out, template=source, overwrite=overwrite) as sink:
            for frame in source:
                name = source.paths[frame.index].name
                try:
                    pixels, note = paint(frame.pixels)
                except TrainError as error:
                    raise TrainError(f"{name}: {error}") from error
                sink.write(replace(frame, pixels=pixels))
                end = f"; {note}" if note else ""
                yield f"{name}: written{end}"
        for notice in source.notices:
            log.warning("%s", notice)


def reduced(pixels: Pixels, size: int) -> Pixels:
    """Return a picture whose long side has at most `size` pixels."""
    if max(pixels.shape[:2]) <= size:
        return pixels
    return resized(pixels, long_side=size)
