from pathlib import Path

import cv2
import numpy as np
import open_clip
import pytest
import torch

from rtstyle_experiments.small_clip.captions import (
    CAPTIONS,
    COLOURS,
    PATTERNS,
    Caption,
    find_caption,
)
from rtstyle_experiments.small_clip.model import MERGES_FILE, build, start_folder
from rtstyle_experiments.small_clip.patterns import draw_pattern
from rtstyle_experiments.small_clip.pool import Captioned, PicturePool, PoolConfig
from rtstyle_experiments.small_clip.render import (
    render,
    render_pattern,
    write_small,
    write_words,
)
from rtstyle_experiments.small_clip.retrieval import measure_retrieval
from rtstyle_experiments.small_clip.scenes import SEEN_SIDE, SIDE
from rtstyle_experiments.small_clip.training import (
    SmallClipConfig,
    attacked,
    contrastive_loss,
    noisy,
    seen_as_views,
    train,
)
from rtstyle_experiments.small_clip.vocabulary import learn_merges
from rtstyle_experiments.small_clip.word_detector import (
    WordDetector,
    measure_detector,
    render_writing,
    score,
    train_detector,
    words_of,
)
from rtstyle_experiments.small_clip.word_network import (
    WordConfig,
    WordNetwork,
    calibrate,
    load_words,
    save_words,
    train_words,
)
from rtstyle_train.clip.encoder import load_clip
from rtstyle_train.clip.source import ClipSource


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
    assert 0.005 < changed < 0.6


def test_small_words_leave_most_of_the_picture_alone() -> None:
    plain = np.full((SIDE, SIDE, 3), 128, np.uint8)
    for seed in range(5):
        written = write_small(plain, "red mosaic", random(seed))
        changed = (written != plain).any(axis=2)
        assert 0.003 < changed.mean() < 0.4
    assert (plain == 128).all(), "the input was changed in place"


def test_scenes_may_be_photographs() -> None:
    photo = np.full((SIDE, SIDE, 3), (10, 200, 30), np.uint8)
    shown = render(find_caption("photo"), random(), scene=lambda _: photo)
    assert (shown == photo).all()
    for seed in range(8):
        over = render_pattern(
            find_caption("red dots"), random(seed), scene=lambda _: photo
        )
        assert (over != photo).any()


POOL = PoolConfig(size=6, batch_size=4, fresh=2, seed=5)


def test_the_pool_gives_new_pictures_and_draws_old_ones_again() -> None:
    made = Captioned(POOL)
    first, labels = made[0]
    assert first.shape == (2, 3, SEEN_SIDE, SEEN_SIDE) and labels.shape == (2,)
    assert (made[0][0] == first).all() and (made[1][0] != first).any()
    pool = PicturePool(POOL, Captioned(POOL))
    for _ in range(5):
        pixels, targets = pool.batch()
        assert pixels.shape == (4, 3, SEEN_SIDE, SEEN_SIDE) and targets.shape == (4,)
        assert 0 <= pixels.min() and pixels.max() <= 1
    assert pool.count == 12, "two batches' worth at first, then two pictures a step"


@pytest.mark.slow
def test_processes_render_the_same_pictures() -> None:
    alone = PicturePool(POOL, Captioned(POOL)).batch()
    config = PoolConfig(size=6, batch_size=4, fresh=2, seed=5, workers=1)
    shared = PicturePool(config, Captioned(config)).batch()
    assert (alone[0] == shared[0]).all() and (alone[1] == shared[1]).all()


def test_half_of_the_pictures_are_seen_as_distorted_crops() -> None:
    images = torch.rand(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    seen = seen_as_views(images, torch.Generator().manual_seed(1))
    assert seen.shape == images.shape
    assert (seen[2:] == images[2:]).all() and (seen[:2] != images[:2]).any()
    assert (images == before).all(), "the input was changed in place"


def test_noise_has_its_own_strength_for_each_picture() -> None:
    images = torch.full((40, 3, 32, 32), 0.5)
    found = noisy(images, 0.2, torch.Generator().manual_seed(0)) - images
    strengths = found.flatten(1).std(dim=1)
    assert strengths.max() < 0.21 and strengths.min() < 0.03
    assert strengths.std() > 0.03
    assert (images == 0.5).all(), "the input was changed in place"


def test_an_attack_is_short_and_makes_the_loss_larger(tmp_path: Path) -> None:
    torch.manual_seed(0)
    description = start_folder(tmp_path, width=32, layers=1)
    network, tokenizer = build(tmp_path, description)
    tokens = tokenizer([caption.text for caption in CAPTIONS])
    labels = torch.tensor([3, 40, 66])
    images = torch.full((3, 3, SEEN_SIDE, SEEN_SIDE), 0.5)
    changed = attacked(network, images, tokens, labels, 8.0)
    lengths = (changed - images).flatten(1).norm(dim=1)
    assert (lengths > 1).all() and (lengths <= 12.01).all()
    noise = torch.randn_like(images)
    noise *= 8.0 / noise.flatten(1).norm(dim=1).view(-1, 1, 1, 1)

    def loss(pictures: torch.Tensor) -> float:
        return contrastive_loss(network, pictures, tokens, labels).item()

    assert loss(changed) > loss(images + noise)
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.slow
def test_a_word_network_learns_and_survives_its_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = WordNetwork(("dots", "mosaic", "red"), width=8)
    config = WordConfig(steps=24, batch_size=8, fresh=4, pool=32)
    losses = [loss for _, loss in train_words(network, config)]
    assert len(losses) == 24 and sum(losses[-8:]) < sum(losses[:8])
    calibrate(network, pictures=24)
    seen = measure_detector(network, pictures=24)
    assert 0 < seen.wrong < 0.2, "some, but few words are found that are not there"
    save_words(tmp_path / "words.safetensors", network)
    again = load_words(tmp_path / "words.safetensors")
    picture = render(find_caption("red dots"), random(1), words_share=1.0)
    wide = np.concatenate([picture, picture], axis=1)
    for shown in (picture, wide):
        assert score(again, shown, "red dots") == score(network, shown, "red dots")
        assert 0 <= score(again, shown, "red dots") <= 1
    with pytest.raises(ValueError, match="not in"):
        score(again, picture, "green")


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
    assert figures.found > 0.25
    assert figures.wrong < 0.03


def test_a_written_prompt_scores_high_wherever_it_stands() -> None:
    detector = WordDetector(("golden", "mosaic"), np.full(2, 25.0), np.full(2, 0.7))
    photo = render(find_caption("photo"), random(2))
    written = write_words(photo, "golden mosaic", random(3))
    quarter = photo.copy()
    quarter[56:168, 56:168] = cv2.resize(written, (112, 112))
    before = written.copy()
    assert score(detector, photo, "golden mosaic") < 0.2
    assert score(detector, written, "golden mosaic") > 0.8
    assert score(detector, quarter, "golden mosaic") > 0.5
    assert (written == before).all(), "the input was changed in place"
    with pytest.raises(ValueError, match="not in"):
        score(detector, written, "green")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_reduced_clip_finds_captions_far_above_chance(tmp_path: Path) -> None:
    config = SmallClipConfig(steps=200, batch_size=48, fresh=12, noise=0.0, attack=0.0)
    losses = [loss for _, loss in train(tmp_path, config)]
    assert np.mean(losses[-20:]) < 0.8 * np.mean(losses[:20])
    found = measure_retrieval(load_clip(ClipSource(str(tmp_path))), repeats=2)
    assert found.chance < 0.02
    assert found.patterns > 0.2
