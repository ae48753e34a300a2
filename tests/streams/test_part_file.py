"""Where an output goes: links, modes, long names, and two that want one place."""

import os
import threading
from pathlib import Path

import pytest

from rtstyle_streams.errors import SinkError, SpecError, TargetExistsError
from rtstyle_streams.opening import open_sink, open_source
from rtstyle_streams.part_file import PartFile, check_target
from tests.streams.clips import numbered_clip


def put(target: Path, text: str = "new", *, overwrite: bool = False) -> None:
    part = PartFile(target, overwrite=overwrite)
    try:
        part.path.write_text(text)
        part.commit()
    except BaseException:
        part.discard()
        raise


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "real").write_text("old")
    (tmp_path / "link").symlink_to("disk/real")
    with pytest.raises(TargetExistsError, match="--overwrite"):
        put(tmp_path / "link")
    put(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "real").read_text() == "new"
    assert os.listdir(tmp_path / "disk") == ["real"]


def test_a_link_to_nothing_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk/real")
    put(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "real").read_text() == "new"
    (tmp_path / "lost").symlink_to("nowhere/real")
    with pytest.raises(SinkError, match="found no .*nowhere; create it"):
        check_target(tmp_path / "lost", overwrite=False)


def test_the_mode_of_a_replaced_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o600)
    put(tmp_path / "a", overwrite=True)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.parametrize("letter", ["x", "ü", "字"])
@pytest.mark.parametrize("num_bytes", [247, 251, 255])
def test_the_longest_names_can_be_written(
    tmp_path: Path, letter: str, num_bytes: int
) -> None:
    stem = letter * ((num_bytes - 4) // len(letter.encode()))
    target = tmp_path / f"{stem}.mp4"
    first, second = (PartFile(target, overwrite=False) for _ in range(2))
    assert first.path != second.path and first.path.suffix == ".mp4"
    first.commit()
    second.discard()
    assert os.listdir(tmp_path) == [target.name]


def test_of_two_that_want_one_place_exactly_one_gets_it(tmp_path: Path) -> None:
    target = tmp_path / "a"
    parts = [PartFile(target, overwrite=False) for _ in range(8)]
    for number, part in enumerate(parts):
        part.path.write_text(str(number))
    gate, ends = threading.Barrier(len(parts)), []

    def commit(part: PartFile) -> None:
        gate.wait()
        try:
            part.commit()
            ends.append("won")
        except TargetExistsError:
            part.discard()
            ends.append("lost")

    threads = [threading.Thread(target=commit, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sorted(ends) == ["lost"] * 7 + ["won"]
    assert os.listdir(tmp_path) == ["a"]


def test_without_hard_links_one_still_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    first, second = (PartFile(tmp_path / "a", overwrite=False) for _ in range(2))
    first.path.write_text("first")
    monkeypatch.setattr("os.link", refuse)
    first.commit()
    monkeypatch.setattr("rtstyle_streams.part_file.check_target", lambda *_, **__: None)
    with pytest.raises(TargetExistsError):
        second.commit()
    second.discard()
    assert (tmp_path / "a").read_text() == "first"
    assert os.listdir(tmp_path) == ["a"]


def test_a_device_is_no_place_for_a_file() -> None:
    with pytest.raises(SinkError, match="got a device"):
        check_target(Path("/dev/null"), overwrite=True)


def test_a_file_that_exists_is_opened_whatever_its_colon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    numbered_clip(tmp_path / "a.mp4", 3).rename("holiday:part1.mp4")
    with open_source("holiday:part1.mp4") as source:
        with open_sink("holiday:part2.mp4", source.info, template=source) as sink:
            for frame in source:
                sink.write(frame)
    assert sorted(os.listdir(tmp_path)) == ["holiday:part1.mp4", "holiday:part2.mp4"]
    with pytest.raises(SpecError, match="got holiday:"):
        open_source("holiday:part3.mp4")
