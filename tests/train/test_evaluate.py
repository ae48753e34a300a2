"""The command that judges styles, on tiny networks."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from rtstyle.errors import StyleFileError
from rtstyle.networks import JohnsonNet
from rtstyle.style_file import CARD_KEY, read_style
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.commands.evaluate import evaluate_command
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.evaluation.job import EvaluateJob, run_evaluation
from rtstyle_train.evaluation.quality.candidates import open_candidate
from rtstyle_train.evaluation.quality.card import write_quality
from rtstyle_train.evaluation.quality.pictures import find_painting, read_frames
from tests.tiny_styles import negative_style, write_negative
from tests.train.tiny_vgg import write_tiny_vgg


def write_picture(path: Path, *, height: int = 224, width: int = 240) -> Path:
    coarse = np.random.default_rng(len(path.stem)).uniform(20, 230, (14, 20, 3))
    large = coarse.repeat(16, 0).repeat(16, 1)[:height, :width]
    assert cv2.imwrite(str(path), large.astype(np.uint8))
    return path


def write_johnson(path: Path) -> Path:
    torch.manual_seed(1)
    torch.save(JohnsonNet(width=2).state_dict(), path)
    return path


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """A folder with a style, a peer, photographs, a painting and a loss network."""
    write_negative(tmp_path)
    write_johnson(tmp_path / "peer.pth")
    (tmp_path / "photos").mkdir()
    write_picture(tmp_path / "photos" / "one.png")
    write_picture(tmp_path / "photos" / "upright.png", height=240, width=224)
    write_picture(tmp_path / "painting.png")
    write_tiny_vgg(tmp_path / "held.safetensors")
    return tmp_path


def job(material: Path, **changes: Any) -> EvaluateJob:
    settings: dict[str, Any] = {
        "styles": (str(material / "negative.onnx"),),
        "photos": material / "photos",
        "painting": material / "painting.png",
        "held_out_weights": material / "held.safetensors",
        "speed": False,
        "out": material / "out",
        "device": "cpu",
        "size": 240,
    }
    return EvaluateJob(**(settings | changes))


def invoke(material: Path, *words: str) -> Result:
    fixed = ["--photos", material / "photos", "--painting", material / "painting.png"]
    fixed += ["--held-out-weights", material / "held.safetensors", "--size", "240"]
    fixed += ["--out", material / "out", "--device", "cpu", "--no-speed"]
    style = str(material / "negative.onnx")
    return CliRunner().invoke(
        evaluate_command, [style, *words, *map(str, fixed)], catch_exceptions=False
    )


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_a_sheet(material: Path) -> None:
    result = invoke(material, "--against", str(material / "peer.pth"))
    lines = result.stdout.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == [
        "(content)",
        "negative",
        "peer",
    ]
    assert "style (t)" not in lines[0], "columns without figures are left out"
    assert lines[-1] == f"sheet: {material / 'out' / 'sheet.png'}"
    assert (material / "out" / "evaluate.md").read_text("utf-8") == result.stdout
    sheet, _ = read_picture(material / "out" / "sheet.png")
    assert sheet.shape[1] == 4 * (256 + 6) + 6, "content, painting, style, peer"
    # the style's picture of the first row is the negative of the content's
    content = sheet[40:250, 10:250].astype(int)
    negative = sheet[40:250, 10 + 2 * 262 : 250 + 2 * 262].astype(int)
    assert abs(content + negative - 255).mean() < 3


def test_json_holds_the_figures_and_null_for_what_was_not_measured(
    material: Path,
) -> None:
    found = json.loads(invoke(material, "--json").stdout)
    content, negative = found["rows"]
    assert content["figures"]["ssim"] == 1.0
    assert content["figures"]["content_held_out"] == 0.0
    assert content["figures"]["noise_gain"] == 1.0
    assert content["figures"]["shift_gain"] == 0.0
    assert negative["figures"]["ssim"] < 0.7
    assert negative["figures"]["noise_gain"] == 1.0
    assert negative["figures"]["style_trained"] is None
    assert negative["fps_720p"] is None
    assert negative["num_pictures"] == 2


def test_a_painting_as_photograph_has_its_own_style(material: Path) -> None:
    alone = job(material, photos=material / "painting.png")
    content, negative = run_evaluation(alone).rows
    assert content.figures.style_held_out_own < 1e-6
    assert content.figures.colour_distance < 2
    assert content.figures.hue_overlap > 0.95
    assert negative.figures.style_held_out_own > content.figures.style_held_out_own


def test_figures_go_into_the_card_and_the_graph_stays(material: Path) -> None:
    before = read_style(material / "negative.onnx")
    invoke(
        material, "--write-card", "--loss-weights", str(material / "held.safetensors")
    )
    after = read_style(material / "negative.onnx")
    quality = after.card["quality"]
    assert quality["photos"]["num_pictures"] == 2
    assert quality["photos"]["style_trained"] > 0
    assert quality["held_out_weights"] == "held.safetensors"
    assert quality["painting"] == "painting.png"
    assert {k: v for k, v in after.card.items() if k != "quality"} == before.card
    assert not list(material.glob("*.part"))


@pytest.mark.slow
def test_frames_of_clips_are_averaged_by_themselves(material: Path) -> None:
    clip = write_clip(material / "clip.mp4")
    rows = run_evaluation(job(material, clips=(clip,), num_frames=2)).rows
    assert [(row.group, row.num_pictures) for row in rows] == [
        ("photos", 2),
        ("photos", 2),
        ("clips", 2),
        ("clips", 2),
    ]


def test_frames_are_taken_thirty_apart(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    names = [picture.name for picture in read_frames(clip, size=240, count=5)]
    assert names == ["clip 0", "clip 30"]


def write_clip(path: Path) -> Path:
    from itertools import islice

    from rtstyle_streams.opening import open_sink, open_source

    with open_source("sample:240x224@30x40") as source:
        with open_sink(path, source.info) as sink:
            for frame in islice(source, 40):
                sink.write(frame)
    return path


@pytest.mark.slow
def test_films_are_judged_frame_by_frame_and_smoothed(material: Path) -> None:
    result = run_evaluation(job(material, temporal=True))
    names = ["negative", "negative gate", "negative flow"]
    moving, still, long = (result.temporal[n : n + 3] for n in (0, 3, 6))
    assert [row.candidate for row in moving] == names
    assert [row.candidate for row in still] == names
    assert moving[0].scene == "known motion"
    assert still[0].flicker == pytest.approx(1.0, abs=0.05)
    assert still[1].flicker < 0.7
    assert [row.num_frames for row in long] == [1000] * 3
    assert long[1].drift_colour < 1 and long[1].drift_texture == pytest.approx(
        1, abs=0.1
    )
    assert moving[0].style == 1.0, "of itself, frame by frame"
    assert moving[1].style == pytest.approx(1.0, abs=0.2)
    assert "negative gate" in result.as_text()


@pytest.mark.slow
def test_speed_is_measured_where_it_is_asked_for(material: Path) -> None:
    row = run_evaluation(job(material, speed=True)).rows[1]
    assert row.fps_720p > 1
    assert row.where == "onnxruntime cpu"


@pytest.mark.slow
def test_styles_of_several_paintings_have_theirs_above_them(material: Path) -> None:
    for name in ("first", "second"):
        recipe = {"styles": [{"name": name, "file": f"{name}.jpg"}]}
        card = {"name": name, "recipe": recipe}
        (material / f"{name}.onnx").write_bytes(negative_style(card))
        write_picture(material / f"{name}.png")
    red = np.full((240, 320, 3), (30, 40, 200), np.uint8)
    assert cv2.imwrite(str(material / "second.png"), red)
    styles = tuple(str(material / f"{name}.onnx") for name in ("first", "second"))
    result = run_evaluation(
        job(material, styles=styles, painting=None, paintings=material)
    )
    assert [row.painting for row in result.rows[1:]] == ["first.png", "second.png"]
    off = [
        run_evaluation(
            job(material, styles=styles[:1], painting=material / f"{name}.png")
        )
        .rows[0]
        .figures.colour_distance
        for name in ("first", "second")
    ]
    assert result.rows[0].figures.colour_distance == pytest.approx(sum(off) / 2)
    assert abs(off[0] - off[1]) > 1
    sheet, _ = read_picture(material / "out" / "sheet.png")
    assert sheet.shape[1] == 3 * 262 + 6


def test_without_a_painting_the_rest_is_measured(
    material: Path, caplog: pytest.LogCaptureFixture
) -> None:
    row = run_evaluation(job(material, painting=None)).rows[1]
    assert np.isnan(row.figures.style_held_out)
    assert row.figures.content_held_out > 0
    assert "without style and colour" in caplog.text


def test_a_network_judged_by_what_it_was_trained_on_is_named(
    material: Path, caplog: pytest.LogCaptureFixture
) -> None:
    card = {"trained": {"loss_weights": "held.safetensors"}}
    (material / "negative.onnx").write_bytes(negative_style(card))
    run_evaluation(job(material))
    assert "it flatters" in caplog.text


def test_nothing_to_measure_on_is_a_usage_error(material: Path) -> None:
    with pytest.raises(ConfigError, match="expected --photos FOLDER or --clips"):
        run_evaluation(job(material, photos=None))
    with pytest.raises(ConfigError, match="expected --photos FOLDER or --clips"):
        run_evaluation(job(material, photos=None, speed=True, temporal=True))


@pytest.mark.slow
def test_speed_alone_needs_no_pictures_and_keeps_the_other_figures(
    material: Path,
) -> None:
    path = material / "negative.onnx"
    write_quality(path, {"photos": {"ssim": 0.5}, "fps_720p": 1.0})
    result = run_evaluation(
        job(material, photos=None, speed=True, write_card=True, held_out_weights=None)
    )
    assert result.sheet is None and not (material / "out" / "sheet.png").exists()
    assert (
        result.as_text().splitlines()[0].split() == "| style | on | fps 720p |".split()
    )
    quality = read_style(path).card["quality"]
    assert quality["photos"] == {"ssim": 0.5}
    assert quality["fps_720p"] > 1.5 and quality["fps_on"] == "onnxruntime cpu"


def test_a_speed_measured_before_is_kept(material: Path) -> None:
    path = material / "negative.onnx"
    write_quality(path, {"fps_720p": 33.0, "fps_on": "elsewhere", "old": 1})
    run_evaluation(job(material, write_card=True))
    quality = read_style(path).card["quality"]
    assert (quality["fps_720p"], quality["fps_on"]) == (33.0, "elsewhere")
    assert "old" not in quality and quality["photos"]["num_pictures"] == 2


def test_a_style_twice_is_refused(material: Path) -> None:
    style = str(material / "negative.onnx")
    with pytest.raises(ConfigError, match="expected different names"):
        run_evaluation(job(material, styles=(style, style)))


def test_a_peer_needs_a_painting_that_all_share(material: Path) -> None:
    peer = (str(material / "peer.pth"),)
    with pytest.raises(ConfigError, match="peer: expected --painting FILE"):
        run_evaluation(job(material, styles=peer, painting=None, paintings=material))


def test_a_style_of_a_text_is_judged_without_painting(material: Path) -> None:
    path = material / "negative.onnx"
    path.write_bytes(negative_style({"kind": "text", "recipe": {"prompt": "fire"}}))
    rows = run_evaluation(job(material, painting=None, paintings=material)).rows
    assert rows[1].painting == "" and np.isnan(rows[1].figures.style_held_out)


def test_a_painting_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="expected the painting scream.jpg"):
        find_painting("scream.jpg", tmp_path)


def test_a_small_photograph_is_refused(material: Path) -> None:
    small = write_picture(material / "small.png", height=200)
    with pytest.raises(TrainError, match="small: expected at least 224 pixels"):
        run_evaluation(job(material, photos=small))


def test_a_peer_takes_odd_sizes(material: Path) -> None:
    peer = open_candidate(str(material / "peer.pth"))
    picture = np.random.default_rng(0).integers(0, 256, (37, 50, 3)).astype(np.uint8)
    before = picture.copy()
    assert peer.network(picture).shape == (37, 50, 3)
    assert (picture == before).all()


def test_a_peer_stylizes_as_its_network_does(material: Path) -> None:
    peer = open_candidate(str(material / "peer.pth"))
    net = JohnsonNet.from_state_dict(torch.load(material / "peer.pth"))
    picture = np.random.default_rng(0).integers(0, 256, (32, 40, 3)).astype(np.uint8)
    with torch.no_grad():
        batch = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
        wanted = net(batch)[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
    assert abs(peer.network(picture) - wanted).max() <= 0.51


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(TrainError, match="not a pytorch/examples transform net"):
        open_candidate(str(tmp_path / "other.pth"))
    (tmp_path / "broken.pth").write_bytes(b"nothing")
    with pytest.raises(TrainError, match="broken.pth: expected"):
        open_candidate(str(tmp_path / "broken.pth"))


def test_a_card_takes_only_what_json_can_hold(tmp_path: Path) -> None:
    path = write_negative(tmp_path)
    write_quality(path, {"photos": {"ssim": 0.123456, "style": float("nan")}})
    quality = read_style(path).card["quality"]
    assert quality == {"photos": {"ssim": 0.1235, "style": None}}
    write_quality(path, {"fps_720p": 30.0})
    assert read_style(path).card["quality"] == {"fps_720p": 30.0}
    assert path.read_bytes().count(CARD_KEY.encode()) == 1


def test_no_card_is_written_into_another_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.onnx"
    path.write_bytes(b"not a style")
    with pytest.raises(StyleFileError, match="expected an ONNX file"):
        write_quality(path, {})
    assert path.read_bytes() == b"not a style"


def test_help_names_what_is_measured_on() -> None:
    text = CliRunner().invoke(evaluate_command, ["--help"]).output
    for option in (
        "--against",
        "--photos",
        "--paintings",
        "--write-card",
        "--temporal",
    ):
        assert option in text
