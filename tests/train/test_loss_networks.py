"""VGG from torchvision's layout and from the normalised one."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loss_networks import (
    CONVS_PER_STAGE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    load_loss_network,
    reflect_by_one,
)


@pytest.mark.parametrize("asked", ["vgg16", "vgg19"])
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_torchvisions_layout_gives_torchvisions_features(
    name: str, asked: str, tmp_path: Path
) -> None:
    import torchvision

    torch.manual_seed(0)
    vgg = torchvision.models.get_model(name, weights=None).features.eval()
    path = tmp_path / "vgg.safetensors"
    save_file({f"features.{k}": v for k, v in vgg.state_dict().items()}, path)
    ours = load_loss_network(asked, weights=path)  # type: ignore[arg-type]
    pixels = torch.rand(1, 3, 32, 40)
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD)
    )
    x, wanted = (pixels - mean) / std, {}
    stage, number = 1, 0
    with torch.no_grad():
        for layer in vgg:
            x = layer(x)
            if isinstance(layer, torch.nn.ReLU):
                number += 1
                wanted[f"relu{stage}_{number}"] = x.clone()
            elif isinstance(layer, torch.nn.MaxPool2d):
                stage, number = stage + 1, 0
        found = ours(pixels, list(wanted))
    assert len(wanted) == sum(CONVS_PER_STAGE[name])
    for layer_name, features in wanted.items():
        torch.testing.assert_close(found[layer_name], features, atol=1e-4, rtol=1e-4)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "layer", "channels"),
    [
        ("vgg19_normalised_relu3_1", "relu3_1", 256),
        ("vgg19_compact16x_relu5_1", "relu5_1", 128),
    ],
)
def test_normalised_files_give_activations_of_about_one(
    file: str, layer: str, channels: int, shared: Path
) -> None:
    from rtstyle_train.data.content_images import load_style_image

    weights = shared / "data" / "loss_networks" / f"{file}.safetensors"
    vgg = load_loss_network("vgg19", weights=weights)
    photo = shared / "data" / "photos" / "eval" / "kodim04.jpg"
    with torch.no_grad():
        features = vgg(load_style_image(photo, short_side=128), [layer])[layer]
    assert features.shape[1] == channels
    assert 0.2 < features.mean() < 20  # 0..255 input or raw scale would be far off
    assert bool(vgg.widen) == ("compact" in file)


def test_a_layer_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    conv = {"conv1_1.weight": torch.zeros(4, 3, 3, 3), "conv1_1.bias": torch.zeros(4)}
    save_file(conv, path)
    vgg = load_loss_network("vgg19", weights=path)
    with pytest.raises(ConfigError, match="among relu1_1, got 'relu9_1'"):
        vgg(torch.rand(1, 3, 8, 8), ["relu9_1"])


def test_a_file_of_another_sort_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    path.write_text("no tensors")
    with pytest.raises(TrainError, match="expected a safetensors file"):
        load_loss_network(weights=path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(TrainError, match="got a"):
        load_loss_network(weights=path)


@pytest.mark.parametrize("shape", [(2, 3, 2, 5), (1, 4, 7, 6)])
def test_reflection_by_one_and_its_gradient_are_those_of_torch(
    shape: tuple[int, ...],
) -> None:
    x = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    before = x.detach().clone()
    padded = reflect_by_one(x)
    expected = F.pad(x, (1, 1, 1, 1), mode="reflect")
    assert torch.equal(padded, expected)
    weights = torch.rand_like(padded)
    (ours,) = torch.autograd.grad((padded * weights).sum(), x)
    (theirs,) = torch.autograd.grad((expected * weights).sum(), x)
    torch.testing.assert_close(ours, theirs)
    assert torch.equal(x.detach(), before)
