"""Only a part of the frame is stylized: soft, steady, and not lost at once."""

import time
from pathlib import Path

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.look import Look
from rtstyle.masks import Mask, mask_mode, mask_of
from rtstyle.masks.layer import Layer
from rtstyle.masks.opening import VARIABLE
from rtstyle.masks.segmenter import Segmenter
from rtstyle.masks.steady import HOLD_FRAMES, SteadyMask, feathered
from rtstyle.offline.job import FileJob, run_file_job
from rtstyle.stylizer.controls import Controls
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_streams.pictures.picture_file import read_picture
from tests.tiny_paintings import mask_model
from tests.tiny_styles import negative_model, write_negative


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "red.onnx"
    path.write_bytes(mask_model())
    return path


@pytest.fixture
def scene() -> np.ndarray:
    """Return a frame whose left half is red: the "person"."""
    frame = np.full((90, 160, 3), (10, 60, 110), np.uint8)
    frame[:, :80, 0] = 255
    return frame


def grid(value: float, *, height: int = 32, width: int = 32) -> np.ndarray:
    return np.full((height, width), value, np.float32)


def picture(seed: int) -> np.ndarray:
    """Return a luma grid that differs much from one seed to the next."""
    cells = np.random.default_rng(seed).uniform(0, 255, (4, 4)).astype(np.float32)
    return np.kron(cells, np.ones((8, 8), np.float32))


@pytest.mark.parametrize("channels_first", [False, True])
@pytest.mark.parametrize("side", [32, None])
def test_a_model_of_either_layout_and_of_free_size_is_run(
    channels_first: bool, side: int | None, scene: np.ndarray
) -> None:
    model = mask_model(channels_first=channels_first, side=side)
    probability, luma = Segmenter(model)(scene)
    assert probability.shape == luma.shape == (side or 256, side or 256)
    assert probability[:, 2].min() == 1.0 and probability[:, -3].max() < 0.05


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (b"no onnx", "expected an ONNX file"),
        (negative_model(), r"expected a float32 input \[1, h, w, 3\] \(RGB 0..1\)"),
        (mask_model(inputs=1), "expected a float32 input"),
        (mask_model(axis=9), "expected a model that onnxruntime runs"),
        (mask_model(end=2), r"expected float32 \[1, 32, 32, 1\] out, got"),
    ],
)
def test_a_model_of_another_kind_is_refused(model: bytes, said: str) -> None:
    with pytest.raises(StyleFileError, match=said):
        Segmenter(model, name="x.onnx")


@pytest.mark.parametrize(
    ("outside", "left", "right"), [(False, 200, 9), (True, 9, 200)]
)
def test_one_side_is_stylized_and_the_other_bit_for_bit_the_content(
    outside: bool, left: int, right: int, scene: np.ndarray
) -> None:
    scene[..., 1:] = 9
    stylized = np.full_like(scene, 200)
    before = scene.copy(), stylized.copy()
    made = Mask(Segmenter(mask_model()))(scene, stylized, outside=outside)
    assert made.shape == scene.shape and made.dtype == np.uint8
    assert (made[:, :60, 1] == left).all() and (made[:, 100:, 1] == right).all()
    assert (scene == before[0]).all() and (stylized == before[1]).all()


def test_the_edge_is_feathered(scene: np.ndarray) -> None:
    scene[..., 1:] = 0
    stylized = np.full_like(scene, 200)
    made = Mask(Segmenter(mask_model()))(scene, stylized, outside=False)
    line = made[45, :, 1].astype(int)
    assert (np.diff(line) <= 0).all()
    assert np.abs(np.diff(line)).max() < 60, "a hard edge"


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (33, 17)])
def test_frames_of_any_size_are_masked(size: tuple[int, int]) -> None:
    content = np.full((*size, 3), 255, np.uint8)
    share = np.ones((8, 8), np.float32)
    assert (Layer()(content, content // 2, share) == 127).all()
    assert (Layer()(content, content // 2, 1 - share) == 255).all()


@given(
    st.integers(0, 10_000),
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(1, 40),
    st.sampled_from(["cell", "block", "all", "none", "two blocks"]),
)
def test_what_a_mask_reaches_is_mixed_and_no_more(
    seed: int, height: int, width: int, cells: int, kind: str
) -> None:
    random = np.random.default_rng(seed)
    share = np.full((cells, cells + 3), kind == "all", np.float32)
    for _ in range({"cell": 1, "block": 1, "two blocks": 2}.get(kind, 0)):
        line, column = (int(random.integers(0, cells)) for _ in range(2))
        side = 1 if kind == "cell" else int(random.integers(1, cells + 1))
        share[line : line + side, column : column + side] = 1.0
    if kind == "block":
        share = np.asarray(cv2.blur(share, (3, 3)), np.float32)
    base, over = random.integers(0, 256, (2, height, width, 3), np.uint8)
    grown = np.asarray(cv2.resize(share, (width, height))).reshape(height, width, 1)
    wanted = base + grown * (over.astype(np.float32) - base)
    assert np.abs(Layer()(base, over, share) - wanted).max() <= 0.51


def test_a_trembling_edge_is_averaged() -> None:
    steady, random = SteadyMask(), np.random.default_rng(0)
    given, found = [], []
    for _ in range(60):
        probability = grid(0.5) + random.uniform(-0.1, 0.1, (32, 32)).astype(np.float32)
        given.append(feathered(probability))
        found.append(steady(probability, picture(0)))
    changes = [np.abs(np.diff(masks, axis=0)).mean() for masks in (given, found)]
    assert changes[1] < 0.5 * changes[0]


def test_a_clear_motion_is_followed_at_once() -> None:
    steady = SteadyMask()
    left, right = grid(0.0), grid(0.0)
    left[:, :16], right[:, 16:] = 1.0, 1.0
    steady(left, picture(0))
    assert np.abs(steady(right, picture(0)) - feathered(right)).max() < 1e-6


def test_the_mask_is_held_when_the_person_is_lost_and_then_fades() -> None:
    steady = SteadyMask()
    person = grid(0.0)
    person[8:24, 8:24] = 1.0
    first = steady(person, picture(0))
    for _ in range(HOLD_FRAMES):
        assert (steady(grid(0.0), picture(0)) == first).all()
    fading = [float(steady(grid(0.0), picture(0)).max()) for _ in range(12)]
    assert fading == sorted(fading, reverse=True)
    assert fading[0] > 0.8 and fading[-1] == 0.0


def test_a_person_who_comes_back_is_there_at_once() -> None:
    steady = SteadyMask()
    person = grid(0.0)
    person[8:24, 8:24] = 1.0
    first = steady(person, picture(0))
    for _ in range(HOLD_FRAMES + 30):
        steady(grid(0.0), picture(0))
    assert (steady(person, picture(0)) == first).all()
    steady(grid(0.0), picture(0))
    assert steady(grid(0.0), picture(0)).max() == 1.0, "and is held anew"


def test_nobody_is_held_over_a_scene_cut() -> None:
    steady = SteadyMask()
    steady(grid(1.0), picture(1))
    assert steady(grid(0.0), picture(2)).max() == 0.0


def test_a_frame_is_looked_at_once_however_many_ask(scene: np.ndarray) -> None:
    mask = Mask(Segmenter(mask_model()))
    assert mask.of(scene) is mask.of(scene)
    assert mask.of(scene.copy()) is not mask.of(scene)


@pytest.mark.parametrize("smooth", ["off", "flow"])
def test_the_stylizer_masks_before_the_strength(
    smooth: str, scene: np.ndarray, tmp_path: Path
) -> None:
    mask = Mask(Segmenter(mask_model()))
    controls = Controls(mask="person", smooth=smooth)  # type: ignore[arg-type]
    style = str(write_negative(tmp_path))
    with Stylizer(style, controls=controls, device="cpu", mask=mask) as stylizer:
        made = stylizer(scene)
        assert (made[:, :60] == 255 - scene[:, :60]).all()
        assert (made[:, 100:] == scene[:, 100:]).all()
        controls.strength = 0.5
        half = stylizer(scene)
        assert np.abs(half[:, :60].astype(int) - 127.5).max() <= 0.51
        assert (half[:, 100:] == scene[:, 100:]).all()
        controls.strength, controls.mask = 1.0, "background"
        assert (stylizer(scene)[:, :60] == scene[:, :60]).all()
        controls.mask = "off"
        assert (stylizer(scene) == 255 - scene).all()
        controls.mask, controls.strength = "person", 0.0
        assert stylizer(scene) is scene


def test_each_picture_of_a_folder_is_masked_by_itself(
    scene: np.ndarray, tmp_path: Path, model: Path
) -> None:
    nobody = scene.copy()
    nobody[:, :80] = (10, 185, 110)  # as bright as the person was
    small = scene.copy()
    small[:, 40:80] = nobody[:, 40:80]
    pictures, out = tmp_path / "pictures", tmp_path / "out"
    pictures.mkdir()
    for name, pixels in (("1", scene), ("2", nobody), ("3", small)):
        cv2.imwrite(str(pictures / f"{name}.png"), pixels[..., ::-1])
    look = Look(mask="person", mask_model=str(model))
    style = str(write_negative(tmp_path))
    run_file_job(FileJob(str(pictures), f"{out}/", style, look, smooth="off"))
    made = [read_picture(out / f"{k}.png")[0] for k in (1, 2, 3)]
    assert (made[0][:, :60] == 255 - scene[:, :60]).all()
    assert (made[1] == nobody).all()
    alone = Mask(Segmenter(mask_model()))(small, 255 - small, outside=False)
    assert (made[2] == alone).all()


def test_kept_colours_are_masked_too(scene: np.ndarray, tmp_path: Path) -> None:
    mask = Mask(Segmenter(mask_model()))
    controls = Controls(mask="person", keep_colors=True)
    style = str(write_negative(tmp_path))
    with Stylizer(style, controls=controls, device="cpu", mask=mask) as stylizer:
        made = stylizer(scene)
    assert (made[:, 100:] == scene[:, 100:]).all()
    assert (made[:, :60] != scene[:, :60]).any()


def test_the_model_is_named_by_option_or_environment(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with mask_of(Look()) as mask:
        assert mask is None
    with mask_of(Look(mask="person", mask_model=str(model))) as mask:
        assert mask is not None
    with mask_of(Look(mask=str(model))) as mask:
        assert mask is not None
    monkeypatch.setenv(VARIABLE, str(model))
    with mask_of(Look(mask="background")) as mask:
        assert mask is not None


def test_a_model_given_as_the_mask_is_what_is_stylized() -> None:
    assert mask_mode(Look(mask="x.onnx")) == "person"
    assert mask_mode(Look(mask="background")) == "background"
    assert mask_mode(Look()) == "off"


@pytest.mark.parametrize(
    ("look", "error", "said"),
    [
        (
            Look(mask="person"),
            UsageError,
            "--mask-model FILE.onnx or in RTSTYLE_MASK_MODEL .*MediaPipe",
        ),
        (Look(mask="cat"), UsageError, "expected person, background or a FILE.onnx"),
        (Look(mask_model="x.onnx"), UsageError, "expected --mask person or"),
        (Look(mask="x.onnx", mask_model="y.onnx"), UsageError, "a second model"),
        (Look(mask="none.onnx"), StyleFileError, "none.onnx: mask's model cannot be"),
    ],
)
def test_a_mask_that_cannot_be_had_is_one_line(
    look: Look,
    error: type[Exception],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(error, match=said) as raised, mask_of(look):
        pass
    assert "\n" not in str(raised.value)


@pytest.mark.shared
def test_a_real_model_finds_the_person_and_keeps_the_edge_still(shared: Path) -> None:
    from rtstyle_streams.opening import open_source

    data = shared / "data"
    model = (data / "segmentation" / "selfie_segmentation.onnx").read_bytes()
    mask, shares = Mask(Segmenter(model)), []
    with open_source(str(data / "clips" / "intel_sister.mkv")) as source:
        for frame, _ in zip(source, range(20), strict=False):
            found = mask.of(frame.pixels)
            shares.append(found.copy())
    assert 0.1 < shares[-1].mean() < 0.7
    assert shares[-1][-1].max() == 1.0, "the person reaches to the lower edge"
    still = np.abs(np.diff(shares, axis=0)).mean()
    assert still < 0.01


@pytest.mark.shared
@pytest.mark.slow
def test_a_mask_costs_little_at_720p(shared: Path) -> None:
    model = shared / "data" / "segmentation" / "selfie_segmentation.onnx"
    mask = Mask(Segmenter(model.read_bytes()))
    random = np.random.default_rng(0)
    frames = [random.integers(0, 256, (720, 1280, 3), np.uint8) for _ in range(4)]
    times = []
    for number in range(40):
        began = time.process_time()
        mask(frames[number % 4], frames[(number + 1) % 4], outside=False)
        times.append(time.process_time() - began)
    assert min(times) < 0.012, "about 5 ms of one core"
