"""Run `rtstyle train text`: learn a prompt into a weights file."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from accelerate import Accelerator
from torch import Tensor, nn

from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights
from rtstyle_train.clip.encoder import ClipEncoder, load_clip
from rtstyle_train.clip.source import ClipSource
from rtstyle_train.config.image import make_config
from rtstyle_train.config.text import TextConfig
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.preview import write_preview
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.loss_weights import loss_weights
from rtstyle_train.jobs.outputs import RunOptions, preview_writer, save_result
from rtstyle_train.loop.starts import load_start
from rtstyle_train.loop.trainer import Schedule, Trainer, kept_settings
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import VggFeatures, load_loss_network
from rtstyle_train.methods.johnson import make_network
from rtstyle_train.methods.text import ContentViews, TextStyle, padding_of


@dataclass(frozen=True, slots=True)
class TextJob:
    """Options of one text style on the command line."""

    run: RunOptions
    """Where the weights (or, with `single`, the picture) go and how long it takes."""
    content: Path | None = None
    """Folder of photographs."""
    single: Path | None = None
    """One photograph, to stylize as in the papers."""
    truncate: bool = False
    """Whether to shorten a prompt that is too long."""

    def check(self) -> None:
        """Refuse options that cannot work, before anything is loaded.

        Raises:
            ConfigError: no photographs, or a path that cannot be written to.
            TrainError: the result exists and may not be replaced.
        """
        if (self.content is None) == (self.single is None):
            raise ConfigError(
                "expected --content FOLDER (a network) or --single PHOTO (a picture), "
                f"got {'both' if self.content else 'neither'}"
            )
        self.run.check(*((".png", ".jpg") if self.single else (".safetensors",)))


def train_text(config: TextConfig, job: TextJob) -> Weights:
    """Train a network on a prompt, with progress on stderr and previews beside it.

    Raises:
        ConfigError: the prompt, the networks or the files are not valid.
        TrainError: a file is missing or broken, or the loss became infinite.
    """
    job.check()
    assert job.content is not None
    config, clip, vgg = load_judges(config, job)
    accelerator = Accelerator(mixed_precision="no")
    photos = ContentImages(
        job.content, size=config.size, smallest_crop=config.smallest_crop
    )
    network = start_network(config, job)
    views = ContentViews(photos, clip.to(accelerator.device), seed=config.seed)
    method = TextStyle(
        config,
        views=views,
        vgg=vgg.to(accelerator.device),
        identity_steps=0 if job.run.start else config.identity_steps,
        padding=padding_of(network),
    )
    trainer = make_trainer(network, method, job.run, accelerator=accelerator)
    if job.run.resume:
        trainer.resume()
    shown = copy.deepcopy(network)

    def network_with(average: Mapping[str, Tensor]) -> TransformNet:
        shown.load_state_dict(average)
        return shown

    def write(path: Path, network: TransformNet) -> None:
        write_preview(path, network, photos, 1)

    terms = run_to_end(trainer, preview_writer(job.run, network_with, write))
    return save_result(
        trainer,
        job.run,
        network,
        tensors=trainer.average,
        recipe=config.as_dict(),
        terms=terms,
        facts={"photographs": len(photos.images)},
    )


def load_judges(
    config: TextConfig, job: TextJob
) -> tuple[TextConfig, ClipEncoder, VggFeatures]:
    """Load CLIP and the content loss network, and check the prompt.

    Returns:
        The settings (with the prompt as CLIP will read it) and both networks.

    Raises:
        ConfigError: names, layers or the prompt are not valid.
        TrainError: files are missing or broken, or a download failed.
    """
    clip = load_clip(ClipSource(config.clip, config.clip_weights))
    prompt = clip.fitting_prompt(config.prompt, truncate=job.truncate)
    weights = loss_weights(config.loss_network, job.run.loss_weights, may_be_own=False)
    vgg = load_loss_network(config.loss_network, weights=weights)
    return replace(config, prompt=prompt), clip, vgg


def start_network(config: TextConfig, job: TextJob) -> TransformNet:
    """Return the network to train: from the start, or a new one from the recipe.

    Raises:
        ConfigError: the start holds no such style, or several and none was named.
        RtstyleError: the start does not exist.
    """
    run = job.run
    if run.start is None:
        same = ("network", "norm", "head", "padding", "seed")
        return make_network(make_config({n: getattr(config, n) for n in same}))
    weights = load_start(run.start)
    network = weights.build_transform_net().train()
    if network.num_styles > 1:
        names = [row["name"] for row in weights.recipe["styles"]]
        if run.start_style not in names:
            raise ConfigError(
                f"{run.start}: expected --start-style among {', '.join(names)}, "
                f"got {run.start_style or 'none'}"
            )
        return network.select_style(names.index(run.start_style)).train()
    return network


def make_trainer(
    network: nn.Module,
    method: TextStyle,
    run: RunOptions,
    *,
    accelerator: Accelerator | None = None,
) -> Trainer:
    """Return the trainer of a text style."""
    config = method.config
    start = run.start.name if run.start else ""
    schedule = Schedule(
        steps=config.steps,
        learning_rate=config.learning_rate,
        ema=config.ema,
        minutes=run.minutes,
    )
    return Trainer(
        network,
        method,
        schedule,
        checkpoint=run.checkpoint,
        identity=kept_settings(config.as_dict()) | {"start": start},
        optimizer=config.optimizer,
        accelerator=accelerator,
    )
