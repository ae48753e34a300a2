"""From photographs and paintings to a network for any painting."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn

from rtstyle.errors import RtstyleError
from rtstyle.networks.adain import AdainNet
from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.weights_file import load_weights
from rtstyle_train.cli import main as train_command
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.config.image import TrainConfig
from rtstyle_train.data.style_pictures import (
    StyleImages,
    render_textures,
)
from rtstyle_train.data.styled_batches import Pictures
from rtstyle_train.loop.method import PreparedMethod
from rtstyle_train.losses.perceptual import PerceptualLoss
from rtstyle_train.losses.styled_batch import StyledBatchLoss
from rtstyle_train.methods.swift_adain import (
    SwiftAdainStyle,
    make_swift_adain,
    measure_neutral,
)
from tests.train.tiny_vgg import tiny_vgg

CPU = torch.device("cpu")


def recipe(**settings: object) -> AdainConfig:
    plain: dict[str, object] = {"size": 64, "batch_size": 5, "hidden": 8}
    plain |= {"loss_precision": "fp32", "content_layers": ("relu2_1",)}
    plain |= {"style_layers": ("relu1_1", "relu2_1")}
    return AdainConfig(**plain | settings)  # type: ignore[arg-type]


def parts(**settings: object) -> tuple[SwiftAdain, SwiftAdainStyle]:
    config = recipe(**settings)
    images = StyleImages(render_textures(2, seed=0), size=64)
    loss = StyledBatchLoss(config, tiny_vgg())
    method = SwiftAdainStyle(config, loss, Pictures(images, images, images))
    return make_swift_adain(config), method


def test_with_one_painting_the_loss_is_that_of_fixed_styles() -> None:
    generator = torch.Generator().manual_seed(0)
    stylized, content = torch.rand(2, 2, 3, 32, 48, generator=generator) * 1.2 - 0.1
    painting = torch.rand(1, 3, 40, 56, generator=generator)
    config = recipe(grid_weight=3.0)
    fixed = TrainConfig(
        loss_precision="fp32",
        content="raw",
        scales=(1,),
        style="gram",
        style_weight=config.style_weight,
        content_layers=config.content_layers,
        style_layers=config.style_layers,
        grid_weight=3.0,
    )
    wanted = PerceptualLoss(fixed, tiny_vgg(), [painting])(
        stylized, content, torch.tensor([0, 0])
    )
    loss = StyledBatchLoss(config, tiny_vgg())
    got = loss(stylized, content, loss.measure(painting.expand(2, -1, -1, -1)))
    assert got.keys() == wanted.keys()
    for name, term in got.items():
        torch.testing.assert_close(term, wanted[name], msg=name)


def test_a_picture_that_is_content_and_style_costs_nothing() -> None:
    pixels = torch.rand(2, 3, 32, 48)
    loss = StyledBatchLoss(recipe(), tiny_vgg())
    terms = loss(pixels, pixels, loss.measure(pixels))
    assert terms["content"] == 0 and terms["style"] < 1e-8 and terms["range"] == 0


def test_a_step_repeats_and_reaches_encoder_and_network() -> None:
    network, method = parts()
    first, again, other = (
        method.losses(network, step=step, rank=0, device=CPU) for step in (3, 3, 4)
    )
    assert first.keys() == {"content", "style", "tv", "range", "identity"}
    assert first["style"] == again["style"] and first["style"] != other["style"]
    torch.stack(list(first.values())).sum().backward()  # type: ignore[no-untyped-call]
    still = [n for n, p in network.named_parameters() if p.grad is None]
    assert still == []


def test_a_step_depends_on_its_inputs_alone_so_that_it_can_be_captured() -> None:
    network, method = parts()
    assert isinstance(method, PreparedMethod)
    inputs = method.inputs(step=2, rank=0)
    copied = {name: value.clone() for name, value in inputs.items()}
    torch.manual_seed(99)
    first = method.terms(network, inputs)
    torch.manual_seed(7)
    again = method.terms(network, copied)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert all(torch.equal(inputs[name], copied[name]) for name in inputs)


def test_the_loss_sees_all_of_the_picture_one_time_in_four() -> None:
    _, method = parts()
    drawn = [method.inputs(step=step, rank=0) for step in range(60)]
    wholes = sum(len(inputs["lines"]) == 64 for inputs in drawn)
    assert 3 <= wholes <= 25
    assert {len(inputs["columns"]) for inputs in drawn} == {64, 56}
    assert all(int(inputs["lines"].max()) <= 63 for inputs in drawn)


def test_the_neutral_modulation_is_the_mean_over_photographs() -> None:
    network, method = parts()
    photos = method.batches.pictures.photos
    got = measure_neutral(network, photos, count=32, seed=5)
    with torch.no_grad():
        rows = [
            network.encoder(photos.cut(photos.draw(16, seed=5, step=step)))
            for step in range(2)
        ]
    torch.testing.assert_close(got, torch.cat(rows).mean(dim=0))


def test_training_lowers_the_loss() -> None:
    network, method = parts(recolour_share=0.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    seen = []
    for _ in range(12):
        optimizer.zero_grad()
        terms = method.losses(network, step=0, rank=0, device=CPU)
        loss = torch.stack(list(terms.values())).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        seen.append(loss.item())
    assert seen[-1] < 0.8 * seen[0]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with photographs, paintings, a small VGG-19 and a recipe."""
    random = np.random.default_rng(0)
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
        for name in "abc":
            noise = random.integers(0, 256, (9, 12, 3), np.uint8)
            path = tmp_path / folder / f"{name}.png"
            cv2.imwrite(str(path), cv2.resize(noise, (120, 100)))
    torch.manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}
    inputs = 3
    for stage, count in enumerate((2, 2, 4, 1), start=1):
        for number in range(1, count + 1):
            conv = nn.Conv2d(inputs, 4, 3)
            name = f"conv{stage}_{number}"
            tensors |= {f"{name}.{k}": v for k, v in conv.state_dict().items()}
            inputs = 4
    save_file(tensors, tmp_path / "vgg.safetensors")
    (tmp_path / "recipe.toml").write_text(
        "size = 64\nsmallest_crop = 64\nsteps = 4\nbatch_size = 5\nhidden = 8\n"
        'num_textures = 2\nheld_out = ["b"]\ncontent_layers = ["relu2_1"]\n'
        'style_layers = ["relu1_1", "relu2_1"]\n'
    )
    return tmp_path


def train(room: Path, *more: str) -> None:
    words = ["adain", "--content", str(room / "photos")]
    words += ["--styles", str(room / "paintings"), "--out", str(room / "x.safetensors")]
    words += ["--recipe", str(room / "recipe.toml")]
    words += ["--loss-weights", str(room / "vgg.safetensors"), *more]
    run = CliRunner().invoke(train_command, words, catch_exceptions=False)
    assert run.exit_code == 0, run.output


@pytest.mark.slow
def test_the_command_trains_the_light_network(room: Path) -> None:
    train(room)
    weights = load_weights(room / "x.safetensors")
    network = weights.build()
    assert isinstance(network, SwiftAdain)
    assert weights.trained["steps"] == 4 and weights.recipe["kind"] == "adain"
    assert weights.trained["paintings"] == 2, "the held-out one was read"
    first = SwiftAdain(network.config).neutral
    assert (network.neutral - first).abs().max() > 1e-3, "neutral was not measured"
    assert (room / "x.preview.png").exists()
    assert not (room / "x.checkpoint.safetensors").exists()


@pytest.mark.slow
def test_the_command_trains_the_faithful_network(room: Path) -> None:
    train(room, "--network", "adain", "--steps", "2")
    network = load_weights(room / "x.safetensors").build()
    assert isinstance(network, AdainNet) and network.config.widths == (4, 4, 4, 4)


@pytest.mark.slow
def test_a_resumed_training_ends_where_an_uninterrupted_one_does(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtstyle_train.loop.trainer import Trainer

    train(room)
    wanted = load_weights(room / "x.safetensors").tensors
    (room / "x.safetensors").unlink()
    step = Trainer._step

    def interrupted(trainer: Trainer) -> dict[str, float]:
        if trainer.progress.step == 2:
            trainer.save()
            raise KeyboardInterrupt
        return step(trainer)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_interrupted(room)
    train(room, "--resume")
    got = load_weights(room / "x.safetensors").tensors
    for name, tensor in wanted.items():
        torch.testing.assert_close(got[name], tensor, msg=name)


def train_interrupted(room: Path) -> None:
    """Train without click, which would turn Ctrl-C into an exit."""
    from rtstyle_train.config.adain import make_adain_config
    from rtstyle_train.config.reading import read_recipe
    from rtstyle_train.jobs.adain import AdainJob, train_adain
    from rtstyle_train.jobs.outputs import RunOptions

    job = AdainJob(
        content=room / "photos",
        styles=(room / "paintings",),
        run=RunOptions(room / "x.safetensors", room / "vgg.safetensors"),
    )
    train_adain(make_adain_config(read_recipe(room / "recipe.toml")), job)


@pytest.mark.slow
def test_an_existing_result_is_not_overwritten(room: Path) -> None:
    (room / "x.safetensors").write_text("precious")
    with pytest.raises(RtstyleError, match="exists already; use --overwrite"):
        train(room)
    assert (room / "x.safetensors").read_text() == "precious"


@pytest.mark.slow
def test_without_a_recipe_the_networks_own_is_used(room: Path) -> None:
    words = ["adain", "--content", str(room / "photos"), "--styles", "nowhere"]
    run = CliRunner().invoke(train_command, [*words, "--out", str(room / "y.txt")])
    assert run.exit_code == 2 and "nowhere" in run.output
    words[-1] = str(room / "paintings")
    with pytest.raises(RtstyleError, match=r"ends in \.safetensors"):
        CliRunner().invoke(
            train_command,
            [*words, "--network", "adain", "--out", str(room / "y.txt")],
            catch_exceptions=False,
        )
