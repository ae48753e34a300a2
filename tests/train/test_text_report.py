import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import nn

from rtstyle_experiments.small_clip.word_detector import WordDetector
from rtstyle_experiments.text_bands.judge import (
    Judges,
    TextFigures,
    along,
    judge,
    load_squares,
    stylize_all,
    tensor_sheet,
)
from rtstyle_experiments.text_bands.report import BANDS, PROMPTS, main, pairs_of
from rtstyle_experiments.text_bands.table import table, written_words
from rtstyle_train.clip.encoder import ClipEncoder, load_clip
from rtstyle_train.clip.source import ClipSource
from tests.train.clip_files import make_tiny_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    folder = make_tiny_clip(tmp_path_factory.mktemp("clip"))
    return load_clip(ClipSource(str(folder)))


def even_detector(*words: str) -> WordDetector:
    return WordDetector(words, np.ones(len(words)), np.full(len(words), 0.5))


def save_photos(folder: Path, count: int) -> None:
    random = np.random.default_rng(0)
    folder.mkdir()
    for k in range(count):
        smooth = cv2.resize(random.integers(0, 256, (9, 12, 3), np.uint8), (80, 64))
        cv2.imwrite(str(folder / f"{k}.png"), smooth)


def test_unchanged_photographs_keep_their_structure_and_similarity(
    clip: ClipEncoder,
) -> None:
    photos = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    shown = stylize_all(nn.Identity(), photos)
    detector = even_detector("blue", "mosaic", "red", "waves")
    figures = judge(
        shown,
        shown,
        "red mosaic",
        wrong=("blue waves",),
        judges=Judges(clip, clip, detector),
    )
    assert figures.ssim == pytest.approx(1.0)
    assert figures.direction == pytest.approx(0.0, abs=1e-6)
    assert figures.similarity_after == figures.similarity_before
    assert figures.words == figures.words_before
    assert figures.wins == figures.own_wins == 0


def test_the_right_prompt_wins_where_pictures_moved_along_it(
    clip: ClipEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    ways = {"right": torch.eye(128)[0], "wrong": torch.eye(128)[1]}
    start = nn.functional.normalize(torch.ones(4, 128), dim=1)
    moved = start + 0.2 * ways["right"]
    moved[3] = start[3] + 0.2 * ways["wrong"]

    def encode(pixels: torch.Tensor, *, band: str | None = None) -> torch.Tensor:
        return start if torch.equal(pixels, photos) else moved

    monkeypatch.setattr(clip, "fitted", lambda pixels: pixels)
    monkeypatch.setattr(clip, "encode_image", encode)
    monkeypatch.setattr(clip, "direction", lambda text: ways[text])
    found = judge(
        photos,
        1 - photos,
        "right",
        wrong=("wrong",),
        judges=Judges(clip, clip, even_detector("right", "wrong")),
    )
    assert found.wins == found.own_wins == 0.75
    assert found.direction > 0.5
    assert found.ssim < 0.1


def test_the_judge_and_the_trainer_are_asked_apart(
    clip: ClipEncoder, tmp_path: Path
) -> None:
    other = load_clip(ClipSource(str(make_tiny_clip(tmp_path, seed=1))))
    photos = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = judge(
        photos,
        1 - photos,
        "red dots",
        wrong=(),
        judges=Judges(clip, other, even_detector("dots", "red")),
    )
    own = along(clip, photos, 1 - photos, ["red dots"])
    judged = along(other, photos, 1 - photos, ["red dots"])
    assert found.own_direction == pytest.approx(own.mean().item())
    assert found.direction == pytest.approx(judged.mean().item())
    assert found.direction != pytest.approx(found.own_direction, abs=1e-4)


def test_parts_share_all_the_work_once() -> None:
    parts = [pairs_of(PROMPTS, (k, 5)) for k in range(1, 6)]
    together = [pair for part in parts for pair in part]
    assert sorted(together) == sorted((p, b) for p in PROMPTS for b in BANDS)


def test_writing_and_pattern_are_put_on_the_photographs(clip: ClipEncoder) -> None:
    photos = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    before = photos.clone()
    rows = written_words(
        photos,
        Judges(clip, clip, even_detector("x")),
        ("red dots", "not to be drawn", "blue waves"),
        ("none", "c2"),
    )
    assert (photos == before).all(), "the input was changed in place"
    assert [(r["prompt"], r["band"]) for r in rows] == [
        (p, b) for p in ("red dots", "blue waves") for b in ("none", "c2")
    ]
    for row in rows:
        cosines = [float(str(row[n])) for n in ("words", "pattern", "wrong_pattern")]
        assert all(-1 <= c <= 1 for c in cosines)
        assert len(set(cosines)) == 3


def test_photographs_are_judged_on_their_middle(tmp_path: Path) -> None:
    wide = np.zeros((64, 96, 3), np.uint8)
    wide[:, 16:80, 2] = 255  # red, for OpenCV's BGR
    cv2.imwrite(str(tmp_path / "wide.png"), wide)
    squares = load_squares(tmp_path, side=32)
    assert squares.shape == (1, 3, 32, 32)
    assert (squares[0, 0] == 1).all() and (squares[0, 1:] == 0).all()


def test_the_sheet_is_a_table_of_pictures() -> None:
    red, blue = torch.zeros(2, 3, 48, 48)
    red[0], blue[2] = 1.0, 1.0
    sheet = tensor_sheet([[red, blue], [blue, red], [red, red]], side=16)
    assert sheet.shape == (1, 3, 48, 32)
    assert sheet[0, :, 8, 8].round().tolist() == [1, 0, 0]
    assert sheet[0, :, 8, 24].round().tolist() == [0, 0, 1]


def test_the_table_ends_with_the_means_of_every_band() -> None:
    rest = dict.fromkeys(list(TextFigures.__dataclass_fields__)[1:], 0.5)
    rows = [
        {"prompt": p, "band": b, "direction": d, **rest}
        for p, b, d in (("a", "none", 0.25), ("b", "none", 0.75), ("a", "c2", 1.0))
    ]
    lines = table(rows).splitlines()
    assert lines[0].startswith("| prompt | band | direction | similarity before |")
    assert lines[-2].startswith("| **mean** | none | 0.500 |")
    assert lines[-1].startswith("| **mean** | c2 | 1.000 |")


@pytest.mark.slow
def test_the_report_trains_every_band_once_and_can_be_given_again(
    tmp_path: Path,
) -> None:
    folder = make_tiny_clip(tmp_path / "clip")
    save_photos(tmp_path / "photos", 3)
    conv = nn.Conv2d(3, 8, 3).state_dict()
    save_file(
        {f"conv1_1.{k}": v for k, v in conv.items()}, tmp_path / "vgg.safetensors"
    )
    (tmp_path / "recipe.toml").write_text(
        'network = "tiny"\nsize = 48\nsmallest_crop = 48\ncrop_size = 24\n'
        "num_patches = 2\nnum_views = 2\nbatch_size = 1\nidentity_steps = 1\n"
        'steps = 1\ncontent_layers = ["relu1_1"]\n'
    )
    words = ["--content", tmp_path / "photos", "--judge-on", tmp_path / "photos"]
    words += ["--out", tmp_path / "report", "--clip", folder, "--recipe"]
    words += [tmp_path / "recipe.toml", "--loss-weights", tmp_path / "vgg.safetensors"]
    words += [
        "--free-steps",
        "1",
        "--prompt",
        "red dots",
        "--prompt",
        "ink dots on paper",
    ]
    first = CliRunner().invoke(main, [str(word) for word in words])
    assert first.exit_code == 0, first.output
    found = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    bands = [row["band"] for row in found["networks"]]
    assert bands == [*BANDS, *BANDS]
    assert len(found["written"]) == 8
    assert cv2.imread(str(tmp_path / "report" / "sheet.png")) is not None
    made = {p.name: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")}
    assert "red_dots_c3.safetensors" in made and "identity.safetensors" in made
    words += ["--finished"]
    again = CliRunner().invoke(main, [str(word) for word in words])
    assert again.exit_code == 0, again.output
    after = {p.name: p.stat().st_mtime_ns for p in tmp_path.rglob("*.safetensors")}
    assert made == after, "nothing that is finished is trained again"
    assert "| ink dots on paper | c3 |" in again.output
