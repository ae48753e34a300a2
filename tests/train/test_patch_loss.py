import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as torchvision_functional

from rtstyle_train.losses.directional import directional_distances
from rtstyle_train.losses.patch import (
    _crops,
    patch_loss,
    perspective,
    random_corners,
    random_patches,
)


def randn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def embeddings() -> tuple[Tensor, Tensor, Tensor]:
    return randn(9, 6), randn(9, 6, seed=1), randn(6, seed=2)


@pytest.mark.parametrize("threshold", [0.0, 0.7, 1.0, 2.1])
def test_patch_loss_counts_good_patches_as_zero_in_the_mean(threshold: float) -> None:
    stylized, content, direction = embeddings()
    distances = directional_distances(stylized, content, direction).tolist()
    slow = sum(d for d in distances if d >= threshold) / 9
    fast = patch_loss(stylized, content, direction, threshold=threshold)
    assert fast.item() == pytest.approx(slow)


def test_good_patches_get_no_gradient() -> None:
    stylized, content, direction = embeddings()
    stylized.requires_grad_()
    distances = directional_distances(stylized, content, direction)
    middle = distances.median().item()
    patch_loss(stylized, content, direction, threshold=middle).backward()  # type: ignore[no-untyped-call]
    assert stylized.grad is not None
    assert ((stylized.grad.abs().sum(dim=1) == 0) == (distances < middle)).all()


def test_patch_loss_has_the_right_gradient() -> None:
    stylized, content, direction = embeddings()
    assert torch.autograd.gradcheck(
        lambda x: patch_loss(x, content, direction, threshold=0.7),
        stylized.requires_grad_(),
    )


def test_perspective_is_torchvisions() -> None:
    generator = torch.Generator().manual_seed(3)
    squares = torch.rand(5, 3, 32, 32, generator=generator)
    corners = random_corners(5, 32, 0.5, generator)
    start = [[0, 0], [31, 0], [31, 31], [0, 31]]
    slow = torch.stack(
        [
            torchvision_functional.perspective(
                square, start, to.int().tolist(), fill=[0.0, 0.0, 0.0]
            )
            for square, to in zip(squares, corners, strict=True)
        ]
    )
    torch.testing.assert_close(perspective(squares, corners), slow, atol=1e-4, rtol=0)


def test_corners_move_inwards_by_at_most_half_of_a_half() -> None:
    corners = random_corners(200, 128, 0.5, torch.Generator().manual_seed(0))
    start = torch.tensor([[0, 0], [127, 0], [127, 127], [0, 127]])
    moved = (corners - start).abs()
    assert moved.max() == 32
    assert moved.min() == 0
    assert corners.min() >= 0 and corners.max() <= 127


def test_patches_take_turns_over_a_batch_that_is_not_square() -> None:
    images = torch.zeros(3, 3, 40, 56)
    images[:, 0] = torch.tensor([0.2, 0.4, 0.6])[:, None, None]
    before = images.clone()
    patches = random_patches(
        images,
        num_patches=7,
        crop_size=24,
        size=32,
        generator=torch.Generator().manual_seed(5),
        distortion=0.0,
    )
    assert patches.pixels.shape == (7, 3, 32, 32)
    assert patches.owner.tolist() == [0, 1, 2, 0, 1, 2, 0]
    red = patches.pixels[:, 0, 16, 16]
    torch.testing.assert_close(red, images[patches.owner, 0, 0, 0])
    assert (patches.pixels[:, 1:] == 0).all()
    assert (images == before).all()


def test_patches_depend_on_the_generator_alone() -> None:
    images = torch.rand(2, 3, 48, 48)

    def draw(seed: int) -> Tensor:
        return random_patches(
            images,
            num_patches=4,
            crop_size=32,
            size=32,
            generator=torch.Generator().manual_seed(seed),
        ).pixels

    assert (draw(1) == draw(1)).all()
    assert (draw(1) != draw(2)).any()


def test_patches_are_squares_of_their_pictures_with_their_gradient() -> None:
    images = torch.rand(2, 3, 20, 31, dtype=torch.float64, requires_grad=True)
    owner, tops, lefts = torch.tensor([[0, 1, 0], [3, 10, 12], [21, 0, 7]])
    squares = _crops(images, owner, tops, lefts, 8)
    slow = torch.stack(
        [
            images[row, :, top : top + 8, left : left + 8]
            for row, top, left in zip(owner, tops, lefts, strict=True)
        ]
    )
    assert (squares == slow).all()
    weights = torch.rand_like(slow)
    (found,) = torch.autograd.grad((squares * weights).sum(), images)
    (expected,) = torch.autograd.grad((slow * weights).sum(), images)
    torch.testing.assert_close(found, expected)
