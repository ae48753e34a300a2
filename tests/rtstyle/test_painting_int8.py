"""Any painting in int8: near its fp32 picture, made once, refused where it is not."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import numpy_helper

from rtstyle.commands.image import image
from rtstyle.errors import GraphError, RtstyleError, StyleFileError, UsageError
from rtstyle.gallery.find import load_style
from rtstyle.gallery.spec import parse_style
from rtstyle.live.style_loader import LiveStyles
from rtstyle.look import Look
from rtstyle.metrics.psnr import psnr_db
from rtstyle.paintings import int8_network
from rtstyle.paintings.cache import PaintingCache
from rtstyle.paintings.int8_network import Calibration, drawn_pictures, int8_style
from rtstyle.paintings.live_network import live_style, reads_modulation
from rtstyle.paintings.network import VARIABLE, painting_network
from rtstyle.quantised.bytes_between import quantised_tensors, with_bytes_between
from rtstyle.quantised.equalise import Change
from rtstyle.quantised.integer_graph import integer_graph
from rtstyle.quantised.weights import MOST_OF_TWO, largest_pair_sums
from rtstyle.runtime.onnxruntime import OrtSession
from rtstyle.style_file import Style, read_card
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle.twins import with_precision
from tests.tiny_paintings import write_network, write_painting

CARD = {"name": "painting", "title": "Painting"}


@pytest.fixture(scope="module")
def style() -> Style:
    network = painting_network()
    change = np.random.default_rng(5).normal(0, 0.1, network.neutral.size)
    return network.fold((network.neutral + change).astype(np.float32), CARD)


@pytest.fixture(scope="module")
def twin(style: Style, tmp_path_factory: pytest.TempPathFactory) -> Style:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return int8_style(style)


@pytest.fixture
def own_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painting whose network is no swift net."""
    monkeypatch.setenv(VARIABLE, str(write_network(tmp_path / "network")))
    return write_painting(tmp_path / "red.png", (200, 0, 0))


def painted(style: Style, frame: np.ndarray) -> np.ndarray:
    session = OrtSession(style.model, device="cpu", threads=1)
    return np.asarray(session.run({"frame": frame})["stylized"])


@pytest.mark.parametrize("size", [(16, 16), (41, 55), (144, 256)])
def test_the_twin_paints_nearly_the_same_at_any_size(
    style: Style, twin: Style, size: tuple[int, int]
) -> None:
    frame = np.ascontiguousarray(drawn_pictures()[-2][: size[0], : size[1]])
    fine, coarse = painted(style, frame), painted(twin, frame)
    assert coarse.shape == frame.shape and fine.std() > 5.0
    assert psnr_db(float(np.mean((fine.astype(float) - coarse) ** 2))) > 32.0


def test_the_twin_is_a_style_file_whose_sums_no_cpu_can_get_wrong(twin: Style) -> None:
    card = read_card(twin.model, where="twin")
    assert card["precision"] == "int8" and card["name"] == "painting"
    tensors = onnx.load_from_string(twin.model).graph.initializer
    weights = [
        numpy_helper.to_array(t)
        for t in tensors
        if t.name.endswith("weight_bytes") and t.data_type == onnx.TensorProto.INT8
    ]
    assert len(weights) >= 13
    assert largest_pair_sums(weights) <= MOST_OF_TWO


def test_what_was_measured_once_is_not_measured_again(
    style: Style, twin: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = int8_style(style)
    assert first.model == twin.model, "one painting got two twins"
    monkeypatch.setattr(int8_network, "_calibrated", None)
    assert int8_style(style).model == first.model
    (entry,) = PaintingCache().folder.glob("*.modulation")
    entry.write_bytes(entry.read_bytes()[:-1])
    with pytest.raises(TypeError):
        int8_style(style)  # damaged: it would be measured again


def test_calibrations_survive_the_cache() -> None:
    changes = tuple(
        Change(np.full(n, 2.0, np.float32), np.arange(n, dtype=np.float32))
        for n in (3, 1, 5)
    )
    ranges = np.array([[0.0, 1.0], [-2.0, 3.5]], np.float32)
    given = Calibration(changes, ranges, 41.5, True)
    got = Calibration.unpacked(given.packed())
    assert (got.psnr_db, got.is_first_in_float) == (41.5, True)
    assert (got.ranges == ranges).all() and len(got.changes) == 3
    for one, other in zip(got.changes, changes, strict=True):
        assert (one.factor == other.factor).all() and (one.shift == other.shift).all()


def test_a_twin_that_is_far_off_tries_a_convolution_in_float_and_is_then_refused(
    style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bytes] = []

    def far_off(fp32: bytes, int8: bytes, pictures: object) -> float:
        tried.append(int8)
        return 30.0

    monkeypatch.setattr(int8_network, "_psnr", far_off)
    with pytest.raises(StyleFileError, match="at least 36 dB, got 30.0") as caught:
        int8_style(style)
    assert "\n" not in str(caught.value) and "--precision fp32" in str(caught.value)
    assert len(tried) == 2 and b"network.stem2.weight_bytes" in tried[0]
    assert b"network.stem2.weight_bytes" not in tried[1]
    assert with_precision(style, "auto") is style


def test_precision_says_which_one_runs(
    style: Style, twin: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert with_precision(style, "int8").model == twin.model
    assert with_precision(style, "auto").model == twin.model
    assert with_precision(style, "auto", device="cuda:0") is style
    assert with_precision(style, "fp32") is style
    assert with_precision(twin, "int8") is twin
    for name, wanted in (("fp32", "fp32"), ("int8", "int8")):
        monkeypatch.setenv("RTSTYLE_PRECISION", name)
        with Stylizer(style, device="cpu") as stylizer:
            assert stylizer.precision == wanted


def test_another_network_is_refused_in_one_line_and_auto_goes_on_in_fp32(
    own_network: Path, tmp_path: Path
) -> None:
    style = load_style(own_network)
    assert with_precision(style, "auto") is style
    with pytest.raises(StyleFileError, match="runs in int8, got another"):
        with_precision(style, "int8")
    made = tmp_path / "made.png"
    words = [str(own_network), str(made), "--style", str(own_network)]
    done = CliRunner().invoke(image, [*words, "--precision", "int8"])
    assert isinstance(done.exception, RtstyleError) and not made.exists()
    assert "\n" not in str(done.exception)


def test_a_graph_that_reads_the_modulation_has_no_twin(style: Style) -> None:
    assert style.modulation is not None
    live = live_style(painting_network(), style.modulation, CARD)
    assert with_precision(live, "auto") is live
    with pytest.raises(UsageError, match="paintings that change while they run"):
        with_precision(live, "int8")


@pytest.mark.parametrize(
    ("precision", "keeps", "runs"),
    [("auto", True, "int8"), ("int8", False, "int8"), ("auto", False, "fp32")],
)
def test_a_live_painting_runs_in_int8_unless_it_is_to_change(
    precision: str, keeps: bool, runs: str, tmp_path: Path
) -> None:
    red = write_painting(tmp_path / "red.png", (200, 30, 30))
    styles = LiveStyles(
        look=Look(),
        controls=Controls(),
        device="cpu",
        precision=precision,
        keeps_paintings=keeps,
    )
    assert styles.reads_modulation is (runs == "fp32")
    with styles.build(parse_style(str(red))) as stylizer:
        assert stylizer.precision == runs
        assert reads_modulation(stylizer.style) is (runs == "fp32")


def test_bytes_stand_between_all_that_can_compute_with_them(style: Style) -> None:
    integer = integer_graph(onnx.load_from_string(style.model)).model
    tensors = quantised_tensors(integer)
    ranges = dict.fromkeys(tensors, (-1.0, 1.0))
    graph = with_bytes_between(integer, ranges).graph
    assert not [node for node in graph.node if node.op_type == "Relu"]
    made = {name: node for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type in ("Conv", "Add"):
            kinds = {made[name].op_type for name in node.input[:2]}
            assert kinds == {"DequantizeLinear"}
    with pytest.raises(GraphError, match="expected a range of"):
        with_bytes_between(integer, dict(list(ranges.items())[1:]))
