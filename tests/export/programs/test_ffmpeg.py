"""Styles for FFmpeg and mpv: the graph's contract, its picture, the printed lines."""

import json
import shlex
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from rtstyle.errors import RtstyleError
from rtstyle.runtime import open_session
from rtstyle.style_file import CARD_KEY, FRAME_INPUT, FRAME_OUTPUT, graph_sha256
from rtstyle.style_file import read_style as read
from rtstyle_export.cli import main
from rtstyle_export.programs.ffmpeg import (
    export_ffmpeg,
    ffmpeg_command,
    filter_graph,
    largest_difference,
    mpv_command,
)
from rtstyle_export.programs.planar_graph import planar_graph
from rtstyle_export.to_fp16 import fp16_graph
from tests.tiny_paintings import write_painting
from tests.tiny_styles import negative_model, write_negative

STYLES = Path(__file__).parents[3] / "rtstyle" / "styles"


def planes_of(frame: np.ndarray) -> np.ndarray:
    return frame.transpose(2, 0, 1)[None].astype(np.float32) / 255.0


def picture_of(planes: np.ndarray) -> np.ndarray:
    levels = np.rint(planes[0].transpose(1, 2, 0) * 255.0)
    return np.asarray(levels, np.uint8)


def test_a_variant_has_one_input_of_four_dimensions_and_open_sides(
    tmp_path: Path,
) -> None:
    path = export_ffmpeg(STYLES / "starry_night.onnx", tmp_path / "x.onnx")
    graph = onnx.load(path).graph
    for values, name in ((graph.input, "rgb"), (graph.output, "stylized_rgb")):
        (value,) = values
        tensor = value.type.tensor_type
        assert (value.name, tensor.elem_type) == (name, onnx.TensorProto.FLOAT)
        dims = [dim.dim_value or dim.dim_param for dim in tensor.shape.dim]
        assert dims == [1, 3, "H", "W"]


@pytest.mark.parametrize("name", ["starry_night", "starry_night.int8"])
def test_a_variant_paints_what_its_style_paints(name: str) -> None:
    model = (STYLES / f"{name}.onnx").read_bytes()
    assert largest_difference(model, planar_graph(model)) <= 1


def test_the_variant_of_a_twin_in_fp16_has_floats_at_its_ends() -> None:
    model = fp16_graph((STYLES / "starry_night.onnx").read_bytes())
    assert largest_difference(model, planar_graph(model)) <= 1


def test_a_painting_becomes_a_variant_that_paints_the_same(tmp_path: Path) -> None:
    from rtstyle.gallery.find import load_style

    painting = write_painting(tmp_path / "wall.png", (200, 120, 0))
    path = export_ffmpeg(painting, tmp_path / "wall.onnx")
    frame = np.random.default_rng(1).integers(0, 256, (35, 50, 3), np.uint8)
    style = open_session(load_style(painting).model, device="cpu")
    wanted = style.run({FRAME_INPUT: frame})[FRAME_OUTPUT]
    variant = open_session(path.read_bytes(), device="cpu")
    got = picture_of(variant.run({"rgb": planes_of(frame)})["stylized_rgb"])
    assert np.abs(got.astype(int) - wanted).max() <= 1


def test_red_stays_red_and_sides_keep_their_length() -> None:
    frame = np.zeros((20, 31, 3), np.uint8)
    frame[:, 3, 0] = 200
    session = open_session(planar_graph(negative_model()), device="cpu")
    planes = session.run({"rgb": planes_of(frame)})["stylized_rgb"]
    assert planes.shape == (1, 3, 20, 31)
    assert (picture_of(planes) == 255 - frame).all()


def test_values_beyond_0_and_1_are_taken_as_the_nearest() -> None:
    session = open_session(planar_graph(negative_model()), device="cpu")
    planes = np.full((1, 3, 16, 16), -0.5, np.float32)
    assert (session.run({"rgb": planes})["stylized_rgb"] == 1.0).all()
    assert (session.run({"rgb": 2 - planes})["stylized_rgb"] == 0.0).all()


def test_a_variant_carries_the_card_of_its_style(tmp_path: Path) -> None:
    source = STYLES / "scream.onnx"
    path = export_ffmpeg(source, tmp_path / "x.onnx")
    props = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    card, style = json.loads(props[CARD_KEY]), read(source)
    assert card["title"] == style.title
    assert card["variant_of_sha256"] == graph_sha256(style.model)
    assert card["layout"] == "float32 [1, 3, H, W], RGB, 0..1"


def test_the_command_writes_a_file_and_prints_both_lines(tmp_path: Path) -> None:
    style = write_negative(tmp_path)
    target = tmp_path / "out.onnx"
    run = CliRunner().invoke(main, [str(style), str(target), "--to", "ffmpeg"])
    assert run.exit_code == 0 and target.is_file()
    *_, ffmpeg, mpv = run.output.strip().splitlines()
    filters = f"format=rgb24,dnn_processing=dnn_backend=onnx:model={target}"
    assert shlex.split(ffmpeg)[:5] == ["ffmpeg", "-i", "in.mp4", "-vf", filters]
    assert shlex.split(mpv) == ["mpv", f"--vf=lavfi=[{filters}]", "in.mp4"]


def test_paths_are_escaped_for_the_option_the_graph_and_the_shell() -> None:
    path = Path("a:b/it's [1], 2;3.onnx")
    text = filter_graph(path).rpartition("model=")[2]
    assert text == r"a\\:b/it\\\'s \[1\]\, 2\;3.onnx"
    assert shlex.split(ffmpeg_command(path))[4] == filter_graph(path)
    count = len(filter_graph(path))
    assert shlex.split(mpv_command(path))[1].startswith(f"--vf=lavfi=%{count}%format=")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--name", "x"], "expected no --name with --to ffmpeg"),
        (["--calibration", "."], "expected no --calibration with --to ffmpeg"),
        (["--int8"], r"expected negative\.int8\.onnx beside the style"),
    ],
)
def test_what_means_nothing_is_refused(
    tmp_path: Path, words: list[str], said: str
) -> None:
    style = write_negative(tmp_path)
    with pytest.raises(RtstyleError, match=said):
        CliRunner().invoke(
            main,
            [str(style), str(tmp_path / "out.onnx"), "--to", "ffmpeg", *words],
            catch_exceptions=False,
        )


def test_a_file_that_exists_is_kept(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_text("precious")
    with pytest.raises(RtstyleError, match="exists already; use --overwrite"):
        export_ffmpeg(write_negative(tmp_path), tmp_path / "x.onnx")
    assert (tmp_path / "x.onnx").read_text() == "precious"


def test_fp16_spelled_as_a_target_is_the_twin(tmp_path: Path) -> None:
    with pytest.raises(RtstyleError, match="name a folder with --calibration"):
        CliRunner().invoke(
            main,
            [str(write_negative(tmp_path)), "--to", "fp16"],
            catch_exceptions=False,
        )
