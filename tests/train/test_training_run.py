"""A training run to its end: Ctrl-C between steps, and what it then goes on from."""

import signal
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rtstyle_train.loop.trainer import kept_settings
from rtstyle_train.loop.training_run import run_to_end
from tests.train.test_trainer import Identity, make


class Pressed(Identity):
    """Somebody presses Ctrl-C in the middle of the fifth step."""

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        if step == 4:
            signal.raise_signal(signal.SIGINT)
        return super().losses(network, step=step, rank=rank, device=device)


def test_what_ctrl_c_keeps_goes_on_as_if_it_had_not_been(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = make(tmp_path)
    run_to_end(whole, lambda average: None)
    with pytest.raises(KeyboardInterrupt):
        run_to_end(make(tmp_path, method=Pressed()), lambda average: None)
    assert "stopped; go on with the same command and --resume" in caplog.text
    second = make(tmp_path)
    second.resume()
    assert second.progress.step == 5
    saved: list[dict[str, Tensor]] = []
    terms = run_to_end(second, saved.append)
    assert terms["distance"] > 0 and len(saved) == 1
    for name, value in whole.average.items():
        assert torch.equal(value, saved[0][name]), name


def test_how_long_and_how_fast_may_change_what_is_learnt_may_not() -> None:
    settings = {"steps": 5, "learning_rate": 0.1, "style_weight": 6.0, "seed": 1}
    assert kept_settings(settings) == {"style_weight": 6.0, "seed": 1}
