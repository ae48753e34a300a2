"""Style pictures that are measured once, and the training that knows them only so."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.weights_file import load_weights
from rtstyle_train.config.adain import AdainConfig
from rtstyle_train.data.style_looks import StyleLooks
from rtstyle_train.data.style_pictures import (
    StyleImages,
    painting_name,
    read_painters,
    render_textures,
)
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loop.method import PreparedMethod
from rtstyle_train.loop.optimizers import make_optimizers
from rtstyle_train.losses.gram import gram_matrix_with_mean, style_distances
from rtstyle_train.losses.styled_batch import (
    StyledBatchLoss,
    content_layers_at,
    style_layers_at,
    target_name,
)
from rtstyle_train.methods.cached_adain import (
    STATISTICS,
    CachedAdainStyle,
    measure_style,
)
from rtstyle_train.methods.swift_adain import make_swift_adain
from tests.train.test_swift_adain import CPU, room, train
from tests.train.tiny_vgg import tiny_vgg

__all__ = ["room"]  # a fixture


def recipe(**settings: object) -> AdainConfig:
    plain: dict[str, object] = {"size": 64, "batch_size": 3, "hidden": 8}
    plain |= {"targets": "cached", "loss_precision": "fp32", "scales": (1, 2, 4)}
    plain |= {"style_layers": ("relu1_1", "relu2_1", "relu3_1", "relu4_1")}
    plain |= {"content": "normalised", "content_layers": ("relu3_1", "relu4_1")}
    plain |= {"style": "covariance", "style_growth": "log", "tone_weight": 1.0}
    return AdainConfig(**plain | settings)  # type: ignore[arg-type]


def parts(**settings: object) -> tuple[SwiftAdain, CachedAdainStyle]:
    config = recipe(**settings)
    pictures = render_textures(3, seed=0)
    network, loss = make_swift_adain(config), StyledBatchLoss(config, tiny_vgg())
    network.encoder.convs.requires_grad_(False)
    looks = StyleLooks(
        pictures,
        lambda shown: measure_style(network, loss, shown),
        seed=1,
        sides=(64, 96),
    )
    photos = StyleImages(pictures, size=64)
    both = {"paintings": looks, "textures": looks}
    return network, CachedAdainStyle(config, loss, photos, both)


def test_cached_targets_are_those_that_are_measured_and_are_measured_once() -> None:
    _, method = parts()
    looks = method.looks["paintings"]
    first = looks.measured(1, 2)
    assert looks.measured(1, 2) is first
    fresh = method.loss.measure(looks.look(1, 2))
    assert {STATISTICS, *fresh} == first.keys()
    for name, value in fresh.items():
        assert torch.equal(first[name], value)


def test_looks_repeat_are_of_many_sizes_and_keep_the_picture_as_it_was() -> None:
    picture = render_textures(1, seed=3)[0]
    before = picture.copy()
    looks = StyleLooks([picture], lambda shown: {}, seed=5, sides=(80, 160), looks=9)
    shown = [looks.look(0, number) for number in range(9)]
    assert torch.equal(shown[4], looks.look(0, 4))
    assert all(80 <= min(look.shape[2:]) <= 160 for look in shown)
    assert len({look.shape for look in shown}) > 5
    assert (picture == before).all()
    assert 0 <= float(torch.cat([x.flatten() for x in shown]).min())


def test_all_painters_are_drawn_alike_often_however_much_they_painted() -> None:
    pictures = [np.zeros((64, 64, 3), np.uint8)] * 10
    groups = ["busy"] * 8 + ["idle", "lazy"]
    looks = StyleLooks(pictures, lambda shown: {}, seed=0, groups=groups)
    random = np.random.default_rng(0)
    drawn = [looks.draw(random) for _ in range(3000)]
    counts = Counter(groups[picture] for picture, _ in drawn)
    assert all(900 <= count <= 1100 for count in counts.values())
    assert {number for _, number in drawn} == {0, 1, 2}
    assert {picture for picture, _ in drawn} == set(range(10))


def test_a_table_says_who_painted_what(tmp_path: Path) -> None:
    table = tmp_path / "who.tsv"
    table.write_text(
        "file\tartist\nart/1.jpg\tClaude Monet (French)\nart/2.jpg\tUnknown\n"
        "other/1.jpg\tSomeone\n"
    )
    assert read_painters(table, [Path("data/art")]) == {"art/1": "Claude Monet"}
    assert painting_name(Path("data/art/1.jpg")) == "art/1"
    assert read_painters(None, [Path("art")]) == {}
    with pytest.raises(TrainError, match="expected rows about nowhere, got none"):
        read_painters(table, [Path("nowhere")])
    table.write_text("picture\n1\n")
    with pytest.raises(TrainError, match="expected tab-separated columns"):
        read_painters(table, [Path("art")])


def slow_distance(one: Tensor, other: Tensor) -> float:
    """Return the distance of covariances and means by its logarithm, in numpy."""
    terms = []
    rows = [x[0].flatten(1).numpy() for x in (one, other)]
    covariances = [np.cov(row, bias=True) for row in rows]
    means = [row.mean(axis=1) for row in rows]
    for first, second in (covariances, means):
        x = ((first - second) ** 2).sum() / (second**2).sum()
        terms.append(np.log(1 + x))
    return float(np.mean(terms))


def test_a_style_far_away_counts_by_its_logarithm() -> None:
    generator = torch.Generator().manual_seed(2)
    one, other = torch.rand(2, 1, 3, 5, 7, generator=generator, dtype=torch.float64)
    one = one * 9
    grams = [gram_matrix_with_mean(x) for x in (one, other)]
    found = style_distances(*grams, kind="covariance", growth="log")
    assert float(found) == pytest.approx(slow_distance(one, other))
    plain = style_distances(*grams, kind="covariance")
    assert found < 0.5 * plain
    assert style_distances(grams[0], grams[0], kind="covariance", growth="log") == 0


def test_layers_look_where_they_see_most_for_their_price() -> None:
    config = recipe()
    assert style_layers_at(config, 1) == ("relu1_1", "relu2_1", "relu3_1")
    assert style_layers_at(config, 2) == ("relu3_1", "relu4_1")
    assert style_layers_at(config, 4) == ("relu1_1", "relu2_1", "relu3_1")
    kept = [content_layers_at(config, scale) for scale in (1, 2, 4)]
    assert kept == [("relu3_1",), ("relu4_1",), ()]
    one = recipe(scales=(1,))
    assert style_layers_at(one, 1) == one.style_layers
    assert content_layers_at(one, 1) == one.content_layers
    assert target_name("relu1_1", 4) == "relu1_1_4"


def test_a_step_repeats_and_reaches_all_but_the_encoders_convolutions() -> None:
    network, method = parts(self_share=0.0)
    first, again, other = (
        method.losses(network, step=step, rank=0, device=CPU) for step in (3, 3, 4)
    )
    assert first.keys() == {"content", "style", "tv", "range", "tone"}
    assert first["style"] == again["style"] and first["style"] != other["style"]
    torch.stack(list(first.values())).sum().backward()  # type: ignore[no-untyped-call]
    still = [n for n, p in network.named_parameters() if p.grad is None]
    assert still and all(name.startswith("encoder.convs") for name in still)


def test_photographs_are_their_own_style_as_often_as_the_recipe_says() -> None:
    network, method = parts(self_share=0.1)
    phases = [method.begin(network, step) for step in range(400)]
    assert 0.2 < sum(phases) / 400 < 0.4, "0.1 of batches of 3"
    step = phases.index(1)
    inputs = method.inputs(step=step, rank=0)
    assert isinstance(method, PreparedMethod) and len(inputs[STATISTICS]) == 2
    terms = method.terms(network, inputs)
    assert "identity" in terms
    assert len(method.inputs(step=phases.index(0), rank=0)[STATISTICS]) == 3


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_picture_that_moves_is_asked_to_keep_its_look(share: float) -> None:
    network, method = parts(temporal_weight=3.0, batch_size=4, self_share=share)
    inputs = method.inputs(step=1, rank=0)
    terms = method.terms(network, inputs)
    assert terms["temporal"] > 0
    still = {name: value * 0 for name, value in inputs.items() if "motion" in name}
    assert method.terms(network, inputs | still)["temporal"] < 1e-8
    plain = parts(batch_size=4, self_share=share)[1].terms(network, inputs)
    torch.testing.assert_close(terms["content"], plain["content"])


def test_statistics_stand_for_the_paintings_they_were_measured_from() -> None:
    network, _ = parts()
    pixels, paintings = torch.rand(2, 3, 32, 48), torch.rand(2, 3, 64, 72)
    wanted = network(pixels, paintings)
    known = network.encoder.statistics(paintings)
    for count in (0, 1):
        got = network(pixels, paintings[:count], known[count:])
        torch.testing.assert_close(got, wanted)


def test_some_parameters_learn_slower() -> None:
    network, _ = parts()
    adam, muon = make_optimizers(network, "muon", 1e-2, slower={"encoder.layers": 0.3})
    peaks = [group["peak"] for group in adam.param_groups]
    assert peaks == [1e-2, pytest.approx(3e-3)]
    slow = {id(p) for p in adam.param_groups[1]["params"]}
    assert slow == {id(p) for p in network.encoder.layers.parameters()}
    count = sum(len(g["params"]) for o in (adam, muon) for g in o.param_groups)
    assert count == sum(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shown_sides": (20, 90)}, "shown_sides: expected the shortest"),
        ({"scales": (2, 4)}, "scales: expected 1 and divisors above"),
        ({"network": "adain"}, "targets: expected 'batch' for this network"),
        ({"looks": 0}, "looks: expected at least 1, got 0"),
    ],
)
def test_settings_that_fit_no_cached_training_are_refused(
    settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe(**settings)


def cached(room: Path) -> Path:
    path = room / "recipe.toml"
    path.write_text(
        path.read_text() + 'targets = "cached"\nshown_sides = [64, 96]\nlooks = 2\n'
    )
    return room


@pytest.mark.slow
def test_a_cached_training_starts_at_weights_and_keeps_the_encoders_convolutions(
    room: Path,
) -> None:
    train(cached(room), "--steps", "2")
    first = load_weights(room / "x.safetensors")
    start = room / "start.safetensors"
    (room / "x.safetensors").rename(start)
    more = ("--start", str(start), "--textures", str(room / "photos"))
    train(room, *more, "--seed", "7")
    second = load_weights(room / "x.safetensors")
    assert second.trained["start"] == "start.safetensors"
    for name, value in first.tensors.items():
        kept = torch.equal(value, second.tensors[name])
        assert kept == name.startswith("encoder.convs"), name


@pytest.mark.slow
def test_a_resumed_cached_training_is_bit_for_bit_that_without_a_break(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rtstyle_train.loop.trainer import Trainer
    from tests.train.test_swift_adain import train_interrupted

    train(cached(room))
    wanted = load_weights(room / "x.safetensors").tensors
    (room / "x.safetensors").unlink()
    step = Trainer._step

    def interrupted(trainer: Trainer) -> dict[str, float]:
        if trainer.progress.step == 2:
            trainer.save()
            raise KeyboardInterrupt
        return step(trainer)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_interrupted(room)
    train(room, "--resume")
    got = load_weights(room / "x.safetensors").tensors
    for name, tensor in wanted.items():
        assert torch.equal(got[name], tensor), name
