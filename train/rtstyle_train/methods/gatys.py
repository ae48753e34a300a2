"""Optimise one picture instead of a network: slow, and the reference for networks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle_train.config.image import TrainConfig
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.gram import gram_matrix
from rtstyle_train.losses.perceptual import PerceptualLoss

CONTENT_LAYER = "relu4_2"
"""Content layer of Gatys et al. 2016."""
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""Style layers of Gatys et al. 2016, each with weight 1/5."""
ADAM_RATE = 0.02
"""Learning rate of Adam, in units of 0..1."""
HISTORY = 50
"""Number of past steps that L-BFGS keeps."""

Optimizer = Literal["lbfgs", "adam"]


class Objective(Protocol):
    """A function of one picture to minimise."""

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the loss of RGB ``(1, 3, H, W)``, 0..1, as a scalar with gradient."""
        ...


class TrainingObjective:
    """The losses of one photograph, as in the training of our networks.

    Always in float32, so that networks and optimised pictures are judged alike.
    """

    def __init__(
        self, config: TrainConfig, vgg: VggFeatures, painting: Tensor, content: Tensor
    ) -> None:
        """Measure painting and photograph.

        Args:
            config: Layers and weights of the training.
            vgg: Loss network of the training.
            painting: RGB ``(1, 3, H, W)``, 0..1, at the recipe's size.
            content: RGB ``(1, 3, H, W)``, 0..1.
        """
        exact = replace(config, loss_precision="fp32")
        self._loss = PerceptualLoss(exact, vgg, [painting])
        self._content = content
        self._row = torch.zeros(1, dtype=torch.int64)

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the sum of the weighted terms."""
        terms: dict[str, Tensor] = self._loss(pixels, self._content, self._row)
        return torch.stack(list(terms.values())).sum()


class GatysObjective:
    """The original losses, with average pooling.

    ``alpha * 1/2 sum (F - P)^2 + beta * sum_l 1/5 * 1/(4 N^2 M^2) sum (G - A)^2``.

    Source:
        Gatys et al. 2016, equations 1 to 7, on ReLU layers, as in their code. A and M
        are those of the painting, which may have another size than the content: each
        Gram matrix is divided by its own M, which makes no difference if both M are
        equal.
    """

    def __init__(
        self,
        vgg: VggFeatures,
        painting: Tensor,
        content: Tensor,
        *,
        alpha: float = 1e-6,
        beta: float = 1.0,
    ) -> None:
        """Measure painting and photograph.

        Args:
            vgg: Normalised to a mean activation of 1, as theirs; the weights need it.
            painting: RGB ``(1, 3, H, W)``, 0..1.
            content: RGB ``(1, 3, H, W)``, 0..1.
            alpha: Weight of the content loss, a sum, which grows with the picture.
            beta: Weight of the style loss.

        Raises:
            ConfigError: the loss network lacks a layer.
        """
        vgg.check((CONTENT_LAYER, *STYLE_LAYERS))
        self._vgg = vgg.float()
        self._alpha, self._beta = alpha, beta
        with torch.no_grad():
            self._content = pooled_features(vgg, content)[CONTENT_LAYER]
            style = pooled_features(vgg, painting)
            self._grams = {name: gram_matrix(style[name]) for name in STYLE_LAYERS}

    def __call__(self, pixels: Tensor) -> Tensor:
        """Return the weighted sum."""
        features = pooled_features(self._vgg, pixels)
        content = 0.5 * (features[CONTENT_LAYER] - self._content).square().sum()
        style = [
            (gram_matrix(features[name]) - gram).square().mean() / 4.0
            for name, gram in self._grams.items()
        ]
        return self._alpha * content + self._beta * torch.stack(style).mean()


def pooled_features(vgg: VggFeatures, pixels: Tensor) -> dict[str, Tensor]:
    """Return all ReLU layers of the loss network, with average pooling.

    Args:
        vgg: The loss network.
        pixels: RGB ``(N, 3, H, W)``, 0..1.

    Source:
        Gatys et al. 2016, section 2: average pooling gives slightly better pictures.
    """
    x = (pixels - vgg.get_buffer("mean")) / vgg.get_buffer("std")
    mode = "reflect" if vgg.reflect else "constant"
    features: dict[str, Tensor] = {}
    for name, layer in vgg.convs.items():
        if name == "conv0":
            x = layer(x)
            continue
        if name.endswith("_1") and name != "conv1_1":
            x = F.avg_pool2d(x, 2)
        x = F.relu(layer(F.pad(x, (1, 1, 1, 1), mode=mode)))
        features[name.replace("conv", "relu")] = x
    return features


@dataclass(frozen=True, slots=True)
class GatysStep:
    """State of the optimisation after an iteration."""

    iteration: int
    """Number of the iteration, from 1; 0 is the start."""
    loss: float
    """Objective of `pixels`, clamped to 0..1."""
    pixels: Tensor
    """RGB ``(1, 3, H, W)``, 0..1; a copy."""


def optimise(
    objective: Objective,
    start: Tensor,
    *,
    steps: int,
    optimizer: Optimizer = "lbfgs",
) -> Iterator[GatysStep]:
    """Minimise the objective, and yield every iteration, the start first.

    After each iteration the picture is clamped to 0..1 like a finished picture, so that
    the loss is that of the picture shown.

    Args:
        objective: Objective of one picture.
        start: RGB ``(1, 3, H, W)``, 0..1; not changed.
        steps: Iterations.
        optimizer: ``lbfgs`` (a line search per iteration, about 1.3 evaluations) or
            ``adam``.

    Raises:
        ConfigError: `steps` is negative.
        TrainError: the loss became infinite.

    Source:
        Gatys et al. 2016; projection as in Johnson et al. 2016, section 4.1.
    """
    if steps < 0:
        raise ConfigError(f"steps: expected 0 or more, got {steps}")
    pixels = start.clone(memory_format=torch.contiguous_format).requires_grad_()
    engine = _engine(pixels, optimizer)

    def closure() -> float:
        engine.zero_grad()
        loss = objective(pixels)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    for iteration in range(steps + 1):
        with torch.no_grad():
            loss = float(objective(pixels))
            if not loss < float("inf"):
                raise TrainError(
                    f"iteration {iteration}: expected a finite loss, got {loss}; "
                    "use --optimizer adam"
                )
            yield GatysStep(iteration, loss, pixels.detach().clone())
        if iteration < steps:
            engine.step(closure)
            with torch.no_grad():
                pixels.clamp_(0.0, 1.0)


def _engine(pixels: Tensor, optimizer: Optimizer) -> torch.optim.Optimizer:
    if optimizer == "adam":
        return torch.optim.Adam([pixels], lr=ADAM_RATE)
    return torch.optim.LBFGS(
        [pixels],
        max_iter=1,
        max_eval=20,
        history_size=HISTORY,
        line_search_fn="strong_wolfe",
        tolerance_grad=0.0,
        tolerance_change=0.0,
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """A network's picture compared with the optimisation of the same photograph."""

    network_loss: float
    """Objective of the network's picture."""
    content_loss: float
    """Objective of the photograph itself."""
    start_loss: float
    """Objective of the start of the optimisation."""
    best_loss: float
    """Lowest objective that the optimisation reached."""
    iterations: int | None
    """First iteration that is no worse than the network; None if there is none."""
    steps: int
    """Number of iterations run."""


def compare(
    objective: Objective,
    *,
    stylized: Tensor,
    content: Tensor,
    start: Tensor,
    steps: int,
    optimizer: Optimizer = "lbfgs",
    on_step: Callable[[GatysStep], None] | None = None,
) -> Comparison:
    """Count the iterations that the optimisation needs to equal a network.

    Args:
        objective: Objective of the photograph.
        stylized: The network's picture, RGB ``(1, 3, H, W)``, 0..1.
        content: The photograph, same shape.
        start: What the optimisation starts from, same shape.
        steps: Number of iterations; all are run, to find the best loss.
        optimizer: See `optimise`.
        on_step: Called after every iteration.

    Source:
        Johnson et al. 2016, figure 5.
    """
    with torch.no_grad():
        network_loss = float(objective(stylized))
        content_loss = float(objective(content))
    losses: list[float] = []
    for step in optimise(objective, start, steps=steps, optimizer=optimizer):
        losses.append(step.loss)
        if on_step:
            on_step(step)
    reached = [i for i, loss in enumerate(losses) if loss <= network_loss]
    return Comparison(
        network_loss=network_loss,
        content_loss=content_loss,
        start_loss=losses[0],
        best_loss=min(losses),
        iterations=reached[0] if reached else None,
        steps=steps,
    )
