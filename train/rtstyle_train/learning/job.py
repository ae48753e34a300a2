"""Learn one painting on what is to be painted, and export it (`rtstyle learn`)."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtstyle.networks.swift import SwiftNet
from rtstyle.networks.swift_adain import SwiftAdain, SwiftAdainConfig
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights, describe_network
from rtstyle.paintings import load_painting
from rtstyle.paintings.modulation_file import SUFFIX, is_modulation, modulation_text
from rtstyle.paintings.network import painting_network
from rtstyle.process.signals import Stopped
from rtstyle.style_file import Style, read_card
from rtstyle.twins import expected_twin_path
from rtstyle.untrusted.names import style_name
from rtstyle_export.errors import ExportError
from rtstyle_export.from_weights import card_of
from rtstyle_export.int8.quantize import fitting_photos, quantize_style
from rtstyle_export.style_writer import (
    check_target,
    make_style,
    write_file,
    write_style,
)
from rtstyle_streams.frame import Pixels
from rtstyle_streams.opening import open_source
from rtstyle_train.config.image import StyleImage, TrainConfig, make_config
from rtstyle_train.config.reading import recipe_table
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.material import Material, read_material
from rtstyle_train.errors import TrainError
from rtstyle_train.jobs.image import ImageJob, train_image
from rtstyle_train.jobs.outputs import RunOptions, checksum
from rtstyle_train.loop.number_format import is_bfloat16_quick
from rtstyle_train.loop.starts import load_start, network_settings

log = logging.getLogger(__name__)

SAVE_SECONDS: Final = 60.0
"""Time between two checkpoints."""
SAMPLE: Final = "sample:960x540@30x480"
"""What is painted where nothing is named: the sample scene."""


@dataclass(frozen=True, slots=True)
class LearnJob:
    """Options of the command line."""

    painting: Path
    """A picture file."""
    target: Path
    """The style file to write: .onnx, with its int8 twin beside it, or .json, of which
    the norms alone are learned and which the network for any painting runs."""
    on: str | None = None
    """What the style is to be used on: a film, a picture, a folder of pictures,
    ``webcam:``, or whatever else `open_source` opens; None is the sample scene."""
    minutes: float = 5.0
    """Time to learn, approximately."""
    recipe: str | None = None
    """A bundled recipe's name, or a TOML file; None: ``learn``, or ``learn_norms``."""
    steps: int | None = None
    """Steps at most."""
    style_weight: float | None = None
    """In place of the recipe's."""
    seed: int | None = None
    """Of the crops."""
    loss_weights: Path | None = None
    """Local loss network; None is the default."""
    save_seconds: float | None = None
    """Write `target` anew, better, as often; None: at the end alone."""
    has_twin: bool = True
    """Whether the int8 twin is made, too."""
    resume: bool = False
    """Whether to go on where a stopped learning ended."""
    overwrite: bool = False
    """Whether `target` may exist."""

    @property
    def work_folder(self) -> Path:
        """Return where the checkpoint is until all is done."""
        return self.target.with_name(f".{self.target.stem}.learn")

    @property
    def is_modulation(self) -> bool:
        """Return whether the norms alone are learned."""
        return is_modulation(self.target)

    @property
    def may_replace(self) -> bool:
        """Return whether files that exist may be replaced."""
        return self.overwrite or self.resume


def learn(job: LearnJob) -> Path | None:
    """Learn a style and write it.

    The network starts as that for any painting with this one's modulation, so that it
    is near from the first step on.

    Returns:
        Where the int8 twin is; None where there is none.

    Raises:
        TrainError: the painting or the material cannot be used.
        ExportError: the style file may not be written.
        Stopped: after Ctrl-C; what was learned until then is in the style file.
    """
    suffix = SUFFIX if job.is_modulation else ".onnx"
    check_target(job.target, overwrite=job.may_replace, suffix=suffix)
    config = _config(job)
    content = _material(job.on)
    job.work_folder.mkdir(exist_ok=True)
    run = RunOptions(
        out=job.work_folder / "weights.safetensors",
        loss_weights=job.loss_weights,
        start=job.painting,
        minutes=job.minutes,
        resume=job.resume,
        overwrite=True,
        save_seconds=job.save_seconds or SAVE_SECONDS,
    )
    kept: list[TransformNet] = []
    writes_often = job.save_seconds is not None

    def keep(network: TransformNet) -> None:
        kept[:] = [network]
        if writes_often:
            _write(job, config, network, overwrite=True)

    try:
        weights = train_image(
            config,
            ImageJob((job.painting,), content, run),
            on_save=keep,
            go_on_by="the same command and --resume",
        )
    except Stopped:
        if kept:
            _write(job, config, kept[0], overwrite=True)
            log.warning("%s: written as learned so far", job.target)
        raise
    network = weights.build()
    assert isinstance(network, TransformNet)
    style = _write(job, config, network, trained=weights)
    twin = None
    if job.has_twin and not job.is_modulation:
        twin = _write_twin(job, style, content)
    shutil.rmtree(job.work_folder, ignore_errors=True)
    return twin


def _config(job: LearnJob) -> TrainConfig:
    """Return the recipe with the network of the start and what flags say."""
    own = StyleImage(
        name=style_name(job.painting.stem, default="painting"),
        file=job.painting.name,
        title=job.painting.stem.replace("_", " "),
    )
    flags = {
        "steps": job.steps,
        "style_weight": job.style_weight,
        "seed": job.seed,
        "styles": [own],
        "loss_precision": "bf16" if is_bfloat16_quick() else "fp32",
    }
    network = network_settings(load_start(job.painting))
    recipe = job.recipe or ("learn_norms" if job.is_modulation else "learn")
    config = make_config(recipe_table(recipe), network, flags, where=f"recipe {recipe}")
    if job.is_modulation and config.learned != "norms":
        raise TrainError(
            f"{job.target}: expected a recipe that learns norms alone for a {SUFFIX} "
            f"file, got {recipe}; name the style file .onnx"
        )
    return config


def _material(on: str | None) -> Path | Material:
    """Return the folder, or what is seen of a film, a camera or the sample scene."""
    if on is not None and Path(on).is_dir():
        return Path(on)
    with open_source(on or SAMPLE) as source:
        return read_material(source, what=on or "sample scene")


def _write(
    job: LearnJob,
    config: TrainConfig,
    network: TransformNet,
    *,
    trained: Weights | None = None,
    overwrite: bool | None = None,
) -> Style:
    """Write the style file and return the style."""
    recipe = config.as_dict()
    facts = trained.trained if trained else {}
    weights = Weights(network.state_dict(), describe_network(network), recipe, facts)
    card = card_of(weights, recipe["styles"][0])
    card["painting"] = {"file": job.painting.name, "sha256": checksum(job.painting)}
    card["learned_on"] = Path(job.on).name if job.on else SAMPLE
    if job.is_modulation:
        return _write_modulation(job, network, card)
    data = make_style(network.eval(), card)
    may = job.may_replace if overwrite is None else overwrite
    write_style(job.target, data, overwrite=may or job.save_seconds is not None)
    found = read_card(data, where=str(job.target))
    return Style(found["name"], data, found, path=job.target)


def _write_modulation(
    job: LearnJob, network: TransformNet, card: dict[str, Any]
) -> Style:
    """Write what the norms learned, with the part of the card that is its own."""
    assert isinstance(network, SwiftNet)
    config = network.config
    assert config.norm in ("instance", "body"), "those that a painting's network has"
    assert config.deep_channels is not None
    shape = SwiftAdainConfig(
        placement=config.norm,
        channels=config.channels,
        blocks=config.blocks,
        deep_channels=config.deep_channels,
    )
    modulation = SwiftAdain(shape).modulation_of(network).numpy()
    keys = ("name", "title", "artist", "year", "recipe", "trained", "learned_on")
    own = {key: card[key] for key in keys if card.get(key)}
    text = modulation_text(modulation, own, painting_network())
    write_file(job.target, text.encode())
    return load_painting(job.target)


def _write_twin(job: LearnJob, style: Style, content: Path | Material) -> Path | None:
    """Write the int8 twin where it is near enough; say why where it is not."""
    path = expected_twin_path(job.target, "int8")
    try:
        photos = fitting_photos(_pictures(content))
        write_style(path, quantize_style(style, photos), overwrite=True)
    except (ExportError, TrainError) as error:
        log.warning("no int8 twin: %s", error)
        path.unlink(missing_ok=True)  # that of an older style
        return None
    return path


def _pictures(content: Path | Material) -> Sequence[Pixels]:
    """Return the pictures of a material, or those of a folder as they are needed."""
    if isinstance(content, Material):
        return content.pictures
    images = ContentImages(content, size=32).images
    return [found for n in range(len(images)) if (found := images.get(n)) is not None]
