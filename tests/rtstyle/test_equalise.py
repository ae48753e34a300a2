"""Scaling channels against each other leaves the picture as it is."""

import numpy as np
import onnx
import pytest

from rtstyle.errors import GraphError
from rtstyle.paintings.network import painting_network
from rtstyle.quantised.equalise import (
    Change,
    Group,
    change_for,
    equalised,
    groups_of,
)
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.style_file import bundled_folder
from tests.tiny_paintings import tinting_model

FRAME = np.random.default_rng(3).integers(0, 256, (48, 80, 3), np.uint8)


def painted(model: onnx.ModelProto) -> np.ndarray:
    session = OrtSession(model.SerializeToString(), device="cpu", threads=1)
    return np.asarray(session.run({"frame": FRAME})["stylized"])


def network(name: str) -> onnx.ModelProto:
    if name == "paintings":
        return onnx.load_from_string(painting_network().base.model)
    return onnx.load(bundled_folder() / f"{name}.onnx")


def channels_of(model: onnx.ModelProto, group: Group) -> int:
    dims: dict[str, list[int]] = {t.name: list(t.dims) for t in model.graph.initializer}
    sizes = {
        dims[node.input[1]][0]
        for node in model.graph.node
        if node.output[0] in group.tensors
        and node.op_type in ("Conv", "InstanceNormalization")
    }
    (size,) = sizes
    return size


def any_change(model: onnx.ModelProto, group: Group, seed: int) -> Change:
    random, size = np.random.default_rng(seed), channels_of(model, group)
    shift = random.normal(0, 1, size) if group.is_before_norm else np.zeros(size)
    factor = np.exp(random.normal(0, 1, size))
    return Change(factor.astype(np.float32), shift.astype(np.float32))


@pytest.mark.parametrize("name", ["paintings", "scream"])
def test_any_factors_leave_the_picture_as_it_is(name: str) -> None:
    model = network(name)
    before = model.SerializeToString()
    groups = groups_of(model)
    changes = [any_change(model, group, n) for n, group in enumerate(groups)]
    difference = np.abs(
        painted(model).astype(int) - painted(equalised(model, groups, changes))
    )
    assert difference.max() <= 1 and np.mean(difference > 0) < 0.01
    assert model.SerializeToString() == before


def test_a_factor_that_one_side_alone_knows_changes_the_picture() -> None:
    model = network("paintings")
    groups = groups_of(model)
    changes = [any_change(model, group, n) for n, group in enumerate(groups)]
    half = equalised(model, groups, changes)
    for tensor in half.graph.initializer:
        if tensor.name == "network.down.weight":
            same = next(t for t in model.graph.initializer if t.name == tensor.name)
            tensor.CopyFrom(same)
    assert np.abs(painted(model).astype(int) - painted(half)).max() > 5


def test_the_sides_of_every_sum_share_their_factors() -> None:
    model = network("paintings")
    groups = groups_of(model)
    of = {name: group for group in groups for name in group.tensors}
    sums = [node for node in model.graph.node if node.op_type == "Add"]
    inner = [node for node in sums if node.output[0] in of]
    assert len(inner) >= 4
    for node in inner:
        assert of[node.input[0]] is of[node.input[1]] is of[node.output[0]]


def test_only_what_norms_alone_read_is_shifted_and_the_ends_stay() -> None:
    for name in ("paintings", "scream"):
        model = network(name)
        groups = groups_of(model)
        norms = {
            node.input[0]
            for node in model.graph.node
            if node.op_type == "InstanceNormalization"
        }
        shifted = {t for g in groups if g.is_before_norm for t in g.tensors}
        assert shifted == norms
        assert not {"door", "cells"} & {t for g in groups for t in g.tensors}


def test_ranges_become_alike_and_what_norms_read_gets_one_spread() -> None:
    random = np.random.default_rng(1)
    samples = random.normal(0, 1, (4, 4000)) * np.array([[0.01], [1.0], [3.0], [9.0]])
    samples = samples.astype(np.float32) + 2.0
    plain = change_for(Group(("x",), False), {"x": samples})
    assert (plain.shift == 0).all()
    before = np.abs(samples).max(axis=1)
    after = before / plain.factor
    assert after.max() / after.min() < 0.8 * before.max() / before.min()
    normed = change_for(Group(("x",), True), {"x": samples})
    standard = (samples - normed.shift[:, None]) / normed.factor[:, None]
    np.testing.assert_allclose(standard.std(axis=1)[1:], 1.0, rtol=1e-3)
    assert standard.std(axis=1)[0] < 1.0, "eps of the norm was left out"
    np.testing.assert_allclose(standard.mean(axis=1), 0.0, atol=1e-3)


def test_a_channel_of_zeros_and_a_tensor_of_zeros_get_finite_factors() -> None:
    samples = np.zeros((3, 50), np.float32)
    for before_norm in (False, True):
        nought = change_for(Group(("x",), before_norm), {"x": samples})
        assert np.isfinite(nought.factor).all() and (nought.factor > 0).all()
    samples[1] = 5.0
    assert (change_for(Group(("x",), False), {"x": samples}).factor > 0).all()


def test_a_graph_that_is_no_swift_net_is_refused() -> None:
    with pytest.raises(GraphError, match="expected a network, got 0 convolutions"):
        groups_of(onnx.load_from_string(tinting_model()))
