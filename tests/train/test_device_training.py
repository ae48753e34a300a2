"""What a GPU is given: crops as numbers, steps as functions of small tensors."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rtstyle_train.config.image import StyleImage, TrainConfig
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.device_photos import DevicePhotos
from rtstyle_train.loop.captured_step import CapturedStep, _pack, _unpack
from rtstyle_train.loop.method import PreparedMethod
from rtstyle_train.loop.muon import orthogonalise, orthogonalise_all
from rtstyle_train.losses.perceptual import PerceptualLoss
from rtstyle_train.methods.johnson import ImageStyle, make_network
from rtstyle_train.methods.mirrored_edges import mirrored_edges
from tests.train.tiny_vgg import tiny_vgg

CPU = torch.device("cpu")


@pytest.fixture
def photos(tmp_path: Path) -> ContentImages:
    random = np.random.default_rng(0)
    for number, (height, width) in enumerate([(90, 130), (300, 210)]):
        coarse = random.integers(0, 256, (9, 13, 3), np.uint8)
        smooth = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(tmp_path / f"{number}.png"), smooth)
    return ContentImages(tmp_path, size=64, smallest_crop=48, margin=16)


def test_crops_cut_by_a_device_are_nearly_those_of_the_cpu(
    photos: ContentImages,
) -> None:
    there = DevicePhotos(photos, CPU)
    for step in range(4):
        expected = photos.batch(8, seed=5, step=step)
        found = there.cut(there.draw(8, seed=5, step=step))
        assert found.shape == expected.shape
        assert (found - expected).abs().mean() < 0.01
        assert (found - expected).abs().max() < 0.15


def test_crops_are_decided_by_seed_and_step(photos: ContentImages) -> None:
    there = DevicePhotos(photos, CPU)
    drawn = there.draw(4, seed=1, step=2)
    assert torch.equal(drawn, there.draw(4, seed=1, step=2))
    assert not torch.equal(drawn, there.draw(4, seed=1, step=3))
    assert not torch.equal(drawn, there.draw(4, seed=2, step=2))


def test_packing_a_steps_inputs_loses_nothing() -> None:
    inputs = {
        "rows": torch.tensor([3, 0, 2**40 + 1]),
        "scale": torch.rand(2, 1, 3),
        "rate": torch.tensor(0.25, dtype=torch.float64),
    }
    found = _unpack(_pack(inputs), inputs)
    assert found.keys() == inputs.keys()
    for name, value in inputs.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value), name


def make_style(photos: ContentImages) -> tuple[ImageStyle, nn.Module]:
    config = TrainConfig(
        network="tiny",
        size=64,
        margin=16,
        batch_size=2,
        content_layers=("relu2_1",),
        style_layers=("relu1_1", "relu2_1"),
        loss_precision="fp32",
        temporal_weight=2.0,
        styles=(StyleImage("a", "a.png"), StyleImage("b", "b.png")),
    )
    paintings = [torch.rand(1, 3, 40, 50), torch.rand(1, 3, 32, 32)]
    loss = PerceptualLoss(config, tiny_vgg(), paintings)
    return ImageStyle(config, loss, photos), make_network(config)


def test_a_step_is_a_function_of_its_inputs_alone(photos: ContentImages) -> None:
    method, network = make_style(photos)
    assert isinstance(method, PreparedMethod)
    inputs = method.inputs(step=7, rank=0)
    expected = method.losses(network, step=7, rank=0, device=CPU)
    for _ in range(2):
        found = method.terms(network, inputs)
        assert found.keys() == expected.keys() and "temporal_output" in found
        for name, term in expected.items():
            torch.testing.assert_close(found[name], term)
    others = method.inputs(step=8, rank=0)
    assert not torch.equal(others["photos"], inputs["photos"])


@pytest.mark.parametrize("step", [7, 8])
def test_a_network_sees_past_the_crop_and_is_asked_for_the_same_without(
    photos: ContentImages, step: int
) -> None:
    method, network = make_style(photos)
    inputs = method.inputs(step=step, rank=0)
    seen = []
    handle = network.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        terms = method.terms(network, inputs)
    handle.remove()
    number, inner = step % 2, slice(16, 80)
    around, ending = seen[0][number : number + 1], seen[1]
    assert seen[0].shape == (2, 3, 96, 96) and ending.shape == (1, 3, 96, 96)
    pair = ending[..., inner, inner], around[..., inner, inner]
    torch.testing.assert_close(*pair)
    assert not torch.equal(ending, around)
    row = inputs["style"][number : number + 1]
    with torch.no_grad():
        found = network(ending, row)[..., inner, inner]
        with mirrored_edges(network):
            wanted = network(around, row)[..., inner, inner]
    change = torch.nn.functional.mse_loss(found, wanted)
    torch.testing.assert_close(terms["border"], 10.0 * change)


def test_matrices_in_one_batch_become_what_they_become_alone() -> None:
    torch.manual_seed(0)
    matrices = [torch.randn(48, 432), torch.randn(16, 90), torch.randn(70, 20)]
    for found, matrix in zip(orthogonalise_all(matrices), matrices, strict=True):
        torch.testing.assert_close(found, orthogonalise(matrix))


@pytest.mark.gpu
def test_captured_steps_do_what_the_same_steps_do_one_by_one() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU: torch sees none")
    device = torch.device("cuda")

    def train(*, is_captured: bool) -> list[float]:
        torch.manual_seed(0)
        weight = torch.randn(5, device=device, requires_grad=True)
        optimizer = torch.optim.Adam([weight], lr=0.1, capturable=True)

        def run(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
            optimizer.zero_grad(set_to_none=True)
            loss = (weight - inputs["wanted"]).square().sum()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            return {"loss": loss.detach()}

        step = CapturedStep(run, device)  # type: ignore[arg-type]
        losses = []
        for number in range(12):
            wanted = torch.full((5,), float(number % 3))
            if is_captured:
                terms = step({"wanted": wanted}, phase=0)
                step.wait()
            else:
                terms = run({"wanted": wanted.to(device)})
            losses.append(terms["loss"].item())
        return losses

    assert train(is_captured=True) == pytest.approx(train(is_captured=False))
