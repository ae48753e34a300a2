"""Many inputs: which there are, where they go, and what is told at the end."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.cli import main
from rtstyle.errors import UsageError
from rtstyle.offline.job import FileJob
from rtstyle.offline.plan import Kind, PlannedJob, plan_jobs
from tests.rtstyle.long_film import write_film
from tests.tiny_styles import write_negative

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two films, one of them broken, in a folder with a folder and hidden files."""
    monkeypatch.chdir(tmp_path)
    for name in ("films/b.avi", "films/a.mp4", "films/deep/c.mkv", "films/x.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    (tmp_path / "films" / ".a.mp4.rtstyle").mkdir()
    (tmp_path / "films" / ".a.mp4.rtstyle" / "a.part.mp4").write_bytes(b"x")
    return tmp_path


def plan(
    *names: str, kind: Kind = "video", recursive: bool = False, name: str = ""
) -> list[PlannedJob]:
    like = FileJob("", "", "scream")
    return plan_jobs(
        names,
        like,
        kind=kind,
        out_dir=Path("out"),
        recursive=recursive,
        name=name or "{stem}{suffix}",
    )


def pairs(planned: list[PlannedJob]) -> list[tuple[str, str]]:
    return [(row.job.source, row.job.target) for row in planned]


def test_files_folders_and_patterns_are_inputs(folder: Path) -> None:
    expected = [("films/a.mp4", "out/a.mp4"), ("films/b.avi", "out/b.avi")]
    assert pairs(plan("films")) == expected
    assert pairs(plan("films/b.avi", "films")) == expected[::-1]
    assert pairs(plan("films/*.*")) == expected
    deep = ("films/deep/c.mkv", "out/deep/c.mkv")
    assert pairs(plan("films", recursive=True)) == [*expected, deep]
    assert pairs(plan("films/**/*.mkv", recursive=True)) == [(deep[0], "out/c.mkv")]


def test_names_follow_a_template(folder: Path) -> None:
    planned = plan("films", name="{number}-{stem}_{style}{suffix}")
    assert [row.job.target for row in planned] == [
        "out/1-a_scream.mp4",
        "out/2-b_scream.avi",
    ]


@pytest.mark.parametrize(
    ("names", "name", "said"),
    [
        (["none/*.mp4"], "", "expected video files, found none"),
        (["films"], "{date}.mp4", "expected a name with {stem}"),
        (["films"], "a/{stem}", "expected a file's name"),
        (["films"], "same.mp4", "expected one input for it, got films/a.mp4 and"),
    ],
)
def test_plans_that_make_no_sense_are_refused(
    folder: Path, names: list[str], name: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said.replace("{", r"\{")):
        plan(*names, name=name)


def test_an_output_that_is_its_input_is_refused(folder: Path) -> None:
    like = FileJob("", "", "scream")
    with pytest.raises(UsageError, match="other than the input"):
        plan_jobs(["films"], like, kind="video", out_dir=Path("films"))
    planned = plan_jobs(
        ["films"], like, kind="video", out_dir=Path("films"), name="{stem}_x{suffix}"
    )
    assert pairs(planned)[0] == ("films/a.mp4", "films/a_x.mp4")


def test_what_is_there_is_done_unless_it_is_to_be_replaced(folder: Path) -> None:
    Path("out").mkdir()
    Path("out/a.mp4").write_bytes(b"x")
    assert [row.is_done for row in plan("films")] == [True, False]
    like = replace(FileJob("", "", "scream"), overwrite=True)
    planned = plan_jobs(["films"], like, kind="video", out_dir=Path("out"))
    assert [row.is_done for row in planned] == [False, False]


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(words))
    return int(str(stop.value.code))


def test_one_that_is_broken_does_not_stop_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    style = str(write_negative(tmp_path))
    (tmp_path / "1.mp4").write_bytes(b"no film")
    write_film(tmp_path / "2.mp4", 12)
    words = ("video", "1.mp4", "2.mp4", "--out-dir", "out", "--style", style)
    assert run(*words, "--device", "cpu", "--dry-run") == 0
    told = capsys.readouterr().out.splitlines()
    assert "1.mp4: cannot be read" in told[0] and "12 frames, about" in told[1]
    assert told[2].startswith("2 to do, about") and not Path("out").exists()
    assert run(*words, "--json") == 4
    rows = json.loads(capsys.readouterr().out)["files"]
    assert [(row["state"], row["frames"]) for row in rows] == [
        ("failed", 0),
        ("done", 12),
    ]
    assert "1.mp4" in rows[0]["error"]
    assert run(*words) == 4
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("0 done, 1 there already, 1 failed")
    assert told[1].startswith("failed: 1.mp4: expected")


def test_many_pictures_go_into_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    style = str(write_negative(tmp_path))
    for name in ("p/a.png", "p/q/b.png"):
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        cv2.imwrite(name, np.full((20, 30, 3), 200, np.uint8))
    words = ("image", "p", "--out-dir", "out", "--recursive", "--style", style)
    assert run(*words) == 0
    for name in ("out/a.png", "out/q/b.png"):
        picture = cv2.imread(name)
        assert picture is not None and (picture == 55).all()
    assert "2 done, 0 there already, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.mp4"], "Missing argument 'OUT'"),
        ([], "Missing argument 'IN'"),
        (["a", "b", "c"], "unexpected extra argument (c); for many inputs"),
        (["a", "b", "--dry-run"], "--dry-run needs --out-dir DIR"),
        (["--out-dir", "x"], "Missing argument 'IN'"),
    ],
)
def test_names_that_are_missing_or_too_many_are_told(
    words: list[str], said: str, capsys: Capture
) -> None:
    assert run("video", *words) == 2
    assert said in capsys.readouterr().err
