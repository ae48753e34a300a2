from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.drawing.contact_sheet import GAP, TITLE_LINES
from rtstyle.gallery.find import load_style, style_files
from rtstyle.offline.demo import PORTRAIT_SIZE, SHEET_COLUMNS, SHEET_LINES, run_demo
from rtstyle.style_file import bundled_folder
from rtstyle_streams.video.reader import VideoReader

MOST_BYTES, FRAMES = 8_000_000, 250
"""Of the whole video with ten styles, and how many frames it has."""


@pytest.mark.slow
def test_the_sheet_shows_the_portrait_and_the_scene_in_every_style(
    tmp_path: Path,
) -> None:
    bundled = [n for n, p in style_files().items() if p.parent == bundled_folder()]
    styles = [load_style(name) for name in bundled]
    assert len(styles) == 10
    result = run_demo(styles, tmp_path, width=320, height=180, frames_per_style=1)
    assert result.num_frames == 10
    sheet = cv2.imread(str(result.sheet))
    assert sheet is not None
    portrait = round(PORTRAIT_SIZE[0] * SHEET_LINES / PORTRAIT_SIZE[1])
    scene = round(320 * SHEET_LINES / 180)
    cell = (TITLE_LINES + SHEET_LINES + GAP, portrait + GAP + scene + GAP)
    rows = -(-11 // SHEET_COLUMNS)
    assert sheet.shape[:2] == (rows * cell[0] + GAP, SHEET_COLUMNS * cell[1] + GAP)
    pictures = []
    for number in range(11):
        y = number // SHEET_COLUMNS * cell[0] + GAP + TITLE_LINES
        x = number % SHEET_COLUMNS * cell[1] + GAP
        lines = sheet[y : y + SHEET_LINES].astype(int)
        first, second = lines[:, x : x + portrait], lines[:, x + portrait + GAP :]
        pictures.append((first, second[:, :scene]))
    for kind in range(2):
        for number, pair in enumerate(pictures):
            assert pair[kind].std() > 15
            for earlier in pictures[:number]:
                assert np.abs(pair[kind] - earlier[kind]).mean() > 8


@pytest.mark.slow
def test_the_video_stays_small(tmp_path: Path) -> None:
    styles = [load_style(name) for name in ("port_en_bessin", "tableau_1913")]
    result = run_demo(styles, tmp_path)
    assert result.num_frames * 10 == FRAMES * len(styles)
    with VideoReader(result.video) as reader:
        assert len(list(reader)) == result.num_frames
    share = result.num_frames / FRAMES
    assert result.video.stat().st_size < MOST_BYTES * share
