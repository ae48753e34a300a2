"""Sums of int8 twins are the same on every CPU."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from onnx import numpy_helper

from rtstyle.quantised.weights import (
    MOST,
    MOST_OF_TWO,
    largest_pair_sums,
    weight_scales,
)
from rtstyle.style_file import bundled_folder

TWINS = sorted(bundled_folder().glob("*.int8.onnx"))
WEIGHTS = arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 9)),
    elements=st.floats(-8, 8, width=32),
)


def in_bytes(weight: np.ndarray) -> np.ndarray:
    scales = weight_scales(weight)
    return np.rint(weight / scales[:, None]).astype(np.int32)


def with_saturation(row: np.ndarray, weights: np.ndarray) -> int:
    """What `vpmaddubsw` and `vpmaddwd` make of bytes: pairs are cut to 16 bits."""
    products = row.astype(np.int32) * weights.astype(np.int32)
    pairs = products.reshape(-1, 2).sum(axis=1)
    return int(np.clip(pairs, -(2**15), 2**15 - 1).sum())


def int8_weights(path: Path) -> list[np.ndarray]:
    """Weights of all convolutions of a twin."""
    graph = onnx.load(path).graph
    names = {node.input[3] for node in graph.node if node.op_type == "QLinearConv"}
    names |= {
        node.input[0] for node in graph.node if node.op_type == "DequantizeLinear"
    }
    return [
        numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.name in names
        and tensor.data_type == onnx.TensorProto.INT8
        and len(tensor.dims) == 4
    ]


@given(WEIGHTS)
def test_no_two_weights_of_a_channel_can_saturate(weight: np.ndarray) -> None:
    rows = np.sort(np.abs(in_bytes(weight)), axis=1)
    assert rows.max() <= MOST
    assert rows[:, -2:].sum(axis=1).max() <= MOST_OF_TWO


@given(WEIGHTS)
def test_weights_are_off_by_at_most_half_a_step(weight: np.ndarray) -> None:
    scales = weight_scales(weight)[:, None]
    assert np.abs(in_bytes(weight) * scales - weight).max() <= 0.501 * scales.max()


def test_scales_are_as_fine_as_they_can_be() -> None:
    weight = np.array([[1.0, 0.25, 0.01], [0.5, -0.5, 0.5]], np.float32)
    assert weight_scales(weight) == pytest.approx(
        [1.25 / MOST_OF_TWO, 1.0 / MOST_OF_TWO], rel=0.01
    )


@given(WEIGHTS)
def test_saturating_sums_are_the_exact_ones(weight: np.ndarray) -> None:
    rows = in_bytes(weight)[:, : weight.shape[1] // 2 * 2]
    generator = np.random.default_rng(rows.size)
    for row in rows:
        order = generator.permutation(len(row))  # whichever two share a sum
        for top in (np.full(len(row), 255), generator.integers(0, 256, len(row))):
            exact = int((top[order] * row[order]).sum())
            assert with_saturation(top[order], row[order]) == exact


def test_full_weights_would_saturate() -> None:
    assert with_saturation(np.array([255, 255]), np.array([127, 127])) != 255 * 254


@pytest.mark.parametrize("path", TWINS, ids=lambda path: path.stem)
def test_the_sums_of_bundled_twins_cannot_saturate(path: Path) -> None:
    weights = int8_weights(path)
    assert len(weights) >= 12
    assert largest_pair_sums(weights) <= MOST_OF_TWO
