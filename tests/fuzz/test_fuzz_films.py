"""Malformed films and pictures end in one of three ways, and nothing is lost unsaid."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from tests.fuzz.mutators import (
    ebml_elements,
    iso_boxes,
    jpeg_segments,
    png_chunks,
    riff_chunks,
    tiff_entries,
    ts_packets,
)
from tests.fuzz.runner import (
    Outcome,
    Report,
    Run,
    Seed,
    fuzz,
    load_target,
    make_input,
)
from tests.fuzz.worker import run_one


class Endings:
    """A target that ends as the file says."""

    def seeds(self) -> list[Seed]:
        return [Seed("a.txt", b"success"), Seed("b.txt", b"other")]

    def mutated(self, seed: Seed, other: Seed, random: object) -> bytes:
        return seed.data + other.data

    def run(self, path: Path, folder: Path) -> Run:
        text = path.read_text()
        if text == "crash":
            import ctypes

            ctypes.string_at(0)
        if text == "raise":
            raise KeyError("no such key")
        if text == "hang":
            while True:
                pass
        assert list(folder.iterdir()) == []
        return Run(Outcome(text), "said")

    def loss(self, path: Path, run: Run) -> str:
        return "half of it" if path.name == "lossy.txt" else ""


@pytest.mark.parametrize(
    ("name", "data", "outcome", "text"),
    [
        ("a.txt", b"success", Outcome.SUCCESS, "said"),
        ("a.txt", b"clean error", Outcome.CLEAN_ERROR, "said"),
        ("lossy.txt", b"success", Outcome.SILENT_LOSS, "half of it"),
        ("lossy.txt", b"partial", Outcome.PARTIAL, "said"),
        ("a.txt", b"raise", Outcome.TRACEBACK, "KeyError: 'no such key'"),
        ("a.txt", b"crash", Outcome.CRASH, "SIGSEGV"),
        ("a.txt", b"hang", Outcome.HANG, "SIGALRM"),
    ],
)
def test_runner_tells_the_endings_apart(
    name: str,
    data: bytes,
    outcome: Outcome,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.fuzz.worker.HANG_SECONDS", 0.2)
    result = run_one(Endings(), Seed(name, data), number=3)
    assert result.outcome is outcome
    assert text in result.text
    report = Report("endings", [result])
    is_failure = outcome not in ("success", "partial", "clean error")
    assert (text in report.as_text().partition("\n")[2]) == is_failure


def test_an_input_is_made_from_its_number_alone() -> None:
    target = load_target("films")
    seeds = [Seed("a.mkv", bytes(range(256)) * 8), Seed("b.ts", b"G" * 1880)]
    assert make_input(target, seeds, 1) == seeds[1], "the seeds come first, unchanged"
    once = [make_input(target, seeds, number) for number in range(2, 40)]
    again = [make_input(target, seeds, number) for number in range(2, 40)]
    assert once == again
    assert all(made.data not in [seed.data for seed in seeds] for made in once)


def muxed(format_name: str) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=format_name) as container:
        stream = container.add_stream("mjpeg", rate=25, width=32, height=32)
        stream.pix_fmt = "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def test_elements_cover_a_file_without_gaps() -> None:
    tops = {
        "mp4": (iso_boxes, b"ftyp"),
        "matroska": (ebml_elements, bytes.fromhex("1A45DFA3")),
        "avi": (riff_chunks, b"LIST"),
        "mpegts": (ts_packets, b"G"),
    }
    for format_name, (elements, first) in tops.items():
        data = muxed(format_name)
        found = sorted(elements(data), key=lambda element: element.start)
        assert len(found) > 3, format_name
        assert first in data[found[0].start : found[0].body + 4]
        assert max(element.end for element in found) == len(data), format_name
        assert all(e.start < e.body <= e.end for e in found), format_name


def test_elements_of_pictures_are_found() -> None:
    seeds = {seed.name: seed.data for seed in load_target("pictures").seeds()}
    png = png_chunks(seeds["a.png"])
    assert seeds["a.png"][png[0].start + 4 : png[0].body] == b"IHDR"
    assert png[-1].end == len(seeds["a.png"])
    assert jpeg_segments(seeds["a.jpg"])[-1].end == len(seeds["a.jpg"])
    assert len(tiff_entries(seeds["a.tif"])) > 8


@pytest.mark.slow
@pytest.mark.parametrize("name", ["films", "pictures"])
def test_malformed_files_end_in_one_of_three_ways(name: str, tmp_path: Path) -> None:
    report = fuzz(name, num_inputs=300, keep=tmp_path)
    assert not report.failures, report.as_text()
    assert report.counts[Outcome.SUCCESS] and report.counts[Outcome.CLEAN_ERROR]
