"""Train a network and average its weights; a training can be resumed."""

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rtstyle.networks.weights_file import load_tensors, save_tensors
from rtstyle_train.errors import TrainError
from rtstyle_train.loop.captured_step import CapturedStep
from rtstyle_train.loop.method import Method, PreparedMethod
from rtstyle_train.loop.optimizers import load_optimizer, make_optimizers

log = logging.getLogger(__name__)

DECAY_SHARE = 0.3
"""Share of all steps over which the learning rate falls to zero."""
WARMUP_STEPS = 100
"""Number of steps over which the learning rate rises, unless told otherwise."""
GRADIENT_NORM = 5.0
"""Gradients are clipped to this length."""
FLAT_SHARE = 0.005
"""A smoothed loss that has not fallen by this share counts as flat."""
LOSS_PACE = 0.005
"""Weight of each step's loss in the smoothed loss."""
READ_EVERY = 25
"""Number of captured steps between two reads of the loss, which wait for the GPU."""
MAY_CHANGE = frozenset(
    ("steps", "learning_rate", "flat_after", "batch_size", "styles", "first", "start")
)
"""Settings of a recipe that may differ from those in a checkpoint to resume from: how
long, how fast, and what is checked in another way."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Length and learning rate of a training."""

    steps: int
    """Largest number of steps."""
    learning_rate: float
    """Peak learning rate."""
    ema: float
    """Decay of the weights' moving average."""
    flat_after: int = 0
    """Start the decay once the loss has been flat for this many steps; 0: never."""
    minutes: float = 0.0
    """Begin the end so that it takes about this long; 0: no limit."""
    warmup: int = WARMUP_STEPS
    """Steps over which the learning rate rises."""
    save_seconds: float = 60.0
    """Time between two checkpoints (and previews)."""
    slower: Mapping[str, float] = field(default_factory=dict)
    """Shares of the learning rate; see `make_optimizers`."""


@dataclass(slots=True)
class Progress:
    """State of a training; all of it is in the checkpoint."""

    step: int = 0
    """Steps done."""
    decay_from: int | None = None
    """Step at which the learning rate started to fall."""
    loss: float = math.inf
    """Loss smoothed over about 200 steps."""
    best: float = math.inf
    """Smallest smoothed loss that counted as an improvement."""
    best_step: int = 0
    """Step of that loss."""
    seconds: float = 0.0
    """Time spent in all sessions."""

    @property
    def end(self) -> int | None:
        """Return the last step, once it is known."""
        if self.decay_from is None:
            return None
        share = DECAY_SHARE / (1 - DECAY_SHARE)
        return self.decay_from + max(1, round(self.decay_from * share))


@dataclass(frozen=True, slots=True)
class Report:
    """Progress of one step."""

    step: int
    """Steps done."""
    total: int
    """Number of steps as planned now."""
    terms: dict[str, float]
    """Weighted terms of this step's loss."""
    loss: float
    """Smoothed sum."""


class Trainer:
    """Trains one network with one method."""

    def __init__(
        self,
        network: nn.Module,
        method: Method,
        schedule: Schedule,
        *,
        checkpoint: Path,
        identity: Mapping[str, Any] | None = None,
        optimizer: str = "muon",
        accelerator: Accelerator | None = None,
    ) -> None:
        self.accelerator = accelerator or Accelerator()
        self.schedule = schedule
        self.method = method
        self.checkpoint = checkpoint
        self.identity = json.loads(json.dumps(dict(identity or {})))
        self.progress = Progress()
        network = network.to(memory_format=torch.channels_last)
        device = self.accelerator.device
        self._captured: CapturedStep | None = None
        alone = self.accelerator.num_processes == 1
        is_gpu = device.type == "cuda"
        self.optimizers = make_optimizers(
            network,
            optimizer,
            schedule.learning_rate,
            capturable=is_gpu,
            slower=schedule.slower,
        )
        self.network = self.accelerator.prepare(network)
        self.optimizers = [self.accelerator.prepare(o) for o in self.optimizers]
        self.average = {
            name: value.detach().clone() for name, value in self._plain().items()
        }
        if is_gpu and alone and isinstance(method, PreparedMethod):
            self._captured = CapturedStep(self._update, device)
        self._terms: dict[str, float] = {}

    def run(self, on_save: Callable[[dict[str, Tensor]], None]) -> Iterator[Report]:
        """Train to the end, reporting every step.

        Args:
            on_save: Called with the averaged weights after each checkpoint.
        """
        saved = time.monotonic()
        while not self.is_done:
            began = time.monotonic()
            terms = self._step()
            now = time.monotonic()
            self.progress.seconds += self._mean([now - began])[0]
            if now - saved > self.schedule.save_seconds or self.is_done:
                self.save()
                on_save(self.average)
                saved = time.monotonic()
            yield Report(self.progress.step, self.total, terms, self.progress.loss)

    @property
    def is_done(self) -> bool:
        """Return whether the last step is done."""
        return self._end is not None and self.progress.step >= self._end

    @property
    def total(self) -> int:
        """Return the number of steps as planned now."""
        schedule, progress = self.schedule, self.progress
        if self._end is not None:
            return self._end
        if schedule.minutes and progress.seconds:
            in_time = progress.step * schedule.minutes * 60 / progress.seconds
            return min(schedule.steps, max(progress.step + 1, round(in_time)))
        return schedule.steps

    @property
    def _end(self) -> int | None:
        """Return the last step, once it is known; usually at most the schedule's.

        It is later if a training is resumed after all of those steps, since its
        learning rate still has to fall.
        """
        end, begun = self.progress.end, self.progress.decay_from
        if end is None or begun is None or begun >= self.schedule.steps:
            return end
        return min(end, self.schedule.steps)

    def _step(self) -> dict[str, float]:
        self._maybe_begin_decay()
        progress, method = self.progress, self.method
        step, rank = progress.step, self.accelerator.process_index
        rate = torch.tensor(self._rate(), dtype=torch.float64)
        decay = min(self.schedule.ema, (step + 1) / (step + 11))
        pace = {"rate": rate, "forget": torch.tensor(1 - decay, dtype=torch.float64)}
        if self._captured is not None and isinstance(method, PreparedMethod):
            phase = method.begin(self.network, step)
            inputs = pace | method.inputs(step=step, rank=rank)
            terms = self._captured(inputs, phase=phase)
        else:
            terms = self._update(pace)
        progress.step += 1
        is_read = self._captured is None or step % READ_EVERY == 0 or self.is_done
        if is_read:
            self._wait()
            names = list(terms)
            values = self._mean(torch.stack(list(terms.values())).tolist())
            self._terms = dict(zip(names, values, strict=True))
            self._note_loss(sum(values), over=READ_EVERY if self._captured else 1)
        return self._terms

    def _update(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run one step of the optimisers and the average; return the terms.

        Args:
            inputs: The learning ``rate``, ``forget`` of the average, and the inputs of
                a captured `PreparedMethod`.
        """
        rate = inputs["rate"]
        is_captured = self._captured is not None
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                lr = group["peak"] * rate
                group["lr"] = lr.float() if is_captured else lr.item()
            optimizer.zero_grad(set_to_none=True)
        terms = self._losses(inputs)
        loss = torch.stack(list(terms.values())).sum()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        for parameter in self.network.parameters():
            if parameter.grad is not None:  # ignore values that are not finite
                parameter.grad.nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)
        for optimizer in self.optimizers:
            optimizer.step()
        self._move_average(inputs["forget"])
        return {name: term.detach() for name, term in terms.items()}

    @torch.no_grad()
    def _move_average(self, forget: Tensor) -> None:
        """Move the averaged weights towards the present ones by `forget`."""
        values = self._plain()
        averages = [self.average[name] for name in values]
        changes = torch._foreach_sub(list(values.values()), averages)
        torch._foreach_mul_(changes, forget.to(averages[0]))
        torch._foreach_add_(averages, changes)

    def _losses(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self._captured is not None and isinstance(self.method, PreparedMethod):
            return self.method.terms(self.network, inputs)
        return self.method.losses(
            self.network,
            step=self.progress.step,
            rank=self.accelerator.process_index,
            device=self.accelerator.device,
        )

    def _rate(self) -> float:
        """Return the share of the peak learning rate that this step uses."""
        progress = self.progress
        warm = min(1.0, (progress.step + 1) / self.schedule.warmup)
        if progress.decay_from is None or self._end is None:
            return warm
        left = self._end - progress.step
        return warm * left / (self._end - progress.decay_from)

    def _maybe_begin_decay(self) -> None:
        progress, schedule = self.progress, self.schedule
        if progress.decay_from is not None:
            return
        stable = 1 - DECAY_SHARE
        flat = progress.step - progress.best_step
        if schedule.flat_after and flat >= schedule.flat_after:
            log.info("the loss is flat: the last steps begin at %d", progress.step)
        elif schedule.minutes and progress.seconds >= schedule.minutes * 60 * stable:
            log.info("time is nearly up: the last steps begin at %d", progress.step)
        elif progress.step < min(round(schedule.steps * stable), schedule.steps - 1):
            return
        progress.decay_from = progress.step

    def _note_loss(self, loss: float, *, over: int) -> None:
        """Add the loss of the last `over` steps to the average; it must be finite."""
        progress = self.progress
        pace = 1 - (1 - LOSS_PACE) ** over
        if not math.isfinite(loss):
            raise TrainError(
                f"step {progress.step}: the loss is {loss}; lower learning_rate, "
                f"then go on from the last checkpoint with --resume"
            )
        first = progress.loss == math.inf
        progress.loss = loss if first else progress.loss + pace * (loss - progress.loss)
        if progress.loss < progress.best * (1 - FLAT_SHARE):
            progress.best, progress.best_step = progress.loss, progress.step

    def any_process(self, is_so: bool) -> bool:
        """Tell whether something is so in any process; all have to ask together."""
        return self._mean([float(is_so)])[0] > 0

    def _mean(self, values: list[float]) -> list[float]:
        """Return the mean over all processes, so that all of them decide alike."""
        if self.accelerator.num_processes == 1:
            return values
        own = torch.tensor(values, dtype=torch.float64, device=self.accelerator.device)
        return list(self.accelerator.reduce(own, reduction="mean").tolist())

    def _plain(self) -> dict[str, Tensor]:
        module = self.accelerator.unwrap_model(self.network)
        return dict(module.state_dict())

    def _wait(self) -> None:
        """Wait until all steps so far are done on the GPU."""
        if self._captured is not None:
            self._captured.wait()

    def save(self) -> None:
        """Write the checkpoint, in the main process only."""
        self._wait()
        if not self.accelerator.is_main_process:
            return
        tensors = {f"network/{name}": value for name, value in self._plain().items()}
        tensors |= {f"average/{name}": value for name, value in self.average.items()}
        for number, optimizer in enumerate(self.optimizers):
            for key, state in optimizer.state_dict()["state"].items():
                for name, value in state.items():
                    tensor = torch.as_tensor(value)
                    tensors[f"optimizer/{number}/{key}/{name}"] = tensor
        fields = Progress.__dataclass_fields__
        progress = {name: getattr(self.progress, name) for name in fields}
        meta = {"progress": progress, "identity": self.identity}
        save_tensors(self.checkpoint, tensors, meta=meta)

    def resume(self) -> None:
        """Resume from the checkpoint as if there had been no interruption.

        Raises:
            WeightsFileError: there is none.
            TrainError: it is from another network or recipe.
        """
        tensors, meta = load_tensors(self.checkpoint)
        known = meta.get("identity", {})
        for key, value in self.identity.items():
            if (before := known.get(key, value)) != value:
                raise TrainError(
                    f"{self.checkpoint}: expected a checkpoint of the same {key}, "
                    f"{value!r}, got one of {before!r}; go on with what it was made "
                    "with, or start again without --resume"
                )
        try:
            module = self.accelerator.unwrap_model(self.network)
            module.load_state_dict(_below(tensors, "network/"))
            for number, optimizer in enumerate(self.optimizers):
                load_optimizer(optimizer, _below(tensors, f"optimizer/{number}/"))
        except (RuntimeError, KeyError) as error:
            text = " ".join(str(error).split())[:200]
            raise TrainError(
                f"{self.checkpoint}: is of another network or recipe ({text})"
            ) from error
        for name, value in _below(tensors, "average/").items():
            self.average[name].copy_(value)
        self.progress = Progress(**meta["progress"])
        if self._end is not None and self._end < self.schedule.steps:
            log.warning("the last steps have begun: it ends with step %d", self._end)


def kept_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a recipe that must match a checkpoint to resume from.

    All but `MAY_CHANGE`.
    """
    return {name: v for name, v in settings.items() if name not in MAY_CHANGE}


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    names = [name for name in tensors if name.startswith(prefix)]
    return {name.removeprefix(prefix): tensors[name] for name in names}
