import os
from dataclasses import replace
from pathlib import Path

import pytest

from rtstyle.runtime.tensorrt.engine_cache import (
    KEPT,
    EngineKey,
    Profile,
    cached_engine,
    engine_folder,
    engine_path,
    read_engine,
    write_engine,
)

KEY = EngineKey("NVIDIA L4 8.9", "580.1", "10.16.0", "ab" * 32, Profile(), "fp16")
PLAN = b"plan\nwith\nlines\x00"


class Builder:
    """Counts how often it builds."""

    def __init__(self, plan: bytes = PLAN) -> None:
        self.plan, self.count = plan, 0

    def __call__(self) -> bytes:
        self.count += 1
        return self.plan


def test_an_engine_is_built_once(tmp_path: Path) -> None:
    build = Builder()
    for _ in range(3):
        assert cached_engine(KEY, build, folder=tmp_path) == PLAN
    assert build.count == 1
    assert [path.suffix for path in tmp_path.iterdir()] == [".engine"]


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, gpu="NVIDIA L4 9.0"),
        replace(KEY, driver="581.0"),
        replace(KEY, tensorrt="10.17.0"),
        replace(KEY, onnx_sha256="cd" * 32),
        replace(KEY, precision="fp32"),
        replace(KEY, profile=Profile(best=(720, 1280))),
    ],
    ids=["gpu", "driver", "tensorrt", "graph", "precision", "profile"],
)
def test_whatever_changes_the_engine_is_built_anew(
    tmp_path: Path, other: EngineKey
) -> None:
    cached_engine(KEY, Builder(), folder=tmp_path)
    build = Builder(b"other")
    assert cached_engine(other, build, folder=tmp_path) == b"other"
    assert build.count == 1


def test_a_foreign_engine_under_the_right_name_is_not_loaded(tmp_path: Path) -> None:
    foreign = replace(KEY, gpu="another")
    write_engine(foreign, b"foreign", folder=tmp_path)
    engine_path(foreign, folder=tmp_path).rename(engine_path(KEY, folder=tmp_path))
    assert read_engine(KEY, folder=tmp_path) is None
    assert cached_engine(KEY, Builder(), folder=tmp_path) == PLAN


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-3], "damaged"),
        (lambda data: b"rubbish", "not an entry of this version"),
        (lambda data: data.replace(b"plan", b"plot"), "damaged"),
    ],
    ids=["cut", "rubbish", "changed"],
)
def test_a_damaged_engine_is_built_anew(
    tmp_path: Path, damage: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    cached_engine(KEY, Builder(), folder=tmp_path)
    path = engine_path(KEY, folder=tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    build = Builder()
    assert cached_engine(KEY, build, folder=tmp_path) == PLAN
    assert build.count == 1
    assert said in caplog.text


def test_a_build_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> bytes:
        raise RuntimeError("no memory")

    with pytest.raises(RuntimeError, match="no memory"):
        cached_engine(KEY, fail, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_costs_only_the_cache(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert cached_engine(KEY, Builder(), folder=blocked / "engines") == PLAN


def test_the_engines_used_longest_ago_are_forgotten(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        key = replace(KEY, driver=str(number))
        write_engine(key, PLAN, folder=tmp_path)
        if (path := engine_path(key, folder=tmp_path)).exists():
            os.utime(path, (1000 + number, 1000 + number))
    last = replace(KEY, driver="last")
    write_engine(last, PLAN, folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == KEPT
    assert read_engine(last, folder=tmp_path) == PLAN
    first = replace(KEY, driver="0")
    assert read_engine(first, folder=tmp_path) is None


def test_engines_are_kept_in_the_users_cache_folder() -> None:
    assert engine_folder().name == "engines"
    assert str(engine_folder()).startswith(os.environ["XDG_CACHE_HOME"])


def test_a_profile_knows_which_sizes_it_takes() -> None:
    profile = Profile((64, 64), (720, 1280), (1080, 1920))
    assert profile.holds(64, 64) and profile.holds(1080, 1920)
    assert not profile.holds(63, 640) and not profile.holds(720, 1921)
    with pytest.raises(ValueError, match="expected least <= best <= most"):
        Profile((64, 64), (32, 64), (128, 128))
