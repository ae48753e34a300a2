"""Which loss network a training uses when nobody names one."""

import logging
from pathlib import Path

import pytest
import torch

from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.distillation.job import correlations
from rtstyle_train.distillation.networks import Mapped, Teacher
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.loss_weights import (
    OWN,
    is_downloaded,
    loss_weights,
    with_loss_network,
)
from rtstyle_train.jobs.outputs import RunOptions
from rtstyle_train.loss_networks import load_loss_network


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of torch's."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path / "checkpoints"


def test_without_a_download_it_is_our_own_and_it_is_said(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert loss_weights("vgg19", None) == OWN
    assert caplog.messages == [
        "loss network: rtstyle's own, a small VGG-19; --loss-weights vgg19 takes "
        "torchvision's"
    ]


def test_what_was_downloaded_before_is_used(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert not is_downloaded("vgg19")
    (cache / "vgg19-dcbb9e9d.pth").write_bytes(b"weights")
    assert is_downloaded("vgg19") and not is_downloaded("vgg16")
    assert loss_weights("vgg19", None) is None
    assert caplog.messages == ["loss network: vgg19 of torchvision"]


def test_words_choose_and_files_come_before_words(cache: Path) -> None:
    assert loss_weights("vgg19", Path("vgg19")) is None
    assert loss_weights("vgg16", Path("own")) == OWN
    assert loss_weights("vgg16", None) is None
    assert loss_weights("vgg19", None, may_be_own=False) is None
    assert loss_weights("vgg19", Path("some.safetensors")) == Path("some.safetensors")
    Path("own").write_bytes(b"a file of that name")
    assert loss_weights("vgg19", Path("own")) == Path("own")
    with pytest.raises(ConfigError, match="--loss-weights vgg16: expected vgg19"):
        loss_weights("vgg19", Path("vgg16"))
    run = with_loss_network(RunOptions(Path("x")), "vgg19")
    assert run.loss_weights == OWN and run.out == Path("x")


def test_our_own_has_every_layer_of_the_recipes_and_maps_for_style() -> None:
    network = load_loss_network("vgg19", weights=OWN)
    layers = [f"relu{stage}_1" for stage in range(1, 6)]
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(1, 3, 64, 80, generator=generator)
    with torch.no_grad():
        seen = network(pixels, layers)
    assert set(network.widen) == set(layers)
    assert [x.shape[1] for x in seen.values()] == [16, 32, 64, 128, 128]
    assert all(float(x.std()) > 0.05 for x in seen.values())
    assert OWN.stat().st_size < 2_000_000


@pytest.mark.shared
def test_our_own_sees_what_the_exact_network_sees(shared: Path) -> None:
    folder = shared / "data/loss_networks"
    exact = load_loss_network(
        "vgg19", weights=folder / "vgg19_normalised_relu3_1.safetensors"
    )
    photos = ContentImages(shared / "data/photos/eval", size=96)
    pixels = photos.batch(12, seed=0, step=0)
    found = correlations(Mapped(OWN), Teacher(exact), pixels)
    assert found["relu1_1"] > 0.95 and found["relu2_1"] > 0.8
    assert found["relu3_1"] > 0.68
