"""The cache of paintings: whole entries only, a limit, any number of processes."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from rtstyle.paintings.cache import MAGIC, Modulation, PaintingCache, cache_folder


def numbers(value: float, count: int = 100) -> Modulation:
    return np.full(count, value, np.float32)


def never() -> Modulation:
    raise AssertionError("it was made again")


@pytest.fixture
def cache(tmp_path: Path) -> PaintingCache:
    return PaintingCache(tmp_path / "cache")


def test_what_was_made_once_is_read_afterwards(cache: PaintingCache) -> None:
    made = np.random.default_rng(0).normal(size=500).astype(np.float32)
    assert cache.get("a", lambda: made) is made
    assert (cache.get("a", never) == made).all()
    assert cache.get("b", lambda: numbers(2))[0] == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: b"other" + data,
        lambda data: data.replace(b"key", b"yek"),
        lambda data: MAGIC + b"\n",
    ],
)
def test_a_damaged_entry_is_made_again(damage, cache: PaintingCache) -> None:  # type: ignore[no-untyped-def]
    cache.write("key", numbers(1))
    (path,) = cache.folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert cache.get("key", lambda: numbers(5))[0] == 5
    assert cache.get("key", never)[0] == 5


def test_the_ones_used_longest_ago_go_first(tmp_path: Path) -> None:
    cache = PaintingCache(tmp_path, limit_bytes=1500)  # an entry has about 490
    for number, name in enumerate("abc"):
        cache.write(name, numbers(number))
        os.utime(cache.path_of(name), ns=(number, number))
    assert cache.read("a") is not None, "used now, so it may stay"
    cache.write("d", numbers(3))
    cache.write("e", numbers(4))
    kept = [name for name in "abcde" if cache.read(name) is not None]
    assert kept == ["a", "d", "e"]
    assert cache.state().num_bytes <= 1500


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cache = PaintingCache(blocked / "cache")
    assert cache.get("a", lambda: numbers(1))[0] == 1
    assert cache.state().num_entries == 0


def test_clearing_leaves_nothing_and_tells_what_there_was(
    cache: PaintingCache,
) -> None:
    assert cache.clear().num_entries == 0
    cache.write("a", numbers(1))
    before = cache.clear()
    assert before.num_entries == 1 and before.num_bytes > 400
    assert cache.read("a") is None


def test_the_folder_is_where_the_platform_wants_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert cache_folder() == tmp_path / "rtstyle" / "paintings"


def test_readers_never_see_a_half_written_entry(cache: PaintingCache) -> None:
    stop, seen = threading.Event(), set[float]()

    def write() -> None:
        value = 0.0
        while not stop.is_set():
            value = 1.0 - value
            cache.write("a", numbers(value, 20_000))

    cache.write("a", numbers(0, 20_000))
    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(300):
        found = cache.read("a")
        assert found is not None and found.size == 20_000
        assert found.min() == found.max()
        seen.add(float(found[0]))
    stop.set()
    writer.join(5)
    assert not list(cache.folder.glob("*.part"))


@pytest.mark.slow
def test_two_processes_may_use_it_at_once(tmp_path: Path) -> None:
    lines = (
        "import sys, numpy as np",
        "from pathlib import Path",
        "from rtstyle.paintings.cache import PaintingCache",
        "cache = PaintingCache(Path(sys.argv[1]), limit_bytes=4000)",
        "for n in range(150):",
        "    got = cache.get(str(n % 20), lambda: np.full(100, n % 20, np.float32))",
        "    assert (got == n % 20).all()",
    )
    command = [sys.executable, "-c", "\n".join(lines), str(tmp_path / "cache")]
    paths = os.pathsep.join(path for path in sys.path if path)
    children = [
        subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths})
        for _ in range(3)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert PaintingCache(tmp_path / "cache").state().num_bytes <= 4000
