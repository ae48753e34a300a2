"""The temporal table: right ratios on doubles whose steadiness is known."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from rtstyle.errors import UsageError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source
from rtstyle_train.evaluation.side_by_side import side_by_side, write_side_by_side
from rtstyle_train.evaluation.temporal import (
    SmoothedCandidate,
    evaluate_temporal,
    to_table,
)
from rtstyle_train.evaluation.temporal_scenes import (
    clip_scene,
    known_motion_scene,
    noise_scene,
)


def photo(*, height: int = 64, width: int = 96) -> Pixels:
    coarse = np.random.default_rng(0).uniform(30, 220, (height // 8, width // 8, 3))
    return coarse.repeat(8, 0).repeat(8, 1).astype(np.uint8)


def keep(pixels: Pixels) -> Pixels:
    return pixels


class Amplify:
    """A network that multiplies contrast, and noise with it."""

    def __init__(self, gain: float) -> None:
        self.gain = gain

    def __call__(self, pixels: Pixels) -> Pixels:
        values = 128 + self.gain * (pixels.astype(np.float64) - 128)
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def test_a_network_that_changes_nothing_lies_on_the_floor() -> None:
    row = evaluate_temporal([SmoothedCandidate("same", keep)], [noise_scene(photo())])[
        0
    ]
    assert row.error == pytest.approx(row.floor)
    assert row.flicker == pytest.approx(1.0)
    assert row.sharpness == 1.0
    assert math.isnan(row.against) and math.isnan(row.style)
    assert row.drift_colour < 0.3


def test_flicker_and_ratio_follow_the_gain_of_the_network() -> None:
    grey = (photo() // 4 + 96).astype(np.uint8)
    rows = evaluate_temporal(
        [
            SmoothedCandidate("twice", Amplify(2.0)),
            SmoothedCandidate("thrice", Amplify(3.0)),
        ],
        [noise_scene(grey)],
        baseline="thrice",
    )
    assert rows[0].flicker == pytest.approx(2.0, rel=0.05)
    assert rows[1].flicker == pytest.approx(3.0, rel=0.05)
    assert rows[0].against == pytest.approx(3 / 8, rel=0.1)
    assert rows[1].against == 1.0


def test_smoothing_is_measured_against_its_own_network() -> None:
    network = Amplify(2.0)

    def distance(pixels: Pixels) -> float:
        return float(pixels.std())

    rows = evaluate_temporal(
        [
            SmoothedCandidate("plain", network, style_distance=distance),
            SmoothedCandidate("gate", network, "gate", distance),
        ],
        [noise_scene((photo() // 4 + 96).astype(np.uint8), num_frames=40)],
    )
    assert rows[1].flicker < rows[0].flicker / 2
    assert rows[0].sharpness == 1.0
    assert 0.2 < rows[1].sharpness < 1.0, "noise counts as detail"
    assert rows[0].style == 1.0 and rows[1].style == pytest.approx(1.0, abs=0.05)


def test_two_candidates_of_one_network_run_it_once_a_frame() -> None:
    calls = []

    def network(pixels: Pixels) -> Pixels:
        calls.append(pixels)
        return pixels

    candidates = [
        SmoothedCandidate("a", network),
        SmoothedCandidate("b", network, "gate"),
    ]
    evaluate_temporal(candidates, [known_motion_scene(photo(), num_frames=4)])
    assert len(calls) == 4


def test_table_plots_and_json_are_written(tmp_path: Path) -> None:
    scenes = [noise_scene(photo(), num_frames=12), known_motion_scene(photo())]
    rows = evaluate_temporal([SmoothedCandidate("same", keep)], scenes, out=tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        "temporal.json",
        "temporal.md",
        "temporal_known_motion.png",
        "temporal_still__noise_4_255.png",
    ]
    table = (tmp_path / "temporal.md").read_text("utf-8")
    assert table == to_table(rows) and table.count("\n") == 4
    assert "| known motion | same |" in table and "| exact, 60 |" in table
    assert (
        json.loads((tmp_path / "temporal.json").read_text("utf-8"))[1]["against"]
        is None
    )


def test_a_baseline_that_takes_no_part_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one of same, got 'johnson'"):
        evaluate_temporal([SmoothedCandidate("same", keep)], [], baseline="johnson")


def test_side_by_side_shows_every_picture_under_its_label() -> None:
    red = np.zeros((10, 31, 3), np.uint8)
    red[..., 0] = 255
    row = side_by_side([red, 255 - red, red], ["a", "b", "c"])
    assert row.shape == (34, 94, 3)
    assert (row[24:, :31] == red).all() and (row[24:, 31:62] == 255 - red).all()
    assert (row[:24, :31] != 255).any(), "the label"


def test_a_side_by_side_clip_holds_every_frame(tmp_path: Path) -> None:
    out = tmp_path / "beside.mp4"
    candidates = [
        SmoothedCandidate("plain", keep),
        SmoothedCandidate("gate", keep, "gate"),
    ]
    assert write_side_by_side("sample:64x48@30x6", out, candidates) == 6
    with open_source(out) as source:
        assert (source.info.width, source.info.height) == (192, 72)
        assert len(list(source)) == 6


def test_a_clip_is_shrunk_and_its_flow_method_named(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    write_side_by_side("sample:96x64@30x5", clip, [])
    scene = clip_scene(clip, num_frames=4, height=44)
    frames = list(scene.play())
    assert len(frames) == 4 and frames[0].pixels.shape == (44, 48, 3)
    assert not frames[0].mask.any()
    assert "DIS" in scene.flow_method and "input" in scene.flow_method
