"""Training: it learns, it stops, and an interruption leaves no trace."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rtstyle.errors import WeightsFileError
from rtstyle.networks import SwiftNet
from rtstyle.networks.swift import SwiftConfig
from rtstyle_train.errors import TrainError
from rtstyle_train.loop.muon import orthogonalise
from rtstyle_train.loop.trainer import DECAY_SHARE, Schedule, Trainer


class Identity:
    """A method that wants the network to give its input back."""

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(step)
        pixels = torch.rand(2, 3, 16, 16, generator=generator)
        return {"distance": (network(pixels) - pixels).square().mean()}


class Flat(Identity):
    """A method whose loss never falls."""

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        return {"one": next(network.parameters()).sum() * 0 + 1}


def make(folder: Path, *, method: Identity | None = None, **schedule: float) -> Trainer:
    torch.manual_seed(7)
    network = SwiftNet(SwiftConfig(channels=16, blocks=1))
    settings = {"steps": 12, "learning_rate": 1e-2, "ema": 0.9} | schedule
    return Trainer(
        network,
        method or Identity(),
        Schedule(**settings),  # type: ignore[arg-type]
        checkpoint=folder / "x.checkpoint.safetensors",
    )


def finish(trainer: Trainer, *, steps: int = 10_000) -> list[float]:
    run = trainer.run(lambda average: None)
    return [report.loss for _, report in zip(range(steps), run, strict=False)]


def test_training_learns_and_ends_when_it_said(tmp_path: Path) -> None:
    trainer = make(tmp_path, steps=60)
    losses = finish(trainer)
    assert len(losses) == trainer.progress.step == trainer.total == 60
    assert losses[-1] < losses[0]
    assert trainer.progress.decay_from == round(60 * (1 - DECAY_SHARE))


def test_a_resumed_training_is_bit_for_bit_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = make(tmp_path)
    finish(whole)
    first = make(tmp_path)
    finish(first, steps=5)
    first.save()
    second = make(tmp_path)
    second.resume()
    finish(second)
    assert second.progress.step == whole.progress.step
    for name, value in whole.average.items():
        assert torch.equal(value, second.average[name]), name


def test_a_flat_loss_ends_the_training(tmp_path: Path) -> None:
    trainer = make(tmp_path, method=Flat(), steps=10_000, flat_after=20)
    finish(trainer)
    assert trainer.progress.step < 60


@pytest.mark.parametrize("steps", [1, 2, 5, 8, 25])
def test_there_are_never_more_steps_than_said(tmp_path: Path, steps: int) -> None:
    trainer = make(tmp_path, steps=steps)
    finish(trainer)
    assert trainer.progress.step == trainer.total == steps


@pytest.mark.parametrize("steps", [60, 100])
def test_a_training_that_is_to_end_at_once_still_learns_slower_and_slower(
    tmp_path: Path, steps: int
) -> None:
    first = make(tmp_path, steps=1000)
    finish(first, steps=100)
    first.save()
    second = make(tmp_path, steps=steps)
    second.resume()
    finish(second)
    assert second.progress.decay_from == 100
    assert second.progress.step == second.total == 143


def test_more_steps_that_come_too_late_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = make(tmp_path, steps=20)
    finish(first, steps=16)
    first.save()
    second = make(tmp_path, steps=50)
    second.resume()
    assert "the last steps have begun: it ends with step 20" in caplog.text


def test_a_limit_of_time_tells_how_many_steps_it_will_be(tmp_path: Path) -> None:
    trainer = make(tmp_path, steps=1_000_000, minutes=1.0)
    assert trainer.total == 1_000_000
    trainer.progress.step, trainer.progress.seconds = 50, 6.0
    assert trainer.total == 500
    trainer.progress.seconds = 1e-4
    assert trainer.total == 1_000_000


def test_resuming_without_a_checkpoint_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsFileError, match="expected a safetensors file"):
        make(tmp_path).resume()


def test_an_infinite_loss_stops_with_advice(tmp_path: Path) -> None:
    class Bad(Identity):
        def losses(self, network: nn.Module, **_: object) -> dict[str, Tensor]:
            return {"bad": next(network.parameters()).sum() * float("inf")}

    with pytest.raises(Exception, match="lower learning_rate"):
        finish(make(tmp_path, method=Bad()))


@pytest.mark.parametrize("steepness", [1e25, math.inf, math.nan])
def test_a_gradient_without_bounds_spoils_no_weights(
    tmp_path: Path, steepness: float
) -> None:
    class Steep(Identity):
        def losses(
            self, network: nn.Module, *, step: int, rank: int, device: torch.device
        ) -> dict[str, Tensor]:
            terms = super().losses(network, step=step, rank=rank, device=device)
            if step == 3:
                hook = terms["distance"].register_hook
                hook(lambda slope: slope * steepness)  # type: ignore[no-untyped-call]
            return terms

    trainer = make(tmp_path, method=Steep(), steps=40)
    losses = finish(trainer)
    assert all(torch.isfinite(value).all() for value in trainer.average.values())
    assert losses[-1] < losses[0]


def test_muons_step_has_singular_values_near_one() -> None:
    matrix = torch.randn(24, 60, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(orthogonalise(matrix))
    assert values.min() > 0.5 and values.max() < 1.3
    torch.testing.assert_close(orthogonalise(matrix.T), orthogonalise(matrix).T)


def test_a_checkpoint_of_other_paintings_is_refused(tmp_path: Path) -> None:
    first = make(tmp_path)
    first.identity = {"paintings": ["a"]}
    finish(first, steps=2)
    first.save()
    second = make(tmp_path)
    second.identity = {"paintings": ["b"]}
    with pytest.raises(TrainError, match="expected a checkpoint of the same paintings"):
        second.resume()


def test_a_checkpoint_from_before_a_setting_was_noted_is_taken(tmp_path: Path) -> None:
    first = make(tmp_path)
    first.identity = {"seed": 1}
    finish(first, steps=2)
    first.save()
    second = make(tmp_path)
    second.identity = {"seed": 1, "style_weight": 6.0}
    second.resume()
    assert second.progress.step == 2
