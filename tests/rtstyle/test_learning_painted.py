"""`rtstyle video --painted --learn`: painted frames are learned once, then exported."""

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from rtstyle.commands.video import video
from rtstyle.errors import UsageError
from rtstyle.learning import painted
from rtstyle.learning.painted import learned_frames
from tests.rtstyle.test_painted_frames import inverted, moving
from tests.rtstyle.test_painted_video import frames
from tests.streams.clips import write_clip
from tests.tiny_styles import negative_style


class Commands:
    """Stands for the processes: writes what they would, remembers how they were run."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.calls = list(statuses), list[list[str]]()

    def __call__(self, words: Sequence[str]) -> int:
        self.calls.append(list(words))
        assert words[:3] == [sys.executable, "-m", "rtstyle"]
        if self.statuses and (status := self.statuses.pop(0)):
            return status
        if "train" in words:
            Path(words[words.index("--out") + 1]).write_bytes(b"weights")
        else:
            assert Path(words[-2]).read_bytes() == b"weights"
            Path(words[-1]).write_bytes(negative_style())
        return 0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Commands:
    found = Commands()
    monkeypatch.setattr(painted, "run_to_end", found)
    return found


@pytest.fixture
def room(tmp_path: Path) -> Path:
    write_clip(tmp_path / "film.mp4", moving(1, 6))
    picture = cv2.cvtColor(inverted(moving(1, 6)[3]), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(tmp_path / "p_3.png"), picture)
    return tmp_path


def test_painted_frames_are_learned_and_exported_once(
    room: Path, run: Commands
) -> None:
    film, picture = str(room / "film.mp4"), str(room / "p_3.png")
    path, status = learned_frames([picture], film, minutes=3, at_seconds=[0.12])
    assert status == 0 and path.read_bytes() == negative_style()
    train, export = run.calls
    assert train[3:6] == ["train", "frames", film]
    assert train[6:12] == ["--minutes", "3", "--painted", picture, "--at", "0.12s"]
    assert export[3] == "export"
    assert not list(path.parent.glob(".*.frames")), "the work folder is left"
    assert learned_frames([picture], film, minutes=3, at_seconds=[0.12])[0] == path
    assert len(run.calls) == 2
    assert learned_frames([picture], film, minutes=4)[0] != path


def test_a_stopped_learning_goes_on(room: Path, run: Commands) -> None:
    run.statuses = [130]
    film, picture = str(room / "film.mp4"), str(room / "p_3.png")
    path, status = learned_frames([picture], film, minutes=3)
    assert status == 130 and not path.exists() and "--resume" not in run.calls[0]
    folder = path.with_name(f".{path.stem}.frames")
    (folder / f"{path.stem}.checkpoint.safetensors").touch()
    assert learned_frames([picture], film, minutes=3) == (path, 0)
    assert run.calls[1][-1] == "--resume"


def test_an_export_that_failed_needs_no_second_learning(
    room: Path, run: Commands
) -> None:
    run.statuses = [0, 1]
    film, picture = str(room / "film.mp4"), str(room / "p_3.png")
    assert learned_frames([picture], film, minutes=3)[1] == 1
    assert learned_frames([picture], film, minutes=3)[1] == 0
    assert [call[3] for call in run.calls] == ["train", "export", "export"]


def test_a_pipe_is_refused(run: Commands) -> None:
    with pytest.raises(UsageError, match="expected a film, got -"):
        learned_frames(["p.png"], "-", minutes=3)
    assert not run.calls


def test_the_film_is_painted_with_what_was_learned(room: Path, run: Commands) -> None:
    words = [str(room / "film.mp4"), str(room / "out.mp4"), "--learn", "90s"]
    words += ["--painted", str(room / "p_3.png"), "--smooth", "off", "--crf", "5"]
    done = CliRunner().invoke(
        video, [*words, "--device", "cpu"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    assert run.calls[0][7] == "1.5"
    film = frames(room / "out.mp4")
    wanted = inverted(moving(1, 6)[3]).astype(float)
    assert len(film) == 6 and np.abs(film[3] - wanted).mean() < 9


def test_a_style_and_painted_frames_are_not_learned_together(
    room: Path, run: Commands
) -> None:
    words = [str(room / "film.mp4"), str(room / "out.mp4"), "--learn", "90s"]
    words += ["--painted", str(room / "p_3.png"), "--style", "scream"]
    done = CliRunner().invoke(video, words)
    assert done.exit_code == 2 and "--painted or --style, got both" in done.output
    assert not run.calls


def test_without_a_style_the_painted_frame_is_one(room: Path) -> None:
    words = [str(room / "film.mp4"), str(room / "out.mp4"), "--device", "cpu"]
    words += ["--painted", str(room / "p_3.png"), "--json"]
    done = CliRunner().invoke(video, words, catch_exceptions=False)
    assert done.exit_code == 0 and '"style": "p_3"' in done.output
