import numpy as np
import onnx
import pytest
import torch

from rtstyle.errors import GraphError
from rtstyle.networks import JohnsonNet, SwiftConfig, SwiftNet
from rtstyle.quantised.bare import bare_graph
from rtstyle.runtime import open_session
from rtstyle_export.graphs.frame import frame_graph
from rtstyle_export.graphs.optimise import with_fast_ends
from rtstyle_export.parity import parity_frame as frame_of
from rtstyle_export.to_onnx import to_onnx

CONFIGS = [
    SwiftConfig(channels=16, blocks=1, deep_channels=16, head="resize"),
    SwiftConfig(channels=16, blocks=1, head="shuffle"),
]


def network(config: SwiftConfig) -> SwiftNet:
    torch.manual_seed(3)
    net = SwiftNet(config).eval()
    with torch.no_grad():
        net.head.conv.weight *= 2.0
    return net


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS, ids=["resize", "shuffle"])
def test_fast_ends_give_the_networks_picture(config: SwiftConfig) -> None:
    net = network(config)
    model = onnx.load_from_string(to_onnx(net))
    fast = with_fast_ends(model, multiple=config.multiple)
    data = fast.SerializeToString()
    session = open_session(data, runtime="onnxruntime", device="cpu")
    for height, width in ((16, 16), (41, 55), (88, 72)):
        frame = frame_of(height, width)
        with torch.no_grad():
            wanted = frame_graph(net)(torch.from_numpy(frame)).numpy()
        got = session.run({"frame": frame})["stylized"]
        assert got.shape == frame.shape
        assert np.abs(got.astype(int) - wanted.astype(int)).max() <= 1
        assert wanted.std() > 5.0, "a flat picture would prove nothing"


@pytest.mark.slow
def test_fast_ends_are_put_on_once_and_leave_their_input() -> None:
    config = CONFIGS[0]
    model = onnx.load_from_string(to_onnx(network(config)))
    before = model.SerializeToString(deterministic=True)
    once = with_fast_ends(model, multiple=config.multiple)
    assert with_fast_ends(once, multiple=config.multiple) == once
    assert model.SerializeToString(deterministic=True)[:1000] == before[:1000]
    assert bare_graph(once).factor == 2


@pytest.mark.slow
def test_a_johnson_net_has_no_fast_ends() -> None:
    model = onnx.load_from_string(to_onnx(JohnsonNet(width=4).eval()))
    with pytest.raises(GraphError, match="expected a swift network"):
        with_fast_ends(model, multiple=4)
