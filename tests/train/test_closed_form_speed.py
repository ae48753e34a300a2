"""The table of closed-form painters beside a style."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rtstyle_experiments.closed_form.__main__ import Part, fitted, main, medians
from rtstyle_streams.pictures.picture_file import encode_picture
from tests.tiny_styles import write_negative
from tests.train.tiny_autoencoders import write_autoencoders


def test_parts_run_in_turns_and_the_first_turn_warms_up() -> None:
    ran: list[str] = []
    parts = [Part("a", lambda: ran.append("a")), Part("b", lambda: ran.append("b"))]
    found = medians(parts, rounds=2)
    assert ran == ["a", "b"] * 3 and list(found) == ["a", "b"]
    assert all(seconds >= 0 for seconds in found.values())


def test_a_picture_is_repeated_to_any_size() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    found = fitted(pixels, width=7, height=5)
    assert found.shape == (5, 7, 3)
    assert (found[2:4, 3:6] == pixels).all() and (found[4, 6] == pixels[0, 0]).all()


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_painter(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (48, 64, 3), np.uint8)
    photo = tmp_path / "photo.png"
    photo.write_bytes(encode_picture(noise, suffix=".png"))
    networks = write_autoencoders(tmp_path / "n.safetensors")
    style = write_negative(tmp_path)
    words = [str(photo), str(photo), "--networks", str(networks), "--style", str(style)]
    words += ["--width", "64", "--height", "40", "--rounds", "1"]
    lines = CliRunner().invoke(main, words, catch_exceptions=False).output.splitlines()
    assert lines[0].startswith("| 64x40 | seconds")
    assert lines[2].endswith("| 1.0 |") and len(lines) == 6
    assert [line.split(" | ")[0][2:] for line in lines[3:]] == [
        "WCT, five levels",
        "of it whitening and colouring",
        "style swap",
    ]
