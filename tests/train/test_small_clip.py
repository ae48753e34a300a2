from pathlib import Path

import cv2
import numpy as np
import open_clip
import pytest

from rtstyle_train.clip import load_clip
from rtstyle_train.clip_source import ClipSource
from rtstyle_train.small_clip.captions import (
    CAPTIONS,
    COLOURS,
    PATTERNS,
    Caption,
    find_caption,
)
from rtstyle_train.small_clip.model import MERGES_FILE, start_folder
from rtstyle_train.small_clip.patterns import draw_pattern
from rtstyle_train.small_clip.render import render, render_pattern, write_words
from rtstyle_train.small_clip.retrieval import measure_retrieval
from rtstyle_train.small_clip.scenes import SIDE
from rtstyle_train.small_clip.training import SmallClipConfig, train
from rtstyle_train.small_clip.vocabulary import learn_merges
from rtstyle_train.small_clip.word_detector import (
    WordDetector,
    measure_detector,
    render_writing,
    train_detector,
    words_of,
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_there_are_more_than_sixty_different_captions() -> None:
    texts = {caption.text for caption in CAPTIONS}
    assert len(texts) == len(CAPTIONS) >= 60
    assert {"photo", "blue stripes", "pencil hatching on paper"} <= texts
    assert find_caption("golden dots") == Caption("golden dots", "golden", "dots")


@pytest.mark.parametrize("words_share", [0.0, 1.0])
def test_renderings_depend_on_their_seed_alone(words_share: float) -> None:
    for caption in CAPTIONS[::11]:
        first = render(caption, random(3), words_share=words_share)
        again = render(caption, random(3), words_share=words_share)
        other = render(caption, random(4), words_share=words_share)
        assert first.shape == (SIDE, SIDE, 3) and first.dtype == np.uint8
        assert (first == again).all()
        assert (first != other).any()


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_leave_some_places_bare_and_ink_others(name: str) -> None:
    for seed in range(5):
        mask = draw_pattern(name, random(seed))
        assert mask.shape == (SIDE, SIDE) and mask.dtype == np.float32
        assert mask.min() >= 0 and mask.max() <= 1
        assert 0.05 < mask.mean() < 0.95


def test_red_pictures_are_redder_and_blue_ones_bluer() -> None:
    for pattern in PATTERNS:
        red = render_pattern(Caption("", "red", pattern), random(1)).astype(float)
        blue = render_pattern(Caption("", "blue", pattern), random(1)).astype(float)
        assert (red - blue)[..., 0].mean() > 5, pattern
        assert (blue - red)[..., 2].mean() > 5, pattern
    assert set(COLOURS) >= {"red", "blue"}


def test_words_are_written_on_the_picture_and_nowhere_else() -> None:
    plain = render(find_caption("photo"), random(5))
    before = plain.copy()
    written = write_words(plain, "red mosaic", random(6))
    assert (plain == before).all(), "the input was changed in place"
    changed = (written != plain).any(axis=2).mean()
    assert 0.02 < changed < 0.6


def test_every_word_of_captions_is_one_token_of_a_small_vocabulary(
    tmp_path: Path,
) -> None:
    config = start_folder(tmp_path, width=32, layers=1)
    tokenizer = open_clip.SimpleTokenizer(bpe_path=str(tmp_path / MERGES_FILE))
    assert tokenizer.vocab_size == config["text_cfg"]["vocab_size"] < 1000
    assert len(tokenizer.encode("pencil hatching on paper")) == 4
    assert tokenizer.decode(tokenizer.encode("Blue stripes")) == "blue stripes "


def test_merges_join_words_and_nothing_across_them() -> None:
    merges = learn_merges(["ab ab ac"])
    assert merges[0] == ("a", "c</w>") or merges[0] == ("a", "b</w>")
    assert len(merges) == 2


def test_writing_says_which_words_are_there() -> None:
    words = ("blue", "dots", "red")
    found = np.stack([render_writing(words, random(seed))[1] for seed in range(60)])
    assert set(np.unique(found)) == {0.0, 1.0}
    assert found.sum(axis=1).max() == 2
    assert (found.sum(axis=1) == 0).mean() > 0.2
    assert words_of("Pencil hatching on paper") == ["pencil", "hatching", "paper"]


@pytest.mark.slow
def test_the_detector_finds_words_and_hardly_ever_what_is_not_there() -> None:
    words = ("blue", "dots", "golden", "mosaic", "red", "stripes")
    detector = train_detector(words, pictures=120)
    figures = measure_detector(detector, pictures=60)
    assert figures.found > 0.6
    assert figures.wrong < 0.03


def test_a_written_prompt_scores_high_wherever_it_stands() -> None:
    detector = WordDetector(("golden", "mosaic"), np.full(2, 25.0), np.full(2, 0.7))
    photo = render(find_caption("photo"), random(2))
    written = write_words(photo, "golden mosaic", random(3))
    quarter = photo.copy()
    quarter[56:168, 56:168] = cv2.resize(written, (112, 112))
    before = written.copy()
    assert detector.score(photo, "golden mosaic") < 0.2
    assert detector.score(written, "golden mosaic") > 0.8
    assert detector.score(quarter, "golden mosaic") > 0.5
    assert (written == before).all(), "the input was changed in place"
    with pytest.raises(ValueError, match="not in"):
        detector.score(written, "green")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_reduced_clip_finds_captions_far_above_chance(tmp_path: Path) -> None:
    config = SmallClipConfig(steps=160, batch_size=48)
    losses = [loss for _, loss in train(tmp_path, config)]
    assert np.mean(losses[-20:]) < 0.8 * np.mean(losses[:20])
    found = measure_retrieval(load_clip(ClipSource(str(tmp_path))), repeats=2)
    assert found.chance < 0.02
    assert found.patterns > 0.2
