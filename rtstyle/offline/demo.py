"""The demonstration: the built-in portrait and scene in every style."""

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from rtstyle.drawing.contact_sheet import GAP, PAPER, contact_sheet
from rtstyle.offline.pipeline import Pipeline
from rtstyle.smoothing import SmoothMode
from rtstyle.style_file import Style
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.frame import Frame, Pixels
from rtstyle_streams.managed import ManagedSource
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.pictures.images import ImageSink
from rtstyle_streams.protocols import Source
from rtstyle_streams.sample.portrait import paint_portrait

log = logging.getLogger(__name__)

VIDEO_NAME, SHEET_NAME = "demo.mp4", "contact_sheet.png"
"""What a demonstration writes."""
PORTRAIT_SIZE = (640, 480)
"""Width and height of the portrait, in pixels."""
SHEET_COLUMNS = 3
"""Styles in a row of the contact sheet; each shows the portrait and the scene."""
SHEET_LINES = 180
"""Height of a picture on the contact sheet, in lines."""
PRESET, CRF = "superfast", 24
"""Of the video: a tenth of the bytes that the encoder's defaults here would write."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was written."""

    video: Path
    """The stylized scene, one style after the other."""
    sheet: Path
    """The portrait and a frame of the scene, in every style."""
    num_frames: int
    """Frames of the video."""
    seconds: float
    """Time for the video."""


class Part(ManagedSource):
    """The next frames of a source that stays open."""

    def __init__(self, source: Source, frames: Iterator[Frame], *, count: int) -> None:
        self.info = source.info
        self._frames = islice(frames, count)

    def __iter__(self) -> Iterator[Frame]:
        """Give out the frames."""
        return self._frames


def run_demo(
    styles: Sequence[Style],
    folder: Path,
    *,
    width: int = 848,
    height: int = 480,
    frames_per_style: int = 25,
    smooth: SmoothMode = "flow",
    device: str = "auto",
) -> DemoResult:
    """Write a contact sheet and a video in every style; older ones are replaced.

    Args:
        styles: In the order of their appearance.
        folder: Made if it is missing.
        width: Of the video, in pixels.
        height: Of the video, in lines.
        frames_per_style: How long each style is shown.
        smooth: How frames are kept steady.
        device: ``auto``, ``cpu`` or ``cuda:N``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total = frames_per_style * len(styles)
    stills = [paint_portrait(*PORTRAIT_SIZE), _first_frame(width, height)]
    pictures = [("Original", _side_by_side(stills))]
    seconds = 0.0
    with open_source(f"sample:{width}x{height}@30x{total}") as source:
        frames = iter(source)
        sink = open_sink(
            folder / VIDEO_NAME, source.info, crf=CRF, preset=PRESET, overwrite=True
        )
        with sink, tqdm(total=total, unit="frame", file=sys.stderr) as bar:
            for style in styles:
                controls = Controls(smooth=smooth)
                with Stylizer(
                    style, controls=controls, device=device, workers=0
                ) as stylizer:
                    log.info("style %s, %s", style.name, stylizer.where)
                    pictures.append((style.title, _painted(stills, stylizer)))
                    part = Part(source, frames, count=frames_per_style)
                    run = Pipeline(part, stylizer, sink).run(lambda _: bar.update())
                    seconds += run.seconds
    sheet = contact_sheet(
        pictures,
        columns=min(SHEET_COLUMNS, len(pictures)),
        width=pictures[0][1].shape[1],
    )
    with ImageSink(folder / SHEET_NAME, overwrite=True) as images:
        images.write(Frame(sheet, pts=0, time_base=Fraction(1), index=0))
    return DemoResult(folder / VIDEO_NAME, folder / SHEET_NAME, total, seconds)


def _first_frame(width: int, height: int) -> Pixels:
    with open_source(f"sample:{width}x{height}@30x1") as source:
        return next(iter(source)).pixels


def _painted(stills: Sequence[Pixels], stylizer: Stylizer) -> Pixels:
    """Return pictures side by side in a style, each stylized by itself."""
    painted = []
    for still in stills:
        painted.append(stylizer(still))
        stylizer.reset()
    return _side_by_side(painted)


def _side_by_side(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures at the height that they have on the sheet, a gap between."""
    gap = np.full((SHEET_LINES, GAP, 3), PAPER, np.uint8)
    row = []
    for pixels in pictures:
        width = max(1, round(pixels.shape[1] * SHEET_LINES / pixels.shape[0]))
        row += [
            gap,
            np.asarray(
                cv2.resize(pixels, (width, SHEET_LINES), interpolation=cv2.INTER_AREA),
                np.uint8,
            ),
        ]
    return np.hstack(row[1:])
