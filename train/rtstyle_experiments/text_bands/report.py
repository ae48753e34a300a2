"""Compare plain CLIP with every band (`rtstyle_experiments.text_bands.report`).

Run with ``python -m``, it trains a network for each prompt and band, from the same
start and with the same steps, and judges them on held-out photographs. Finished
networks are kept in the output folder, so that the command can be stopped and repeated;
``--part`` divides the work among processes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import (
    Weights,
    describe_network,
    load_weights,
    save_weights,
)
from rtstyle.process.terminal import echo
from rtstyle_experiments.small_clip.word_detector import Detector, train_detector
from rtstyle_experiments.small_clip.word_network import all_words, load_words
from rtstyle_experiments.text_bands.free import FreeConfig
from rtstyle_experiments.text_bands.judge import (
    Judges,
    judge,
    load_squares,
    stylize_all,
)
from rtstyle_experiments.text_bands.table import write_report
from rtstyle_train.clip.encoder import load_clip
from rtstyle_train.clip.source import ClipSource
from rtstyle_train.config.reading import read_recipe
from rtstyle_train.config.text import TextConfig, make_text_config
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.preview import write_preview
from rtstyle_train.errors import ConfigError
from rtstyle_train.jobs.outputs import RunOptions, preview_writer
from rtstyle_train.jobs.text import (
    TextJob,
    load_judges,
    make_trainer,
    start_network,
)
from rtstyle_train.loop.training_run import run_to_end
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.methods.text import ContentViews, TextStyle, padding_of

PROMPTS = (
    "red mosaic",
    "blue waves",
    "golden dots",
    "green strokes",
    "pencil hatching on paper",
    "purple stripes",
)
"""Prompts for the small CLIP."""
BANDS = ("none", "c1", "c2", "c3")
"""Bands to compare, plain CLIP first."""
RECIPE = Path(__file__).parents[1] / "small_clip" / "report.toml"
"""Settings of the trainings: short, and the same for all."""
NUM_WRONG = 3
"""Number of wrong prompts that the right one has to beat."""


@dataclass(frozen=True, slots=True)
class Report:
    """The folder and the judges that all trainings of a report share."""

    config: TextConfig
    """Settings except prompt and band."""
    out: Path
    """Folder for weights, table and pictures."""
    prompts: tuple[str, ...]
    """Every prompt of the report."""
    photos: ContentImages
    """Photographs to learn on."""
    held_out: Tensor
    """Photographs to judge on, RGB, ``(N, 3, S, S)``, 0..1."""
    views: ContentViews
    """Views of the photographs, embedded once for all trainings."""
    vgg: VggFeatures
    """Content loss network."""
    start: nn.Module
    """Network from which every training starts."""
    judges: Judges
    """Folder of the results."""
    minutes: float = 0.0
    """Approximate time for each training; 0 for no limit."""

    def wrong(self, prompt: str) -> list[str]:
        """Return the prompts that follow `prompt`, at most `NUM_WRONG`."""
        at, count = self.prompts.index(prompt), len(self.prompts)
        following = [self.prompts[(at + k) % count] for k in range(1, NUM_WRONG + 1)]
        return [text for text in dict.fromkeys(following) if text != prompt]

    def path(self, prompt: str, band: str) -> Path:
        """Return the path of the weights of a prompt and band, beside the figures."""
        name = replace(self.config, prompt=prompt).name
        return self.out / f"{name}_{band}.safetensors"


def pairs_of(prompts: Sequence[str], part: tuple[int, int]) -> list[tuple[str, str]]:
    """Return the prompts and bands of one part of the work.

    Args:
        prompts: All of them.
        part: Number of the part, from 1, and number of parts.
    """
    pairs = [(prompt, band) for band in BANDS for prompt in prompts]
    return pairs[part[0] - 1 :: part[1]]


def finish(report: Report, prompt: str, band: str) -> None:
    """Train and judge one network, unless that is already done."""
    path = report.path(prompt, band)
    figures = path.with_suffix(".json")
    if figures.exists():
        return
    network = _trained(report, prompt, band)
    device = report.judges.trainer.mean.device
    stylized = stylize_all(network.to(device), report.held_out)
    text_figures = judge(
        report.held_out,
        stylized,
        prompt,
        wrong=report.wrong(prompt),
        judges=report.judges,
    )
    steps = load_weights(path).trained["steps"]
    row = {"prompt": prompt, "band": band, "steps": steps, **asdict(text_figures)}
    figures.write_text(json.dumps(row, indent=1) + "\n", "utf-8")


def _trained(report: Report, prompt: str, band: str) -> nn.Module:
    """Return the network of a prompt and band, from the folder or newly trained."""
    config = make_text_config(asdict(report.config), {"prompt": prompt, "band": band})
    path = report.path(prompt, band)
    if path.exists():
        return load_weights(path).build()
    method = TextStyle(
        config, views=report.views, vgg=report.vgg, padding=padding_of(report.start)
    )
    return fit(report.start, method, path, report.photos, minutes=report.minutes)


def fit(
    start: nn.Module,
    method: TextStyle,
    path: Path,
    photos: ContentImages,
    *,
    minutes: float = 0.0,
) -> nn.Module:
    """Train a copy of `start`, write its weights and return it."""
    tensors = {name: value.cpu().clone() for name, value in start.state_dict().items()}
    weights = Weights(tensors, describe_network(start), {}, {})
    network = weights.build().train()
    run = RunOptions(path, minutes=minutes)
    trainer = make_trainer(network, method, run)
    if trainer.checkpoint.exists():
        trainer.resume()

    def network_with(average: Mapping[str, Tensor]) -> TransformNet:
        shown = weights.build_transform_net()
        shown.load_state_dict(average)
        return shown

    def write(place: Path, shown: TransformNet) -> None:
        write_preview(place, shown, photos, 1)

    preview = preview_writer(run, network_with, write)
    terms = run_to_end(trainer, preview, go_on_by="the same command")
    trained = {"steps": trainer.progress.step, "loss": terms}
    done = replace(
        weights,
        tensors={name: value.cpu() for name, value in trainer.average.items()},
        recipe=method.config.as_dict(),
        trained=trained,
    )
    save_weights(path, done)
    trainer.checkpoint.unlink(missing_ok=True)
    return done.build()


def identity_start(
    config: TextConfig, views: ContentViews, vgg: VggFeatures, path: Path
) -> nn.Module:
    """Return a network that changes nothing, from `path` or newly trained."""
    if path.exists():
        return load_weights(path).build()
    steps = config.identity_steps
    job = TextJob(RunOptions(path))
    short = replace(config, steps=steps, optimizer="muon", learning_rate=3e-3)
    start = start_network(config, job)
    method = TextStyle(
        short, views=views, vgg=vgg, identity_steps=steps, padding=padding_of(start)
    )
    return fit(start, method, path, views.photos)


def open_detector(path: Path | None, prompts: Sequence[str]) -> Detector:
    """Return a word network from its file, or train a detector by shapes (in seconds).

    Raises:
        ConfigError: the network does not know a prompt's word.
    """
    if path is None:
        return train_detector(all_words(prompts))
    network = load_words(path).to(Accelerator(mixed_precision="no").device)
    if unknown := sorted(set(all_words(prompts)) - set(network.words)):
        raise ConfigError(
            f"{path}: expected a detector of the prompts' words, {unknown[0]!r} is none"
        )
    return network


def parse_part(context: object, option: object, text: str) -> tuple[int, int]:
    """Read ``K/N``.

    Raises:
        BadParameter: the text has another form, or K is not within 1..N.
    """
    first, _, second = text.partition("/")
    if not (first.isdigit() and second.isdigit() and 1 <= int(first) <= int(second)):
        raise click.BadParameter(f"expected K/N such as 2/8, got {text!r}")
    return int(first), int(second)


FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--content", required=True, type=FOLDER, help="Photographs to learn on.")
@click.option("--judge-on", required=True, type=FOLDER, help="Photographs to judge on.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder.")
@click.option("--clip", help="As in `rtstyle train text`.")
@click.option("--clip-weights", help="As in `rtstyle train text`.")
@click.option("--judge", "judge_clip", help="CLIP to judge with; else --clip.")
@click.option("--detector", type=FILE, help="From `word_network`; else by shapes.")
@click.option(
    "--recipe", type=FILE, help="TOML file of all settings; else the report's."
)
@click.option("--loss-weights", type=FILE, help="Local VGG, instead of a download.")
@click.option("--start", type=FILE, help="Weights to start from; else identity.")
@click.option("--prompt", "prompts", multiple=True, help="May be given several times.")
@click.option("--steps", type=click.IntRange(1), help="Per training.")
@click.option("--minutes", default=0.0, help="Limit per training; 0: none.")
@click.option("--free-steps", default=150, help="For pictures without a network.")
@click.option(
    "--part",
    default="1/1",
    callback=parse_part,
    help="K/N: do only this share, no table.",
)
@click.option(
    "--finished", is_flag=True, help="Train nothing; report what is finished."
)
def main(
    content: Path,
    judge_on: Path,
    out: Path,
    judge_clip: str | None,
    detector: Path | None,
    recipe: Path | None,
    loss_weights: Path | None,
    start: Path | None,
    prompts: tuple[str, ...],
    minutes: float,
    free_steps: int,
    part: tuple[int, int],
    finished: bool,
    **flags: str | int | None,
) -> None:
    """Compare plain CLIP and SpectralCLIP's bands on several prompts."""
    prompts = prompts or PROMPTS
    out.mkdir(parents=True, exist_ok=True)
    settings = read_recipe(recipe or RECIPE)
    config = make_text_config(settings, flags | {"prompt": prompts[0]})
    job = TextJob(RunOptions(out, loss_weights, start))
    report = open_report(
        config,
        job,
        folders=(content, judge_on),
        prompts=prompts,
        judge_clip=judge_clip,
        detector=open_detector(detector, prompts),
        minutes=minutes,
    )
    for prompt, band in [] if finished else pairs_of(prompts, part):
        finish(report, prompt, band)
    if part[1] == 1:
        write_report(
            report.out,
            report.held_out,
            report.judges,
            prompts,
            BANDS,
            free=FreeConfig(steps=free_steps),
        )
        echo(*(out / "report.md").read_text("utf-8").splitlines())


def open_report(
    config: TextConfig,
    job: TextJob,
    *,
    folders: tuple[Path, Path],
    prompts: tuple[str, ...],
    judge_clip: str | None,
    detector: Detector,
    minutes: float,
) -> Report:
    """Load photographs (to learn and to judge on), the judges and the start."""
    device = Accelerator(mixed_precision="no").device
    config, clip, vgg = load_judges(config, job)
    clip, vgg = clip.to(device), vgg.to(device)
    for prompt in prompts:
        clip.fitting_prompt(prompt)
    other = load_clip(ClipSource(judge_clip)).to(device) if judge_clip else clip
    photos = ContentImages(
        folders[0], size=config.size, smallest_crop=config.smallest_crop
    )
    views = ContentViews(photos, clip, seed=config.seed)
    identity = job.run.out / "identity.safetensors"
    return Report(
        config,
        job.run.out,
        prompts,
        photos,
        load_squares(folders[1], side=config.size),
        views,
        vgg,
        start_network(config, job)
        if job.run.start
        else identity_start(config, views, vgg, identity),
        Judges(clip, other, detector),
        minutes,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
