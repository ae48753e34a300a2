"""AdaIN: the operation, its losses, and a decoder that learns."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rtstyle.networks.adain import (
    EPS,
    AdainNet,
    AdainNetConfig,
    adain,
    adain_in_regions,
    feature_moments,
    interpolate,
)
from rtstyle.networks.weights_file import build_network, describe_network
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.style_pictures import StyleImages, render_textures
from rtstyle_train.data.styled_batches import Pictures
from rtstyle_train.errors import ConfigError
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.losses.adain import adain_content_loss, adain_style_loss
from rtstyle_train.methods.adain import AdainStyle, make_adain
from tests.train.tiny_vgg import tiny_vgg


def random(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def slow_adain(content: Tensor, style: Tensor) -> Tensor:
    """Return equation 8 of Huang and Belongie, one channel of one picture at a time."""
    result = torch.empty_like(content)
    for n in range(content.shape[0]):
        for c in range(content.shape[1]):
            x, y = content[n, c], style[n, c]
            mean_x, mean_y = x.sum() / x.numel(), y.sum() / y.numel()
            var_x = ((x - mean_x) ** 2).sum() / x.numel()
            var_y = ((y - mean_y) ** 2).sum() / y.numel()
            scale = torch.sqrt(var_y + EPS) / torch.sqrt(var_x + EPS)
            result[n, c] = scale * (x - mean_x) + mean_y
    return result


def small_vgg(*, reflect: bool = True) -> VggFeatures:
    """Return a VGG-19 to relu5_1 with two channels a stage and more, from a seed."""
    torch.manual_seed(3)
    convs: dict[str, nn.Conv2d] = {}
    inputs = 3
    for stage, count in enumerate((2, 2, 4, 4, 1), start=1):
        for number in range(1, count + 1):
            convs[f"conv{stage}_{number}"] = nn.Conv2d(inputs, 2 + 2 * stage, 3)
            inputs = 2 + 2 * stage
    return VggFeatures(convs, reflect=reflect)


def test_adain_is_the_papers_equation_and_leaves_its_input() -> None:
    content, style = random(2, 3, 5, 7), 2 + 3 * random(2, 3, 4, 6, seed=1)
    before = content.clone()
    got = adain(content, feature_moments(style))
    assert got.shape == content.shape
    assert torch.allclose(got, slow_adain(content, style), atol=1e-10)
    assert torch.equal(content, before)


def test_adain_gives_the_content_the_moments_of_the_style() -> None:
    style = feature_moments(2 + 3 * random(2, 3, 4, 6, seed=1))
    got = feature_moments(adain(random(2, 3, 50, 70), style))
    assert torch.allclose(got.mean, style.mean)
    assert torch.allclose(got.deviation, style.deviation, rtol=1e-4)


def test_features_with_their_own_moments_stay_what_they_are() -> None:
    content = random(2, 3, 5, 7)
    assert torch.allclose(adain(content, feature_moments(content)), content)


def test_alpha_blends_between_content_and_style() -> None:
    content, style = random(1, 3, 5, 7), feature_moments(3 * random(1, 3, 4, 6, seed=1))
    whole = adain(content, style)
    assert torch.equal(adain(content, style, alpha=0.0), content)
    half = adain(content, style, alpha=0.5)
    assert torch.allclose(half, (content + whole) / 2)


def test_adain_has_the_right_gradient() -> None:
    content = random(1, 2, 3, 4).requires_grad_()
    style = random(1, 2, 4, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x, y: adain(x, feature_moments(y), alpha=0.7), (content, style)
    )


def test_mixed_moments_give_the_mixture_of_the_changed_features() -> None:
    content = random(2, 3, 5, 7)
    styles = [feature_moments(k + k * random(2, 3, 4, 6, seed=k)) for k in (1, 2, 3)]
    weights = [0.5, 0.3, 0.2]
    wanted = torch.zeros_like(content)
    for style, weight in zip(styles, weights, strict=True):
        wanted += weight * adain(content, style)
    assert torch.allclose(adain(content, interpolate(styles, weights)), wanted)


def test_a_mixture_of_one_style_is_that_style() -> None:
    style = feature_moments(random(1, 3, 4, 6))
    assert torch.equal(interpolate([style], [1.0]).mean, style.mean)


@pytest.mark.parametrize(
    ("weights", "message"),
    [([0.5], "got 1 for 2"), ([0.5, 0.6], "sum of 1, got 1.1"), ([], "got 0 for 2")],
)
def test_weights_of_another_count_or_sum_are_refused(
    weights: list[float], message: str
) -> None:
    style = feature_moments(random(1, 3, 4, 6))
    with pytest.raises(ValueError, match=message):
        interpolate([style, style], weights)


def halves(height: int, width: int) -> Tensor:
    """Return two masks, left and right, ``(1, 2, height, width)``."""
    masks = torch.zeros(1, 2, height, width, dtype=torch.float64)
    masks[:, 0, :, : width // 2] = 1
    masks[:, 1, :, width // 2 :] = 1
    return masks


def test_each_region_gets_the_moments_of_its_own_style() -> None:
    content = random(1, 3, 6, 8)
    styles = [feature_moments(k + k * random(1, 3, 4, 6, seed=k)) for k in (1, 4)]
    got = adain_in_regions(content, styles, halves(48, 64))
    for part, style in zip((got[..., :4], got[..., 4:]), styles, strict=True):
        found = feature_moments(part)
        assert torch.allclose(found.mean, style.mean)
        assert torch.allclose(found.deviation, style.deviation, rtol=1e-3)


def test_one_region_everywhere_is_plain_adain() -> None:
    content, style = random(1, 3, 6, 8), feature_moments(random(1, 3, 4, 6, seed=1))
    masks = torch.full((1, 1, 48, 64), 0.3, dtype=torch.float64)
    got = adain_in_regions(content, [style], masks)
    assert torch.allclose(got, adain(content, style))


def test_a_soft_border_between_regions_blends_them() -> None:
    content = random(1, 3, 6, 8)
    styles = [feature_moments(k + k * random(1, 3, 4, 6, seed=k)) for k in (1, 4)]
    half = torch.full((1, 2, 6, 8), 0.5, dtype=torch.float64)
    got = adain_in_regions(content, styles, half)
    wanted = (adain(content, styles[0]) + adain(content, styles[1])) / 2
    assert torch.allclose(got, wanted)


def test_an_empty_region_changes_nothing_and_stays_finite() -> None:
    content = random(1, 3, 6, 8)
    styles = [feature_moments(k * random(1, 3, 4, 6, seed=k)) for k in (1, 4)]
    masks = torch.zeros(1, 2, 6, 8, dtype=torch.float64)
    masks[:, 0] = 1
    got = adain_in_regions(content, styles, masks)
    assert torch.allclose(got, adain(content, styles[0]))


def test_masks_of_another_count_are_refused() -> None:
    style = feature_moments(random(1, 3, 4, 6))
    with pytest.raises(ValueError, match="expected 1, one for each style, got 2"):
        adain_in_regions(random(1, 3, 6, 8), [style], halves(6, 8))


def test_the_style_loss_is_the_papers_sum_of_moments() -> None:
    layers = ("relu1_1", "relu2_1")
    seen = {name: random(2, 3, 5, 7, seed=k) for k, name in enumerate(layers)}
    style = {name: 2 * random(2, 3, 4, 6, seed=k + 9) for k, name in enumerate(layers)}
    wanted = 0.0
    for name in layers:
        for measure in (Tensor.mean, lambda x: (x.var(correction=0) + EPS).sqrt()):
            squares = [
                (measure(seen[name][n, c]) - measure(style[name][n, c])) ** 2
                for n in range(2)
                for c in range(3)
            ]
            wanted += float(sum(squares)) / len(squares)
    assert float(adain_style_loss(seen, style)) == pytest.approx(wanted)


def test_losses_of_equal_features_are_zero() -> None:
    features = random(2, 3, 5, 7)
    assert adain_content_loss(features, features.clone()) == 0
    assert adain_style_loss({"relu1_1": features}, {"relu1_1": features.clone()}) == 0


def test_the_style_loss_does_not_see_where_things_are() -> None:
    features = random(1, 3, 5, 7)
    moved = features.flip(3)
    assert float(adain_style_loss({"a": features}, {"a": moved})) < 1e-20


def test_the_losses_have_the_right_gradients() -> None:
    seen, wanted = random(1, 2, 3, 4).requires_grad_(), random(1, 2, 3, 4, seed=1)
    assert torch.autograd.gradcheck(lambda x: adain_content_loss(x, wanted), (seen,))
    assert torch.autograd.gradcheck(
        lambda x: adain_style_loss({"a": x}, {"a": wanted}), (seen,)
    )


@pytest.mark.parametrize("reflect", [True, False])
def test_the_encoder_sees_what_the_loss_network_sees(reflect: bool) -> None:
    vgg = small_vgg(reflect=reflect)
    vgg.mean = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1)
    vgg.std = torch.tensor([0.2, 0.3, 0.4]).view(1, 3, 1, 1)
    network = make_adain(AdainConfig(network="adain"), vgg)
    pixels = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    wanted, got = vgg(pixels, layers), network.encoder(pixels)
    for layer in layers:
        assert torch.allclose(got[layer], wanted[layer], atol=1e-5), layer
    assert not any(p.requires_grad for p in network.encoder.parameters())


def test_a_loss_network_that_is_no_vgg19_is_refused() -> None:
    with pytest.raises(ConfigError, match="got 'relu3_3'"):
        make_adain(AdainConfig(network="adain"), tiny_vgg())


def test_the_decoder_mirrors_the_encoder() -> None:
    network = AdainNet(AdainNetConfig(widths=(4, 6, 8, 10)))
    pixels = torch.rand(2, 3, 32, 48)
    assert network.encoder(pixels)["relu4_1"].shape == (2, 10, 4, 6)
    assert network(pixels, torch.rand(2, 3, 64, 40)).shape == pixels.shape
    built = build_network(describe_network(network))
    assert built.state_dict().keys() == network.state_dict().keys()


def test_mixtures_and_masks_reach_the_picture() -> None:
    torch.manual_seed(0)
    network = AdainNet(AdainNetConfig(widths=(4, 6, 8, 10)))
    with torch.no_grad():  # first weights alone lose all contrast over 18 layers
        for parameter in network.parameters():
            parameter.mul_(2.4 if parameter.dim() == 4 else 1.0)
    pixels, paintings = torch.rand(1, 3, 32, 48), torch.rand(2, 3, 64, 40)
    first, second = (network.moments(paintings[k : k + 1]) for k in range(2))
    masks = halves(32, 48).float()
    with torch.no_grad():
        plain = network(pixels, paintings[:1])
        only = network.stylize(pixels, [first, second], weights=[1.0, 0.0])
        mixed = network.stylize(pixels, [first, second])
        regions = network.stylize(pixels, [first, second], masks=masks)
    assert torch.allclose(only, plain, atol=1e-6)
    assert (mixed - plain).abs().max() > 1e-6
    assert (regions - mixed).abs().max() > 1e-6


def training(size: int = 64) -> tuple[AdainNet, AdainStyle]:
    recipe = AdainConfig(
        network="adain",
        size=size,
        batch_size=2,
        self_share=0.0,
        photo_share=0.0,
        texture_share=0.0,
        style_weight=10.0,
    )
    images = StyleImages(render_textures(2, seed=0), size=size)
    network = make_adain(recipe, small_vgg())
    return network, AdainStyle(recipe, Pictures(images, images, images))


def test_a_step_is_the_same_for_the_same_number_and_moves_the_decoder_only() -> None:
    network, method = training()
    device = torch.device("cpu")
    first, again, other = (
        method.losses(network, step=step, rank=0, device=device) for step in (3, 3, 4)
    )
    assert first["style"] == again["style"] and first["style"] != other["style"]
    torch.stack(list(first.values())).sum().backward()  # type: ignore[no-untyped-call]
    moved = {name for name, p in network.named_parameters() if p.grad is not None}
    assert moved == {
        f"decoder.{name}" for name, _ in network.decoder.named_parameters()
    }


@pytest.mark.shared
@pytest.mark.slow
def test_a_trained_decoder_gives_back_a_picture_that_is_its_own_style(
    shared: Path,
) -> None:
    weights = shared / "data" / "loss_networks" / "vgg19_compact16x_relu5_1.safetensors"
    vgg = load_loss_network("vgg19", weights=weights)
    network = make_adain(AdainConfig(network="adain"), vgg)
    eval_photos = shared / "data" / "photos" / "eval"
    photos = ContentImages(eval_photos, size=64, smallest_crop=256)
    pixels = photos.batch(4, seed=0, step=0)
    with torch.no_grad():
        features = network.encoder(pixels)["relu4_1"]
        changed = adain(features, network.moments(pixels))
    assert torch.allclose(changed, features, atol=1e-3)

    optimizer = torch.optim.Adam(network.decoder.parameters(), lr=3e-4)
    for _ in range(150):
        optimizer.zero_grad()
        loss = (network.decoder(features) - pixels).square().mean()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        itself, other = network(pixels, pixels), network(pixels, pixels.flip(0))
    near, far = ((x - pixels).square().mean() for x in (itself, other))
    assert near < 0.5 * pixels.var(), "nothing of the picture came back"
    assert near < 0.4 * far, "another style gives the picture back as well"
