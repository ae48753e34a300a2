"""Puts networks for any painting beside MicroAST on paintings that none has seen.

Run from the project's root, with the shared material beside it::

    python -m tests.comparison.arbitrary --ours rtstyle/paintings --out comparison

On other paintings: ``--paintings FOLDER``, of which ``--names swift_adain`` takes those
that this recipe holds out.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from rtstyle.drawing.line_plot import write_png
from rtstyle.gallery.find import load_style
from rtstyle.metrics.structure import ssim
from rtstyle.paintings.network import painting_network
from rtstyle.paintings.picture import shown
from rtstyle.runtime import open_session
from rtstyle_export.to_onnx import to_onnx
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.config.reading import read_recipe, recipe_path
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.evaluation.quality.colour import Palette
from rtstyle_train.evaluation.quality.features import FeatureJudge
from rtstyle_train.evaluation.quality.figures import (
    Judges,
    SeenContent,
    Target,
    see_content,
)
from rtstyle_train.evaluation.quality.pictures import resized
from rtstyle_train.evaluation.quality.stability import noise_gain, shift_gain
from rtstyle_train.loss_networks import load_loss_network
from tests.comparison.microast import load_microast

HELD_OUT = {
    "munch_scream": "scream",
    "monet_water_lilies_1919": "water_lilies",
    "kandinsky_composition_vii": "composition_vii",
    "seurat_port_en_bessin": "port_en_bessin",
}
"""Paintings that our training never sees, and the bundled styles made for each."""
LAYERS = ("relu1_1", "relu2_1", "relu3_1")
NUM_TIMED = 9
"""Frames of each network whose times are compared, in turns."""

HEADINGS = "content style512 style256 areas SSIM colour noise shift".split()

Stylize = Callable[[Pixels], Pixels]
Take = Callable[[Path], Stylize]


@dataclass
class Sums:
    """Figures of one network, one entry a picture."""

    content: list[float] = field(default_factory=list)
    style: list[float] = field(default_factory=list)
    small_style: list[float] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    colour: list[float] = field(default_factory=list)
    noise: list[float] = field(default_factory=list)
    shift: list[float] = field(default_factory=list)

    def row(self, name: str, ms: str) -> str:
        """Return a line of the table: means over the pictures."""
        means = [np.mean(found) if found else np.nan for found in self.columns]
        return f"| {name} | {' | '.join(f'{mean:.3f}' for mean in means)} | {ms} |"

    @property
    def columns(self) -> list[list[float]]:
        """Return the figures in the order of `HEADINGS`."""
        return [
            *(self.content, self.style, self.small_style, self.areas),
            *(self.ssim, self.colour, self.noise, self.shift),
        ]


def session(model: bytes) -> Stylize:
    """Return a function that runs a graph on the CPU."""
    opened = open_session(model, device="cpu", runtime="onnxruntime")
    return lambda pixels: opened.run({"frame": pixels})["stylized"]


def take_microast(folder: Path) -> Take:
    network = load_microast(folder)

    def take(painting: Path) -> Stylize:
        network.take(load_style_image(painting, short_side=512))
        return session(to_onnx(network))

    return take


def take_ours(folder: Path, *, side: int | None) -> Take:
    network = painting_network(folder)

    def take(painting: Path) -> Stylize:
        pixels, _ = read_picture(painting)
        modulation = network.encode(shown(pixels, side=side or network.side))
        card = {"name": painting.stem, "title": painting.stem}
        return session(network.fold(modulation, card).model)

    return take


def take_fixed(painting: Path) -> Stylize:
    return session(load_style(HELD_OUT[painting.stem]).model)


def times_ms(networks: dict[str, Stylize], frame: Pixels) -> dict[str, float]:
    """Return the fastest time of each, measured in turns so that load hits all."""
    found: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(NUM_TIMED):
        for name, stylize in networks.items():
            began = time.perf_counter()
            stylize(frame)
            found[name].append((time.perf_counter() - began) * 1000)
    return {name: min(times) for name, times in found.items()}


def main() -> None:
    given = arguments()
    data = given.shared / "data"
    takes: dict[str, Take] = {}
    if given.peer:
        takes["MicroAST"] = take_microast(data / "peers")
    for folder in given.ours:
        takes[f"ours {folder.name}"] = take_ours(folder, side=given.side)
    if given.fixed and not given.trained and not given.paintings:
        takes["a style each"] = take_fixed
    weights = data / "loss_networks" / "vgg19_normalised_relu3_1.safetensors"
    vgg = load_loss_network("vgg19", weights=weights)
    judge = FeatureJudge(vgg, content_layer="relu3_1", style_layers=LAYERS)
    photos = [
        resized(read_picture(path)[0], long_side=given.size)
        for path in sorted((data / "photos" / "eval").iterdir())[: given.photos]
    ]
    if given.paintings:
        names = read_recipe(recipe_path(given.names))["held_out"] if given.names else ()
        paintings = [
            path
            for path in sorted(given.paintings.iterdir())
            if not names or path.stem in names
        ]
    else:
        paintings = [
            path
            for path in sorted((data / "styles").iterdir())
            if (path.stem in HELD_OUT) != given.trained
        ]
    given.out.mkdir(parents=True, exist_ok=True)
    contest = Contest(judge, photos, ["(content)", *takes], is_steady=given.steady)
    for painting in paintings[:: given.every]:
        contest.show(painting, takes, given.out / f"{painting.stem}.png")
    report(contest, given.out / "table.md")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ours", type=Path, action="append", default=[])
    parser.add_argument("--side", type=int, help="at which paintings are shown")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--out", type=Path, default=Path("comparison"))
    parser.add_argument("--photos", type=int, default=15)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--fixed", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--paintings", type=Path, help="folder of other paintings")
    parser.add_argument("--names", help="recipe whose held-out paintings are taken")
    parser.add_argument("--every", type=int, default=1, help="take every n-th painting")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--steady", action="store_true", help="noise and shift, too")
    parser.add_argument("--trained", action="store_true", help="seen paintings instead")
    return parser.parse_args()


class Contest:
    """Carries photographs through networks, painting by painting."""

    def __init__(
        self,
        judge: FeatureJudge,
        photos: list[Pixels],
        names: list[str],
        *,
        is_steady: bool = False,
    ) -> None:
        self.is_steady = is_steady
        self.judge, self.judges = judge, Judges(held_out=judge)
        self.seen = [see_content(photo, self.judges) for photo in photos]
        large = cv2.resize(photos[0], (1280, 720), interpolation=cv2.INTER_LINEAR)
        self.frame = np.asarray(large, np.uint8)
        self.sums = {name: Sums() for name in names}
        self.ms: dict[str, float] = {}

    def show(self, painting: Path, takes: dict[str, Take], sheet: Path) -> None:
        """Let every network stylize every photograph after one painting."""
        target = Target(painting.name, read_picture(painting)[0], self.judges)
        networks = {name: take(painting) for name, take in takes.items()}
        self.ms = self.ms or times_ms(networks, self.frame)
        networks = {"(content)": lambda pixels: pixels, **networks}
        rows = []
        for content in self.seen:
            rows.append([stylize(content.pixels) for stylize in networks.values()])
            for name, stylized in zip(networks, rows[-1], strict=True):
                self.judge_one(self.sums[name], stylized, content, target)
        if self.is_steady:
            for name, stylize in networks.items():
                for content in self.seen:
                    sums = self.sums[name]
                    sums.noise.append(noise_gain(stylize, content.pixels))
                    sums.shift.append(shift_gain(stylize, content.pixels))
        write_sheet(sheet, target.painting, rows)

    def judge_one(
        self, sums: Sums, stylized: Pixels, content: SeenContent, target: Target
    ) -> None:
        """Add one picture's figures."""
        judged = self.judge.see(stylized)
        assert content.held_out is not None
        sums.content.append(self.judge.content(judged, content.held_out))
        sums.style.append(self.judge.style(judged, target.held_out[1]))
        sums.small_style.append(self.judge.style(judged, target.held_out[2]))
        sums.areas.append(self.judge.areas(judged, target.held_out[1]))
        sums.ssim.append(ssim(stylized, content.pixels))
        sums.colour.append(Palette(stylized).distance(target.palette))


def report(contest: Contest, path: Path) -> None:
    """Print the table and write it."""
    lines = [
        f"| network | {' | '.join(HEADINGS)} | ms at 720p |",
        "|---" * (len(HEADINGS) + 2) + "|",
    ]
    for name, found in contest.sums.items():
        text = f"{contest.ms[name]:.0f}" if name in contest.ms else "-"
        lines.append(found.row(name, text))
    table = "\n".join(lines) + "\n"
    path.write_text(table)
    print(table)


def write_sheet(path: Path, painting: Pixels, rows: list[list[Pixels]]) -> None:
    """Write a picture: the painting, then a row for each photograph."""
    side = 256

    def cell(pixels: Pixels) -> Pixels:
        height, width = pixels.shape[:2]
        scale = side / max(height, width)
        small = cv2.resize(
            pixels,
            (round(width * scale), round(height * scale)),
            interpolation=cv2.INTER_AREA,
        )
        blank = np.full((side, side, 3), 250, np.uint8)
        blank[: small.shape[0], : small.shape[1]] = small
        return blank

    lines = [np.hstack([cell(pixels) for pixels in row]) for row in rows]
    first = np.full_like(lines[0], 250)
    first[:, :side] = cell(painting)
    sheet = np.vstack([first, *lines])
    write_png(sheet, path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
