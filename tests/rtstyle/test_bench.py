import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from rtstyle.benchmark import BenchJob, Report, Row, run_bench
from rtstyle.benchmark import soak as soak_module
from rtstyle.benchmark.arithmetic import count_gmac
from rtstyle.benchmark.candidate import Candidate, baseline
from rtstyle.benchmark.ceiling import (
    Ceiling,
    fp32_probe,
    gpu_probe,
    int8_probe,
    probe_ceiling,
)
from rtstyle.benchmark.end_to_end import STAGES, EndToEnd
from rtstyle.benchmark.fresh import BenchError, measure_fresh
from rtstyle.benchmark.half_size import HalfSize, compare_half_size
from rtstyle.benchmark.plot import draw_report, write_plot
from rtstyle.benchmark.rounds import NUM_ROUNDS, interleaved_ms
from rtstyle.benchmark.run import NUM_JUDGED, judged_frames
from rtstyle.benchmark.soak import Soak, measure_soak
from rtstyle.commands.bench import bench
from rtstyle.errors import UsageError
from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.runtime import Arrays, open_session
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_export.style_writer import make_style, write_style
from rtstyle_streams.errors import SinkError
from rtstyle_streams.sample.source import SampleSource

FRAME = np.full((48, 64, 3), 120, np.uint8)
CEILING = Ceiling(100.0, 400.0, 40.0)


class Recorder:
    """Stands in for a session and notes when it runs."""

    runtime, device = "fake", "cpu"

    def __init__(self, name: str, order: list[str]) -> None:
        self.name, self.order = name, order

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        self.order.append(self.name)
        return {}

    def close(self) -> None:
        self.order.append("closed")


@pytest.fixture(scope="module")
def style_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("styles") / "small.onnx"
    network = SwiftNet(SwiftConfig(channels=16, blocks=1, head="resize")).eval()
    card = {"name": "small", "title": "Small", "kind": "image"}
    write_style(path, make_style(network, card), overwrite=False)
    return path


def row(name: str, median_ms: float, ratio: float) -> Row:
    return Row(
        name=name,
        precision="fp32",
        runtime="onnxruntime",
        device="cpu",
        median_ms=median_ms,
        p95_ms=median_ms * 1.1,
        noise=0.02,
        num_timed=7,
        ratio_to_johnson=ratio,
        gmac=1.0,
        share_of_ceiling=0.5,
        load_ms=5.0,
        first_frame_ms=9.0,
        peak_memory_mb=None,
    )


def report() -> Report:
    stage_ms = dict(zip(STAGES, (2.0, 20.0, 8.0, 10.0), strict=True))
    end = EndToEnd(
        "fast", "int8", "flow", 2, 60, stage_ms, 45.0, core_ms=40.0, cores=2, noise=0.04
    )
    rows = (row("johnson", 1000.0, 1.0), row("fast", 25.0, 40.0))
    return Report(1280, 720, CEILING, rows, (end,))


def run(*words: str | Path) -> str:
    done = CliRunner().invoke(bench, [str(w) for w in words], catch_exceptions=False)
    return done.stdout


def broken(*rest: object, **more: object) -> None:
    raise SinkError("no space left")


def test_sessions_take_turns_and_warm_up_untimed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle.benchmark.rounds.TURN_SECONDS", 0.0)
    order: list[str] = []
    sessions = {name: Recorder(name, order) for name in "ab"}
    times = interleaved_ms(sessions, FRAME)
    assert order == ["a", "b"] * (NUM_ROUNDS + 1)
    assert [len(times[name]) for name in "ab"] == [NUM_ROUNDS] * 2


def test_rounds_stop_when_the_time_is_up_but_three_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle.benchmark.rounds.TURN_SECONDS", 0.0)
    times = interleaved_ms({"a": Recorder("a", [])}, FRAME, most_seconds=0.0)
    assert len(times["a"]) == 3


def test_the_baseline_is_small_and_has_the_arithmetic_of_johnson_2016() -> None:
    model = resources.files("rtstyle.benchmark").joinpath("johnson.onnx").read_bytes()
    assert len(model) < 50_000
    # 35.4 GMAC at 640x360, as the layers' sizes give
    assert count_gmac(model, FRAME) == pytest.approx(
        35.43 * 48 * 64 / (640 * 360), rel=0.01
    )


def test_the_baseline_stylizes_a_frame_of_any_size() -> None:
    session = open_session(baseline("onnxruntime").model, device="cpu")
    frame = np.random.default_rng(2).integers(0, 256, (41, 54, 3), dtype=np.uint8)
    made = session.run({"frame": frame})["stylized"]
    assert made.shape == frame.shape and made.dtype == np.uint8


@pytest.mark.slow
def test_the_committed_baseline_is_what_the_exporter_makes() -> None:
    import onnx

    from rtstyle_export.johnson_baseline import johnson_baseline

    committed = onnx.load_from_string(baseline("onnxruntime").model)
    made = onnx.load_from_string(johnson_baseline())

    def gist(model: onnx.ModelProto) -> list[tuple[str, int]]:
        return [(node.op_type, len(node.input)) for node in model.graph.node]

    assert gist(committed) == gist(made)


def test_the_ceiling_probes_are_graphs_that_run() -> None:
    for model in (fp32_probe(), int8_probe()):
        session = open_session(model, device="cpu")
        z = session.run({"x": np.ones((1, 64, 90, 160), np.float32)})["z"]
        assert np.isfinite(z).all() and z.max() > 0.0


def test_the_probe_for_a_gpu_gives_what_a_convolution_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle.benchmark.ceiling.GPU_LINES", 30)
    monkeypatch.setattr("rtstyle.benchmark.ceiling.GPU_COLUMNS", 40)
    session = open_session(gpu_probe(), device="cpu")
    z = session.run({"x": np.ones((1, 1, 1, 1), np.float32)})["z"]
    # nine taps, but six at the edges and four in the corners
    taps = (9 * 28 * 38 + 6 * 2 * (28 + 38) + 4 * 4) / (30 * 40)
    np.testing.assert_allclose(z, 256 * 0.01 * taps, rtol=1e-4)


def test_ceilings_are_positive_and_chosen_by_precision(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtstyle.benchmark.ceiling.PROBE_SECONDS", 0.0)
    monkeypatch.setattr("rtstyle.benchmark.ceiling._best_seconds", lambda call: 0.5)
    found = probe_ceiling()
    assert found.fp32_gmac_per_second == pytest.approx(64 * 64 * 9 * 14400 / 0.5e9)
    assert CEILING.of("int8") == 400.0 and CEILING.of("bf16") == 100.0


def test_shares_overlap_and_efficiency_follow_from_the_stages() -> None:
    entry = report().end_to_end[0]
    assert entry.shares == {
        "source": 0.05,
        "stylize": 0.5,
        "smooth": 0.2,
        "encode": 0.25,
    }
    assert entry.overlap == pytest.approx(40.0 * 45.0 / 1000.0)
    assert entry.efficiency == pytest.approx(0.9)


def test_json_has_the_ratio_to_johnson_in_every_row() -> None:
    found = json.loads(report().as_json())
    assert [r["ratio_to_johnson"] for r in found["rows"]] == [1.0, 40.0]
    assert found["rows"][1]["fps"] == 40.0
    assert found["end_to_end"][0]["shares"]["stylize"] == 0.5
    assert found["machine"]["cores"] >= 1


def test_the_text_names_every_row_and_the_pipeline() -> None:
    text = report().as_text()
    assert "johnson" in text and "video, fast int8, smooth flow, every 2: 45.0" in text
    assert "x45.0 Johnson's network" in text
    assert "90% of what 2 cores allow" in text


def test_the_text_and_json_tell_what_fewer_lines_and_a_long_run_cost() -> None:
    half = HalfSize(540, 3, psnr_db=21.5, ssim=0.71, texture_distance=0.123)
    soak = Soak((10.0, 60.0), (380.0, 381.9), 400.0)
    found = replace(report(), half_size=half, soak=soak)
    assert "540 lines against 720: PSNR 21.5 dB, SSIM 0.710, texture 12.3%" in (
        found.as_text()
    )
    assert "380 MB at second 10, 382 at second 60 (+0.5%), most 400" in found.as_text()
    read = json.loads(found.as_json())
    assert read["half_size"]["ssim"] == 0.71
    assert read["soak"]["growth"] == 0.005
    assert json.loads(report().as_json())["soak"] is None


def test_fewer_lines_are_compared_with_the_whole_size(style_path: Path) -> None:
    with SampleSource(width=160, height=96, num_frames=2) as source:
        frames = [frame.pixels for frame in source]
    controls = Controls(height=48, smooth="flow")
    with Stylizer(str(style_path), controls=controls, device="cpu") as stylizer:
        found = compare_half_size(stylizer, frames)
        assert stylizer.controls is controls
        stylizer.controls = Controls(height=96)
        same = compare_half_size(stylizer, frames)
    assert (found.work_height, found.num_frames) == (48, 2)
    assert 5 < found.psnr_db < 60 and 0 < found.ssim < 1
    assert found.texture_distance > 0
    assert same.psnr_db > 90 and same.ssim == pytest.approx(1.0)
    assert same.texture_distance == 0.0


def test_pictures_to_judge_by_come_from_the_scene_or_a_folder(tmp_path: Path) -> None:
    job = BenchJob(("x",), width=64, height=48)
    frames = judged_frames(job)
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * NUM_JUDGED
    with pytest.raises(BenchError, match="expected pictures, got none"):
        judged_frames(replace(job, photos=tmp_path))
    red = np.zeros((20, 20, 3), np.uint8)
    red[:, :, 2] = 255  # OpenCV writes BGR
    cv2.imwrite(str(tmp_path / "RED.PNG"), red)
    (photo,) = judged_frames(replace(job, photos=tmp_path))
    assert photo.shape == (48, 64, 3) and photo[20, 30].tolist() == [255, 0, 0]


def test_a_folder_without_pictures_is_found_out_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtstyle.benchmark.run.probe_ceiling", None)
    with pytest.raises(BenchError, match="expected pictures, got none"):
        run_bench(BenchJob(("starry_night",), photos=tmp_path))


@pytest.mark.slow
def test_a_long_run_is_watched_and_stopped(
    style_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_module, "FIRST_SECOND", 2.0)
    found = measure_soak(
        str(style_path), width=64, height=48, seconds=4.0, most_fps=2000.0
    )
    assert found.seconds == (2.0, 4.0)
    assert 40 < found.memory_mb[0] <= found.peak_mb and found.memory_mb[1] > 40


@pytest.mark.slow
def test_a_run_that_ends_too_early_is_no_measurement(
    style_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(soak_module, "FIRST_SECOND", 5.0)
    with pytest.raises(BenchError, match="expected a running rtstyle video"):
        measure_soak("nosuchstyle", width=64, height=48, seconds=6.0, most_fps=1.0)


def test_a_soak_of_ten_seconds_is_refused() -> None:
    with pytest.raises(UsageError, match="soak: expected more than 10"):
        CliRunner().invoke(bench, ["--soak", "10"], catch_exceptions=False)


def test_the_plot_has_longer_bars_for_faster_styles(tmp_path: Path) -> None:
    picture = draw_report(report())
    lengths = [
        int((picture[y] == colour).all(axis=1).sum())
        for y, colour in ((74, (150, 150, 150)), (118, (36, 113, 163)))
    ]
    assert 20 < lengths[0] < lengths[1] / 5
    path = tmp_path / "plot.png"
    write_plot(report(), path)
    assert list(tmp_path.iterdir()) == [path]
    written = cv2.imread(str(path))
    assert written is not None
    read = cv2.cvtColor(written, cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(read, picture)


def test_a_plot_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="expected a folder to write to"):
        write_plot(report(), tmp_path / "none" / "plot.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("place", "said"),
    [("taken.png", "this file exists"), ("none/plot.png", "expected a folder")],
)
def test_the_place_of_a_plot_is_checked_before_anything_is_measured(
    place: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken.png").write_text("precious")
    monkeypatch.setattr("rtstyle.benchmark.run_bench", None)
    with pytest.raises(SinkError, match=said):
        run("--plot", tmp_path / place)
    assert (tmp_path / "taken.png").read_text() == "precious"


def test_a_plot_that_is_taken_is_replaced_on_demand_and_comes_after_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "taken.png"
    path.write_text("old")
    monkeypatch.setattr("rtstyle.benchmark.run_bench", lambda job: report())
    run("--plot", path, "--overwrite")
    assert cv2.imread(str(path)) is not None
    monkeypatch.setattr("rtstyle.benchmark.plot.write_plot", broken)
    done = CliRunner().invoke(bench, ["--plot", str(tmp_path / "new.png")])
    assert isinstance(done.exception, SinkError)
    assert "johnson" in done.stdout, "a full disk lost what took minutes to measure"


@pytest.mark.slow
def test_a_fresh_start_does_not_count_the_memory_of_its_parent() -> None:
    ballast = np.ones(400_000_000, np.uint8)
    found = measure_fresh(baseline("onnxruntime"), width=64, height=48, device="cpu")
    assert found.peak_memory_mb is not None
    assert 50 < found.peak_memory_mb < ballast.nbytes / 1e6
    assert found.load_ms > 0 and found.first_frame_ms > 0


@pytest.mark.slow
def test_a_fresh_start_that_fails_gives_its_last_line() -> None:
    broken = Candidate("broken", "fp32", "onnxruntime", b"nothing", b"nothing")
    with pytest.raises(BenchError, match=r"broken on onnxruntime: .+"):
        measure_fresh(broken, width=64, height=48, device="cpu")


@pytest.mark.slow
def test_a_whole_run_measures_style_baseline_and_pipeline(style_path: Path) -> None:
    job = BenchJob(
        (str(style_path),), width=64, height=48, num_video_frames=4, smooth="gate"
    )
    found = run_bench(job)
    assert [r.name for r in found.rows] == ["johnson", "small"]
    assert found.rows[0].ratio_to_johnson == 1.0
    assert found.rows[1].ratio_to_johnson > 3.0
    assert 0.0 < found.rows[1].share_of_ceiling < 1.5
    assert found.end_to_end[0].num_frames == 4
    assert found.end_to_end[0].smooth == "gate"
    assert set(found.end_to_end[0].stage_ms) == set(STAGES)


@pytest.mark.slow
def test_the_command_prints_json_alone_on_stdout(style_path: Path) -> None:
    words = ["--size", "64x48", "--styles", str(style_path), "--frames", "0", "--json"]
    done = CliRunner().invoke(bench, words, catch_exceptions=False)
    assert [r["name"] for r in json.loads(done.stdout)["rows"]] == ["johnson", "small"]


@pytest.mark.parametrize("size", ["720", "8x8", "axb"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    with pytest.raises(UsageError, match="expected WIDTHxHEIGHT"):
        CliRunner().invoke(bench, ["--size", size], catch_exceptions=False)
