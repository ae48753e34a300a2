"""Judge styles by figures and show them on one sheet."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

import rtstyle
from rtstyle.drawing.contact_sheet import contact_sheet
from rtstyle_streams.frame import Pixels
from rtstyle_train.errors import ConfigError
from rtstyle_train.evaluation.quality.candidates import Candidate
from rtstyle_train.evaluation.quality.card import plain
from rtstyle_train.evaluation.quality.figures import (
    Figures,
    Judges,
    Target,
    mean,
    measure,
    see_content,
)
from rtstyle_train.evaluation.quality.pictures import Group, Picture
from rtstyle_train.evaluation.quality.speed import frames_per_second

CONTENT = "(content)"
"""Name of the row for a network that changes nothing: its mean figures over all
paintings."""
HEADINGS: Mapping[str, str] = {
    "content_held_out": "content",
    "style_held_out": "style",
    "style_held_out_256": "style 256",
    "style_held_out_own": "style own",
    "areas_held_out": "areas",
    "content_trained": "content (t)",
    "style_trained": "style (t)",
    "ssim": "ssim",
    "colour_distance": "colour",
    "hue_variety": "hues",
    "hue_overlap": "overlap",
    "chroma": "chroma",
    "noise_gain": "noise",
    "shift_gain": "shift",
    "grid_2_db": "grid 2",
    "grid_4_db": "grid 4",
    "grid_8_db": "grid 8",
    "border_colour": "border",
    "border_energy_db": "border dB",
}
"""Columns of the table."""
SHEET_WIDTH = 256
"""Width of each picture on the sheet, in pixels."""
BLANK = 250
"""Grey level shown in place of an unknown painting."""


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate on one group of pictures."""

    name: str
    """Name of the candidate."""
    group: Group
    """Photographs or frames of clips."""
    num_pictures: int
    """Number of pictures in the mean."""
    painting: str
    """File name of the painting; empty without one."""
    figures: Figures
    """Means over the pictures."""
    fps_720p: float
    """Median frames per second at 1280x720, network alone; NaN if not measured."""
    where: str
    """Runtime and device of that measurement."""


class Evaluation:
    """Runs pictures through candidates and keeps figures and pictures."""

    def __init__(
        self,
        candidates: Sequence[Candidate],
        targets: Sequence[Target | None],
        judges: Judges,
    ) -> None:
        """Take the candidates to judge.

        Args:
            candidates: The networks.
            targets: The painting of each; None leaves out figures that need one.
            judges: The loss networks.
        """
        known = list({target.name: target for target in targets if target}.values())
        itself = Candidate(CONTENT, lambda pixels: pixels, "", lambda: None)
        self.candidates = [itself, *candidates]
        self.targets = [known[0] if len(known) == 1 else None, *targets]
        self._held_against: list[Sequence[Target | None]] = [
            known or (None,),
            *((target,) for target in targets),
        ]
        self.judges = judges
        self.speeds = {CONTENT: math.nan}
        """Frames per second of each candidate measured so far."""
        self._figures: dict[tuple[str, Group], list[Figures]] = {}
        self._sheet: list[tuple[str, list[Pixels]]] = []
        if len({c.name for c in self.candidates}) < len(self.candidates):
            names = ", ".join(c.name for c in candidates)
            raise ConfigError(f"styles: expected different names, got {names}")

    def add(self, picture: Picture) -> None:
        """Run one picture through all candidates."""
        content = see_content(picture.pixels, self.judges)
        pictures = []
        judges = self.judges
        for candidate, targets in zip(self.candidates, self._held_against, strict=True):
            network = candidate.network
            stylized = network(picture.pixels)
            held = [
                measure(network, stylized, content, target=target, judges=judges)
                for target in targets
            ]
            figures = mean(held)
            key = candidate.name, picture.group
            self._figures.setdefault(key, []).append(figures)
            pictures.append(stylized)
        self._sheet.append((picture.name, pictures))

    def time(self, on_candidate: Callable[[str], None] | None = None) -> None:
        """Measure the speed of every candidate, one after the other."""
        for candidate in self.candidates[1:]:
            if on_candidate:
                on_candidate(candidate.name)
            self.speeds[candidate.name] = frames_per_second(candidate.network)

    def rows(self) -> list[Row]:
        """Return the means so far, photographs first; speeds alone without pictures."""
        if not self._figures:
            return [self._speed_row(candidate) for candidate in self.candidates[1:]]
        groups: tuple[Group, ...] = ("photos", "clips")
        pairs = list(zip(self.candidates, self.targets, strict=True))
        return [
            Row(
                name=candidate.name,
                group=group,
                num_pictures=len(self._figures[candidate.name, group]),
                painting=target.name if target else "",
                figures=mean(self._figures[candidate.name, group]),
                fps_720p=self.speeds.get(candidate.name, math.nan),
                where=candidate.where,
            )
            for group in groups
            for candidate, target in pairs
            if (candidate.name, group) in self._figures
        ]

    def _speed_row(self, candidate: Candidate) -> Row:
        nothing = Figures(**{entry.name: math.nan for entry in fields(Figures)})
        fps = self.speeds.get(candidate.name, math.nan)
        return Row(candidate.name, "photos", 0, "", nothing, fps, candidate.where)

    def sheet(self) -> Pixels:
        """Return the pictures so far, at least one: content, painting, each style.

        If styles have different paintings, each is shown above its style, in the first
        row.
        """
        names = [c.name for c in self.candidates[1:]]
        paintings = [t.painting if t else None for t in self.targets[1:]]
        shared = paintings[0] if len({id(p) for p in paintings}) == 1 else None
        rows: list[list[tuple[str, Pixels]]] = []
        if shared is None and self._sheet:
            blank = np.full_like(self._sheet[0][1][0], BLANK)
            pictures = [blank if p is None else _not_upright(p) for p in paintings]
            rows.append([("", blank), *zip(names, pictures, strict=True)])
        for title, (content, *stylized) in self._sheet:
            row = [(title, content)]
            if shared is not None:
                row.append(("painting", _not_upright(shared)))
            rows.append(row + list(zip(names, stylized, strict=True)))
        strips = [contact_sheet(r, columns=len(r), width=SHEET_WIDTH) for r in rows]
        return np.vstack(strips)


def _not_upright(painting: Pixels) -> Pixels:
    """Return a square from the middle of a painting that is taller than wide."""
    height, width = painting.shape[:2]
    top = max(0, height - width) // 2
    return painting[top : top + min(height, width)] if height > width else painting


def quality_of(
    rows: Sequence[Row],
    name: str,
    *,
    before: Mapping[str, Any],
    about: Mapping[str, str],
) -> dict[str, Any]:
    """Return the quality figures for the card of the candidate `name`.

    Args:
        rows: Rows of an evaluation; with speeds alone the card's other figures stay.
        name: Name of the candidate.
        before: Earlier figures of the card; their speed is kept if none was measured.
        about: More facts, such as the loss networks' names.
    """
    own = [row for row in rows if row.name == name]
    speed = {"fps_720p": own[0].fps_720p, "fps_on": own[0].where}
    if not math.isfinite(own[0].fps_720p):
        speed = {key: before[key] for key in speed if key in before}
    if not own[0].num_pictures:
        merged: dict[str, Any] = plain({**before, **speed})
        return merged
    groups = {
        row.group: {"num_pictures": row.num_pictures, **asdict(row.figures)}
        for row in own
    }
    facts = {"painting": own[0].painting, "rtstyle": rtstyle.__version__}
    quality: dict[str, Any] = plain({**groups, **speed, **facts, **about})
    return quality


def to_table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table without empty columns."""
    shown = [
        entry.name
        for entry in fields(Figures)
        if any(math.isfinite(getattr(row.figures, entry.name)) for row in rows)
    ]
    heads = ["style", "on", *(HEADINGS[name] for name in shown), "fps 720p"]
    lines = [
        [
            row.name,
            f"{row.num_pictures} {row.group}" if row.num_pictures else "-",
            *(_cell(getattr(row.figures, name), 3) for name in shown),
            _cell(row.fps_720p, 1),
        ]
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    rule = ["-" * width for width in widths]
    return "".join(
        "| "
        + " | ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        )
        + " |\n"
        for line in (heads, rule, *lines)
    )


def to_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows as JSON values; null where there is no figure."""
    return [plain(asdict(row)) for row in rows]


def _cell(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:.{digits if abs(value) < 10 else 1}f}"
