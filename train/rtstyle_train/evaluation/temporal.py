"""Measure the temporal consistency of several networks and smoothers in one table."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rtstyle.drawing.line_plot import plot_lines, write_png
from rtstyle.errors import UsageError
from rtstyle.metrics.drift import DriftMeter
from rtstyle.metrics.flicker import TemporalDeviation, flicker_gain
from rtstyle.metrics.known_motion import Moved
from rtstyle.metrics.sharpness import laplacian_energy
from rtstyle.metrics.warping_error import WarpingError, above_floor
from rtstyle.smoothing import Smoother, SmoothMode, make_smoother
from rtstyle_streams.frame import Pixels
from rtstyle_train.evaluation.temporal_scenes import Scene

Stylize = Callable[[Pixels], Pixels]
"""A network without memory: RGB ``(H, W, 3)`` uint8 in and out."""
SETTLED = 5
"""Frames at the start to leave out of sharpness and style, while smoothing settles."""
SAMPLE_EVERY = 5
"""Sharpness and style are measured on every fifth frame."""


@dataclass(frozen=True, slots=True)
class SmoothedCandidate:
    """A network with a smoother."""

    name: str
    """Shown in the table."""
    stylize: Stylize
    """The network; it runs once per frame for all candidates that share it."""
    smooth: SmoothMode = "off"
    """How its frames are smoothed."""
    style_distance: Callable[[Pixels], float] | None = None
    """Distance of a stylized frame to its style image; None leaves it out."""


@dataclass(frozen=True, slots=True)
class TemporalRow:
    """One candidate on one scene."""

    scene: str
    """Name of the scene."""
    candidate: str
    """Name of the candidate."""
    flow_method: str
    """Where the motion comes from."""
    num_frames: int
    """Number of frames in the scene."""
    error: float
    """Mean squared warping error on the scale 0..1."""
    floor: float
    """The same for the input video."""
    against: float
    """Error above the floor over the baseline's; NaN without a baseline."""
    flicker: float
    """Temporal deviation over the input's, still scenes only; else NaN."""
    sharpness: float
    """Laplacian energy over that of the same network frame by frame."""
    style: float
    """Style distance over that of the same network frame by frame, or NaN."""
    drift_colour: float
    """Change of a channel's mean since frame 10, in 1/255; still scenes only."""
    drift_texture: float
    """Laplacian energy over that of frame 10; still scenes only."""


class _Track:
    """Measures one film frame by frame."""

    def __init__(
        self,
        *,
        is_still: bool,
        style_distance: Callable[[Pixels], float] | None = None,
    ) -> None:
        self.error = WarpingError()
        self.deviation = TemporalDeviation()
        self.drift = DriftMeter()
        self.sharpness: list[float] = []
        self.style: list[float] = []
        self._is_still, self._style_distance = is_still, style_distance
        self._count = 0

    def add(self, pixels: Pixels, moved: Moved) -> None:
        """Take the next frame."""
        self.error.add(pixels, moved.flow_prev_to_cur, moved.mask)
        if self._is_still:
            self.drift.add(pixels)
            if self._count >= SETTLED:
                self.deviation.add(pixels)
        if self._count >= SETTLED and self._count % SAMPLE_EVERY == 0:
            self.sharpness.append(laplacian_energy(pixels))
            if self._style_distance is not None:
                self.style.append(self._style_distance(pixels))
        self._count += 1


def evaluate_temporal(
    candidates: Sequence[SmoothedCandidate],
    scenes: Sequence[Scene],
    *,
    baseline: str | None = None,
    out: Path | None = None,
    on_scene: Callable[[str], None] | None = None,
) -> list[TemporalRow]:
    """Measure every candidate on every scene, beside the input's own floor.

    Args:
        candidates: Candidates to compare.
        scenes: Scenes to compare them on.
        baseline: Name of the candidate that `TemporalRow.against` refers to.
        out: Folder for ``temporal.md``, ``temporal.json`` and a plot for each scene.
        on_scene: Called with the name of each scene before it starts.

    Raises:
        UsageError: no candidate is called `baseline`.
    """
    if baseline is not None and baseline not in [c.name for c in candidates]:
        names = ", ".join(c.name for c in candidates)
        raise UsageError(f"baseline: expected one of {names}, got {baseline!r}")
    rows: list[TemporalRow] = []
    for scene in scenes:
        if on_scene:
            on_scene(scene.name)
        tracks, floor, num_frames = _play(scene, candidates)
        rows += _rows(scene, candidates, tracks, floor, num_frames, baseline)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            series = {"input (floor)": floor.error.per_pair}
            series |= {name: track.error.per_pair for name, track in tracks.items()}
            _plot(series, scene, out)
    if out is not None:
        (out / "temporal.md").write_text(to_table(rows), "utf-8")
        values = json.dumps([asdict(row) for row in rows], indent=2)
        (out / "temporal.json").write_text(values.replace("NaN", "null"), "utf-8")
    return rows


def _play(
    scene: Scene, candidates: Sequence[SmoothedCandidate]
) -> tuple[dict[str, _Track], _Track, int]:
    """Run all candidates on a scene, each network once per frame."""
    smoothers: dict[str, Smoother] = {
        c.name: make_smoother(c.smooth) for c in candidates
    }
    tracks = {
        c.name: _Track(is_still=scene.is_still, style_distance=c.style_distance)
        for c in candidates
    }
    floor = _Track(is_still=scene.is_still)
    num_frames = 0
    for moved in scene.play():
        num_frames += 1
        floor.add(moved.pixels, moved)
        stylized: dict[int, Pixels] = {}
        for candidate in candidates:
            key = id(candidate.stylize)
            if key not in stylized:
                stylized[key] = candidate.stylize(moved.pixels)
            steady = smoothers[candidate.name](moved.pixels, stylized[key])
            tracks[candidate.name].add(steady, moved)
    return tracks, floor, num_frames


def _rows(
    scene: Scene,
    candidates: Sequence[SmoothedCandidate],
    tracks: dict[str, _Track],
    floor: _Track,
    num_frames: int,
    baseline: str | None,
) -> list[TemporalRow]:
    """Collect the figures of one scene."""
    least = floor.error.mean
    unit = math.nan
    if baseline is not None:
        unit = above_floor(tracks[baseline].error.mean, least)
    rows = []
    for candidate in candidates:
        track = tracks[candidate.name]
        plain = next(
            tracks[other.name]
            for other in sorted(candidates, key=lambda c: c.smooth != "off")
            if other.stylize is candidate.stylize
        )
        drift = track.drift.value if scene.is_still else None
        rows.append(
            TemporalRow(
                scene=scene.name,
                candidate=candidate.name,
                flow_method=scene.flow_method,
                num_frames=num_frames,
                error=track.error.mean,
                floor=least,
                against=_ratio(above_floor(track.error.mean, least), unit),
                flicker=flicker_gain(track.deviation.value, floor.deviation.value),
                sharpness=_ratio(_mean(track.sharpness), _mean(plain.sharpness)),
                style=_ratio(_mean(track.style), _mean(plain.style)),
                drift_colour=drift.colour if drift else math.nan,
                drift_texture=drift.texture if drift else math.nan,
            )
        )
    return rows


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _ratio(value: float, unit: float) -> float:
    return value / unit if unit > 0 else math.nan


def _plot(series: dict[str, list[float]], scene: Scene, out: Path) -> None:
    title = f"{scene.name}: warping error of each pair (flow: {scene.flow_method})"
    name = "".join(c if c.isalnum() else "_" for c in scene.name)
    write_png(
        plot_lines(series, title=title, x_label="pair"), out / f"temporal_{name}.png"
    )


def to_table(rows: Sequence[TemporalRow]) -> str:
    """Return the rows as a Markdown table, errors times 1000.

    ``-`` where a figure does not apply to that scene.
    """
    head = (
        "| scene | method | error x1000 | floor | against baseline | flicker | "
        "sharpness | style | drift | flow, frames |\n" + "|---" * 10 + "|\n"
    )
    lines = []
    for row in rows:
        drift = "-"
        if math.isfinite(row.drift_colour):
            drift = f"{row.drift_colour:.2f}, x{row.drift_texture:.2f}"
        cells = [
            row.scene,
            row.candidate,
            f"{1000 * row.error:.2f}",
            f"{1000 * row.floor:.2f}",
            *(_cell(v) for v in (row.against, row.flicker, row.sharpness, row.style)),
            drift,
            f"{row.flow_method}, {row.num_frames}",
        ]
        lines.append("| " + " | ".join(cells) + " |\n")
    return head + "".join(lines)


def _cell(value: float) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "-"
