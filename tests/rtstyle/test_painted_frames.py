"""Painted frames of a film: found, laid over, carried along the motion, joined."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from rtstyle.errors import UsageError
from rtstyle.metrics.known_motion import known_motion
from rtstyle.painted_frames.carried_film import CarriedFilm
from rtstyle.painted_frames.carrying import Carried, PaintedFrame, merged
from rtstyle.painted_frames.finding import (
    PaintedPicture,
    find_frames,
    number_in,
    read_painted,
)
from rtstyle.painted_frames.joining import joined
from rtstyle.painted_frames.registration import register
from rtstyle_streams.errors import SourceError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.memory import ListSource

HEIGHT, WIDTH = 120, 160


def photo(seed: int, *, height: int = HEIGHT, width: int = WIDTH) -> Pixels:
    """A smooth random picture with something to follow everywhere."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 10, width // 10, 3), np.uint8)
    fine = random.integers(-40, 41, (height // 4, width // 4, 3))
    size = (width, height)
    picture = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).astype(float)
    picture += cv2.resize(fine.astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def moving(seed: int, num_frames: int, *, with_object: bool = False) -> list[Pixels]:
    """The same motion for every seed, so that one film is the painting of another."""
    film = known_motion(
        photo(seed), num_frames=num_frames, noise=0.0, with_object=with_object
    )
    return [moved.pixels for moved in film]


def key_of(
    content: Sequence[Pixels], painted: Sequence[Pixels], index: int
) -> PaintedFrame:
    share = np.ones(content[0].shape[:2], np.float32)
    return PaintedFrame(index, content[index], painted[index], share)


def carried_through(
    content: Sequence[Pixels], keys: Sequence[PaintedFrame], *, reach: int = 200
) -> list[Carried | None]:
    with CarriedFilm(keys, partial(ListSource, content), reach=reach) as film:
        return [film.at(index, frame) for index, frame in enumerate(content)]


def error(paint: Carried, truth: Pixels) -> np.ndarray:
    return np.asarray(np.abs(paint.pixels - truth).mean(axis=2))


# --- carried ------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 9, 19])
def test_paint_follows_a_known_motion_from_before_and_from_behind(index: int) -> None:
    content, painted = moving(1, 20), moving(2, 20)
    found = carried_through(content, [key_of(content, painted, index)])
    for number in (0, 5, 14, 19):
        paint = found[number]
        assert paint is not None
        sure = paint.reliability > 0.9
        held = np.abs(painted[index].astype(float) - painted[number]).mean(axis=2)
        assert sure.mean() > 0.6, number
        assert error(paint, painted[number])[sure].mean() < 4.0
        if number != index:
            assert held[sure].mean() > 12.0, "the painting hardly moves: no test"


def test_the_keyframe_itself_is_its_painting_bit_for_bit() -> None:
    content, painted = moving(1, 4), moving(2, 4)
    paint = carried_through(content, [key_of(content, painted, 2)])[2]
    assert paint is not None and paint.reliability.min() == 1.0
    assert np.array_equal(paint.pixels, painted[2])


def test_what_is_uncovered_or_covered_is_not_relied_on() -> None:
    content = moving(1, 12, with_object=True)
    painted = moving(2, 12, with_object=True)
    paint = carried_through(content, [key_of(content, painted, 0)])[11]
    assert paint is not None
    wrong = error(paint, painted[11]) > 40.0
    assert wrong.sum() > 100, "nothing was uncovered: no test"
    assert paint.reliability[wrong].mean() < 0.25
    assert paint.reliability.mean() > 0.4


def test_paint_of_another_scene_is_not_relied_on() -> None:
    content = [*moving(1, 4), *moving(5, 4)]
    found = carried_through(content, [key_of(content, content, 0)])
    assert found[3] is not None and found[3].reliability.mean() > 0.6
    assert found[6] is not None and found[6].reliability.mean() < 0.05


def test_transparent_parts_are_not_carried() -> None:
    content, painted = moving(1, 8), moving(2, 8)
    share = np.ones((HEIGHT, WIDTH), np.float32)
    share[:, : WIDTH // 2] = 0.0
    key = PaintedFrame(0, content[0], painted[0], share)
    paint = carried_through(content, [key])[7]
    assert paint is not None
    assert paint.reliability[:, : WIDTH // 4].max() == 0.0
    assert paint.reliability[:, -WIDTH // 3 : -WIDTH // 8].mean() > 0.6


def test_paint_is_carried_as_far_as_the_reach() -> None:
    content = moving(1, 12)
    found = carried_through(content, [key_of(content, content, 6)], reach=3)
    assert [paint is not None for paint in found] == [
        3 <= index <= 9 for index in range(12)
    ]


def test_between_two_keyframes_the_nearer_one_counts_more() -> None:
    still = [photo(1)] * 11
    red, blue = (np.zeros_like(still[0]) for _ in range(2))
    red[..., 0], blue[..., 2] = 200, 200
    keys = [key_of(still, [red] * 11, 0), key_of(still, [blue] * 11, 10)]
    found = carried_through(still, keys)
    reds = [paint.pixels[..., 0].mean() for paint in found if paint is not None]
    assert len(reds) == 11
    assert reds[1] > 199 and reds[9] < 1
    assert all(a >= b - 1e-3 for a, b in zip(reds, reds[1:], strict=False))
    assert 60 < reds[5] < 140


def test_the_more_reliable_paint_wins_whatever_the_time() -> None:
    shape = (64, 64)
    sure, unsure = np.ones(shape, np.float32), np.full(shape, 1e-3, np.float32)
    one = Carried(np.full((*shape, 3), 10, np.float32), sure)
    other = Carried(np.full((*shape, 3), 200, np.float32), unsure)
    both = merged(one, other, share=0.5)
    assert np.abs(both.pixels - 10).max() < 1.0
    assert both.reliability.min() > 0.99


def test_frames_before_a_far_keyframe_are_not_kept_in_memory() -> None:
    content = moving(1, 30)
    film = CarriedFilm(
        [key_of(content, content, 29)], partial(ListSource, content), reach=5
    )
    with film:
        for index, frame in enumerate(content):
            film.at(index, frame)
            assert len(film._behind) <= 5


def test_the_film_that_was_read_ahead_is_closed() -> None:
    content = moving(1, 6)
    opened: list[ListSource] = []

    def open_film() -> ListSource:
        opened.append(ListSource(content))
        return opened[-1]

    with CarriedFilm([key_of(content, content, 5)], open_film) as film:
        film.at(0, content[0])
    assert len(opened) == 1 and opened[0].is_closed


# --- joined -------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_one_is_the_first_picture_and_of_zero_the_second(
    share: float,
) -> None:
    one, other = photo(1).astype(np.float32), photo(2).astype(np.float32)
    whole = joined(one, other, np.full((HEIGHT, WIDTH), share, np.float32))
    assert np.abs(whole - (one if share else other)).max() < 0.01


def test_equal_pictures_are_left_as_they_are() -> None:
    one = photo(1).astype(np.float32)
    share = np.random.default_rng(0).random((HEIGHT, WIDTH)).astype(np.float32)
    before = one.copy()
    assert np.abs(joined(one, one, share) - one).max() < 0.01
    assert np.array_equal(one, before)


def test_no_seam_shows_between_two_areas_of_colour() -> None:
    share = np.zeros((128, 256), np.float32)
    share[:, 128:] = 1.0
    one = np.full((128, 256, 3), 200, np.float32)
    other = np.full((128, 256, 3), 40, np.float32)
    whole = joined(one, other, share)
    steps = np.abs(np.diff(whole[64, :, 0]))
    assert steps.max() < 160 / 8
    assert whole[64, 0, 0] < 50 and whole[64, -1, 0] > 190


def test_fine_detail_of_one_does_not_show_through_the_other() -> None:
    share = np.zeros((128, 256), np.float32)
    share[:, 128:] = 1.0
    lines = np.full((128, 256, 3), 128, np.float32)
    lines[::2] += 60
    lines[1::2] -= 60
    flat = np.full((128, 256, 3), 128, np.float32)
    whole = joined(lines, flat, share)
    assert np.abs(whole[:, :120] - 128).max() < 3.0
    assert np.abs(whole[:, 136:] - lines[:, 136:]).max() < 3.0


def test_a_picture_too_small_for_a_pyramid_is_joined_too() -> None:
    one, other = np.full((8, 9, 3), 9.0, np.float32), np.zeros((8, 9, 3), np.float32)
    share = np.full((8, 9), 1 / 3, np.float32)
    assert np.allclose(joined(one, other, share), 3.0)


# --- found --------------------------------------------------------------------


def inverted(frame: Pixels) -> Pixels:
    return np.ascontiguousarray(255 - cv2.medianBlur(frame, 5)[..., ::-1])


def picture(path: str, pixels: Pixels, at: float | None = None) -> PaintedPicture:
    share = np.ones(pixels.shape[:2], np.float32)
    return PaintedPicture(Path(path), pixels, share, at)


def film_of(frames: Sequence[Pixels]) -> Callable[[], ListSource]:
    return partial(ListSource, frames)


def clip() -> list[Pixels]:
    """Frames that are told apart: a window that moves over a wide picture."""
    wide = photo(3, height=HEIGHT, width=3 * WIDTH)
    return [np.ascontiguousarray(wide[:, 16 * k : 16 * k + WIDTH]) for k in range(16)]


@pytest.mark.parametrize("name", ["painting.png", "me at 99.png", "shot_0002.png"])
def test_a_picture_is_found_by_its_look_when_its_name_does_not_say(name: str) -> None:
    frames = clip()
    said: list[str] = []
    keys, num_frames = find_frames(
        [picture(name, inverted(frames[11]))], film_of(frames), say=said.append
    )
    assert [key.index for key in keys] == [11] and num_frames == 16
    assert np.array_equal(keys[0].content, frames[11])
    assert "frame 11 at 0.37 s" in said[0]


def test_a_number_in_the_name_counts_from_0_or_from_1() -> None:
    frames = clip()
    for number in (4, 5):
        said: list[str] = []
        keys, _ = find_frames(
            [picture(f"film_{number:05d}.png", inverted(frames[4]))],
            film_of(frames),
            say=said.append,
        )
        assert keys[0].index == 4 and "by its name" in said[0]


def test_of_frames_that_are_alike_the_name_decides() -> None:
    frames = [photo(3)] * 9
    keys, _ = find_frames([picture("x7.png", inverted(frames[0]))], film_of(frames))
    assert keys[0].index == 7


def test_a_time_decides() -> None:
    frames = [photo(3)] * 9
    keys, _ = find_frames(
        [picture("x7.png", inverted(frames[0]), 0.1)], film_of(frames)
    )
    assert keys[0].index == 3


def test_a_keyframe_of_another_film_is_one_clear_line() -> None:
    other = inverted(photo(77))
    with pytest.raises(UsageError, match=r"my\.png: expected a painting of a frame of"):
        find_frames([picture("my.png", other)], film_of(clip()))
    with pytest.raises(UsageError, match="does not fit .the one at 0.2 s"):
        find_frames([picture("my.png", other, 0.2)], film_of(clip()))


def test_two_pictures_of_one_frame_are_refused() -> None:
    frames = clip()
    same = [picture(name, inverted(frames[3])) for name in ("a.png", "b.png")]
    with pytest.raises(UsageError, match="frame 3 of a.png again"):
        find_frames(same, film_of(frames))


def test_a_film_of_one_frame_has_that_one() -> None:
    frames = [photo(3)]
    keys, num_frames = find_frames(
        [picture("p.png", inverted(frames[0]))], film_of(frames)
    )
    assert keys[0].index == 0 and num_frames == 1
    found = carried_through(frames, keys)
    assert found[0] is not None and found[0].reliability.min() == 1.0


def test_the_number_is_the_last_one_of_the_name() -> None:
    assert number_in(Path("12/film2_00034_final.png")) == 34
    assert number_in(Path("painting.png")) is None


# --- laid over ----------------------------------------------------------------


def test_a_shifted_painting_is_moved_back_and_it_says_by_how_much() -> None:
    frame = photo(4, height=240, width=320)
    move = np.array([[1.005, 0.004, 3.0], [-0.004, 1.005, -4.0]])
    shifted = cv2.warpAffine(
        inverted(frame), move, (320, 240), borderMode=cv2.BORDER_REFLECT
    )
    share = np.ones((240, 320), np.float32)
    laid = register(np.asarray(shifted, np.uint8), share, frame, name="p.png")
    inner = slice(12, -12)
    off = np.abs(laid.pixels.astype(float) - inverted(frame))[inner, inner].mean()
    before = np.abs(shifted.astype(float) - inverted(frame))[inner, inner].mean()
    assert off < before / 4
    assert "moved by up to" in laid.notice
    assert 3.0 < float(laid.notice.split()[-2]) < 9.0


def test_a_small_shift_is_undone_only_of_a_picture_that_was_resized() -> None:
    frame = photo(4, height=240, width=320)
    share = np.ones((240, 320), np.float32)
    move = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    shifted = np.asarray(
        cv2.warpAffine(
            inverted(frame), move, (320, 240), borderMode=cv2.BORDER_REFLECT
        ),
        np.uint8,
    )
    assert register(shifted, share, frame, name="p.png").notice == ""
    large = np.asarray(cv2.resize(shifted, (640, 480)), np.uint8)
    laid = register(large, np.ones((480, 640), np.float32), frame, name="p.png")
    assert "moved by up to" in laid.notice


def test_a_painting_that_fits_is_left_bit_for_bit() -> None:
    frame = photo(4)
    share = np.ones((HEIGHT, WIDTH), np.float32)
    laid = register(inverted(frame), share, frame, name="p.png")
    assert np.array_equal(laid.pixels, inverted(frame)) and laid.notice == ""


def test_another_size_is_resized_with_its_share() -> None:
    frame = photo(4)
    large = cv2.resize(inverted(frame), (2 * WIDTH, 2 * HEIGHT))
    share = np.zeros((2 * HEIGHT, 2 * WIDTH), np.float32)
    share[:HEIGHT] = 1.0
    laid = register(np.asarray(large, np.uint8), share, frame, name="p.png")
    assert laid.pixels.shape == frame.shape and laid.share.shape == frame.shape[:2]
    assert "resized from 320x240 to 160x120" in laid.notice
    assert laid.share[: HEIGHT // 2 - 4].min() == 1.0
    assert laid.share[HEIGHT // 2 + 4 :].max() == 0.0


def test_other_proportions_are_refused() -> None:
    share = np.ones((100, 100), np.float32)
    square = photo(4, height=100, width=100)
    with pytest.raises(UsageError, match="proportions, 160x120, got 100x100"):
        register(square, share, photo(4), name="p.png")


# --- read ---------------------------------------------------------------------


def test_alpha_and_mask_are_what_is_painted(tmp_path: Path) -> None:
    rgba = np.dstack([photo(1), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    cv2.imwrite(str(tmp_path / "p.png"), rgba)
    mask = np.full((HEIGHT // 2, WIDTH // 2), 255, np.uint8)
    mask[:, :10] = 0
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    found = read_painted(tmp_path / "p.png", mask=tmp_path / "m.png")
    assert found.share[:20].max() == 0.0 and found.share[:, :19].max() == 0.0
    assert found.share[21:, 21:].min() == 1.0


def test_a_turned_picture_is_turned_with_its_alpha(tmp_path: Path) -> None:
    from PIL import Image

    rgba = np.dstack([photo(1), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    exif = Image.Exif()
    exif[274] = 6  # shown turned by 90 degrees, clockwise
    Image.fromarray(rgba).save(tmp_path / "p.png", exif=exif)
    found = read_painted(tmp_path / "p.png")
    assert found.pixels.shape == (WIDTH, HEIGHT, 3)
    assert found.share[:, -20:].max() == 0.0 and found.share[:, :-20].min() == 1.0


@pytest.mark.parametrize("alpha", [0, 255])
def test_nothing_painted_or_one_colour_is_one_clear_line(
    tmp_path: Path, alpha: int
) -> None:
    rgba = np.full((40, 50, 4), 90, np.uint8)
    rgba[..., :3] = (20, 90, 200)
    rgba[..., 3] = alpha
    cv2.imwrite(str(tmp_path / "p.png"), rgba)
    words = "one colour" if alpha else "transparent or masked everywhere"
    with pytest.raises(UsageError, match=words):
        read_painted(tmp_path / "p.png")


def test_what_is_no_picture_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "p.png").write_text("painted")
    with pytest.raises(SourceError, match=r"p\.png: expected a picture"):
        read_painted(tmp_path / "p.png")
    with pytest.raises(SourceError, match="no such file"):
        read_painted(tmp_path / "none.png")
