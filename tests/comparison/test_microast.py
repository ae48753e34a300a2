"""The peer's network, as far as it can be checked without its own code."""

from pathlib import Path

import pytest
import torch

from rtstyle_train.data.content_images import load_style_image
from tests.comparison.microast import Microast, count_macs, load_microast


@pytest.mark.shared
def test_the_peer_keeps_the_photograph_and_takes_the_paintings_colours(
    shared: Path,
) -> None:
    data = shared / "data"
    network = load_microast(data / "peers")
    photo = load_style_image(data / "photos" / "eval" / "kodim04.jpg", short_side=96)
    photo = photo[:, :, :96, :96]
    means = []
    for name in ("munch_scream", "monet_water_lilies_1919"):
        network.take(load_style_image(data / "styles" / f"{name}.jpg", short_side=256))
        with torch.no_grad():
            stylized = network(photo)
        assert stylized.shape == photo.shape
        light, wanted = (x.mean(dim=1).flatten() for x in (stylized, photo))
        assert torch.corrcoef(torch.stack([light, wanted]))[0, 1] > 0.6
        means.append(stylized.mean(dim=(0, 2, 3)))
    warm, cold = (float(mean[0] - mean[2]) for mean in means)
    assert warm > cold + 0.1, "the orange painting gives no warmer picture"


def test_the_peer_without_a_painting_says_so() -> None:
    with pytest.raises(AssertionError, match="no painting was taken"):
        Microast()(torch.zeros(1, 3, 32, 32))


def test_multiplications_are_counted_for_every_place() -> None:
    conv = torch.nn.Conv2d(4, 6, 3, padding=1, groups=2)
    assert count_macs(conv, [torch.zeros(1, 4, 5, 7)]) == 5 * 7 * 6 * (4 // 2) * 9
