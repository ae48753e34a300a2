"""Draw a benchmark as a bar chart of frames per second, on a logarithmic scale."""

from pathlib import Path

import cv2
import numpy as np

from rtstyle.benchmark.report import Report, Row
from rtstyle_streams.frame import Pixels
from rtstyle_streams.part_file import PartFile, cannot_write, check_target

WIDTH, LEFT, LINE, TOP = 960, 330, 44, 70
"""In pixels: width of the picture and of the names, height of a bar and the heading."""
BASELINE_COLOUR, STYLE_COLOUR, INK, PAPER = (150,) * 3, (36, 113, 163), (30,) * 3, 255
"""RGB."""


def draw_report(report: Report) -> Pixels:
    """Return the report's rows as a bar chart.

    Returns:
        RGB, shape ``(H, 960, 3)``, uint8.
    """
    height = TOP + LINE * len(report.rows) + 30
    picture = np.full((height, WIDTH, 3), PAPER, np.uint8)
    title = f"frames per second at {report.width}x{report.height}, network alone"
    _write(picture, title, 20, 40, 0.75)
    fastest = max(row.fps for row in report.rows)
    slowest = min(row.fps for row in report.rows)
    for index, row in enumerate(report.rows):
        share = 0.06 + 0.94 * np.log(row.fps / slowest) / max(
            1e-9, np.log(fastest / slowest)
        )
        _bar(picture, row, TOP + LINE * index, float(share))
    return picture


def write_plot(report: Report, path: Path, *, overwrite: bool = False) -> None:
    """Write the report's bar chart to a PNG file.

    Raises:
        SinkError: it exists and may not be replaced, or cannot be written.
    """
    check_target(path, overwrite=overwrite)
    done, data = cv2.imencode(
        ".png", cv2.cvtColor(draw_report(report), cv2.COLOR_RGB2BGR)
    )
    assert done
    part = PartFile(path, overwrite=overwrite)
    try:
        _write_bytes(part, data.tobytes())
        part.commit()
    finally:
        part.discard()


def _write_bytes(part: PartFile, data: bytes) -> None:
    try:
        part.path.write_bytes(data)
    except OSError as error:
        raise cannot_write(part.target, error) from error


def _bar(picture: Pixels, row: Row, top: int, share: float) -> None:
    colour = BASELINE_COLOUR if row.name == "johnson" else STYLE_COLOUR
    end = LEFT + int((WIDTH - LEFT - 190) * share)
    cv2.rectangle(picture, (LEFT, top), (end, top + LINE - 14), colour, cv2.FILLED)
    _write(picture, f"{row.name} {row.precision} {row.runtime}", 20, top + 21, 0.5)
    text = f"{row.fps:.1f} fps, x{row.ratio_to_johnson:.1f}"
    _write(picture, text, end + 10, top + 21, 0.55)


def _write(picture: Pixels, text: str, left: int, bottom: int, scale: float) -> None:
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, text, (left, bottom), font, scale, INK, 1, cv2.LINE_AA)
