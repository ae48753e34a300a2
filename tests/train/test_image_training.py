"""From a painting to a style file, on pictures made by the test."""

import io
import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from rtstyle.errors import RtstyleError
from rtstyle.networks import JohnsonNet
from rtstyle.networks.weights_file import load_weights
from rtstyle.style_file import read_style
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_export.cli import import_checkpoint
from rtstyle_export.cli import main as export_command
from rtstyle_export.from_checkpoint import read_state_dict
from rtstyle_train.cli import main as train_command
from rtstyle_train.data.content_images import ContentImages, load_style_image
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.jobs.image import ImageJob, image_identity, resolve
from rtstyle_train.jobs.outputs import RunOptions


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with photographs, a painting, a small VGG and a recipe."""
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for k in range(3):
        smooth = cv2.resize(random.integers(0, 256, (9, 12, 3), np.uint8), (120, 100))
        cv2.imwrite(str(tmp_path / "photos" / f"{k}.png"), smooth)
    painting = cv2.resize(random.integers(0, 256, (40, 50, 3), np.uint8), (100, 80))
    cv2.imwrite(str(tmp_path / "painting.png"), painting)
    torch.manual_seed(0)
    tensors: dict[str, torch.Tensor] = {}
    for name, (inputs, outputs) in {"conv1_1": (3, 8), "conv1_2": (8, 8)}.items():
        conv = torch.nn.Conv2d(inputs, outputs, 3)
        tensors |= {f"{name}.{k}": v for k, v in conv.state_dict().items()}
    save_file(tensors, tmp_path / "vgg.safetensors")
    (tmp_path / "recipe.toml").write_text(
        'network = "tiny"\nscales = [1]\nsize = 32\nsmallest_crop = 40\n'
        "margin = 8\nsteps = 4\nbatch_size = 2\n"
        'content_layers = ["relu1_2"]\nstyle_layers = ["relu1_1", "relu1_2"]\n'
    )
    return tmp_path


def train(room: Path, *more: str) -> None:
    words = ["image", str(room / "painting.png"), "--content", str(room / "photos")]
    words += [
        "--out",
        str(room / "x.safetensors"),
        "--recipe",
        str(room / "recipe.toml"),
    ]
    words += ["--loss-weights", str(room / "vgg.safetensors"), *more]
    run = CliRunner().invoke(train_command, words, catch_exceptions=False)
    assert run.exit_code == 0, run.output


@pytest.mark.slow
def test_a_painting_becomes_a_style_file_that_runs(room: Path) -> None:
    train(room)
    weights = load_weights(room / "x.safetensors")
    assert weights.trained["steps"] == 4 and weights.recipe["seed"] == 1234
    assert (room / "x.preview.png").exists()
    target = room / "mine.onnx"
    run = CliRunner().invoke(
        export_command,
        [str(room / "x.safetensors"), str(target), "--title", "Mine"],
        catch_exceptions=False,
    )
    assert run.exit_code == 0
    style = read_style(target)
    assert style.title == "Mine" and style.name == "painting"
    assert style.card["parity"]["largest_difference"] <= 1
    assert style.card["recipe"]["styles"][0]["file"] == "painting.png"
    text = target.read_bytes()
    assert str(room).encode() not in text and b".py" not in text
    with Stylizer(style, device="cpu") as stylizer:
        frame = np.full((31, 45, 3), 128, np.uint8)
        assert stylizer(frame).shape == frame.shape


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_a_compiled_network_learns_the_same(room: Path) -> None:
    train(room)
    plain = load_weights(room / "x.safetensors").tensors
    train(room, "--compile", "--overwrite")
    compiled = load_weights(room / "x.safetensors").tensors
    assert compiled.keys() == plain.keys()
    for name, value in compiled.items():
        torch.testing.assert_close(value, plain[name], atol=1e-3, rtol=1e-3)


def test_no_compiler_is_one_clear_line(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ConfigError, match="expected a C\\+\\+ compiler"):
        train(room, "--compile")


@pytest.mark.slow
def test_a_recipe_of_two_parts_is_one_training(room: Path) -> None:
    recipe = room / "recipe.toml"
    both = recipe.read_text() + 'content = "normalised"\nbatch_style = 0.5\n'
    recipe.write_text(both + "[first]\nsteps = 2\nbatch_size = 1\n")
    train(room)
    weights = load_weights(room / "x.safetensors")
    assert weights.trained["steps"] == 4
    assert weights.trained["start"] == "x.first.safetensors"
    assert weights.recipe["first"] == {"steps": 2, "batch_size": 1}
    assert not (room / "x.first.safetensors").exists(), "is not left lying about"


@pytest.mark.slow
def test_a_recipe_may_name_where_its_first_part_starts(room: Path) -> None:
    train(room)
    begin = room / "begin.safetensors"
    (room / "x.safetensors").rename(begin)
    recipe = room / "recipe.toml"
    still = f'learning_rate = 1e-12\nstart = "{begin}"\n[first]\nsteps = 1\n'
    recipe.write_text(recipe.read_text() + still)
    train(room)
    tensors = load_weights(room / "x.safetensors").tensors
    for name, value in load_weights(begin).tensors.items():
        torch.testing.assert_close(tensors[name], value, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_a_first_part_that_is_finished_is_not_trained_again(room: Path) -> None:
    train(room)
    (room / "x.safetensors").rename(room / "x.first.safetensors")
    recipe = room / "recipe.toml"
    recipe.write_text(recipe.read_text() + "[first]\nsteps = 1_000_000_000\n")
    train(room, "--resume")
    trained = load_weights(room / "x.safetensors").trained
    assert (trained["steps"], trained["start"]) == (4, "x.first.safetensors")


@pytest.mark.slow
def test_what_a_given_up_training_left_is_not_taken_up(room: Path) -> None:
    train(room)
    finished = (room / "x.safetensors").read_bytes()
    recipe = room / "recipe.toml"
    recipe.write_text(recipe.read_text() + "[first]\nsteps = 2\n")
    leftovers = ("x.first", "x.first.checkpoint", "x.checkpoint")
    for name in leftovers:
        (room / f"{name}.safetensors").write_bytes(finished)
    with pytest.raises(RtstyleError, match="expected a safetensors file"):
        train(room, "--overwrite", "--loss-weights", str(room / "nothing.safetensors"))
    assert all((room / f"{name}.safetensors").exists() for name in leftovers)
    train(room, "--overwrite")
    assert load_weights(room / "x.safetensors").trained["steps"] == 4
    assert not any((room / f"{name}.safetensors").exists() for name in leftovers)


def test_another_recipe_does_not_go_on_from_a_checkpoint(room: Path) -> None:
    recipe = room / "recipe.toml"
    config, files = resolve(str(recipe), [room / "painting.png"], {})
    identity = image_identity(
        config, ImageJob(files, room, RunOptions(room / "x")), ["sum"]
    )
    other = replace(config, style_weight=9.0)
    run = RunOptions(room / "x", start=room / "begin.safetensors")
    job = ImageJob(files, room, run)
    changed = image_identity(other, job, ["sum"])
    assert {key for key, value in changed.items() if value != identity[key]} == {
        "style_weight",
        "start",
    }
    longer = replace(config, steps=99, learning_rate=1e-4)
    assert image_identity(
        longer, ImageJob(files, room, RunOptions(room / "x")), ["sum"]
    ) == (identity)


@pytest.mark.slow
def test_an_existing_result_is_not_overwritten(room: Path) -> None:
    (room / "x.safetensors").write_text("precious")
    with pytest.raises(RtstyleError, match="exists already; use --overwrite"):
        train(room)
    assert (room / "x.safetensors").read_text() == "precious"


def test_crops_depend_on_seed_and_step_alone(room: Path) -> None:
    photos = ContentImages(room / "photos", size=32, smallest_crop=40)
    again = ContentImages(room / "photos", size=32, smallest_crop=40)
    batch = photos.batch(3, seed=1, step=5)
    assert batch.shape == (3, 3, 32, 32) and 0 <= batch.min() and batch.max() <= 1
    assert torch.equal(batch, again.batch(3, seed=1, step=5))
    assert not torch.equal(batch, photos.batch(3, seed=1, step=6))
    assert not torch.equal(batch, photos.batch(3, seed=2, step=5))


def test_flat_crops_are_drawn_again_where_photographs_have_others(
    tmp_path: Path,
) -> None:
    photo = np.full((200, 200, 3), 250, np.uint8)
    photo[150:, 150:] = np.random.default_rng(0).integers(0, 256, (50, 50, 3))
    cv2.imwrite(str(tmp_path / "p.png"), photo)
    crops = ContentImages(tmp_path, size=32, smallest_crop=32)
    batch = torch.cat([crops.batch(4, seed=1, step=step) for step in range(25)])
    flat = int((batch.flatten(1).std(dim=1) < 0.01).sum())
    assert flat <= 2, "of 100; of crops as they come half are"
    cv2.imwrite(str(tmp_path / "p.png"), np.full((64, 64, 3), 250, np.uint8))
    nothing = ContentImages(tmp_path, size=32, smallest_crop=32)
    assert nothing.batch(1, seed=1, step=0).std() < 0.01, "takes what there is"


def test_a_margin_is_what_is_around_a_crop_and_mirrored_past_the_edge(
    room: Path,
) -> None:
    photos = ContentImages(room / "photos", size=48, smallest_crop=48, margin=16)
    crop = photos.crops(1, seed=1, step=5)[0]._replace(
        image=0, top=4, left=60, side=48, is_mirrored=False, contrast=1, brightness=0
    )
    found, photo = photos._cut(crop), photos.images[0]
    assert found.shape == (80, 80, 3)  # lines -12 to 67, columns 44 to 123 of 120
    np.testing.assert_allclose(found[12:, :76], photo[:68, 44:120], atol=1)
    np.testing.assert_allclose(found[:12, :76], photo[12:0:-1, 44:120], atol=1)
    np.testing.assert_allclose(found[12:, 76:], photo[:68, 118:114:-1], atol=1)


def test_a_painting_of_one_pixel_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((1, 1, 3), np.uint8))
    with pytest.raises(TrainError, match="at least 16x16 pixels, got 1x1"):
        load_style_image(tmp_path / "p.png", short_side=64)


def test_red_paintings_stay_red(tmp_path: Path) -> None:
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 2] = 255
    cv2.imwrite(str(tmp_path / "p.png"), red)
    image = load_style_image(tmp_path / "p.png", short_side=40)
    assert image.shape == (1, 3, 40, 60)
    assert image[0, 0].min() > 0.99 and image[0, 1:].max() < 0.01


@pytest.mark.slow
def test_an_old_checkpoint_becomes_a_style_file(tmp_path: Path) -> None:
    tensors = JohnsonNet(width=4).state_dict()
    old = tensors | {
        "in1.running_mean": torch.ones(4),
        "in1.running_var": torch.ones(4),
    }
    torch.save(old, tmp_path / "old_mosaic.pth")
    run = CliRunner().invoke(
        import_checkpoint,
        [str(tmp_path / "old_mosaic.pth"), str(tmp_path / "old.onnx")],
        catch_exceptions=False,
    )
    assert run.exit_code == 0
    style = read_style(tmp_path / "old.onnx")
    assert style.title == "old mosaic"
    assert json.dumps(style.card["network"]) == '{"kind": "johnson", "width": 4}'


def test_a_checkpoint_that_wants_code_to_run_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (marker,)  # type: ignore[return-value]

    buffer = io.BytesIO()
    torch.save({"a": Bomb()}, buffer, pickle_module=pickle)
    (tmp_path / "bomb.pth").write_bytes(buffer.getvalue())
    with pytest.raises(RtstyleError, match="wants code to be run"):
        read_state_dict(tmp_path / "bomb.pth")
    assert not marker.exists()


@pytest.mark.parametrize("data", [b"", b"a text", b"\x80\x02garbage"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(data)
    with pytest.raises(RtstyleError, match=r"x\.pth: expected"):
        read_state_dict(path)


@pytest.mark.slow
def test_a_training_starts_from_the_rows_of_the_same_names(room: Path) -> None:
    shutil.copy(room / "painting.png", room / "second.png")
    both = [str(room / "painting.png"), str(room / "second.png")]
    words = ["--content", str(room / "photos"), "--recipe", str(room / "recipe.toml")]
    words += ["--loss-weights", str(room / "vgg.safetensors")]
    for paintings, out, more in (
        (both, "both.safetensors", []),
        (both[1:], "one.safetensors", ["--start", str(room / "both.safetensors")]),
    ):
        target = ["--out", str(room / out), *more]
        run = CliRunner().invoke(
            train_command,
            ["image", *paintings, *words, *target],
            catch_exceptions=False,
        )
        assert run.exit_code == 0, run.output
    one = load_weights(room / "one.safetensors")
    assert [style["name"] for style in one.recipe["styles"]] == ["second"]
    assert one.trained["start"] == "both.safetensors"
