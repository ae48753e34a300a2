"""WCT and style swap: the statistics and the patches that the papers ask for."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import load_file, save_file
from torch import Tensor

from rtstyle_streams.errors import SinkError
from rtstyle_streams.pictures.picture_file import encode_picture, read_picture
from rtstyle_train.cli import main as train_command
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.methods.autoencoders import (
    Autoencoder,
    level_of,
    read_autoencoders,
    to_multiple,
)
from rtstyle_train.methods.style_swap import StyleSwap, swap_patches
from rtstyle_train.methods.wct import SMALLEST, Wct, whiten_and_colour
from tests.train.tiny_autoencoders import write_autoencoders

TRAINED = "data/loss_networks/wct_compact16x_levels1to5.safetensors"


def features(
    seed: int, *, channels: int = 6, height: int = 9, width: int = 13
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    plain = torch.rand(channels, height * width, generator=generator).double()
    return (mixed @ plain).reshape(1, channels, height, width) + seed


def covariance(x: Tensor) -> Tensor:
    return torch.cov(x[0].flatten(1))


def test_coloured_features_have_the_styles_mean_and_covariance() -> None:
    content, style = features(1), features(2, height=20, width=7)
    before = content.clone(), style.clone()
    found = whiten_and_colour(content, style)
    assert found.shape == content.shape
    torch.testing.assert_close(
        covariance(found), covariance(style), rtol=1e-8, atol=1e-8
    )
    torch.testing.assert_close(found.mean(dim=(2, 3)), style.mean(dim=(2, 3)))
    assert not torch.allclose(covariance(content), covariance(style), rtol=0.1)
    assert torch.equal(content, before[0]) and torch.equal(style, before[1])


def test_alpha_blends_between_the_features_and_the_coloured_ones() -> None:
    content, style = features(1), features(2)
    full = whiten_and_colour(content, style)
    torch.testing.assert_close(whiten_and_colour(content, style, alpha=0.0), content)
    half = whiten_and_colour(content, style, alpha=0.5)
    torch.testing.assert_close(half, (content + full) / 2)


def test_features_with_their_own_statistics_stay_as_they_are() -> None:
    content = features(3)
    torch.testing.assert_close(whiten_and_colour(content, content), content)


def test_directions_that_do_not_vary_are_dropped_and_not_blown_up() -> None:
    content, style = features(1), features(2)
    content[:, 3:] = 1.0  # constant channels
    content[:, 5] += 1e-4 * torch.rand(9, 13)  # a variance of 1e-9: rounding
    found = whiten_and_colour(content, style)
    assert torch.linalg.matrix_rank(covariance(found), atol=SMALLEST) == 3
    torch.testing.assert_close(found.mean(dim=(2, 3)), style.mean(dim=(2, 3)))
    flat = whiten_and_colour(torch.ones(1, 6, 4, 4), style.float())
    torch.testing.assert_close(
        flat.double(), style.mean((2, 3), keepdim=True).expand_as(flat)
    )


def test_swapped_with_itself_features_stay_as_they_are() -> None:
    content = features(4, height=8, width=11)
    before = content.clone()
    torch.testing.assert_close(swap_patches(content, content), content)
    assert torch.equal(content, before)


def test_the_chosen_patch_is_the_one_with_the_highest_normalised_correlation() -> None:
    content, style = features(5, height=5, width=6), features(6, height=7, width=4)
    expected, counts = torch.zeros_like(content), torch.zeros_like(content)
    places = [(y, x) for y in range(5) for x in range(2)]
    for top in range(3):
        for left in range(4):
            own = content[..., top : top + 3, left : left + 3].flatten()
            others = [style[..., y : y + 3, x : x + 3] for y, x in places]
            scores = [float(own @ p.flatten() / p.norm()) for p in others]
            best = others[int(np.argmax(scores))]
            expected[..., top : top + 3, left : left + 3] += best
            counts[..., top : top + 3, left : left + 3] += 1
    torch.testing.assert_close(swap_patches(content, style), expected / counts)


def test_a_swap_in_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    content, style = features(7), features(8)
    whole = swap_patches(content, style)
    monkeypatch.setattr("rtstyle_train.methods.style_swap.MOST_SCORES", 1)
    torch.testing.assert_close(swap_patches(content, style), whole)


def test_a_swap_of_less_than_a_patch_is_refused() -> None:
    with pytest.raises(TrainError, match="at least 3x3 places, got 13x9 and 13x2"):
        swap_patches(features(1), features(2, height=2))


def test_pictures_of_any_size_keep_it(tmp_path: Path) -> None:
    networks = read_autoencoders(write_autoencoders(tmp_path / "n.safetensors"))
    assert list(networks) == [1, 2, 3]
    painting, pixels = torch.rand(1, 3, 40, 33), torch.rand(1, 3, 35, 46)
    before = pixels.clone()
    for paint in (Wct(networks, painting), StyleSwap(networks[3], painting)):
        found = paint(pixels)
        assert found.shape == pixels.shape
        assert 0 <= float(found.min()) and float(found.max()) <= 1
    assert torch.equal(pixels, before)
    with pytest.raises(TrainError, match="of at least 32x32 pixels, got 46x31"):
        Wct(networks, painting)(pixels[:, :, :31])
    with pytest.raises(ConfigError, match=r"alpha: expected 0..1, got 1.5"):
        Wct(networks, painting, alpha=1.5)
    with pytest.raises(ConfigError, match="relu5_1, got those of relu1_1, relu2_1"):
        level_of(networks, 5)


def test_a_decoder_mirrors_its_encoder(tmp_path: Path) -> None:
    networks = read_autoencoders(write_autoencoders(tmp_path / "n.safetensors"))
    network: Autoencoder = networks[3]
    seen = network.encode(torch.rand(1, 3, 32, 48))
    assert seen.shape == (1, 5, 8, 12) and network.stride == 4
    assert network.decode(seen).shape == (1, 3, 32, 48)
    assert to_multiple(torch.rand(1, 3, 33, 40), 4).shape == (1, 3, 36, 40)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder2.conv12.bias": None}, "weight and bias of encoder2.conv12 for 3"),
        ({"decoder3.conv31.weight": torch.zeros(4, 9, 3, 3)}, "decoder3.conv31 for 5"),
        ({"decoder1.conv11.weight": torch.zeros(2, 3, 3, 3)}, "decoder1.conv11 for 3"),
    ],
)
def test_levels_that_do_not_fit_together_are_named(
    tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    path = write_autoencoders(tmp_path / "n.safetensors")
    tensors = {n: v for n, v in (load_file(path) | change).items() if v is not None}
    save_file(tensors, path)
    with pytest.raises(TrainError, match=message):
        read_autoencoders(path)


def test_files_without_encoders_are_named(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"conv1_1.weight": torch.zeros(1)}, other)
    with pytest.raises(TrainError, match=r"encoder3.conv11.weight, got conv1_1.weight"):
        read_autoencoders(other)
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("text.safetensors", "missing.safetensors"):
        with pytest.raises(TrainError, match="expected a safetensors file with enco"):
            read_autoencoders(tmp_path / name)


def write_noise(path: Path, seed: int, *, height: int = 48, width: int = 64) -> Path:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (height, width, 3), np.uint8)
    path.write_bytes(encode_picture(pixels, suffix=path.suffix))
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(train_command, [*map(str, words)], catch_exceptions=False)


def test_the_commands_paint_a_picture_and_a_folder(tmp_path: Path) -> None:
    networks = write_autoencoders(tmp_path / "n.safetensors")
    painting = write_noise(tmp_path / "painting.png", 1)
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed, name in enumerate(("a.png", "b.png")):
        write_noise(photos / name, seed)
    for command in ("wct", "style-swap"):
        words = [command, photos, painting, tmp_path / command, "--networks", networks]
        found = run(*words, "--size", 48)
        assert found.output == "a.png: written\nb.png: written\n"
        assert read_picture(tmp_path / command / "b.png")[0].shape == (36, 48, 3)
    small = ["wct", photos, painting, tmp_path / "small", "--networks", networks]
    with pytest.raises(TrainError, match="^a.png: expected a picture of at least 32"):
        run(*small, "--size", 40)
    with pytest.raises(SinkError, match="pass --overwrite to replace it"):
        run("wct", photos, painting, tmp_path / "wct", "--networks", networks)


def test_trained_networks_rebuild_at_alpha_0_and_take_the_style_at_1(
    shared: Path,
) -> None:
    networks = read_autoencoders(shared / TRAINED)
    photo = torch.from_numpy(
        read_picture(shared / "data/photos/eval/kodim04.jpg")[0][:128, :160]
    )
    painting = torch.from_numpy(
        read_picture(shared / "data/styles/munch_scream.jpg")[0][:160, :128]
    )
    photo, painting = (
        x.permute(2, 0, 1)[None].float() / 255 for x in (photo, painting)
    )
    shallow = {level: networks[level] for level in (1, 2)}
    rebuilt = Wct(shallow, painting, alpha=0.0)(photo)
    psnr = -10 * (rebuilt - photo).square().mean().log10()
    assert psnr > 25
    painted = Wct(shallow, painting, alpha=1.0)(photo)
    far, near = (
        (x.mean(dim=(2, 3)) - painting.mean(dim=(2, 3))).abs().max()
        for x in (photo, painted)
    )
    assert near < 0.3 * far
    swapped = StyleSwap(networks[3], photo)(photo)
    rebuilt = networks[3].decode(networks[3].encode(photo)).clamp(0, 1)
    torch.testing.assert_close(swapped, rebuilt, atol=1e-3, rtol=0)
