"""`python -m rtstyle_train.small_clip --out FOLDER`: make a small CLIP and judge it."""

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import click
from tqdm import tqdm

from rtstyle_train.clip import load_clip
from rtstyle_train.clip_source import ClipSource
from rtstyle_train.small_clip.retrieval import measure_retrieval
from rtstyle_train.small_clip.training import SmallClipConfig, train

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
@click.option("--seed", default=DEFAULT.seed, type=int)
def main(out: Path, steps: int, batch_size: int, seed: int) -> None:
    """Train a small CLIP on pictures that are rendered here, and write its figures."""
    config = SmallClipConfig(steps=steps, batch_size=batch_size, seed=seed)
    began, cpu = time.monotonic(), time.process_time()
    with tqdm(total=steps, unit="step", file=sys.stderr, mininterval=5) as bar:
        loss = None
        for step, now in train(out, config):
            loss = now if loss is None else 0.98 * loss + 0.02 * now
            bar.update(step + 1 - bar.n)
            bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)
    found = measure_retrieval(load_clip(ClipSource(str(out))))
    report = {
        **asdict(found),
        "chance": found.chance,
        "loss": loss,
        "seconds": round(time.monotonic() - began),
        "cpu_seconds": round(time.process_time() - cpu),
        "config": asdict(config),
    }
    (out / "report.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    click.echo(
        f"{out}: top-1 over {found.num_captions} captions: patterns "
        f"{found.patterns:.1%}, written words {found.words:.1%} "
        f"(chance {found.chance:.1%}); use it with --clip {out}"
    )


if __name__ == "__main__":
    main()
