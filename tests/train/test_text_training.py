from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file
from torch import nn

from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.networks.weights_file import (
    Weights,
    describe_network,
    load_weights,
    save_weights,
)
from rtstyle_train.clip.encoder import load_clip
from rtstyle_train.clip.source import ClipSource
from rtstyle_train.commands.text import train_text_command
from rtstyle_train.config.text import TextConfig, make_text_config
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.jobs.outputs import RunOptions
from rtstyle_train.jobs.text import TextJob, make_trainer, start_network
from rtstyle_train.loop.trainer import Trainer
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.losses.directional import directional_loss
from rtstyle_train.methods.text import ContentViews, TextStyle
from tests.train.clip_files import make_tiny_clip

RECIPE = """
network = "tiny"
size = 48
smallest_crop = 48
crop_size = 24
num_patches = 3
num_views = 3
batch_size = 2
steps = 3
identity_steps = 1
content_layers = ["relu1_2"]
temporal_weight = 1.0
"""


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with photographs, a small VGG and a recipe."""
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(3):
        smooth = cv2.resize(random.integers(0, 256, (9, 12, 3), np.uint8), (80, 64))
        cv2.imwrite(str(tmp_path / "photos" / f"{k}.png"), smooth)
    torch.manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}
    for name, (inputs, outputs) in {"conv1_1": (3, 8), "conv1_2": (8, 8)}.items():
        conv = nn.Conv2d(inputs, outputs, 3)
        tensors |= {f"{name}.{key}": value for key, value in conv.state_dict().items()}
    save_file(tensors, tmp_path / "vgg.safetensors")
    (tmp_path / "recipe.toml").write_text(RECIPE)
    return tmp_path


def run(room: Path, clip: Path, *more: str, prompt: str = "red mosaic") -> Result:
    words = [prompt, "--recipe", str(room / "recipe.toml"), "--clip", str(clip)]
    words += ["--loss-weights", str(room / "vgg.safetensors"), *more]
    return CliRunner().invoke(train_text_command, words)


def network_options(room: Path) -> Iterator[str]:
    yield from ("--content", str(room / "photos"), "--out", str(room / "x.safetensors"))


def make_style(room: Path, clip_folder: Path, **settings: object) -> TextStyle:
    config = make_text_config(
        {"prompt": "red mosaic", "size": 48, "crop_size": 24, "num_patches": 3},
        {"batch_size": 2, "num_views": 2, "content_layers": ["relu1_2"]},
        settings,
    )
    photos = ContentImages(room / "photos", size=48, smallest_crop=48)
    clip = load_clip(ClipSource(str(clip_folder)))
    vgg = load_loss_network("vgg19", weights=room / "vgg.safetensors")
    views = ContentViews(photos, clip, seed=config.seed)
    return TextStyle(config, views=views, vgg=vgg)


@pytest.mark.slow
def test_a_prompt_becomes_weights_that_say_how_they_were_made(
    room: Path, clip_folder: Path
) -> None:
    done = run(room, clip_folder, *network_options(room), "--band", "c1")
    assert done.exit_code == 0, done.output
    weights = load_weights(room / "x.safetensors")
    assert weights.recipe["prompt"] == "red mosaic"
    assert weights.recipe["band"] == "c1"
    assert weights.recipe["styles"][0]["name"] == "red_mosaic"
    assert weights.trained["steps"] == 3
    assert {"patch", "directional", "content", "tv", "temporal_output"} <= set(
        weights.trained["loss"]
    )
    network = weights.build()
    assert network(torch.rand(1, 3, 40, 56)).shape == (1, 3, 40, 56)


@pytest.mark.slow
def test_training_goes_on_from_any_weights_file_with_a_second_prompt(
    room: Path, clip_folder: Path
) -> None:
    torch.manual_seed(0)
    start = SwiftNet(SwiftConfig(channels=16, blocks=1, num_styles=2))
    rows = {"styles": [{"name": "first"}, {"name": "second"}]}
    tensors = start.state_dict()
    weights = Weights(tensors, describe_network(start), rows, {})
    save_weights(room / "start.safetensors", weights)
    options = [*network_options(room), "--start", str(room / "start.safetensors")]
    refused = run(room, clip_folder, *options)
    assert "--start-style among first, second, got none" in str(refused.exception)
    done = run(room, clip_folder, *options, "--start-style", "second", "--steps", "2")
    assert done.exit_code == 0, done.output
    found = load_weights(room / "x.safetensors")
    assert found.network["channels"] == 16 and found.network["num_styles"] == 1
    assert found.trained["start"] == "start.safetensors"
    moved = found.tensors["stem1.weight"] - tensors["stem1.weight"]
    assert 0 < moved.abs().max() < 0.01, "a warm start begins where the file ends"


def test_a_checkpoint_of_another_prompt_is_not_gone_on_from(
    room: Path, clip_folder: Path
) -> None:
    method = make_style(room, clip_folder, network="tiny")
    path = room / "x.safetensors"

    def trainer(prompt: str, *, start: str = "") -> Trainer:
        method.config = replace(method.config, prompt=prompt)
        network = start_network(method.config, TextJob(RunOptions(path)))
        begin = Path(start) if start else None
        return make_trainer(network, method, RunOptions(path, start=begin))

    trainer("red mosaic").save()
    trainer("red mosaic").resume()
    with pytest.raises(TrainError, match="of the same prompt, 'blue waves', got"):
        trainer("blue waves").resume()
    with pytest.raises(TrainError, match="of the same start, 'x', got one of ''"):
        trainer("red mosaic", start="x").resume()


@pytest.mark.slow
def test_one_photograph_is_stylized_in_its_own_proportions(
    room: Path, clip_folder: Path
) -> None:
    photo = room / "photos" / "0.png"
    out = room / "styled.png"
    options = ("--single", str(photo), "--out", str(out), "--steps", "1")
    plan = run(room, clip_folder, *options, "--dry-run")
    assert "CLIPstyler's U-Net" in plan.output and not out.exists()
    done = run(room, clip_folder, *options)
    assert done.exit_code == 0, done.output
    written = cv2.imread(str(out))
    assert written is not None and written.shape == (512, 640, 3)


def test_the_plan_is_printed_without_loading_or_writing(
    room: Path, clip_folder: Path
) -> None:
    done = run(room, clip_folder, *network_options(room), "--dry-run")
    assert done.exit_code == 0, done.output
    for part in ("12 of 32 tokens", "50 tokens, band c2", "3 (the first 1", "3 in "):
        assert part in done.output
    assert "download    nothing" in done.output
    assert not (room / "x.safetensors").exists()


@pytest.mark.slow
def test_the_plan_names_what_will_be_downloaded_and_the_local_way(room: Path) -> None:
    words = ["oil painting", *network_options(room), "--dry-run"]
    done = CliRunner().invoke(train_text_command, words)
    assert done.exit_code == 0, done.output
    assert "151.3 M parameters" in done.output
    assert "openai, about 605 MB, unless cached; local instead: --clip-weights" in (
        done.output
    )
    assert "vgg19 of torchvision, 575 MB" in done.output


def test_a_long_prompt_is_refused_in_the_plan_and_cut_on_request(
    room: Path, clip_folder: Path
) -> None:
    long = "blue stripes " * 20
    options = [*network_options(room), "--dry-run"]
    refused = run(room, clip_folder, *options, prompt=long)
    assert "at most 32 tokens" in str(refused.exception)
    cut = run(room, clip_folder, *options, "--truncate", prompt=long)
    assert "(to be cut)" in cut.output


def test_content_embeddings_are_plain_and_made_once(
    room: Path, clip_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    style = make_style(room, clip_folder, band="c2")
    calls: list[str | None] = []
    encode = style.clip.encode_image

    def noting(pixels: torch.Tensor, *, band: str | None = None) -> torch.Tensor:
        calls.append(band)
        return encode(pixels, band=band)

    monkeypatch.setattr(style.clip, "encode_image", noting)
    network = nn.Identity()
    for step in range(12):
        style.losses(network, step=step, rank=0, device=torch.device("cpu"))
    assert calls.count("c2") == 12, "patches and whole pictures are filtered"
    assert 1 <= calls.count(None) <= 2, "two views need at most two embeddings"


def test_terms_are_the_weighted_losses(room: Path, clip_folder: Path) -> None:
    style = make_style(room, clip_folder, band="none", directional_weight=7.0)
    content = style.views.pixels([0, 1])
    stylized = 1.0 - content
    terms = style.terms(
        stylized, content, rows=[0, 1], generator=torch.Generator().manual_seed(0)
    )
    start, end = (
        style.clip.encode_image(style.clip.fitted(p)) for p in (content, stylized)
    )
    expected = 7.0 * directional_loss(end, start, style.direction)
    torch.testing.assert_close(terms["directional"], expected)
    assert terms["range"] == 0
    assert all(torch.isfinite(term) for term in terms.values())


def test_noise_on_the_views_is_the_same_for_the_same_step(
    room: Path, clip_folder: Path
) -> None:
    calm, shaken = (make_style(room, clip_folder, noise=n) for n in (0.0, 0.2))

    def loss(style: TextStyle) -> float:
        terms = style.losses(nn.Identity(), step=1, rank=0, device=torch.device("cpu"))
        return terms["directional"].item()

    assert loss(shaken) == loss(shaken)
    assert loss(shaken) != loss(calm)


def test_the_same_step_gives_the_same_losses(room: Path, clip_folder: Path) -> None:
    style = make_style(room, clip_folder)

    def losses(step: int) -> list[float]:
        found = style.losses(
            nn.Identity(), step=step, rank=0, device=torch.device("cpu")
        )
        return [term.item() for term in found.values()]

    assert losses(4) == losses(4)
    assert losses(4) != losses(5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 50}, "size: expected a multiple of 8"),
        ({"crop_size": 300}, r"crop_size: expected 1..224 \(size\), got 300"),
        ({"band": "c4"}, "band: expected one of none, c1, c2, c3, got 'c4'"),
        ({"sise": 3}, "unknown key 'sise'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_text_config({"prompt": "oil"}, settings)


def test_a_job_needs_photographs_or_one_photograph(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--content .* or --single .* got neither"):
        TextJob(RunOptions(tmp_path / "x.safetensors")).check()
    with pytest.raises(ConfigError, match="ends in .png or .jpg"):
        TextJob(RunOptions(tmp_path / "x.onnx"), single=tmp_path / "a.png").check()


def test_styles_are_named_after_their_prompts() -> None:
    assert TextConfig("Oil painting, by night!").name == "oil_painting_by_night"
    assert TextConfig("夜").name == "text"
