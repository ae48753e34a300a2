"""A style file's graph becomes the torch network that it was made from."""

import numpy as np
import pytest
import torch

from rtstyle.errors import StyleFileError
from rtstyle.gallery.find import load_style
from rtstyle.networks.pixels import to_batch, to_pixels
from rtstyle.networks.swift import stylize_padded
from rtstyle.paintings.network import painting_network
from rtstyle.style_file import CARD_VERSION, Style
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_train.loop.from_style_file import plain_network, weights_of_style
from tests.tiny_styles import negative_style


def test_a_painting_s_style_is_the_same_network_in_torch() -> None:
    random = np.random.default_rng(0)
    painting = random.integers(0, 256, (96, 128, 3), np.uint8)
    frame = random.integers(0, 256, (72, 104, 3), np.uint8)
    network = painting_network()
    style = network.fold(network.encode(painting), {"name": "p", "title": "P"})
    made = weights_of_style(style).build_transform_net()
    assert made.padding == network.base.card["network"]["padding"]
    with torch.inference_mode():
        expected = to_pixels(
            stylize_padded(made, to_batch(frame), None, padding=made.padding)
        )
    got = Stylizer(style, precision="fp32").network(frame).stylized
    assert np.abs(expected.astype(int) - got).max() <= 1
    assert np.abs(got.astype(int) - frame).mean() > 5, "the style does nothing"


def test_a_bundled_style_keeps_its_description() -> None:
    style = load_style("scream")
    assert weights_of_style(style).network == style.card["network"]


def test_a_graph_without_such_weights_is_refused() -> None:
    card = {
        "version": CARD_VERSION,
        "name": "n",
        "kind": "image",
        "recipe": {},
        "network": load_style("scream").card["network"],
    }
    with pytest.raises(StyleFileError, match="expected a style file with the weights"):
        weights_of_style(Style("n", negative_style(card), card))


def test_another_kind_of_network_has_no_plain_one() -> None:
    with pytest.raises(KeyError, match="johnson"):
        plain_network({"kind": "johnson", "width": 32})
