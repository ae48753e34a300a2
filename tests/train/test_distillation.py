"""A small loss network that is to see like a large one."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from rtstyle_train.cli import main as train_command
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.distillation.job import DistilJob, Distillation, correlations
from rtstyle_train.distillation.networks import (
    Mapped,
    Student,
    Teacher,
    scaling_of,
    write_loss_network,
)
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loss_networks import load_loss_network
from tests.train.tiny_vgg import tiny_vgg, write_tiny_vgg

WIDTHS = (2, 3, 4, 5, 5)
CPU = torch.device("cpu")


def student(*, layers: int = 3) -> Student:
    torch.manual_seed(1)
    wide = {f"relu{stage}_1": 4 for stage in range(1, layers + 1)}
    return Student(wide=wide, conv0=scaling_of(tiny_vgg()), widths=WIDTHS)


def test_a_student_gives_features_of_the_teachers_shapes() -> None:
    pixels = torch.rand(2, 3, 64, 48)
    before = pixels.clone()
    teacher, seen = Teacher(tiny_vgg()), student(layers=5)(pixels)
    wanted = teacher(pixels)
    assert list(wanted) == [f"relu{stage}_1" for stage in range(1, 6)]
    assert {n: x.shape for n, x in seen.items()} == {
        n: x.shape for n, x in wanted.items()
    }
    assert teacher.widths == dict.fromkeys(wanted, 4)
    assert torch.equal(pixels, before)


def test_a_written_student_is_a_loss_network_with_maps(tmp_path: Path) -> None:
    made, path = student(), tmp_path / "own.safetensors"
    write_loss_network(path, made)
    pixels = torch.rand(1, 3, 40, 32)
    again = load_loss_network("vgg19", weights=path)
    with torch.no_grad():
        wanted, mapped = made.vgg(pixels, ["relu3_1"]), made(pixels)
        torch.testing.assert_close(
            again(pixels, ["relu3_1"])["relu3_1"],
            wanted["relu3_1"],
            rtol=2e-3,  # float16
            atol=2e-3 * float(wanted["relu3_1"].max()),
        )
        found = Mapped(path)(pixels, ["relu2_1"])
    scale = float(mapped["relu2_1"].abs().max())
    torch.testing.assert_close(
        found["relu2_1"], mapped["relu2_1"], rtol=2e-3, atol=2e-3 * scale
    )
    assert all(x.dtype == torch.float32 for x in again.convs.parameters())
    assert set(again.widen) == {"relu1_1", "relu2_1", "relu3_1"}


def test_layers_that_the_teacher_lacks_come_from_the_deep_one(tmp_path: Path) -> None:
    path = tmp_path / "deep.safetensors"
    write_loss_network(path, student(layers=4))
    shallow = tiny_vgg()
    for name in [n for n in shallow.convs if n >= "conv3_2"]:
        del shallow.convs[name]
    teacher = Teacher(shallow, Mapped(path))
    pixels = torch.rand(1, 3, 64, 64)
    teacher.deep_layers = ["relu4_1"]
    found = teacher(pixels)
    exact = shallow(pixels, ["relu3_1"])["relu3_1"]
    assert torch.equal(found["relu3_1"], exact) and "relu4_1" in found
    with pytest.raises(ConfigError, match="deep teacher: has no relu5_1"):
        Mapped(path)(pixels, ["relu5_1"])
    with pytest.raises(TrainError, match="expected maps such as"):
        Mapped(write_tiny_vgg(tmp_path / "plain.safetensors"))


def test_a_new_student_varies_as_its_input_does_whatever_the_scaling() -> None:
    pixels = 0.5 + 0.25 * torch.randn(2, 3, 40, 40)
    for factor in (1.0, 255.0):
        scaling = torch.nn.Conv2d(3, 3, 1)
        assert scaling.bias is not None
        with torch.no_grad():
            scaling.weight.copy_(factor * torch.eye(3)[:, :, None, None])
            scaling.bias.copy_(-0.5 * factor * torch.ones(3))
        torch.manual_seed(2)
        made = Student(wide={"relu1_1": 4}, conv0=scaling, widths=WIDTHS)
        spread = made.vgg(pixels, ["relu1_1"])["relu1_1"].std()
        assert 0.2 < spread.item() < 3


def test_half_the_numbers_are_as_good_in_training(tmp_path: Path) -> None:
    """In bfloat16 the terms of a step are near those in float32."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (9, 12, 3), np.uint8)
    cv2.imwrite(str(folder / "a.png"), cv2.resize(noise, (160, 140)))
    pictures = [ContentImages(folder, size=64, smallest_crop=64)]
    found = []
    for precision in ("fp32", "bf16"):
        job = DistilJob((folder,), folder, tmp_path / "x.safetensors", batch_size=2)
        job = replace(job, precision=precision)
        step = Distillation(Teacher(tiny_vgg()), pictures, job)
        found.append(step.losses(student(layers=5), step=0, rank=0, device=CPU))
    for name, value in found[0].items():
        assert found[1][name].item() == pytest.approx(value.item(), rel=0.05)


def test_a_teacher_correlates_with_itself_and_a_stranger_does_not() -> None:
    pixels = torch.rand(2, 3, 64, 64)
    teacher, stranger = Teacher(tiny_vgg()), student(layers=5)

    class Same(Student):
        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            return {name: 3 * x - 1 for name, x in teacher(pixels).items()}

    same = Same(wide=dict.fromkeys(teacher.widths, 4), conv0=scaling_of(tiny_vgg()))
    assert min(correlations(same, teacher, pixels).values()) == pytest.approx(1.0)
    assert max(correlations(stranger, teacher, pixels).values()) < 0.9


@pytest.mark.slow
def test_the_command_writes_a_student_that_learns(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in "ab":
        noise = random.integers(0, 256, (9, 12, 3), np.uint8)
        cv2.imwrite(str(folder / f"{name}.png"), cv2.resize(noise, (160, 140)))
    out, vgg = (
        tmp_path / "own.safetensors",
        write_tiny_vgg(tmp_path / "vgg.safetensors"),
    )
    words = ["loss-network", "--pictures", str(folder), "--judged-on", str(folder)]
    words += ["--teacher", str(vgg), "--out", str(out), "--steps", "3"]
    run = CliRunner().invoke(train_command, words, catch_exceptions=False)
    assert run.exit_code == 0 and "| relu5_1 |" in run.output
    assert "conv5_1_to_vgg.weight" in load_file(out)
    with pytest.raises(TrainError, match="exists already; use --overwrite"):
        CliRunner().invoke(train_command, words, catch_exceptions=False)
