"""The demonstration: the built-in scene in every style."""

import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from rtstyle.drawing.contact_sheet import contact_sheet
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

log = logging.getLogger(__name__)

VIDEO_NAME, SHEET_NAME = "demo.mp4", "contact_sheet.png"
"""What a demonstration writes."""
SHEET_COLUMNS = 4
"""Pictures in a row of the contact sheet."""


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was written."""

    video: Path
    """The stylized scene, one style after the other."""
    sheet: Path
    """The same moment in every style."""
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
    width: int = 1280,
    height: int = 720,
    frames_per_style: int = 45,
    smooth: SmoothMode = "flow",
    device: str = "auto",
) -> DemoResult:
    """Write a video and a contact sheet of the sample scene; older ones are replaced.

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
    still = _first_frame(width, height)
    pictures = [("the built-in scene", still.pixels)]
    seconds = 0.0
    with open_source(f"sample:{width}x{height}@30x{total}") as source:
        frames = iter(source)
        sink = open_sink(folder / VIDEO_NAME, source.info, overwrite=True)
        with sink, tqdm(total=total, unit="frame", file=sys.stderr) as bar:
            for style in styles:
                controls = Controls(smooth=smooth)
                with Stylizer(
                    style, controls=controls, device=device, workers=0
                ) as stylizer:
                    pictures.append((style.title, stylizer(still.pixels)))
                    log.info("style %s, %s", style.name, stylizer.where)
                    stylizer.reset()
                    part = Part(source, frames, count=frames_per_style)
                    run = Pipeline(part, stylizer, sink).run(lambda _: bar.update())
                    seconds += run.seconds
    _write_sheet(folder / SHEET_NAME, pictures, like=still)
    return DemoResult(folder / VIDEO_NAME, folder / SHEET_NAME, total, seconds)


def _first_frame(width: int, height: int) -> Frame:
    with open_source(f"sample:{width}x{height}@30x1") as source:
        return next(iter(source))


def _write_sheet(
    path: Path, pictures: Sequence[tuple[str, Pixels]], *, like: Frame
) -> None:
    columns = min(SHEET_COLUMNS, len(pictures))
    sheet = contact_sheet(pictures, columns=columns)
    with ImageSink(path, overwrite=True) as sink:
        sink.write(Frame(sheet, pts=0, time_base=like.time_base, index=0))
