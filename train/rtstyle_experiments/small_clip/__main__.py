"""Train and judge a small CLIP: `python -m rtstyle_experiments.small_clip`."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch
from tqdm import tqdm

from rtstyle.process.terminal import echo
from rtstyle_experiments.small_clip.retrieval import measure_retrieval
from rtstyle_experiments.small_clip.training import SmallClipConfig, train
from rtstyle_train.clip.encoder import load_clip
from rtstyle_train.clip.source import ClipSource

DEFAULT = SmallClipConfig()


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for config, vocabulary and weights; then: --clip FOLDER.",
)
@click.option("--steps", default=DEFAULT.steps, type=click.IntRange(1))
@click.option("--batch-size", default=DEFAULT.batch_size, type=click.IntRange(8))
@click.option("--fresh", default=DEFAULT.fresh, help="New pictures per step.")
@click.option("--pool", default=DEFAULT.pool, help="Pictures to keep.")
@click.option("--workers", default=DEFAULT.workers, help="Processes that render.")
@click.option("--width", default=DEFAULT.width, help="Image encoder's width.")
@click.option("--layers", default=DEFAULT.layers, help="Image encoder's layers.")
@click.option("--noise", default=DEFAULT.noise, help="Largest noise deviation.")
@click.option("--attack", default=DEFAULT.attack, help="L2 of adversarial changes.")
@click.option("--seconds", default=DEFAULT.seconds, help="Time limit; 0: none.")
@click.option(
    "--photos",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Photographs to use along with rendered scenes.",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of a small CLIP of the same architecture to start from.",
)
@click.option("--seed", default=DEFAULT.seed, type=int)
@click.option("--device", default=None, help="cpu or cuda; cuda where there is one.")
def main(out: Path, device: str | None, **settings: Any) -> None:
    """Train a small CLIP on rendered pictures, and write its figures."""
    config = SmallClipConfig(**settings)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    began, cpu = time.monotonic(), time.process_time()
    with tqdm(total=config.steps, unit="step", file=sys.stderr, mininterval=5) as bar:
        loss = None
        for step, now in train(out, config, device=device):
            loss = now if loss is None else 0.98 * loss + 0.02 * now
            bar.update(step + 1 - bar.n)
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
    spent = time.monotonic() - began
    retrieval = measure_retrieval(load_clip(ClipSource(str(out))).to(device))
    report = {
        **asdict(retrieval),
        "chance": retrieval.chance,
        "loss": loss,
        "steps": bar.n,
        "seconds": round(spent),
        "cpu_seconds": round(time.process_time() - cpu),
        "device": device,
        "config": {
            k: str(v) if isinstance(v, Path) else v for k, v in asdict(config).items()
        },
    }
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    echo(
        f"{out}: top-1 over {retrieval.num_captions} captions: patterns "
        f"{retrieval.patterns:.1%}, written words {retrieval.words:.1%} "
        f"(chance {retrieval.chance:.1%}); use it with --clip {out}"
    )


if __name__ == "__main__":
    main()
