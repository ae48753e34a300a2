"""One frame painted by a teacher: how near is the whole film to the teacher's own?

python -m rtstyle_experiments.painted_frames CLIP... --teacher scream --minutes 3
"""

import json
import time
from functools import partial
from pathlib import Path

import click
import cv2
import numpy as np
import torch

from rtstyle.drawing.line_plot import write_png
from rtstyle.networks.pixels import to_pixels
from rtstyle.networks.transform_net import TransformNet
from rtstyle.painted_frames.carried_film import CarriedFilm
from rtstyle.painted_frames.carrying import Carried, PaintedFrame
from rtstyle.painted_frames.painted_stylizer import with_paint
from rtstyle.process.terminal import echo
from rtstyle.smoothing import SmootherByMode
from rtstyle_experiments.painted_frames.figures import Figures, Judge, as_rows, as_table
from rtstyle_experiments.painted_frames.rivals import any_painting, histogram_transfer
from rtstyle_experiments.painted_frames.teacher import teacher
from rtstyle_streams.frame import Pixels
from rtstyle_streams.memory import ListSource
from rtstyle_streams.opening import open_source
from rtstyle_train.config.frames import make_frames_config
from rtstyle_train.config.reading import recipe_table
from rtstyle_train.data.film_frames import LearntFrame
from rtstyle_train.data.frames_preview import stylized_frame
from rtstyle_train.data.painted_pairs import Gathered, spread
from rtstyle_train.jobs.frames import quick_formats, train_gathered
from rtstyle_train.jobs.outputs import RunOptions

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("clips", nargs=-1, required=True, type=FILE)
@click.option("--teacher", "spec", default="scream", show_default=True)
@click.option("--minutes", default=3.0, show_default=True)
@click.option("--frames", "most", default=60, show_default=True, help="Of each clip.")
@click.option("--width", default=480, show_default=True, help="Of the frames.")
@click.option("--keys", default=1, show_default=True, help="Painted frames.")
@click.option("--recipe", help="A TOML file with settings of `FramesConfig`.")
@click.option("--loss-weights", type=FILE, required=True, help="Trained with.")
@click.option("--held-out-weights", type=FILE, required=True, help="Judges.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(
    clips: tuple[Path, ...],
    spec: str,
    minutes: float,
    most: int,
    width: int,
    keys: int,
    recipe: str | None,
    loss_weights: Path,
    held_out_weights: Path,
    out: Path,
) -> None:
    """Train on the middle frame of each clip, and compare on all others."""
    torch.set_num_threads(1)
    out.mkdir(parents=True, exist_ok=True)
    paint = teacher(spec)
    name_of_teacher = Path(spec).stem
    for clip in clips:
        content = read_frames(clip, most=most, width=width)
        truth = [paint(frame) for frame in content]
        picked = [int((number + 0.5) * len(content) / keys) for number in range(keys)]
        shape = content[0].shape[:2]
        painted = [
            PaintedFrame(k, content[k], truth[k], np.ones(shape, np.float32))
            for k in picked
        ]
        name = f"{clip.stem}_{name_of_teacher}_{keys}_{minutes:g}"
        run = RunOptions(
            out / f"{name}.safetensors",
            loss_weights=loss_weights,
            minutes=minutes,
            overwrite=True,
        )
        settings = recipe_table(recipe) if recipe else {}
        config = make_frames_config(quick_formats(), settings)
        began, cpu = time.monotonic(), time.process_time()
        film = partial(ListSource, content)
        others = spread(
            painted, film, num_frames=len(content), num_others=config.num_others
        )
        full = np.full(shape, 255, np.uint8)
        learnt = [LearntFrame(k.content, k.painted, full) for k in painted]
        weights = train_gathered(
            config, run, Gathered(learnt, others), leave_out={name_of_teacher}
        )
        took = (
            f"{time.monotonic() - began:.0f} s, {time.process_time() - cpu:.0f} CPU s"
        )
        films = all_films(content, truth, painted, weights.build_transform_net())
        carried = films.pop("reliability")
        judge = Judge(
            content,
            truth,
            [np.asarray(mask[..., 0] / 255, np.float32) for mask in carried],
            key=picked[len(picked) // 2],
            weights=held_out_weights,
        )
        rows: dict[str, Figures] = {k: judge.figures(x) for k, x in films.items()}
        shares = np.mean([mask.mean() / 255 for mask in carried])
        head = (
            f"{name}: {len(content)} frames, {weights.trained['steps']} steps, {took}, "
            f"start {weights.trained['start']}, carried {shares:.2f}"
        )
        echo(head, "", *as_table(rows).splitlines(), "")
        table = {"head": head, "figures": as_rows(rows)}
        (out / f"{name}.json").write_text(json.dumps(table, indent=1), "utf-8")
        write_sheet(out / f"{name}.png", content, films)


def all_films(
    content: list[Pixels],
    truth: list[Pixels],
    painted: list[PaintedFrame],
    network: TransformNet,
) -> dict[str, list[Pixels]]:
    """Return the film in all ways, and how reliable carried paint was (as levels)."""
    middle = painted[len(painted) // 2]
    alone = [to_pixels(stylized_frame(network, frame)) for frame in content]
    with CarriedFilm(painted, partial(ListSource, content)) as film:
        carried = [film.at(index, frame) for index, frame in enumerate(content)]
    nothing = np.zeros(content[0].shape[:2], np.float32)
    paint = [
        x or Carried(c.astype(np.float32), nothing)
        for x, c in zip(carried, content, strict=True)
    ]
    joined = [with_paint(a, p) for a, p in zip(alone, paint, strict=True)]
    smoother = SmootherByMode()
    histogram = histogram_transfer(middle.content, middle.painted)
    network_of_any = any_painting(middle.painted)
    return {
        "teacher": truth,
        "film (network and paint)": joined,
        "film, smoothed": [
            smoother(c, j, mode="flow") for c, j in zip(content, joined, strict=True)
        ],
        "network alone": alone,
        "keyframe carried": [
            np.asarray(np.clip(np.rint(x.pixels), 0, 255), np.uint8) for x in paint
        ],
        "histogram transfer": [histogram(frame) for frame in content],
        "any painting": [network_of_any(frame) for frame in content],
        "photograph": content,
        "reliability": [
            np.repeat(np.asarray(255 * x.reliability, np.uint8)[..., None], 3, axis=2)
            for x in paint
        ],
    }


def read_frames(clip: Path, *, most: int, width: int) -> list[Pixels]:
    """Return the first frames of a clip, at most so wide, sides multiples of 8."""
    frames: list[Pixels] = []
    with open_source(clip, kind="film") as source:
        for frame in source:
            height, wide = frame.pixels.shape[:2]
            columns = min(width, wide) // 8 * 8
            size = (columns, round(height * columns / wide / 8) * 8)
            small = cv2.resize(frame.pixels, size, interpolation=cv2.INTER_AREA)
            frames.append(np.asarray(small, np.uint8))
            if len(frames) == most:
                break
    return frames


def write_sheet(
    path: Path, content: list[Pixels], films: dict[str, list[Pixels]]
) -> None:
    """Write the first, a middle and the last frame of some films."""
    names = (
        "photograph",
        "teacher",
        "film (network and paint)",
        "network alone",
        "keyframe carried",
    )
    last = len(content) - 1
    rows = [
        np.hstack([films[name][index] for name in names])
        for index in (0, last // 3, last)
    ]
    write_png(np.vstack(rows), path)


if __name__ == "__main__":
    main()
