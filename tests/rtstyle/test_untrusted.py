"""Style files of others: refused in one line before they can do anything."""

import json
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper, parser

from rtstyle import style_trial as trial
from rtstyle.errors import StyleFileError
from rtstyle.gallery.find import (
    add_style,
    list_styles,
    load_style,
    remove_style,
    style_files,
    user_folder,
)
from rtstyle.style_file import CARD_KEY, read_card, with_card
from rtstyle.style_trial import check_by_trial, in_time, read_to_run
from rtstyle.untrusted.names import MOST_LETTERS, is_style_name, style_name
from rtstyle.user_files import write_whole
from rtstyle_streams.errors import accident
from tests.tiny_styles import CARD, negative_style, write_negative

HEAD = '<ir_version: 9, opset_import: ["": 18]>\nx '
ENDS = "(uint8[H, W, 3] frame) => (uint8[H, W, 3] stylized) "


def style_of(body: str) -> bytes:
    """Return a style file whose graph is written as text."""
    model = parser.parse_model(f"{HEAD}{ENDS}{{{body}}}")
    return with_card(model.SerializeToString(), CARD)


def changed(change: Callable[[ModelProto], None]) -> bytes:
    """Return the negative after `change` did something to it."""
    model = onnx.load_from_string(negative_style())
    change(model)
    data: bytes = model.SerializeToString()
    return data


def outside(name: str = "w") -> TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.UINT8, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    return tensor


def in_a_constant(model: ModelProto) -> None:
    model.graph.node.add(op_type="Constant", output=["w"]).attribute.append(
        helper.make_attribute("value", outside())
    )


def in_a_branch(model: ModelProto) -> None:
    value = helper.make_tensor_value_info("w", TensorProto.UINT8, [1])
    node = helper.make_node("Constant", [], ["w"], value=outside())
    branch = helper.make_graph([node], "branch", [], [value])
    inner = helper.make_node("If", ["c"], ["x"], then_branch=branch, else_branch=branch)
    middle = helper.make_graph([inner], "middle", [], [value])
    model.graph.node.append(
        helper.make_node("If", ["c"], ["w"], then_branch=middle, else_branch=middle)
    )


def in_a_list(model: ModelProto) -> None:
    attribute = model.graph.node[0].attribute.add(name="values")
    attribute.type = onnx.AttributeProto.TENSORS
    attribute.tensors.append(outside())


def in_a_sparse_tensor(model: ModelProto) -> None:
    sparse = model.graph.sparse_initializer.add()
    sparse.values.CopyFrom(outside())


def in_training(model: ModelProto) -> None:
    model.training_info.add().initialization.initializer.append(outside())


def only_named(model: ModelProto) -> None:
    """Claims to lie inside, but names a file."""
    model.graph.initializer.append(outside())
    model.graph.initializer[-1].data_location = TensorProto.DEFAULT


@pytest.mark.parametrize(
    "hide",
    [
        in_a_constant,
        in_a_branch,
        in_a_list,
        in_a_sparse_tensor,
        in_training,
        only_named,
    ],
)
def test_weights_in_other_files_are_found_wherever_they_hide(
    hide: Callable[[ModelProto], None],
) -> None:
    with pytest.raises(StyleFileError, match="weights inside the file|a sparse one"):
        read_card(changed(hide), where="x")


def looped(model: ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", [], [], body=body))


def looped_in_a_branch(model: ModelProto) -> None:
    inner = helper.make_node("Scan", [], [], body=helper.make_graph([], "b", [], []))
    branch = helper.make_graph([inner], "branch", [], [])
    model.graph.node.append(helper.make_node("If", ["c"], [], then_branch=branch))


def of_a_function(model: ModelProto) -> None:
    node = helper.make_node("F", [], [], domain="")
    model.functions.append(
        helper.make_function("", "F", [], [], [node], [helper.make_opsetid("", 18)])
    )


def of_another_domain(model: ModelProto) -> None:
    model.graph.node[0].domain = "com.microsoft"


def of_a_branchs_domain(model: ModelProto) -> None:
    branch = helper.make_graph(
        [helper.make_node("Gelu", ["x"], ["y"], domain="com.microsoft")], "b", [], []
    )
    model.graph.node.append(helper.make_node("If", ["c"], [], then_branch=branch))


@pytest.mark.parametrize(
    ("hide", "text"),
    [
        (looped, "without loops, got the operator Loop"),
        (looped_in_a_branch, "without loops, got the operator Scan"),
        (of_a_function, "got the function 'F' of the file's own"),
        (of_another_domain, "standard operators, got some of 'com.microsoft'"),
        (of_a_branchs_domain, "standard operators, got some of 'com.microsoft'"),
    ],
)
def test_what_runs_for_ever_or_is_foreign_is_refused(
    hide: Callable[[ModelProto], None], text: str
) -> None:
    with pytest.raises(StyleFileError, match=text):
        read_card(changed(hide), where="x")


BOMB = """
    shape = Constant <value = int64[1] {%d}> ()
    huge = ConstantOfShape <value = float[1] {1.0}> (shape)
    top = ReduceMax <keepdims = 0> (huge)
    byte = Cast <to = 2> (top)
    stylized = Max (frame, byte)
"""
RESIZE = """
    float = Cast <to = 1> (frame)
    scales = Constant <value = float[3] {%s}> ()
    none = Constant <value = float[0] {}> ()
    large = Resize <mode = "nearest"> (float, none, scales)
"""
BACK = """
    ones = Constant <value = int64[1] {1}> ()
    hwc = Shape (frame)
    small = Resize <mode = "nearest"> (large, none, , hwc)
    stylized = Cast <to = 2> (small)
"""


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (BOMB % 2**34, "at most 512 MB for a small frame, got one that wants more"),
        (BOMB % 2**62, "at most 512 MB for a small frame, got one that wants more"),
        (BOMB % -1, "a graph that onnxruntime runs, got: .*non-negative"),
        (RESIZE % "1e6, 1e6, 1.0" + BACK, "got one that wants more"),
        (RESIZE % "30.0, 30.0, 1.0" + BACK, "at most 2048 bytes of memory for a pixel"),
        (
            RESIZE % "0.5, 0.5, 1.0" + "stylized = Cast <to = 2> (large)",
            "shape 16x16x3 for a frame of that size, got uint8 of shape 8x8x3",
        ),
        (
            "stylized = ReduceMax <keepdims = 0> (frame)",
            "16x16x3 for a frame of that size, got uint8 of shape no dimension",
        ),
    ],
)
def test_a_first_run_refuses_what_is_no_style(
    body: str, text: str, tmp_path: Path
) -> None:
    path = tmp_path / "evil.onnx"
    path.write_bytes(style_of(body))
    with pytest.raises(StyleFileError, match=text):
        load_style(path)


def test_a_style_that_computes_too_long_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    side = numpy_helper.from_array(np.array([900, 900]), "side")
    nodes = [helper.make_node("ConstantOfShape", ["side"], ["m0"])]
    nodes += [
        helper.make_node("MatMul", [f"m{i}"] * 2, [f"m{i + 1}"]) for i in range(99)
    ]
    nodes += [
        helper.make_node("ReduceMax", ["m99"], ["top"], keepdims=0),
        helper.make_node("Cast", ["top"], ["byte"], to=TensorProto.UINT8),
        helper.make_node("Max", ["frame", "byte"], ["stylized"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, ["H", "W", 3])
        for name in ("frame", "stylized")
    ]
    graph = helper.make_graph(nodes, "slow", ends[:1], ends[1:], [side])
    opset = helper.make_opsetid("", 18)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    monkeypatch.setattr(trial, "MOST_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(StyleFileError, match="got one that takes longer"):
        check_by_trial(model.SerializeToString(), where="x")
    assert time.monotonic() - began < 5


def test_ctrl_c_is_heard_while_a_graph_runs() -> None:
    stopped = threading.Event()

    def interrupt() -> bool:
        time.sleep(0.1)
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGINT)
        return stopped.wait(30)

    with pytest.raises(KeyboardInterrupt):
        in_time(interrupt, seconds=30, stop=stopped.set)
    assert stopped.is_set()


def card_text(text: str) -> bytes:
    model = onnx.load_from_string(negative_style())
    model.metadata_props[0].value = text
    data: bytes = model.SerializeToString()
    return data


CARDS = {
    "no JSON": ("{", "card cannot be read"),
    "a list": ("[1]", "expected a table, got list"),
    "deep": ('{"a":' + "[" * 100_000, "nested too deeply"),
    "NaN": ('{"version": 1, "quality": {"fps_720p": NaN}}', "finite numbers, got NaN"),
    "large": (json.dumps({"a": "b" * (2 << 20)}), "at most 1024 kB"),
    "no kind": (json.dumps(CARD | {"kind": None}), "kind: expected image, text, adain"),
    "version": (json.dumps(CARD | {"version": "9" * 99}), "version 1, got 9{40};"),
    **{
        f"{key} {value!r}": (json.dumps(CARD | {key: value}), f"{key}: expected")
        for key, value in {
            "name": 5,
            "title": ["x"],
            "artist": 3,
            "year": [1],
            "inputs": [],
            "quality": [1, 2],
            "network": "swift",
            "recipe": True,
        }.items()
    },
    "a rate": (
        json.dumps(CARD | {"quality": {"fps_720p": "fast"}}),
        "quality.fps_720p: expected a number, got 'fast'",
    ),
}


@pytest.mark.parametrize(("text", "fault"), CARDS.values(), ids=list(CARDS))
def test_a_broken_card_is_one_line(text: str, fault: str) -> None:
    with pytest.raises(StyleFileError, match=fault):
        read_card(card_text(text), where="x")


def test_broken_files_in_the_gallery_are_named_and_the_others_listed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = user_folder()
    folder.mkdir(parents=True)
    write_negative(folder)
    for number, (text, _) in enumerate(CARDS.values()):
        (folder / f"broken{number}.onnx").write_bytes(card_text(text))
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "--help.onnx").write_bytes(negative_style())
    (folder / "folder.onnx").mkdir()
    names = {card["name"] for card in list_styles()}
    assert "negative" in names and "starry_night" in names
    assert not any(name.startswith("broken") for name in names)
    assert len(caplog.records) == len(CARDS) + 3
    assert "--help" not in style_files()


@pytest.mark.parametrize(
    "name",
    [
        "--help",
        "",
        "x" * 65,
        "a/b",
        "../a",
        "x.int8",
        "a b",
        "a\n",
        "аbc．",
        "ﬁsh",
        "_a",
    ],
)
def test_one_rule_for_names(name: str, tmp_path: Path) -> None:
    assert not is_style_name(name)
    path = tmp_path / "a.onnx"
    path.write_bytes(negative_style({"name": name}))
    for use in (load_style, add_style, read_to_run):
        with pytest.raises(StyleFileError, match="name: expected a name of 1 to 64"):
            use(path)
    made = style_name(name)
    assert is_style_name(made) and len(made) <= MOST_LETTERS


def test_names_of_all_scripts_are_names() -> None:
    for name in ("mosaic", "Été_2", "夕焼け", "9-lives"):
        assert is_style_name(name) and style_name(name) == name


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "a web page"),
        (bytes(4096), "nothing but zeros"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\x1f\x8b\x08", "gzip"),
    ],
)
def test_accidents_are_called_what_they_are(
    data: bytes, kind: str, tmp_path: Path
) -> None:
    assert kind in str(accident(data))
    path = tmp_path / "a.onnx"
    path.write_bytes(data)
    with pytest.raises(StyleFileError, match=f"expected an ONNX file, got .*{kind}"):
        load_style(path)


def test_an_onnx_file_is_no_accident() -> None:
    assert accident(negative_style()) is None


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "a.onnx")
    with pytest.raises(StyleFileError, match="got a device or pipe"):
        load_style(tmp_path / "a.onnx")


def test_of_several_that_add_a_style_at_once_one_wins(tmp_path: Path) -> None:
    path = write_negative(tmp_path)
    gate = threading.Barrier(8)

    def add(number: int) -> str:
        gate.wait()
        try:
            return add_style(path).name
        except StyleFileError as error:
            return str(error)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(add, range(8)))
    assert said.count("negative") == 1
    assert sum("there is one already" in text for text in said) == 7
    assert [path.name for path in user_folder().iterdir()] == ["negative.onnx"]


def test_a_listing_survives_styles_that_come_and_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, is_over = write_negative(tmp_path), threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            add_style(path)
            remove_style("negative")

    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(come_and_go)
        for _ in range(20):
            assert list_styles()[0]["name"] == "starry_night"
        is_over.set()
        work.result(30)
    assert caplog.text == ""


def test_a_file_is_whole_where_links_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    write_whole(tmp_path / "a.onnx", b"first", overwrite=False)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a.onnx", b"second", overwrite=False)
    assert (tmp_path / "a.onnx").read_bytes() == b"first"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_gallery_that_is_a_file_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    assert list_styles()
    with pytest.raises(StyleFileError, match="cannot be written"):
        add_style(write_negative(tmp_path))


@pytest.mark.shared
def test_every_style_of_the_campaign_is_used_or_refused(shared: Path) -> None:
    folder = shared / "data" / "faults" / "styles"
    fine = {"ok_identity", "card_bidi", "card_escape", "card_newline"}
    for path in sorted(folder.glob("*.onnx")):
        if path.stem in fine:
            assert read_to_run(path).name
            continue
        with pytest.raises(StyleFileError) as caught:
            read_to_run(path)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_a_card_key_given_twice_is_read_once() -> None:
    model = onnx.load_from_string(negative_style())
    model.metadata_props.add(key=CARD_KEY, value="[]")
    with pytest.raises(StyleFileError, match="expected a table"):
        read_card(model.SerializeToString(), where="x")
