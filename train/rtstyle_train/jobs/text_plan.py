"""Describe what `rtstyle train text` would load, download and train (`--dry-run`)."""

from typing import Any

import open_clip
import torch
from torch import nn

from rtstyle.networks.weights_file import describe_network
from rtstyle_streams.pictures.picture_file import PICTURE_SUFFIXES
from rtstyle_train.clip.encoder import longest_count
from rtstyle_train.clip.source import ClipSource, check_source, own_vocabulary
from rtstyle_train.config.text import TextConfig
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.loss_weights import loss_weights
from rtstyle_train.jobs.text import TextJob, start_network
from rtstyle_train.methods.single_image import SingleImageConfig, StyleUNet

MEGABYTE = 1e6
SAVED_PER_TOKEN = 18
"""Values per token that a block of width 1 keeps for the backward pass."""
VGG_PARAMETERS = {"vgg16": 138_357_544, "vgg19": 143_667_240}
"""Size of torchvision's files, classifier included."""
VGG_SAVED = 200
"""Values per pixel that a VGG keeps for the backward pass."""


def describe_plan(
    config: TextConfig, job: TextJob, *, settings: SingleImageConfig
) -> list[str]:
    """Return the plan, one line per item; nothing is loaded or downloaded.

    Raises:
        ConfigError: the prompt, the networks or the files are not valid.
    """
    job.check()
    source = ClipSource(config.clip, config.clip_weights)
    name, weights = check_source(source)
    table = open_clip.get_model_config(name)
    clip_parameters, tokens, width, layers = _measure(table)
    tokenizer = open_clip.get_tokenizer(name, **own_vocabulary(source, name))
    count, limit = longest_count(tokenizer, config.prompt), tokenizer.context_length
    if count > limit and not job.truncate:
        raise ConfigError(
            f"prompt: expected at most {limit} tokens (in the longest template), "
            f"got {count}; shorten it, or cut it with --truncate"
        )
    views = settings.num_patches + 1 if job.single else _views(config)
    pixels = settings.size**2 if job.single else config.batch_size * config.size**2
    memory = 4 * (
        clip_parameters
        + views * tokens * width * layers * SAVED_PER_TOKEN
        + pixels * VGG_SAVED
    )
    network = StyleUNet() if job.single else start_network(config, job)
    return [
        f"prompt      {config.prompt!r}, {count} of {limit} tokens in the longest "
        f"of 79 templates{' (to be cut)' if count > limit else ''}",
        f"CLIP        {config.clip}, weights {weights or 'of the folder'}, "
        f"{clip_parameters / 1e6:.1f} M parameters, {tokens} tokens, "
        f"band {config.band}",
        f"network     {_network_line(network, job)}",
        _steps_line(config, job, settings),
        f"photographs {_photos_line(job)}",
        f"memory      about {memory / MEGABYTE:,.0f} MB for the losses",
        *_download_lines(config, job, source.download, clip_parameters),
        f"writes      {job.run.out}",
    ]


def _views(config: TextConfig) -> int:
    return config.num_patches + 2 * config.batch_size


def _measure(table: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return parameters, tokens, width and layers of a CLIP, without its weights."""
    known = {"embed_dim", "vision_cfg", "text_cfg", "quick_gelu", "custom_text"}
    settings = {key: table[key] for key in known & set(table) - {"custom_text"}}
    with torch.device("meta"):
        network = open_clip.CLIP(**settings)
    vision = table["vision_cfg"]
    side = vision.get("image_size", 224) // vision.get("patch_size", 16)
    count = sum(p.numel() for p in network.parameters())
    return count, side * side + 1, vision["width"], vision["layers"]


def _network_line(network: nn.Module, job: TextJob) -> str:
    count = sum(p.numel() for p in network.parameters())
    if job.single:
        return f"CLIPstyler's U-Net, {count / 1e3:.0f} k parameters, for this picture"
    kind = describe_network(network)["kind"]
    start = f"from {job.run.start}" if job.run.start else "from identity"
    return f"{kind}, {count / 1e3:.0f} k parameters, {start}"


def _steps_line(config: TextConfig, job: TextJob, settings: SingleImageConfig) -> str:
    if job.single:
        return (
            f"steps       {settings.steps} of {settings.num_patches} patches, "
            f"{settings.size}x{settings.size}"
        )
    first = 0 if job.run.start else config.identity_steps
    return (
        f"steps       {config.steps} (the first {first} towards identity), "
        f"{config.batch_size} pictures and {config.num_patches} patches each, "
        f"{config.size}x{config.size}"
    )


def _photos_line(job: TextJob) -> str:
    if job.single:
        return str(job.single)
    assert job.content is not None
    files = [p for p in job.content.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES]
    return f"{len(files)} in {job.content}"


def _download_lines(
    config: TextConfig, job: TextJob, tag: str | None, clip_parameters: int
) -> list[str]:
    """Return what is downloaded unless it is already cached."""
    lines = []
    if tag:
        size = 4 * clip_parameters / MEGABYTE
        lines.append(
            f"download    CLIP {config.clip} {tag}, about {size:,.0f} MB, "
            "unless cached; local instead: --clip-weights FILE or --clip FOLDER"
        )
    name, given = config.loss_network, job.run.loss_weights
    if loss_weights(name, given, may_be_own=False) is None:
        size = 4 * VGG_PARAMETERS[config.loss_network] / MEGABYTE
        lines.append(
            f"download    {config.loss_network} of torchvision, {size:,.0f} MB, unless "
            "cached; local instead: --loss-weights FILE"
        )
    return lines or ["download    nothing"]
