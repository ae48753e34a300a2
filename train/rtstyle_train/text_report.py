"""`python -m rtstyle_train.text_report`: plain CLIP against every band, in one table.

It trains a network for each prompt and band from the same start, with the same steps,
and judges them on photographs they did not see. Whatever is finished is kept in the
output folder, so that the command can be stopped and given again.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click
import torch
from torch import Tensor, nn

from rtstyle.networks.weights_file import (
    Weights,
    describe_network,
    load_weights,
    save_weights,
)
from rtstyle_train.clip import ClipEncoder
from rtstyle_train.config import read_recipe
from rtstyle_train.data import ContentImages
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.methods.text import ContentViews, TextStyle
from rtstyle_train.single_image_command import write_picture
from rtstyle_train.small_clip.captions import CAPTIONS
from rtstyle_train.small_clip.word_detector import (
    WordDetector,
    measure_detector,
    train_detector,
    words_of,
)
from rtstyle_train.text_command import (
    TextJob,
    load_judges,
    make_trainer,
    run_trainer,
    start_network,
)
from rtstyle_train.text_config import TextConfig, make_text_config
from rtstyle_train.text_judge import (
    TextFigures,
    contact_sheet,
    judge,
    load_squares,
    stylize_all,
    word_score,
)

PROMPTS = (
    "red mosaic",
    "blue waves",
    "golden dots",
    "green strokes",
    "pencil hatching on paper",
    "purple stripes",
)
"""What the small CLIP is asked for."""
BANDS = ("none", "c1", "c2", "c3")
"""Plain CLIP first."""
RECIPE = Path(__file__).parent / "small_clip" / "report.toml"
"""Short trainings, all alike."""
NUM_WRONG = 3
"""Wrong prompts that the right one has to beat."""


@dataclass(frozen=True, slots=True)
class Report:
    """The folder and the judges that all trainings of a report share."""

    config: TextConfig
    """Settings but for prompt and band."""
    out: Path
    """Folder for weights, table and pictures."""
    photos: ContentImages
    """To learn on."""
    held_out: Tensor
    """To judge on, RGB, ``(N, 3, S, S)``, 0..1."""
    views: ContentViews
    """Embedded once for all trainings."""
    vgg: VggFeatures
    """Content loss network."""
    start: nn.Module
    """Where every training begins."""
    detector: WordDetector
    """Of written words."""

    @property
    def clip(self) -> ClipEncoder:
        """Return the CLIP that trains and judges."""
        return self.views.clip


def make_report(report: Report, prompts: Sequence[str]) -> list[dict[str, object]]:
    """Train and judge every prompt with every band; write table and pictures.

    Returns:
        One row for each prompt and band: ``prompt``, ``band`` and `TextFigures`.
    """
    rows: list[dict[str, object]] = []
    sheet: list[list[Tensor]] = []
    for number, prompt in enumerate(prompts):
        wrong = [prompts[(number + k) % len(prompts)] for k in range(1, NUM_WRONG + 1)]
        wrong = [text for text in wrong if text != prompt]
        before = word_score(report.held_out, prompt, report.detector)
        line = [report.held_out[number % len(report.held_out)]]
        for band in BANDS:
            network = _trained(report, prompt, band)
            stylized = stylize_all(network, report.held_out)
            figures = judge(
                report.held_out,
                stylized,
                prompt,
                wrong=wrong,
                clip=report.clip,
                detector=report.detector,
                words_before=before,
            )
            rows.append({"prompt": prompt, "band": band, **asdict(figures)})
            line.append(stylized[number % len(stylized)])
            (report.out / "report.json").write_text(json.dumps(rows, indent=1) + "\n")
        sheet.append(line)
        write_picture(report.out / "sheet.png", contact_sheet(sheet))
    seen = measure_detector(report.detector)
    note = (
        f"\nThe detector finds {seen.found:.1%} of written words and {seen.wrong:.2%} "
        "of those that are not written.\n"
    )
    (report.out / "report.md").write_text(table(rows) + note, "utf-8")
    return rows


def table(rows: Sequence[dict[str, object]]) -> str:
    """Return the rows as a Markdown table, and the means of each band below."""
    names = list(TextFigures.__dataclass_fields__)
    lines = [
        "| prompt | band | "
        + " | ".join(name.replace("_", " ") for name in names)
        + " |",
        "|---|---|" + "---|" * len(names),
    ]
    bands = list(dict.fromkeys(str(row["band"]) for row in rows))
    means: list[dict[str, object]] = []
    for band in bands:
        own = [row for row in rows if row["band"] == band]
        mean = {n: sum(float(str(r[n])) for r in own) / len(own) for n in names}
        means.append({"prompt": "**mean**", "band": band, **mean})
    for row in (*rows, *means):
        cells = " | ".join(f"{float(str(row[name])):.3f}" for name in names)
        lines.append(f"| {row['prompt']} | {row['band']} | {cells} |")
    return "\n".join(lines) + "\n"


def _trained(report: Report, prompt: str, band: str) -> nn.Module:
    """Return the network of a prompt and band, from the folder or newly trained."""
    config = make_text_config(asdict(report.config), {"prompt": prompt, "band": band})
    path = report.out / f"{config.name}_{band}.safetensors"
    if path.exists():
        return load_weights(path).build()
    method = TextStyle(config, views=report.views, vgg=report.vgg)
    return fit(report.start, method, path, report.photos)


def fit(
    start: nn.Module, method: TextStyle, path: Path, photos: ContentImages
) -> nn.Module:
    """Train a copy of `start`, write its weights and return it."""
    tensors = {name: value.clone() for name, value in start.state_dict().items()}
    weights = Weights(tensors, describe_network(start), {}, {})
    network = weights.build().train()
    trainer = make_trainer(network, method, out=path)
    terms = run_trainer(trainer, path, photos)
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
    """Return a network that changes nothing, from `path` or newly trained to it."""
    if path.exists():
        return load_weights(path).build()
    steps = config.identity_steps
    job = TextJob(out=path)
    short = replace(config, steps=steps, optimizer="muon", learning_rate=3e-3)
    method = TextStyle(short, views=views, vgg=vgg, identity_steps=steps)
    return fit(start_network(config, job), method, path, views.photos)


def make_detector(prompts: Sequence[str]) -> WordDetector:
    """Return a detector of the words of all prompts and captions; it takes seconds."""
    texts = (*prompts, *(caption.text for caption in CAPTIONS[:-1]))
    return train_detector(sorted({word for text in texts for word in words_of(text)}))


FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--content", required=True, type=FOLDER, help="Photographs to learn on.")
@click.option("--judge-on", required=True, type=FOLDER, help="Photographs to judge on.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder.")
@click.option("--clip", help="As in `rtstyle train text`.")
@click.option("--clip-weights", help="As in `rtstyle train text`.")
@click.option(
    "--recipe", type=FILE, help="TOML file with every knob; else that of the report."
)
@click.option("--loss-weights", type=FILE, help="Local VGG, instead of a download.")
@click.option("--start", type=FILE, help="Weights to start from; else identity.")
@click.option("--prompt", "prompts", multiple=True, help="May be given several times.")
@click.option("--steps", type=click.IntRange(1), help="Of each training.")
def main(
    content: Path,
    judge_on: Path,
    out: Path,
    recipe: Path | None,
    loss_weights: Path | None,
    start: Path | None,
    prompts: tuple[str, ...],
    **flags: str | int | None,
) -> None:
    """Compare plain CLIP and SpectralCLIP's bands on several prompts."""
    prompts = prompts or PROMPTS
    out.mkdir(parents=True, exist_ok=True)
    settings = read_recipe(recipe or RECIPE)
    config = make_text_config(settings, flags | {"prompt": prompts[0]})
    job = TextJob(out=out, loss_weights=loss_weights, start=start)
    config, clip, vgg = load_judges(config, job)
    for prompt in prompts:
        clip.fitting_prompt(prompt)
    photos = ContentImages(
        content, size=config.size, smallest_crop=config.smallest_crop
    )
    views = ContentViews(photos, clip, seed=config.seed)
    report = Report(
        config,
        out,
        photos,
        load_squares(judge_on, side=config.size),
        views,
        vgg,
        start_network(config, job)
        if start
        else identity_start(config, views, vgg, out / "identity.safetensors"),
        make_detector(prompts),
    )
    make_report(report, prompts)
    click.echo((out / "report.md").read_text("utf-8"))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
