"""Trainings that begin at other weights, or at a style file's own."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from rtstyle import Stylizer, load_style
from rtstyle.errors import RtstyleError
from rtstyle.gallery.find import style_files
from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.networks.weights_file import (
    Weights,
    describe_network,
    load_weights,
    save_weights,
)
from rtstyle.style_file import bundled_folder
from rtstyle_export.graphs.frame import frame_graph
from rtstyle_export.style_writer import make_style, write_style
from rtstyle_train.config.image import make_config
from rtstyle_train.config.text import make_text_config
from rtstyle_train.errors import TrainError
from rtstyle_train.jobs.image import resolve
from rtstyle_train.jobs.outputs import RunOptions
from rtstyle_train.jobs.text import TextJob, start_network
from rtstyle_train.loop.starts import begin_at, load_start, network_settings
from rtstyle_train.methods.johnson import make_network

NETWORKS = (
    SwiftConfig(channels=16, blocks=1, deep_channels=32, padding=8, head="resize"),
    SwiftConfig(channels=16, blocks=2, norm="body", deep_channels=16, head="shuffle"),
    SwiftConfig(channels=16, blocks=1, norm="none", head="shuffle"),
    SwiftConfig(channels=16, blocks=1, separable=True, head="resize"),
    SwiftConfig(channels=16, blocks=1, deep_channels=16, head="subpixel"),
)


def style_file(folder: Path, config: SwiftConfig) -> tuple[Path, SwiftNet]:
    torch.manual_seed(3)
    network = SwiftNet(config).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.05 * torch.randn_like(value))
    card = {
        "name": "mine",
        "kind": "image",
        "title": "Mine",
        "network": describe_network(network),
        "recipe": {"seed": 1},
    }
    path = folder / "mine.onnx"
    write_style(path, make_style(network, card), overwrite=False)
    return path, network


@pytest.mark.slow
@pytest.mark.parametrize("config", NETWORKS, ids=lambda c: f"{c.norm}-{c.head}")
def test_a_style_file_gives_its_weights_back(
    tmp_path: Path, config: SwiftConfig
) -> None:
    path, network = style_file(tmp_path, config)
    start = load_start(path)
    assert start.network == describe_network(network)
    wanted = network.state_dict()
    assert start.tensors.keys() == wanted.keys()
    for name, value in start.tensors.items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "path",
    [path for path in style_files().values() if path.parent == bundled_folder()],
    ids=lambda path: path.stem,
)
def test_every_bundled_style_can_be_a_start(path: Path) -> None:
    start = load_start(path.stem)
    assert network_settings(start) == {
        "network": "slim",
        "norm": "instance",
        "head": "subpixel",
        "padding": 32,
    }
    rows = np.random.default_rng(1).integers(0, 256, (5, 6, 3), np.uint8)
    frame = np.kron(rows, np.ones((16, 16, 1), np.uint8))
    graph = frame_graph(start.build_transform_net())
    with torch.no_grad():
        mine = graph(torch.from_numpy(frame)).numpy()
    with Stylizer(load_style(path), device="cpu", precision="fp32") as stylizer:
        file = stylizer(frame)
    assert np.abs(mine.astype(int) - file).max() <= 1


@pytest.mark.slow
def test_a_painting_is_a_start_the_network_for_any_with_its_look(
    tmp_path: Path,
) -> None:
    cells = np.random.default_rng(4).integers(0, 256, (8, 9, 3), np.uint8)
    painting = tmp_path / "picture.png"
    cv2.imwrite(str(painting), np.kron(cells, np.ones((12, 12, 1), np.uint8)))
    start = load_start(painting)
    assert network_settings(start)["network"] == "slim"
    frame = np.random.default_rng(1).integers(0, 256, (40, 56, 3), np.uint8)
    network = start.build_transform_net().eval()
    with torch.no_grad():
        mine = frame_graph(network)(torch.from_numpy(frame)).numpy()
    with Stylizer(load_style(painting), device="cpu", precision="fp32") as stylizer:
        file = stylizer(frame)
    assert np.abs(mine.astype(int) - file).max() <= 1


def test_without_a_recipe_the_network_is_that_of_the_start(tmp_path: Path) -> None:
    painting = tmp_path / "p.png"
    config, _ = resolve(None, [painting], {}, start=Path("starry_night"))
    assert (config.network, config.padding) == ("slim", 32)
    other, _ = resolve(None, [painting], {"network": "tiny"}, start=Path("scream"))
    assert other.network == "tiny"


def test_weights_of_a_training_are_a_start_too(tmp_path: Path) -> None:
    network = SwiftNet(SwiftConfig(channels=16, blocks=1))
    path = tmp_path / "x.safetensors"
    tensors = network.state_dict()
    save_weights(path, Weights(tensors, describe_network(network), {"seed": 1}, {}))
    assert load_start(path).tensors.keys() == load_weights(path).tensors.keys()
    assert network_settings(load_start(path)) == {}  # of no size that has a name


def test_a_norm_that_is_to_be_frozen_starts_from_one_that_is_not(
    tmp_path: Path,
) -> None:
    def made(norm: str, seed: int) -> nn.Module:
        return make_network(
            make_config({"network": "slim", "norm": norm, "seed": seed})
        )

    start = made("instance", 1)
    path = tmp_path / "start.safetensors"
    save_weights(path, Weights(start.state_dict(), describe_network(start), {}, {}))
    pixels = torch.rand(2, 3, 32, 32)
    frozen = made("frozen", 2).train()
    assert not torch.equal(frozen(pixels), start(pixels))
    begin_at(frozen, path)
    torch.testing.assert_close(frozen(pixels), start(pixels))
    with pytest.raises(TrainError, match="does not fit the recipe's network"):
        begin_at(made("none", 3), path)


def test_a_sentence_can_bend_a_bundled_style(tmp_path: Path) -> None:
    config = make_text_config({"prompt": "red mosaic"})
    job = TextJob(RunOptions(tmp_path / "x.safetensors", start=Path("scream")))
    network = start_network(config, job)
    wanted = load_start("scream").tensors
    assert all(torch.equal(v, wanted[n]) for n, v in network.state_dict().items())


def test_what_is_no_start_is_refused(tmp_path: Path) -> None:
    twin = bundled_folder() / "scream.int8.onnx"
    with pytest.raises(RtstyleError, match=r"scream\.int8.*int8 and fp16 twins"):
        load_start(twin)
    with pytest.raises(RtstyleError, match="no style and no file of that name"):
        load_start("screem")
