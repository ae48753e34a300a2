"""Style pictures: crops, recolourings and textures, the same for the same step."""

import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from rtstyle.networks.weights_file import load_weights
from rtstyle.paintings.network import painting_network
from rtstyle_train.config.adain import AdainConfig, make_adain_config
from rtstyle_train.config.reading import RECIPES, read_recipe
from rtstyle_train.data.style_pictures import (
    StyleImages,
    draw_recolouring,
    hue_rotation,
    read_paintings,
    recolour,
    render_textures,
)
from rtstyle_train.data.styled_batches import (
    Pictures,
    StyledBatches,
    split_batch,
)
from rtstyle_train.data.textures import KINDS, render_texture
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.starts import begin_at
from tests.conftest import ROOT

ANY_PAINTING = ROOT / "train/rtstyle_experiments/any_painting/swift_adain.safetensors"


def paintings(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        grey = np.full((70, 90, 3), 40 * number, np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), grey)
    return folder


def test_held_out_paintings_are_not_read(tmp_path: Path) -> None:
    folder = paintings(tmp_path, "a", "b", "c")
    found = read_paintings(folder, held_out=["b"])
    assert sorted(found) == ["a", "c"]
    assert all((pixels != 40).all() for pixels in found.values())


def test_a_folder_of_held_out_paintings_is_refused(tmp_path: Path) -> None:
    folder = paintings(tmp_path, "a")
    with pytest.raises(TrainError, match="beside the held-out ones"):
        read_paintings(folder, held_out=["a"])


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="expected pictures"):
        read_paintings(tmp_path)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_each_kind_of_texture_fills_its_picture(kind: int) -> None:
    palette = np.array([[10, 20, 30], [120, 90, 60], [240, 230, 200]], np.float32)
    first, other = (
        KINDS[kind](np.random.default_rng(seed), palette, 96) for seed in (1, 2)
    )
    assert first.shape == (96, 96, 3)
    assert first.std() > 5, "a texture of one colour"
    assert (first != other).any()


def test_textures_depend_on_their_seed_alone() -> None:
    first, again = render_textures(3, seed=4), render_textures(3, seed=4)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert first[0].dtype == np.uint8 and first[0].shape == (512, 512, 3)
    other = render_texture(np.random.default_rng((5, 0)), side=512)
    assert (first[0] != other).any()


def test_crops_of_paintings_are_never_enlarged() -> None:
    ramp = np.arange(100, dtype=np.uint8)[:, None, None].repeat(120, 1).repeat(3, 2)
    images = StyleImages([ramp], size=64)
    sides = {
        crop.side for step in range(60) for crop in images.crops(2, seed=0, step=step)
    }
    assert min(sides) >= 64 and max(sides) <= 100 and len(sides) > 20


def test_a_third_of_a_turn_makes_red_green_and_leaves_grey() -> None:
    third = hue_rotation(2 * math.pi / 3)
    assert np.allclose(third @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(third @ [0.3, 0.3, 0.3], [0.3, 0.3, 0.3])
    assert np.allclose(hue_rotation(0.7) @ hue_rotation(-0.7), np.eye(3))


def test_a_share_of_zero_changes_no_colour() -> None:
    pixels = torch.rand(3, 3, 8, 12)
    before = pixels.clone()
    drawn = draw_recolouring(3, share=0.0, seed=1, step=2)
    torch.testing.assert_close(recolour(pixels, drawn), pixels, atol=2e-6, rtol=0)
    assert torch.equal(pixels, before)


def test_recolouring_stays_in_range_and_repeats() -> None:
    pixels = torch.rand(8, 3, 8, 12)
    drawn = draw_recolouring(8, share=1.0, seed=1, step=2)
    got = recolour(pixels, drawn)
    assert got.shape == pixels.shape and 0 <= got.min() and got.max() <= 1
    assert ((got - pixels).abs().amax(dim=(1, 2, 3)) > 0.01).all()
    assert torch.equal(drawn, draw_recolouring(8, share=1.0, seed=1, step=2))
    assert not torch.equal(drawn, draw_recolouring(8, share=1.0, seed=1, step=3))


def batches(**settings: float) -> StyledBatches:
    grey = np.full((70, 90, 3), 128, np.uint8)
    kinds = [StyleImages([grey // 2 + shade], size=64) for shade in (0, 60, 120)]
    config = AdainConfig(
        size=64,
        batch_size=8,
        recolour_share=0.0,
        **settings,  # type: ignore[arg-type]
    )
    return StyledBatches(config, Pictures(*kinds))


def test_a_batch_has_every_kind_of_style() -> None:
    made = batches(self_share=0.25, photo_share=0.125, texture_share=0.25)
    content, styles = made.cut(made.draw(step=0, rank=0))
    assert content.shape == styles.shape == (8, 3, 64, 64)
    assert torch.equal(styles[:2], content[:2])
    levels = styles.mean(dim=(1, 2, 3)).tolist()
    # photographs are darkest, then paintings, then textures (contrast varies)
    assert max(levels[2:3]) < min(levels[5:8]) < max(levels[3:5])


def test_a_batch_repeats_for_its_step_and_differs_between_processes() -> None:
    made = batches()
    first, again, other = (
        made.cut(made.draw(step=3, rank=rank))[0] for rank in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_shares_round_up_and_leave_paintings() -> None:
    assert split_batch(16, (0.1, 0.06, 0.15)) == (2, 1, 3, 10)
    assert split_batch(4, (0.0, 0.0, 0.0)) == (0, 0, 0, 4)
    with pytest.raises(ConfigError, match="expected more than 3 .* got 3"):
        split_batch(3, (0.1, 0.06, 0.15))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 60}, "multiple of 8 from 64 up, got 60"),
        ({"padding": 5}, "multiple of 8 from 0 up, got 5"),
        ({"self_share": 1.5}, "self_share: expected 0..1, got 1.5"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"network": "magic"}, "expected one of adain, swift-adain"),
        ({"magic": 1}, "unknown key 'magic'"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_adain_config(settings)


@pytest.mark.parametrize("name", ["adain", "swift_adain"])
def test_the_bundled_recipes_can_be_read(name: str) -> None:
    config = make_adain_config(read_recipe(RECIPES / f"{name}.toml"))
    assert config.network.replace("-", "_") == name


def test_the_bundled_network_can_be_trained_further() -> None:
    weights = load_weights(ANY_PAINTING)
    card = painting_network().base.card
    assert card["trained"] == json.loads(json.dumps(weights.trained))
    assert card["network"] == json.loads(json.dumps(weights.network))
    assert card["recipe"] == json.loads(json.dumps(weights.recipe))
    begin_at(weights.build(), ANY_PAINTING)


def test_the_bundled_network_was_made_by_the_bundled_recipe() -> None:
    card = painting_network().base.card
    config = make_adain_config(read_recipe(RECIPES / "swift_adain.toml"))
    assert card["recipe"] == json.loads(json.dumps(config.as_dict()))
    assert len(config.held_out) == len(set(config.held_out)) == 47
