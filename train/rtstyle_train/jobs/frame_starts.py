"""Choose what a training on painted frames begins at: what is nearest already."""

import logging
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import torch

from rtstyle.errors import StyleFileError
from rtstyle.gallery.find import load_style
from rtstyle.networks import SWIFT_SIZES, SwiftConfig, SwiftNet
from rtstyle.networks.pixels import to_batch
from rtstyle.networks.weights_file import Weights
from rtstyle.paintings.network import painting_network
from rtstyle.paintings.picture import shown
from rtstyle.style_file import bundled_folder
from rtstyle_train.config.frames import FramesConfig
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.outputs import RunOptions
from rtstyle_train.loop.from_style_file import weights_of_style
from rtstyle_train.loop.starts import load_start, network_settings
from rtstyle_train.loop.trainer import Schedule, Trainer
from rtstyle_train.methods.frames import PaintedFrames, measure_norms

log = logging.getLogger(__name__)

ANY_PAINTING = "any painting"
"""Name of the start that is the network for paintings, given the painted frame."""
MOST_TRIED = 2
"""Bundled styles that are trained on trial, beside the network for paintings."""
TRIAL_STEPS = 8
"""Of such a training."""
JUDGED = 10**7
"""Number of the step whose crops all are compared on; no training comes so far."""
MOST_MEASURED = 8
"""Painted frames that the norms' statistics are taken from."""


@dataclass(frozen=True, slots=True)
class Start:
    """A network to begin at."""

    settings: ClassVar[tuple[str, ...]] = ("network", "head", "padding")
    """Settings that are the start's own."""
    name: str
    """What it was; empty for weights from the seed."""
    config: FramesConfig
    """The training's, with the start's `settings`."""
    network: SwiftNet
    """With the start's weights, and the film's statistics in its norms."""


def make_network(config: FramesConfig) -> SwiftNet:
    """Return the network of a training, with weights from its seed.

    Raises:
        ConfigError: no network has that name.
    """
    if config.network not in SWIFT_SIZES:
        raise ConfigError(
            f"network: expected {', '.join(SWIFT_SIZES)}, got {config.network!r}"
        )
    torch.manual_seed(config.seed)
    size = SWIFT_SIZES[config.network]
    return SwiftNet(
        SwiftConfig(
            channels=size.channels,
            blocks=size.blocks,
            deep_channels=size.deep_channels,
            separable=size.separable,
            norm=config.norm,
            head=config.head,
            padding=config.padding,
        )
    )


def nearest_start(
    config: FramesConfig,
    method: PaintedFrames,
    run: RunOptions,
    *,
    leave_out: Collection[str] = (),
) -> Start:
    """Return the start whose loss is lowest after a few steps.

    Args:
        config: Of the training; only starts of its network are considered.
        method: Of the training.
        run: Names a start, if one is wanted.
        leave_out: Names of styles that are not considered.

    Raises:
        ConfigError: the named start has another network, or several styles.
        RtstyleError: the named start does not exist.
    """
    if run.start is not None:
        return _named(config, method, run)
    found = [
        _begun(config, method, name, weights)
        for name, weights in _candidates(config, method)
        if name not in leave_out
    ]
    if not found:
        log.warning("no style has the network %s: begins at nothing", config.network)
        network = make_network(config)
        _measure(network, method)
        return Start("", config, network)
    before = {start.name: loss_of(start.network, method) for start in found}
    first = sorted(found, key=lambda start: before[start.name])
    tried = [start for start in first if start.name != ANY_PAINTING][:MOST_TRIED]
    tried += [start for start in first if start.name == ANY_PAINTING]
    # a start that is nearly there only gets worse by steps of this length
    losses = {
        start.name: min(before[start.name], _after_trial(start, method))
        for start in tried
    }
    best = min(tried, key=lambda start: losses[start.name])
    words = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
    log.warning(
        "begins at: %s (loss after %d steps: %s)", best.name, TRIAL_STEPS, words
    )
    return best


def loss_of(network: SwiftNet, method: PaintedFrames) -> float:
    """Return the loss of a network on crops that are always the same."""
    device = method.loss.likeness.device
    with torch.no_grad():
        terms = method.losses(network.to(device), step=JUDGED, rank=0, device=device)
    return float(torch.stack(list(terms.values())).sum())


def _named(config: FramesConfig, method: PaintedFrames, run: RunOptions) -> Start:
    assert run.start is not None
    weights = load_start(run.start)
    network = weights.build_transform_net()
    if network.num_styles > 1:
        names = [entry["name"] for entry in weights.recipe["styles"]]
        if run.start_style not in names:
            raise ConfigError(
                f"{run.start}: expected one of {', '.join(names)}, chosen with "
                f"--start-style, got {run.start_style!r}"
            )
        one = network.select_style(names.index(run.start_style))
        facts = weights.network | {"num_styles": 1}
        weights = replace(weights, tensors=one.state_dict(), network=facts)
    settings = network_settings(weights)
    if not settings or settings["norm"] not in ("instance", "frozen"):
        raise ConfigError(
            f"{run.start}: expected a start with a swift network and instance norms, "
            "got another"
        )
    return _begun(config, method, run.start.name, weights)


def _candidates(
    config: FramesConfig, method: PaintedFrames
) -> Iterator[tuple[str, Weights]]:
    """Give out the starts whose network has the wanted size."""
    frame = max(method.frames.painted, key=lambda frame: int(frame.share.sum()))
    network = painting_network()
    modulation = network.encode(shown(frame.painted, side=network.side))
    card = {"name": "painted", "title": "Painted"}
    styles = [(ANY_PAINTING, network.fold(modulation, card))]
    for path in sorted(bundled_folder().glob("*.onnx")):
        if not path.name.endswith(".int8.onnx"):
            styles.append((path.stem, load_style(path.stem)))
    for name, style in styles:
        try:
            weights = weights_of_style(style)
        except StyleFileError:
            continue
        settings = network_settings(weights)
        if settings.get("network") == config.network:
            if settings["norm"] in ("instance", "frozen"):
                yield name, weights


def _begun(
    config: FramesConfig, method: PaintedFrames, name: str, weights: Weights
) -> Start:
    """Return a start with the weights of another training."""
    settings = network_settings(weights)
    own = replace(config, **{key: settings[key] for key in Start.settings})
    network = make_network(own)
    state = network.state_dict()
    typical = {n: v for n, v in state.items() if ".running_" in n}
    network.load_state_dict(typical | weights.tensors)
    _measure(network, method)
    return Start(name, own, network)


def _measure(network: SwiftNet, method: PaintedFrames) -> None:
    frames = method.frames.painted[:MOST_MEASURED]
    measure_norms(network, [to_batch(frame.content) for frame in frames])


def _after_trial(start: Start, method: PaintedFrames) -> float:
    """Return the loss after a few steps from a start, which is not changed."""
    network = make_network(start.config)
    network.load_state_dict(start.network.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            network,
            method,
            Schedule(
                steps=TRIAL_STEPS,
                learning_rate=start.config.learning_rate / 2,
                ema=0.0,
                warmup=1,
            ),
            checkpoint=Path(folder) / "trial.safetensors",
            optimizer=start.config.optimizer,
        )
        for _ in trainer.run(lambda _: None):
            pass
    return loss_of(network, method)
