"""A student that learns what a teacher paints, and teachers of every kind."""

import shlex
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle.networks.weights_file import load_weights
from rtstyle.style_file import read_style
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_export.cli import main as export_command
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import encode_picture, read_picture
from rtstyle_train.cli import main as train_command
from rtstyle_train.config.distil import DistilConfig, make_distil_config
from rtstyle_train.config.image import TrainConfig
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.data.teacher_pairs import TeacherPairs
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.jobs.closed_form import ALPHA
from rtstyle_train.jobs.painted_pairs import PairFolder, paint_pairs
from rtstyle_train.jobs.teacher_command import CommandTeacher, words_of
from rtstyle_train.jobs.teachers import PictureTeacher, TeacherOptions, open_teacher
from rtstyle_train.loss_networks import load_loss_network
from rtstyle_train.methods.autoencoders import read_autoencoders
from rtstyle_train.methods.distil import PairLoss
from rtstyle_train.methods.gatys import TrainingObjective, optimise
from rtstyle_train.methods.style_swap import StyleSwap
from rtstyle_train.methods.wct import Wct
from tests.tiny_styles import write_negative
from tests.train.tiny_autoencoders import write_autoencoders
from tests.train.tiny_vgg import tiny_vgg, write_tiny_vgg

PAINTER = """
import sys, pathlib
from PIL import Image, ImageOps
given, made = map(pathlib.Path, sys.argv[1:3])
names = sorted(given.iterdir())
for path in names[: int(sys.argv[3])]:
    ImageOps.invert(Image.open(path)).save(made / (path.stem + ".bmp"))
with open(sys.argv[4], "a") as log:
    log.write(f"{len(names)} ")
if len(sys.argv) > 5:
    (made / (names[-1].stem + ".png")).write_bytes(b"\\x89PNG\\r\\n\\x1a\\n half")
    sys.exit("no more paint")
"""
"""Paints negatives of as many pictures as it is told to, and may fail."""


def negative(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(255 - pixels)


@pytest.fixture
def room(tmp_path: Path) -> Path:
    photos = tmp_path / "photos"
    photos.mkdir()
    random = np.random.default_rng(3)
    for number in range(4):
        noise = random.integers(0, 256, (9, 11, 3), np.uint8)
        pixels = cv2.resize(
            noise, (100 + 4 * number, 80), interpolation=cv2.INTER_CUBIC
        )
        data = encode_picture(np.asarray(pixels, np.uint8), suffix=".png")
        (photos / f"{number}.png").write_bytes(data)
    write_negative(tmp_path)
    write_tiny_vgg(tmp_path / "vgg.safetensors")
    (tmp_path / "painter.py").write_text(PAINTER)
    (tmp_path / "recipe.toml").write_text(
        'network = "tiny"\nsize = 64\nshort_side = 72\nsteps = 3\n'
        'layers = ["relu1_1", "relu2_1"]\nloss_precision = "fp32"\n'
    )
    return tmp_path


def command_of(room: Path, *more: object) -> str:
    words = [sys.executable, room / "painter.py", "{in}", "{out}", *more]
    return shlex.join(map(str, words))


def train(room: Path, *more: object) -> str:
    words = ["distil", "--content", room / "photos", "--out", room / "x.safetensors"]
    words += ["--recipe", room / "recipe.toml"]
    words += ["--loss-weights", room / "vgg.safetensors", *more]
    run = CliRunner().invoke(train_command, [*map(str, words)], catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.output


def painted_by(
    teacher: Any, room: Path, *, overwrite: bool = False, **settings: Any
) -> PairFolder:
    folder = PairFolder(room / "pairs")
    sizes = {"short_side": 72, "smallest": 64} | settings
    paint_pairs(folder, teacher, room / "photos", overwrite=overwrite, **sizes)
    return folder


@pytest.mark.slow
def test_a_student_gets_near_a_known_teacher(room: Path) -> None:
    """The teacher turns 0..255 around; a student is near it, a new one is not."""
    train(room, "--teacher", room / "negative.onnx", "--steps", 140)
    weights = load_weights(room / "x.safetensors")
    assert weights.trained["pairs"] == 4 and weights.trained["steps"] == 140
    photo = read_picture(room / "photos" / "1.png")[0]
    target, style_file = negative(photo), room / "mine.onnx"
    words = [str(room / "x.safetensors"), str(style_file)]
    assert CliRunner().invoke(export_command, words).exit_code == 0
    style = read_style(style_file)
    assert style.name == "x" and style.card["recipe"]["network"] == "tiny"

    def far(pixels: Pixels) -> float:
        return float(np.abs(pixels.astype(int) - target.astype(int)).mean())

    with Stylizer(style, device="cpu") as stylizer:
        learnt = far(stylizer(photo))
    assert learnt < 25 and learnt < far(photo) / 3
    assert (room / "x.preview.png").exists()
    train(room, "--teacher", room / "negative.onnx", "--overwrite", "--steps", 1)
    network = load_weights(room / "x.safetensors").build_transform_net()
    with torch.no_grad():
        new = network(to_batch(photo[:80, :96]), None)[0].clamp(0, 1).permute(1, 2, 0)
    start = np.asarray((new * 255).round(), np.uint8)
    begun = float(np.abs(start.astype(int) - target[:80, :96].astype(int)).mean())
    assert learnt < begun / 2


@pytest.mark.slow
def test_a_stopped_training_goes_on_with_its_pairs(room: Path) -> None:
    train(room, "--teacher", room / "negative.onnx", "--resume")  # nothing to go on
    painted = sorted((room / "x.pairs" / "painted").iterdir())
    assert [path.name for path in painted] == [f"00000{n}.png" for n in range(4)]
    painted[0].write_bytes(painted[1].read_bytes())  # kept as it is, not painted anew
    with pytest.raises(TrainError, match="000000.png: expected 90x72 pixels as before"):
        train(room, "--teacher", room / "negative.onnx", "--overwrite")


def test_crops_of_a_pair_lie_at_the_same_place(room: Path) -> None:
    folder = painted_by(PictureTeacher({"teacher": "negative"}, negative), room)
    pairs = TeacherPairs(folder.content, folder.painted, size=64)
    before, after = pairs.batch(5, seed=1, step=2)
    assert before.shape == after.shape == (5, 3, 64, 64) and len(pairs) == 4
    torch.testing.assert_close(before + after, torch.ones_like(before))
    assert not torch.equal(before[0], before[1])
    again = pairs.batch(5, seed=1, step=2)
    assert torch.equal(again[0], before) and torch.equal(again[1], after)
    assert not torch.equal(pairs.batch(5, seed=1, step=3)[0], before)


def test_the_loss_is_zero_for_the_teachers_picture_and_grows() -> None:
    config = make_distil_config({"layers": ["relu1_1"], "loss_precision": "fp32"})
    loss, painted = PairLoss(config, tiny_vgg()), torch.rand(2, 3, 32, 48)
    same = loss(painted, painted)
    assert set(same) == {"pixels", "perceptual", "style"}
    assert all(float(term) < 1e-10 for term in same.values())
    near, far = (loss(painted + step, painted) for step in (0.01, 0.1))
    assert all(float(far[name]) > 5 * float(near[name]) > 0 for name in near)
    assert float(far["pixels"]) == pytest.approx(config.pixel_weight * 0.1)


def test_each_picture_is_painted_once(room: Path) -> None:
    seen: list[tuple[int, ...]] = []

    def paint(pixels: Pixels) -> Pixels:
        seen.append(pixels.shape)
        if len(seen) == 3:
            raise TrainError("the teacher is tired")
        return negative(pixels)

    teacher = PictureTeacher({"teacher": "negative"}, paint)
    with pytest.raises(TrainError, match="tired"):
        painted_by(teacher, room)
    folder = painted_by(teacher, room)
    assert len(seen) == 5 and seen[0] == (72, 90, 3)  # reduced from 80 lines
    painted_by(teacher, room)
    assert len(seen) == 5 and not folder.work.exists()
    photo, made = (
        read_picture(p / "000003.png")[0] for p in (folder.content, folder.painted)
    )
    assert (photo == 255 - made).all()


def test_pairs_of_another_teacher_are_not_mixed_with_these(room: Path) -> None:
    painted_by(PictureTeacher({"teacher": "negative"}, negative), room)
    other = PictureTeacher({"teacher": "same"}, lambda pixels: pixels)
    with pytest.raises(
        ConfigError, match="same teacher and photographs, got another t"
    ):
        painted_by(other, room)
    with pytest.raises(ConfigError, match="got another short_side"):
        painted_by(
            PictureTeacher({"teacher": "negative"}, negative), room, short_side=64
        )
    folder = painted_by(other, room, overwrite=True, count=2)
    both = [sorted(place.iterdir()) for place in (folder.content, folder.painted)]
    assert [[path.name for path in paths] for paths in both] == [
        ["000000.png", "000001.png"]
    ] * 2
    assert both[0][1].read_bytes() == both[1][1].read_bytes()


def test_a_folder_of_other_things_is_left_alone(room: Path) -> None:
    (room / "pairs").mkdir()
    (room / "pairs" / "000000.png").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="expected a folder of pairs with pairs.json"):
        painted_by(PictureTeacher({}, negative), room, overwrite=True)
    assert (room / "pairs" / "000000.png").read_bytes() == b"mine"


def test_pictures_of_another_size_are_fitted_and_of_another_shape_refused(
    room: Path,
) -> None:
    def smaller(pixels: Pixels) -> Pixels:
        height, width = (side // 8 * 8 for side in pixels.shape[:2])
        return np.asarray(cv2.resize(pixels, (width, height)), np.uint8)

    folder = painted_by(PictureTeacher({"teacher": "smaller"}, smaller), room)
    assert read_picture(folder.painted / "000000.png")[0].shape == (72, 90, 3)
    turned = PictureTeacher({"teacher": "turned"}, lambda p: np.rot90(p).copy())
    with pytest.raises(TrainError, match="shape of 90x72 pixels, got 72x90"):
        painted_by(turned, room, overwrite=True)


def test_a_command_paints_all_at_once_and_then_only_what_is_missing(room: Path) -> None:
    log = room / "log.txt"
    some = CommandTeacher(command_of(room, 3, log))
    with pytest.raises(TrainError, match="expected 4 .*got 3; 000003.png is missing"):
        painted_by(some, room)
    rest = CommandTeacher(command_of(room, 9, log))
    rest.identity = some.identity
    folder = painted_by(rest, room)
    assert log.read_text() == "4 1 "
    for name in ("000000.png", "000003.png"):
        photo, made = (
            read_picture(p / name)[0] for p in (folder.content, folder.painted)
        )
        assert (photo == 255 - made).all()


def test_a_failing_command_is_one_line_and_what_is_whole_is_kept(room: Path) -> None:
    teacher = CommandTeacher(command_of(room, 2, room / "log.txt", "fail"))
    with pytest.raises(TrainError) as caught:
        painted_by(teacher, room)
    text = str(caught.value)
    assert "expected exit status 0, got 1 (no more paint)" in text
    assert "\n" not in text and text.endswith("command.log")
    folder = PairFolder(room / "pairs")
    assert sorted(p.name for p in folder.painted.iterdir()) == [
        "000000.png",
        "000001.png",
    ]
    assert not folder.work.exists()


def test_no_shell_reads_the_command(room: Path) -> None:
    mark = room / "mark"
    evil = f"{command_of(room, 9, room / 'log.txt')} '; touch {mark}' $(touch {mark})"
    with pytest.raises(TrainError, match="expected exit status 0, got"):
        painted_by(CommandTeacher(evil), room)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("paint {in}", r"expected \{out\} in it, got none"),
        ("paint {out}", r"expected \{in\} in it, got none"),
        ("paint {in} {out} {style}", r"expected \{in\} and \{out\}, got \{style\}"),
        ("{in} {out}", r"expected a program first, got '\{in\}'"),
        ("paint '{in} {out}", "expected words as in a shell, got No closing quotation"),
        ("", r"expected \{in\} in it, got none"),
    ],
)
def test_commands_that_cannot_work_are_refused(command: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        words_of(command)


def test_a_program_that_is_missing_is_one_line(room: Path) -> None:
    with pytest.raises(TrainError, match="can be run, got 'no-such-program'"):
        painted_by(CommandTeacher("no-such-program {in} {out}"), room)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected --teacher or --teacher-command, got none"),
        ({"teacher": "a", "command": "b"}, "got both"),
        ({"teacher": "gatys"}, "teacher gatys: expected --painting with it"),
        (
            {"teacher": "wct", "painting": Path("p.png")},
            "teacher wct: expected --networks with it",
        ),
        (
            {"teacher": "scream", "painting": Path("p.png")},
            "teacher scream: expected no --painting, got p.png",
        ),
        (
            {"command": "p {in} {out}", "networks": Path("n")},
            "teacher command: expected no --networks, got n",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        TeacherOptions(**options).check()


def alone(options: TeacherOptions, photo: Pixels) -> Pixels:
    """What a painter makes of a photograph, put together by hand."""
    assert options.painting
    content, painting = (
        to_batch(photo),
        load_style_image(options.painting, short_side=64),
    )
    if options.networks:
        networks = read_autoencoders(options.networks)
        if options.teacher == "wct":
            return to_pixels(Wct(networks, painting, alpha=ALPHA)(content))
        return to_pixels(StyleSwap(networks[3], painting)(content))
    vgg = load_loss_network(weights=options.loss_weights)
    objective = TrainingObjective(TrainConfig(), vgg, painting, content)
    return to_pixels([*optimise(objective, content, steps=4)][-1].pixels)


@pytest.mark.parametrize("name", ["gatys", "wct", "style-swap"])
def test_every_painter_teaches(room: Path, name: str) -> None:
    painting = room / "photos" / "3.png"
    networks = None
    if name != "gatys":
        networks = write_autoencoders(room / "n.safetensors")
    options = TeacherOptions(
        name,
        painting=painting,
        networks=networks,
        style_size=64,
        gatys_steps=4,
        loss_weights=room / "vgg.safetensors",
    )
    teacher = open_teacher(options)
    folder = painted_by(teacher, room, count=1)
    photo, made = (
        read_picture(p / "000000.png")[0] for p in (folder.content, folder.painted)
    )
    assert photo.shape == made.shape and (made == alone(options, photo)).all()
    assert (np.abs(photo.astype(int) - made).mean() > 1) == (name != "gatys")
    assert teacher.identity["teacher"] == name


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"size": 60}, "size: expected a multiple of 8 from 64 up, got 60"),
        ({"short_side": 200}, "short_side: expected at least the size, 224, got 200"),
        ({"layers": []}, "layers: expected at least one, got none"),
        ({"padding": 3}, "padding: expected a multiple of 8"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"norm": "frozen"}, "norm: expected one of instance, body, none"),
    ],
)
def test_settings_that_cannot_be_trained_with_are_refused(
    setting: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_distil_config(setting)
    assert make_distil_config().as_dict() == DistilConfig().as_dict()


def test_a_result_that_is_no_style_name_is_refused(room: Path) -> None:
    words = [
        "--teacher",
        room / "negative.onnx",
        "--out",
        room / "my style.safetensors",
    ]
    with pytest.raises(ConfigError, match="that begins with a letter or a digit, got"):
        train(room, *words)
