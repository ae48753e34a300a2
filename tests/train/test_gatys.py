"""Optimising one picture: right losses, falling, and counted against a network."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from torch import Tensor

from rtstyle_streams.errors import SinkError
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.commands.gatys import gatys_command
from rtstyle_train.config.image import TrainConfig
from rtstyle_train.data.motion import luminance
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.evaluation.quality.candidates import open_candidate
from rtstyle_train.jobs.gatys import GatysJob, run_gatys, settings, summary
from rtstyle_train.losses.content import structure_loss
from rtstyle_train.losses.gram import covariance_loss, gram_matrix_with_mean
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.total_variation import range_loss, total_variation
from rtstyle_train.methods.gatys import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    Comparison,
    GatysObjective,
    Optimizer,
    TrainingObjective,
    compare,
    optimise,
    pooled_features,
)
from tests.tiny_styles import negative_style
from tests.train.tiny_vgg import tiny_vgg, write_tiny_vgg

RECIPE = {"style_weight": 3.0, "styles": [{"name": "rough", "file": "painting.png"}]}


def picture(seed: int, *, height: int = 48, width: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator)


def towards(goal: Tensor) -> Any:
    """An objective with one lowest place, which is known."""
    return lambda pixels: (pixels - goal).square().sum()


@pytest.mark.parametrize(("optimizer", "steps"), [("lbfgs", 10), ("adam", 200)])
def test_the_lowest_place_is_found(optimizer: Optimizer, steps: int) -> None:
    goal, start = picture(1), picture(2)
    before = start.clone()
    found = list(optimise(towards(goal), start, steps=steps, optimizer=optimizer))
    assert [step.iteration for step in found] == list(range(steps + 1))
    assert found[0].loss == pytest.approx(float(towards(goal)(start)))
    torch.testing.assert_close(found[-1].pixels, goal, atol=0.01, rtol=0)
    assert torch.equal(start, before) and torch.equal(found[0].pixels, start)


def test_pictures_stay_within_what_can_be_shown() -> None:
    bright = towards(torch.full((1, 3, 48, 64), 2.0))
    found = list(optimise(bright, picture(1), steps=5))
    assert all(step.pixels.max() <= 1 for step in found)
    assert found[-1].pixels.min() == 1.0


def test_an_upright_start_of_any_memory_layout_is_taken() -> None:
    start = picture(3, height=20, width=12).to(memory_format=torch.channels_last)
    goal = picture(4, height=20, width=12)
    assert list(optimise(towards(goal), start, steps=5))[-1].loss < 1e-3


def test_no_steps_give_the_start_and_fewer_are_refused() -> None:
    assert len(list(optimise(towards(picture(1)), picture(2), steps=0))) == 1
    with pytest.raises(ConfigError, match="steps: expected 0 or more, got -1"):
        list(optimise(towards(picture(1)), picture(2), steps=-1))


def test_an_infinite_loss_stops_the_optimisation() -> None:
    with pytest.raises(TrainError, match="iteration 0: expected a finite loss"):
        list(optimise(lambda pixels: pixels.sum() / 0.0, picture(1), steps=3))


def test_the_training_objective_is_the_sum_of_the_training_losses() -> None:
    config = TrainConfig(
        content_weight=1.5, style_weight=4.0, tv_weight=2.0, tone_weight=0.5
    )
    painting, content, pixels = picture(1, height=80), picture(2), picture(3)
    vgg = tiny_vgg()
    with torch.no_grad():
        found = TrainingObjective(config, tiny_vgg(), painting, content)(pixels)
        seen = vgg(pixels, STYLE_LAYERS)
        wanted = vgg(content, config.content_layers)
        style = vgg(painting, STYLE_LAYERS)
        small = [F.avg_pool2d(x, 4) for x in (pixels, content, painting)]
        coarse, areas = (vgg(x, STYLE_LAYERS[:3]) for x in small[::2])
    contents = [structure_loss(seen[n], wanted[n]) for n in config.content_layers]
    total = 1.5 * sum(contents) / 2
    total += 0.5 * structure_loss(*(luminance(x) for x in small[:2]))
    for layers, one, other in (
        (STYLE_LAYERS, seen, style),
        (STYLE_LAYERS[:3], coarse, areas),
    ):
        grams = [[gram_matrix_with_mean(x[n]) for x in (one, other)] for n in layers]
        total += 4.0 * sum(covariance_loss(*pair) for pair in grams) / len(layers)
    total += 2.0 * total_variation(pixels) + 10.0 * range_loss(pixels)
    total += config.grid_weight * grid_loss(pixels)
    assert float(found) == pytest.approx(float(total), rel=1e-5)


def test_the_original_losses_are_those_of_the_paper() -> None:
    painting, content, pixels = picture(1), picture(2), picture(3)
    vgg = tiny_vgg()
    seen, wanted, style = (pooled_features(vgg, x) for x in (pixels, content, painting))
    loss = 0.01 * 0.5 * (seen[CONTENT_LAYER] - wanted[CONTENT_LAYER]).square().sum()
    for name in STYLE_LAYERS:
        n, m = seen[name].shape[1], seen[name][0, 0].numel()
        f, a = seen[name][0].flatten(1), style[name][0].flatten(1)
        gap = (f @ f.T - a @ a.T).square().sum()
        loss = loss + 3.0 / 5 * gap / (4 * n**2 * m**2)
    objective = GatysObjective(tiny_vgg(), painting, content, alpha=0.01, beta=3.0)
    assert float(objective(pixels)) == pytest.approx(float(loss), rel=1e-4)


def test_average_pooling_halves_and_keeps_the_mean() -> None:
    vgg = tiny_vgg()
    found = pooled_features(vgg, picture(1))
    first = found["relu1_2"]
    pooled = first.reshape(1, -1, 24, 2, 32, 2).mean((3, 5))
    padded = torch.nn.functional.pad(pooled, (1, 1, 1, 1), mode="reflect")
    wanted = torch.relu(vgg.convs["conv2_1"](padded))
    torch.testing.assert_close(found["relu2_1"], wanted)


@pytest.mark.parametrize("is_original", [False, True])
def test_both_objectives_fall(is_original: bool) -> None:
    painting, content = picture(1) ** 3, picture(2)
    objective: Any = TrainingObjective(TrainConfig(), tiny_vgg(), painting, content)
    if is_original:
        objective = GatysObjective(tiny_vgg(), painting, content)
    losses = [step.loss for step in optimise(objective, content, steps=10)]
    assert losses[-1] < 0.8 * losses[0]


def test_iterations_are_counted_up_to_the_network() -> None:
    goal, content = picture(1), picture(2)
    objective = towards(goal)
    path = list(optimise(objective, content, steps=30, optimizer="adam"))
    found = compare(
        objective,
        stylized=path[12].pixels,
        content=content,
        start=content,
        steps=30,
        optimizer="adam",
    )
    assert found.iterations == 12
    assert found.network_loss == pytest.approx(path[12].loss)
    assert found.content_loss == found.start_loss
    assert found.best_loss == pytest.approx(min(step.loss for step in path))


def test_a_network_that_is_never_equalled_is_said_to_be_so() -> None:
    goal, start = picture(1), picture(2)
    found = compare(
        towards(goal),
        stylized=goal,
        content=start,
        start=start,
        steps=2,
        optimizer="adam",
    )
    assert found.iterations is None and found.steps == 2
    assert "more than 2 iterations" in summary([found, found])


def test_the_summary_gives_the_median() -> None:
    rows = [Comparison(1.0, 9.0, 9.0, 0.5, count, 50) for count in (10, 20, None)]
    assert "equalled after 20 iterations (median); best 0.500" in summary(rows)


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """A folder with photographs, a painting, a style and a loss network."""
    (tmp_path / "photos").mkdir()
    write_picture(tmp_path / "photos" / "one.png", seed=1)
    write_picture(tmp_path / "photos" / "two.png", seed=2, height=64, width=40)
    write_picture(tmp_path / "painting.png", seed=3)
    write_tiny_vgg(tmp_path / "tiny.safetensors")
    style = negative_style({"recipe": RECIPE})
    (tmp_path / "negative.onnx").write_bytes(style)
    return tmp_path


def write_picture(path: Path, *, seed: int, height: int = 48, width: int = 64) -> None:
    pixels = picture(seed, height=height, width=width)[0].permute(1, 2, 0)
    assert cv2.imwrite(str(path), (pixels.numpy() * 255).astype(np.uint8))


def job(material: Path, **changes: Any) -> GatysJob:
    settings: dict[str, Any] = {
        "photo": material / "photos" / "one.png",
        "painting": material / "painting.png",
        "out": material / "out.png",
        "steps": 4,
        "loss_weights": material / "tiny.safetensors",
        "style_size": 32,
    }
    return GatysJob(**(settings | changes))


def invoke(material: Path, photo: str, out: str, *words: str) -> list[str]:
    files = [material / photo, material / "painting.png", material / out]
    fixed = [*files, "--steps", 3, "--loss-weights", material / "tiny.safetensors"]
    result = CliRunner().invoke(
        gatys_command, [*map(str, fixed), *words], catch_exceptions=False
    )
    return result.stdout.splitlines()


def test_the_command_paints_one_picture(material: Path) -> None:
    lines = invoke(material, "photos/one.png", "out.png", "--size", "48")
    assert lines == ["one.png: written"]
    painted, _ = read_picture(material / "out.png")
    assert painted.shape == (36, 48, 3)


def test_the_command_compares_a_folder_with_a_network(material: Path) -> None:
    style = str(material / "negative.onnx")
    lines = invoke(material, "photos", "painted", "--compare", style)
    assert len(lines) == 3
    assert lines[0].startswith("one.png: written; network ")
    assert lines[2].startswith("2 photographs: network ")
    shapes = [
        read_picture(p)[0].shape for p in sorted((material / "painted").iterdir())
    ]
    assert shapes == [(48, 64, 3), (64, 40, 3)]


def test_what_is_written_is_the_optimised_picture(material: Path) -> None:
    list(run_gatys(job(material, out=material / "four.png")))
    list(run_gatys(job(material, out=material / "again.png")))
    list(run_gatys(job(material, out=material / "noise.png", start="noise")))
    four, again, noise = (
        read_picture(material / f"{name}.png")[0] for name in ("four", "again", "noise")
    )
    photo = read_picture(material / "photos" / "one.png")[0].astype(int)
    assert (four == again).all()
    assert 0.2 < abs(photo - four).mean() < 5 < abs(photo - noise).mean()


def test_original_losses_give_another_picture(material: Path) -> None:
    list(run_gatys(job(material)))
    list(run_gatys(job(material, out=material / "other.png", losses="gatys")))
    first, second = (read_picture(material / n)[0] for n in ("out.png", "other.png"))
    assert abs(first.astype(int) - second).mean() > 1


def test_a_network_without_a_recipe_needs_one(material: Path) -> None:
    (material / "negative.onnx").write_bytes(negative_style())
    style = str(material / "negative.onnx")
    with pytest.raises(ConfigError, match="expected a card with a recipe"):
        list(run_gatys(job(material, style=style)))


def test_weights_come_from_flags_then_the_recipe_then_the_network(
    material: Path,
) -> None:
    candidate = open_candidate(str(material / "negative.onnx"), device="cpu")
    assert settings(job(material), candidate).style_weight == 3.0
    named = settings(job(material, recipe="starry_night"), candidate)
    assert [row.name for row in named.styles] == ["starry_night"]
    assert settings(job(material, style_weight=7.0), candidate).style_weight == 7.0
    assert settings(job(material), None) == TrainConfig()


def test_a_picture_that_exists_is_kept(material: Path) -> None:
    (material / "out.png").write_bytes(b"mine")
    with pytest.raises(SinkError, match="overwrite"):
        list(run_gatys(job(material)))
    assert (material / "out.png").read_bytes() == b"mine"
