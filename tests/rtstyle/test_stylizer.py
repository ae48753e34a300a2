"""A frame's way through network and controls."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rtstyle
from rtstyle.errors import RuntimeUnavailableError, UsageError
from rtstyle.gallery.find import load_style
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from tests.tiny_styles import write_negative


@pytest.fixture
def stylizer(tmp_path: Path) -> Iterator[Stylizer]:
    with Stylizer(str(write_negative(tmp_path)), device="cpu") as made:
        yield made


@pytest.fixture
def frame() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (40, 72, 3), np.uint8)


def test_the_graph_gets_raw_pixels(stylizer: Stylizer, frame: np.ndarray) -> None:
    before = frame.copy()
    assert (stylizer(frame) == 255 - frame).all()
    assert (frame == before).all(), "the input was changed in place"


@pytest.mark.parametrize("smooth", ["off", "gate", "flow"])
@pytest.mark.parametrize("keep", [False, True])
def test_strength_zero_is_the_input_bit_for_bit(
    stylizer: Stylizer, frame: np.ndarray, smooth: str, keep: bool
) -> None:
    stylizer.controls.smooth = smooth  # type: ignore[assignment]
    stylizer.controls.keep_colors = keep
    stylizer.controls.strength = 0.0
    for _ in range(3):
        assert (stylizer(frame) == frame).all()


def test_controls_turn_between_two_frames(
    stylizer: Stylizer, frame: np.ndarray
) -> None:
    stylizer.controls.strength = 0.5
    assert np.abs(stylizer(frame).astype(int) - 127.5).max() <= 0.51
    stylizer.controls.strength = 1.0
    assert (stylizer(frame) == 255 - frame).all()


def test_work_height_keeps_the_frames_size(
    stylizer: Stylizer, frame: np.ndarray
) -> None:
    stylizer.controls.height = 20
    output = stylizer.network(frame)
    assert output.seen.shape == output.stylized.shape == (20, 36, 3)
    assert stylizer(frame).shape == frame.shape


@pytest.mark.parametrize("shape", [(16, 16), (1, 1), (17, 3)])
def test_frames_below_the_networks_smallest_are_padded(
    stylizer: Stylizer, shape: tuple[int, int]
) -> None:
    small = np.full((*shape, 3), 9, np.uint8)
    assert (stylizer(small) == 246).all()


@pytest.mark.parametrize(
    ("controls", "text"),
    [
        ({"strength": 1.5}, "strength: expected 0 to 1, got 1.5"),
        ({"height": 4}, "height: expected 16 to 8192 lines, got 4"),
    ],
)
def test_controls_that_mean_nothing_are_refused(
    controls: dict[str, float], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        Controls(**controls)  # type: ignore[arg-type]


def test_an_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="expected auto, cpu, gpu, gpu:N, cuda, cuda:N"
    ):
        Stylizer(str(write_negative(tmp_path)), device="tpu")


def test_cuda_without_a_gpu_fails_loudly(tmp_path: Path) -> None:
    from rtstyle.runtime.onnxruntime import cuda_fault

    if cuda_fault() is None:
        pytest.skip("there is a GPU here")
    with pytest.raises(RuntimeUnavailableError, match="device cuda:0"):
        Stylizer(str(write_negative(tmp_path)), device="cuda")


def test_where_says_which_numbers_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write_negative(tmp_path))
    monkeypatch.setattr(
        "rtstyle.stylizer.stylizer.open_session",
        lambda model, **rest: OrtSession(model, device="cpu"),
    )
    for asked, said in (("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16")):
        with Stylizer(path, device="cpu", precision=asked) as stylizer:
            assert stylizer.precision == said
            assert stylizer.where == f"{said}, onnxruntime on cpu"
    with Stylizer("scream", device="cpu") as stylizer:
        assert stylizer.where.startswith("int8, ")


def test_every_name_of_the_package_can_be_imported() -> None:
    assert rtstyle.__all__ == sorted(rtstyle.__all__) == dir(rtstyle)
    assert {"load_mixture", "load_style"} <= set(rtstyle.__all__)
    assert all(callable(getattr(rtstyle, name)) for name in rtstyle.__all__)


def test_every_bundled_style_paints_red_and_blue_apart(frame: np.ndarray) -> None:
    split = np.zeros((64, 96, 3), np.uint8)
    split[:, :48], split[:, 48:] = (210, 30, 30), (30, 30, 210)
    with Stylizer(load_style("starry_night"), device="cpu") as stylizer:
        painted = stylizer(split)
    assert painted.shape == split.shape and painted.dtype == np.uint8
    assert np.abs(painted.astype(int) - split).mean() > 5
    left, right = painted[:, 8:40].mean((0, 1)), painted[:, 56:88].mean((0, 1))
    assert left[0] - left[2] > right[0] - right[2], "red and blue were swapped"
