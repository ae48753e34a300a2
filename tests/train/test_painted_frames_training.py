"""`rtstyle train frames`: from painted frames of a film to a style."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from rtstyle.errors import RtstyleError
from rtstyle.gallery.find import load_style
from rtstyle.networks import SwiftConfig, SwiftNet
from rtstyle.networks.pixels import to_batch
from rtstyle.networks.weights_file import load_tensors, load_weights
from rtstyle.style_file import read_style
from rtstyle.stylizer.stylizer import Stylizer
from rtstyle_export.cli import main as export_command
from rtstyle_streams.frame import Pixels
from rtstyle_train.cli import main as train_command
from rtstyle_train.config.frames import FramesConfig, make_frames_config
from rtstyle_train.data.film_frames import FilmFrames, LearntFrame, cut
from rtstyle_train.data.painted_pairs import Gathered
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.jobs.frame_starts import make_network, nearest_start
from rtstyle_train.jobs.frames import make_method
from rtstyle_train.jobs.outputs import RunOptions
from rtstyle_train.losses.painted import PaintedLoss, feature_loss, pixel_loss
from rtstyle_train.methods.frames import freeze, measure_norms
from tests.rtstyle.test_painted_frames import inverted, moving, photo
from tests.streams.clips import write_clip
from tests.train.tiny_vgg import tiny_vgg, write_tiny_vgg

RECIPE = """
network = "tiny"
feature_layers = ["relu1_1", "relu2_1"]
style_layers = ["relu1_1", "relu2_1"]
loss_precision = "fp32"
mixed_precision = "no"
size = 48
margin = 8
padding = 8
batch_size = 4
num_others = 4
"""


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A film, a painting of its fourth frame, a small VGG and a quick recipe."""
    write_clip(tmp_path / "film.mp4", moving(1, 8))
    write_picture(tmp_path / "painted_3.png", inverted(moving(1, 8)[3]))
    write_tiny_vgg(tmp_path / "vgg.safetensors")
    (tmp_path / "quick.toml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_picture(path: Path, pixels: Pixels) -> None:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def trained(*words: str, out: str = "x.safetensors") -> Result:
    own = ["--recipe", "quick.toml", "--loss-weights", "vgg.safetensors", "--out", out]
    run = CliRunner().invoke(
        train_command, ["frames", *words, *own], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    return run


def config(**settings: object) -> FramesConfig:
    quick = {
        "network": "tiny",
        "feature_layers": ["relu1_1"],
        "style_layers": ["relu1_1"],
        "loss_precision": "fp32",
        "size": 48,
        "margin": 8,
        "padding": 8,
    }
    return make_frames_config(quick, settings)


def learnt(
    content: Pixels, painted: Pixels, level: int = 255, after: Pixels | None = None
) -> LearntFrame:
    share = np.full(content.shape[:2], level, np.uint8)
    return LearntFrame(content, painted, share, after)


# --- the command --------------------------------------------------------------


@pytest.mark.slow
def test_a_painted_frame_becomes_a_style_that_paints_like_it(room: Path) -> None:
    trained("film.mp4", "--painted", "painted_3.png", "--steps", "60")
    weights = load_weights(room / "x.safetensors")
    assert weights.trained["steps"] == 60
    assert weights.trained["painted_frames"] == 1
    assert weights.trained["other_frames"] == 4
    assert (room / "x.preview.png").exists()
    assert not (room / "x.checkpoint.safetensors").exists()
    run = CliRunner().invoke(
        export_command, ["x.safetensors", "x.onnx"], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    style = read_style(room / "x.onnx")
    assert style.name == "x"
    frame = moving(1, 8)[6]  # another one than the painted one
    wanted = inverted(frame).astype(float)
    got = Stylizer(style, precision="fp32").network(frame).stylized
    off = np.abs(got - wanted).mean()
    assert off < 0.6 * np.abs(frame - wanted).mean(), off


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(room: Path) -> None:
    words = ("film.mp4", "--painted", "painted_3.png")
    trained(*words, "--steps", "6", out="whole.safetensors")
    stop_after(room, 3, *words)
    trained(*words, "--steps", "6", "--resume", out="part.safetensors")
    whole, part = (
        load_weights(room / name).tensors
        for name in ("whole.safetensors", "part.safetensors")
    )
    assert all(torch.equal(whole[name], part[name]) for name in whole)


def stop_after(room: Path, steps: int, *words: str) -> None:
    """Run a training whose user presses Ctrl-C after some steps."""
    import os
    import signal

    from rtstyle_train.loop.trainer import Trainer

    step = Trainer._step

    def stopping(trainer: Trainer) -> dict[str, float]:
        terms = step(trainer)
        if trainer.progress.step == steps and trainer.schedule.steps == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return terms

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", stopping)
        own = ["--recipe", "quick.toml", "--loss-weights", "vgg.safetensors"]
        run = CliRunner().invoke(
            train_command,
            ["frames", *words, *own, "--steps", "6", "--out", "part.safetensors"],
        )
    assert run.exit_code != 0
    _, meta = load_tensors(room / "part.checkpoint.safetensors")
    assert meta["progress"]["step"] == steps


@pytest.mark.slow
def test_a_checkpoint_of_another_painting_is_refused(room: Path) -> None:
    stop_after(room, 3, "film.mp4", "--painted", "painted_3.png")
    write_picture(room / "painted_3.png", inverted(inverted(moving(1, 8)[3])))
    with pytest.raises(TrainError, match="expected a checkpoint of the same painted"):
        trained(
            "film.mp4", "--painted", "painted_3.png", "--resume",
            out="part.safetensors",
        )  # fmt: skip


@pytest.mark.slow
def test_folders_and_clips_are_paired(room: Path) -> None:
    for name, change in (("before", lambda x: x), ("after", inverted)):
        (room / name).mkdir()
        for number in range(3):
            write_picture(room / name / f"{number}.png", change(photo(number)))
    write_picture(room / "after" / "more.png", photo(9))
    trained("--pairs", "before", "after", "--steps", "2", out="pairs.safetensors")
    facts = load_weights(room / "pairs.safetensors").trained
    assert (facts["painted_frames"], facts["other_frames"]) == (3, 0)
    write_clip(room / "painted.mp4", [inverted(frame) for frame in moving(1, 8)])
    trained(
        "--clip", "film.mp4", "painted.mp4", "--every", "3", "--steps", "2",
        out="clip.safetensors",
    )  # fmt: skip
    facts = load_weights(room / "clip.safetensors").trained
    assert (facts["painted_frames"], facts["other_frames"]) == (3, 3)


@pytest.mark.slow
def test_one_frame_is_a_film_too(room: Path) -> None:
    write_clip(room / "one.mp4", moving(1, 8)[3:4])
    trained("one.mp4", "--painted", "painted_3.png", "--steps", "2")
    facts = load_weights(room / "x.safetensors").trained
    assert (facts["painted_frames"], facts["other_frames"]) == (1, 0)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["film.mp4"], "expected one of --painted, --pairs and --clip, got none"),
        (["--painted", "painted_3.png"], "expected the FILM that it is a frame of"),
        (["film.mp4", "--clip", "film.mp4", "film.mp4"], "expected no other film"),
        (["film.mp4", "--painted", "empty"], "empty: expected painted pictures"),
        (["--pairs", "empty", "empty"], "no pair"),
        (["film.mp4", "--painted", "other.png"], "expected a painting of a frame of"),
        (["film.mp4", "--painted", "flat.png"], "got a picture of one colour"),
        (["--clip", "film.mp4", "flat.mp4"], "got a picture of one colour"),
        (
            ["film.mp4", "--painted", "painted_3.png", "--at", "1s", "--at", "2s"],
            "--at: expected 1, one for each painted frame, got 2",
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_one_clear_line(
    room: Path, words: list[str], line: str
) -> None:
    (room / "empty").mkdir()
    write_picture(room / "other.png", photo(77))
    write_picture(room / "flat.png", np.full((120, 160, 3), 90, np.uint8))
    write_clip(room / "flat.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 3)
    with pytest.raises(RtstyleError, match=line) as error:
        trained(*words, "--steps", "1")
    assert "\n" not in str(error.value)
    assert not (room / "x.safetensors").exists()


@pytest.mark.slow
def test_large_paintings_and_many_are_a_result(room: Path) -> None:
    large = cv2.resize(inverted(moving(1, 8)[3]), (3840, 2880))
    write_picture(room / "large_3.png", np.asarray(large, np.uint8))
    trained("film.mp4", "--painted", "large_3.png", "--steps", "1")
    (room / "many").mkdir()
    wide = photo(3, width=1600)
    frames = [np.ascontiguousarray(wide[:, 12 * k : 12 * k + 160]) for k in range(100)]
    write_clip(room / "long.mp4", frames)
    for number, frame in enumerate(frames):
        write_picture(room / "many" / f"{number:03d}.png", inverted(frame))
    trained("long.mp4", "--painted", "many", "--steps", "1", "--overwrite")
    assert load_weights(room / "x.safetensors").trained["painted_frames"] == 100


# --- crops --------------------------------------------------------------------


def batches(
    painted: Sequence[LearntFrame], others: Sequence[LearntFrame]
) -> FilmFrames:
    return FilmFrames(painted, others, config(jitter=0.0))


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    film = moving(1, 3)
    frames = batches([learnt(film[0], film[1])], [learnt(film[1], film[2], 9, film[2])])
    one, same = (frames.batch(seed=1, step=5) for _ in range(2))
    other = frames.batch(seed=1, step=6)
    assert one.keys() == {
        "content", "target", "share", "following", "flow", "visible"
    }  # fmt: skip
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["content"], other["content"])
    assert one["content"].shape == (4, 3, 64, 64)
    assert one["target"].shape == (4, 3, 48, 48)
    assert one["flow"].shape == (2, 2, 48, 48)


def test_content_and_painting_are_of_one_place() -> None:
    content = photo(1)
    frames = batches([learnt(content, 255 - content)], [])
    batch = frames.batch(seed=1, step=2)
    inner = batch["content"][:, :, 8:-8, 8:-8]
    assert (inner + batch["target"] - 1).abs().max() < 1e-6
    assert "flow" not in batch


def test_the_motion_leads_from_the_next_frame_back() -> None:
    wide = photo(3, width=240)
    now, after = (np.ascontiguousarray(wide[:, x : x + 160]) for x in (40, 43))
    frames = batches([learnt(now, now)], [learnt(now, now, 0, after)])
    batch = frames.batch(seed=1, step=0)
    sure = batch["visible"][:, 0] > 0
    assert sure.float().mean() > 0.6
    assert abs(batch["flow"][:, 0][sure].median() - 3.0) < 0.5


def test_crops_of_what_is_not_painted_are_not_drawn() -> None:
    share = np.zeros((120, 160), np.uint8)
    share[:40, :40] = 255
    frames = batches([LearntFrame(photo(1), photo(2), share)], [])
    drawn = [
        frames.batch(seed=1, step=step)["share"].mean(dim=(1, 2, 3))
        for step in range(10)
    ]
    assert (torch.cat(drawn) >= 0.1).float().mean() > 0.7


def test_a_frame_smaller_than_a_crop_is_continued_by_its_edge() -> None:
    small = photo(1)[:20, :30]
    frames = batches([learnt(small, 255 - small)], [])
    batch = frames.batch(seed=1, step=0)
    assert batch["content"].shape == (4, 3, 64, 64)
    assert torch.isfinite(batch["content"]).all()


def test_a_cut_beyond_the_edge_repeats_it() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert cut(picture, -1, -1, 3).tolist() == [[0, 0, 1], [0, 0, 1], [4, 4, 5]]
    assert cut(picture, 1, 1, 2).tolist() == [[5, 6], [9, 10]]


# --- losses -------------------------------------------------------------------


def test_pixel_loss_is_the_mean_over_what_is_painted() -> None:
    torch.manual_seed(0)
    one, other = torch.rand(2, 3, 5, 7), torch.rand(2, 3, 5, 7)
    share = (torch.rand(2, 1, 5, 7) > 0.5).float()
    places = [
        abs(float(one[n, c, y, x] - other[n, c, y, x])) / 3
        for n in range(2)
        for c in range(3)
        for y in range(5)
        for x in range(7)
        if share[n, 0, y, x]
    ]
    slow = sum(places) / float(share.sum())
    assert float(pixel_loss(one, other, share)) == pytest.approx(slow, rel=1e-5)
    assert float(pixel_loss(one, one, share)) == 0
    assert float(pixel_loss(one, other, torch.zeros_like(share))) == 0


def test_feature_loss_is_relative_and_looks_at_what_is_painted_alone() -> None:
    torch.manual_seed(0)
    one, other = torch.rand(2, 4, 4, 6), torch.rand(2, 4, 4, 6)
    share = torch.zeros(2, 1, 8, 12)
    share[:, :, :, :6] = 1.0
    changed = one.clone()
    changed[..., 3:] += 5.0
    assert torch.equal(
        feature_loss(one, other, share), feature_loss(changed, other, share)
    )
    assert float(feature_loss(0 * one, other, share)) == pytest.approx(1.0, rel=1e-5)
    assert float(feature_loss(other, other, share)) == 0


def test_the_gradients_of_the_losses_are_right() -> None:
    torch.manual_seed(0)
    one = torch.rand(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    other = torch.rand(1, 2, 4, 4, dtype=torch.float64)
    share = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    for loss in (pixel_loss, feature_loss):
        assert torch.autograd.gradcheck(
            lambda x, f=loss: f(x, other, share), (one,), atol=1e-4
        )


def test_statistics_come_from_the_painted_crop_of_similar_content() -> None:
    contents = [to_batch(np.full((48, 48, 3), level, np.uint8)) for level in (20, 230)]
    contents = [x + 0.02 * torch.rand(1, 3, 48, 48) for x in contents]
    loss = PaintedLoss(config(), tiny_vgg(), contents, [photo_batch(1), photo_batch(2)])
    assert loss.nearest(torch.cat([contents[1], contents[0]])).tolist() == [1, 0]


def photo_batch(seed: int) -> torch.Tensor:
    return to_batch(photo(seed, height=48, width=48))


def test_a_crop_that_is_its_painting_has_no_style_loss() -> None:
    painting = photo_batch(2)
    loss = PaintedLoss(config(), tiny_vgg(), [photo_batch(1)], [painting])
    inputs = {"target": painting, "share": torch.zeros(1, 1, 48, 48)}
    terms = loss(painting, inputs, content=photo_batch(1))
    assert float(terms["style"]) < 1e-6 and float(terms["pixels"]) == 0
    other = loss(photo_batch(3), inputs, content=photo_batch(1))
    assert float(other["style"]) > 1e-3


# --- network and start --------------------------------------------------------


def test_frozen_norms_with_a_frame_s_statistics_paint_it_as_instance_norms_do() -> None:
    torch.manual_seed(1)
    shape = SwiftConfig(channels=16, blocks=1, deep_channels=16, padding=8)
    instance = SwiftNet(shape)
    frozen = SwiftNet(replace(shape, norm="frozen"))
    typical = {n: v for n, v in frozen.state_dict().items() if ".running_" in n}
    frozen.load_state_dict(typical | instance.state_dict())
    frame = to_batch(photo(1))
    measure_norms(frozen, [frame])
    padded = torch.nn.functional.pad(frame, (8, 8, 8, 8), mode="replicate")
    with torch.no_grad():
        assert (frozen(padded) - instance(padded)).abs().max() < 1e-3
        frozen.train()
        freeze(frozen)
        part = frozen(padded[:, :, :64, :64])[:, :, :24, :24]
        assert (part - frozen(padded)[:, :, :24, :24]).abs().max() < 0.05


@pytest.mark.slow
def test_a_training_begins_at_the_style_that_painted_the_frame(tmp_path: Path) -> None:
    frame = photo(1, height=160, width=192)
    painted = Stylizer(load_style("scream"), precision="fp32").network(frame).stylized
    run = RunOptions(
        tmp_path / "x.safetensors",
        loss_weights=write_tiny_vgg(tmp_path / "v.safetensors"),
    )
    own = config(network="slim", batch_size=2, size=96, margin=16, jitter=0.0)
    gathered = Gathered([learnt(frame, painted)], [])
    method = make_method(own, run, gathered, torch.device("cpu"))
    found = nearest_start(own, method, run)
    assert found.name == "scream"
    assert found.config.head == load_style("scream").card["network"]["head"]
    other = nearest_start(own, method, run, leave_out={"scream"})
    assert other.name != "scream"


def test_a_start_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="network: expected tiny"):
        make_network(config(network="huge"))


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"size": 40}, "size: expected at least 48"),
        ({"size": 50}, "multiple of 8"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"jitter": 0.6}, "jitter: expected 0..0.5"),
        ({"style_layers": []}, "style_layers: expected at least one"),
        ({"name": "../x"}, "name: expected"),
        ({"nonsense": 1}, "unknown key 'nonsense'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    settings: dict[str, object], line: str
) -> None:
    with pytest.raises(ConfigError, match=line):
        config(**settings)
