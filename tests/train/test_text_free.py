from pathlib import Path

import numpy as np
import pytest
import torch

from rtstyle_experiments.small_clip.word_detector import WordDetector
from rtstyle_experiments.text_bands.free import FreeConfig, free_pictures
from rtstyle_experiments.text_bands.judge import Judges, along
from rtstyle_experiments.text_bands.table import FREE_FILE, free_table, write_free
from rtstyle_train.clip.encoder import ClipEncoder, load_clip
from rtstyle_train.clip.source import ClipSource
from rtstyle_train.losses.directional import directional_distances
from tests.train.clip_files import make_tiny_clip

SHORT = FreeConfig(steps=6, views=1, crop_size=32, tv_weight=0.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> ClipEncoder:
    folder = make_tiny_clip(tmp_path_factory.mktemp("clip"))
    return load_clip(ClipSource(str(folder)))


def photos() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 0.25 + 0.5 * torch.rand(2, 3, 48, 64, generator=generator)


@pytest.mark.parametrize("band", [None, "c2"])
def test_pixels_follow_their_own_prompts(clip: ClipEncoder, band: str | None) -> None:
    content, prompts = photos(), ["red dots", "blue waves"]
    before = content.clone()
    made = free_pictures(content, prompts, clip, band=band, config=SHORT)
    assert made.shape == content.shape and not made.requires_grad
    assert 0 <= made.min() and made.max() <= 1
    assert (content == before).all(), "the input was changed in place"
    start = along(clip, content, content + 1e-3, prompts, band=band)
    cosines = along(clip, content, made, prompts, band=band)
    assert (cosines.diagonal() > start.diagonal()).all()


def test_rows_may_have_their_own_directions() -> None:
    generator = torch.Generator().manual_seed(0)
    stylized, content, ways = torch.randn(3, 4, 8, generator=generator)
    together = directional_distances(stylized, content, ways)
    alone = [
        directional_distances(stylized[k : k + 1], content[k : k + 1], ways[k]).item()
        for k in range(4)
    ]
    assert together.tolist() == pytest.approx(alone)


def test_figures_and_pictures_are_written(tmp_path: Path, clip: ClipEncoder) -> None:
    words = ("blue", "dots", "red", "waves")
    detector = WordDetector(words, np.ones(4), np.full(4, 0.5))
    prompts = ("red dots", "blue waves")
    judges = Judges(clip, clip, detector)
    small = FreeConfig(steps=1, views=1)
    write_free(tmp_path, photos(), judges, prompts, ("none", "c1"), config=small)
    assert (tmp_path / FREE_FILE).exists() and (tmp_path / "free.png").exists()
    rows: list[dict[str, object]] = [
        {"prompt": "red dots", "band": "none", "direction": 1, "words": 0.5}
        | {"words_other": 0.25}
    ]
    assert "| **mean** | none | 1.000 | 0.500 | 0.250 |" in free_table(rows)
