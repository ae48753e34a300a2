"""What `rtstyle bench --compare` tells of two runs."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from rtstyle.benchmark.compare import (
    LEAST_NOISE,
    Comparison,
    compare_results,
    read_results,
)
from rtstyle.benchmark.fresh import BenchError
from rtstyle.benchmark.report import Report
from rtstyle.benchmark.rounds import noise_of
from rtstyle.commands.bench import bench
from tests.rtstyle.test_bench import report, row

SIZE = "1280x720"


def document(made: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(made.as_json())
    return found


def with_times(*, johnson: float, fast: float, noise: float = 0.02) -> dict[str, Any]:
    rows = (row("johnson", johnson, 1.0), row("fast", fast, johnson / fast))
    noisy = tuple(replace(one, noise=noise) for one in rows)
    return document(replace(report(), rows=noisy))


def verdicts(found: Comparison) -> dict[str, str]:
    return {
        change.name.split()[0].rstrip(","): change.verdict for change in found.changes
    }


def test_a_style_that_gained_on_johnson_is_faster_and_one_that_lost_is_slower() -> None:
    before = with_times(johnson=1000.0, fast=25.0)
    found = compare_results(before, with_times(johnson=1000.0, fast=20.0))
    assert verdicts(found)["fast"] == "faster"
    (fast,) = (c for c in found.changes if c.name.startswith("fast"))
    assert fast.change == pytest.approx(0.25)
    assert fast.noise == pytest.approx(0.04)  # four times 2 %, as squares
    assert (
        verdicts(compare_results(before, with_times(johnson=1000.0, fast=30.0)))["fast"]
        == "slower"
    )


def test_a_machine_that_is_busier_makes_no_style_slower() -> None:
    before = with_times(johnson=1000.0, fast=25.0)
    found = compare_results(before, with_times(johnson=1500.0, fast=37.5))
    assert verdicts(found)["fast"] == "same"
    assert verdicts(found)["johnson"] == "slower"


def test_what_is_within_the_noise_is_the_same() -> None:
    before = with_times(johnson=1000.0, fast=25.0, noise=0.1)
    now = with_times(johnson=1000.0, fast=22.0, noise=0.1)
    assert verdicts(compare_results(before, now))["fast"] == "same"
    calm = [with_times(johnson=1000.0, fast=ms, noise=0.0) for ms in (25.0, 24.5)]
    found = compare_results(*calm)
    assert found.changes[1].noise == LEAST_NOISE
    assert verdicts(found)["fast"] == "same"


def test_a_whole_video_is_judged_by_its_ratio_too() -> None:
    before, now = (with_times(johnson=1000.0, fast=25.0) for _ in range(2))
    now["end_to_end"][0]["fps"] = 90.0
    found = compare_results(before, now)
    assert verdicts(found)["video"] == "faster"
    assert found.changes[-1].before_ms == pytest.approx(1e3 / 45.0)
    assert found.changes[-1].now_ratio == pytest.approx(90.0)


def test_rows_that_one_side_lacks_and_other_versions_are_told() -> None:
    before = with_times(johnson=1000.0, fast=25.0)
    now = with_times(johnson=1000.0, fast=25.0)
    before["machine"]["onnxruntime"] = "0.9"
    now["rows"][1]["name"] = "new_one"
    found = compare_results(before, now)
    assert found.only_before == ("fast fp32 onnxruntime",)
    assert found.only_now == ("new_one fp32 onnxruntime",)
    text = found.as_text()
    assert "measured only before: fast fp32" in text
    assert "differs: onnxruntime 0.9 before" in text


def test_results_without_noise_are_taken_at_the_distance_of_their_slowest_frames() -> (
    None
):
    before = with_times(johnson=1000.0, fast=25.0)
    for old in (*before["rows"], *before["end_to_end"]):
        del old["noise"]
    found = compare_results(before, with_times(johnson=1000.0, fast=25.0))
    assert found.changes[0].noise == pytest.approx(np.hypot(0.1, 0.02))


def test_noise_is_half_of_what_is_between_the_quartiles() -> None:
    assert noise_of(np.array([8.0, 9.0, 10.0, 11.0, 12.0])) == pytest.approx(0.1)
    assert noise_of(np.full(7, 5.0)) == 0.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "got another file"),
        ("[1]", "got another file"),
        ("{}", "got another file"),
        ('{"size": "1280x720", "rows": [], "end_to_end": []}', "got another file"),
        ("[" * 100_000, "got another file"),
    ],
)
def test_a_file_that_holds_no_results_is_refused_in_one_line(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(BenchError, match=said) as caught:
        read_results(path, size=SIZE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ms", [0.0, -1.0, float("nan"), "7", None])
def test_times_that_are_none_are_refused(ms: object, tmp_path: Path) -> None:
    broken = with_times(johnson=1000.0, fast=25.0)
    broken["rows"][1] |= {"median_ms": ms, "p95_ms": 1.0}
    path = tmp_path / "old.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(BenchError, match="got another file"):
        read_results(path, size=SIZE)


def test_results_for_another_size_and_a_missing_file_are_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "old.json"
    path.write_text(report().as_json())
    assert read_results(path, size=SIZE)["size"] == SIZE
    with pytest.raises(
        BenchError, match="expected results for 640x360, got '1280x720'"
    ):
        read_results(path, size="640x360")
    with pytest.raises(BenchError, match="cannot be read"):
        read_results(tmp_path / "none.json", size=SIZE)


def test_the_command_reads_the_old_file_first_and_prints_the_table_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(with_times(johnson=1000.0, fast=50.0)))
    monkeypatch.setattr("rtstyle.benchmark.run_bench", lambda job: report())
    words = ["--compare", str(path)]
    done = CliRunner().invoke(bench, words, catch_exceptions=False)
    line = next(li for li in done.stdout.splitlines() if li.startswith("fast fp32 onn"))
    assert line.endswith("faster") and "20.0 -> 40.0" in line
    read = json.loads(CliRunner().invoke(bench, [*words, "--json"]).stdout)
    assert read["compared"]["changes"][1]["verdict"] == "faster"
    monkeypatch.setattr("rtstyle.benchmark.run_bench", None)
    with pytest.raises(BenchError, match="cannot be read"):
        CliRunner().invoke(
            bench, ["--compare", str(tmp_path / "none")], catch_exceptions=False
        )
