"""Write the report on text styles: table, written words and pictures so far."""

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rtstyle.networks.weights_file import load_weights
from rtstyle_experiments.small_clip.captions import CAPTIONS, find_caption
from rtstyle_experiments.small_clip.render import render_pattern, write_words
from rtstyle_experiments.small_clip.scenes import SIDE
from rtstyle_experiments.small_clip.word_detector import measure_detector
from rtstyle_experiments.text_bands.free import FreeConfig, free_pictures
from rtstyle_experiments.text_bands.judge import (
    Judges,
    TextFigures,
    along,
    stylize_all,
    tensor_sheet,
    word_score,
)
from rtstyle_streams.frame import Pixels
from rtstyle_train.jobs.single_image import write_picture

FREE_FILE = "free.json"
"""File for the figures of the directly optimised pictures."""
FREE_PHOTOS = (0, 3, 7)
"""Indices of the held-out photographs to optimise directly."""
WRITING_SEED = 660_001
"""Seed of the words and patterns put on photographs."""


def write_report(
    out: Path,
    photos: Tensor,
    judges: Judges,
    prompts: Sequence[str],
    bands: Sequence[str],
    *,
    free: FreeConfig = FreeConfig(),  # noqa: B008
) -> None:
    """Write ``report.json``, ``report.md`` and ``sheet.png`` of finished networks.

    Args:
        out: Folder with weights and figures of every finished prompt and band.
        photos: Held out, RGB, ``(N, 3, S, S)``, 0..1.
        judges: The judges of the figures.
        prompts: Rows of the sheet.
        bands: Columns of the sheet, after the photograph.
        free: Settings of the directly optimised pictures.
    """
    rows = _finished(out, prompts, bands)
    attraction = written_words(photos, judges, prompts, bands)
    if not (out / FREE_FILE).exists():
        write_free(out, photos, judges, prompts, bands, config=free)
    freely = json.loads((out / FREE_FILE).read_text("utf-8"))["rows"]
    report = {
        "networks": list(rows.values()),
        "written": attraction,
        "free": freely,
    }
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    detection = measure_detector(judges.detector)
    text = (
        table(report["networks"])
        + "\n"
        + attraction_table(attraction)
        + "\n"
        + free_table(freely)
        + f"\nThe detector finds {detection.found:.1%} of written words and "
        f"{detection.wrong:.2%} of those that are not written.\n"
    )
    (out / "report.md").write_text(text, "utf-8")
    write_picture(out / "sheet.png", _sheet(out, rows, photos, prompts, bands))


def _sheet(
    out: Path,
    rows: dict[str, dict[str, object]],
    photos: Tensor,
    prompts: Sequence[str],
    bands: Sequence[str],
) -> Tensor:
    """Return a row for each prompt: a photograph, and its picture in each band."""
    lines = []
    for number, prompt in enumerate(prompts):
        photo = photos[number % len(photos)]
        line = [photo] + [torch.ones_like(photo)] * len(bands)
        for place, band in enumerate(bands):
            name = next((n for n, r in rows.items() if _is(r, prompt, band)), None)
            if name:
                network = load_weights(out / f"{name}.safetensors").build()
                line[1 + place] = stylize_all(network, photo[None])[0]
        lines.append(line)
    return tensor_sheet(lines)


def _is(row: dict[str, object], prompt: str, band: str) -> bool:
    return row["prompt"] == prompt and row["band"] == band


def _finished(
    out: Path, prompts: Sequence[str], bands: Sequence[str]
) -> dict[str, dict[str, object]]:
    """Return the figures of finished networks by name, in the order of the table."""
    order = [(prompt, band) for prompt in prompts for band in bands]
    rows: dict[str, dict[str, object]] = {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted(out.glob("*_*.json"))
    }
    places = {
        name: order.index((str(row["prompt"]), str(row["band"])))
        for name, row in rows.items()
        if (row["prompt"], row["band"]) in order
    }
    return {name: rows[name] for name in sorted(places, key=lambda name: places[name])}


def write_free(
    out: Path,
    photos: Tensor,
    judges: Judges,
    prompts: Sequence[str],
    bands: Sequence[str],
    *,
    config: FreeConfig = FreeConfig(),  # noqa: B008
) -> None:
    """Write figures and a sheet of pictures optimised directly for each band."""
    size = (SIDE, SIDE)
    squares = F.interpolate(photos, size, mode="bilinear", antialias=True).clamp(0, 1)
    pairs = [(text, k % len(squares)) for text in prompts for k in FREE_PHOTOS]
    texts = [text for text, _ in pairs]
    content = squares[[k for _, k in pairs]]
    rows: list[dict[str, object]] = []
    columns = [content]
    for band in bands:
        band_or_none = None if band == "none" else band
        pictures = free_pictures(
            content, texts, judges.trainer, band=band_or_none, config=config
        ).cpu()
        columns.append(pictures)
        for prompt in prompts:
            own = [k for k, text in enumerate(texts) if text == prompt]
            others = [text for text in prompts if text != prompt]
            words = [word_score(pictures[own], t, judges.detector) for t in others]
            cosines = along(judges.judge, content[own], pictures[own], [prompt])
            rows.append(
                {
                    "prompt": prompt,
                    "band": band,
                    "direction": float(cosines.mean()),
                    "words": word_score(pictures[own], prompt, judges.detector),
                    "words_other": float(np.mean(words)) if words else 0.0,
                }
            )
    firsts = [texts.index(prompt) for prompt in prompts]
    write_picture(
        out / "free.png",
        tensor_sheet([[c[k] for c in columns] for k in firsts], side=SIDE),
    )
    table = {"config": asdict(config), "rows": rows}
    (out / FREE_FILE).write_text(json.dumps(table, indent=1) + "\n", "utf-8")


def written_words(
    photos: Tensor, judges: Judges, prompts: Sequence[str], bands: Sequence[str]
) -> list[dict[str, object]]:
    """Measure what a photograph gains from the prompt in writing, and from its pattern.

    No network is involved: words, or the pattern, are put on the photographs
    themselves, and the training CLIP judges how far that moves towards the prompt.

    Returns:
        For each prompt that the small CLIP can draw and each band: cosines of the
        photographs with the words, the pattern, and a wrong prompt's pattern.
    """
    size = (SIDE, SIDE)
    photos = F.interpolate(photos, size, mode="bilinear", antialias=True).clamp(0, 1)
    drawable = [p for p in prompts if p in {c.text for c in CAPTIONS if c.pattern}]
    rows: list[dict[str, object]] = []
    for number, prompt in enumerate(drawable):
        wrong = drawable[(number + 1) % len(drawable)]
        changed = {
            "words": _with_words(photos, prompt),
            "pattern": _with_pattern(photos, prompt),
            "wrong_pattern": _with_pattern(photos, wrong),
        }
        for band in bands:
            band_or_none = None if band == "none" else band
            cosines = {
                name: along(
                    judges.trainer, photos, pictures, [prompt], band=band_or_none
                )
                for name, pictures in changed.items()
            }
            means = {name: float(c.mean()) for name, c in cosines.items()}
            rows.append({"prompt": prompt, "band": band, **means})
    return rows


def _with_words(photos: Tensor, prompt: str) -> Tensor:
    random = np.random.default_rng(WRITING_SEED)
    return _tensor([write_words(p, prompt, random) for p in _pictures(photos)])


def _with_pattern(photos: Tensor, prompt: str) -> Tensor:
    random = np.random.default_rng(WRITING_SEED)
    caption = find_caption(prompt)
    pictures = []
    for photo in _pictures(photos):
        pattern = render_pattern(
            caption, random, scene=functools.partial(_given, photo)
        )
        pictures.append((0.3 * photo + 0.7 * pattern).round().astype(np.uint8))
    return _tensor(pictures)


def _given(photo: Pixels, random: np.random.Generator) -> Pixels:
    return photo


def _pictures(photos: Tensor) -> list[Pixels]:
    levels = (photos * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    return [np.ascontiguousarray(picture) for picture in levels.numpy()]


def _tensor(pictures: Sequence[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2) / 255.0


def table(rows: Sequence[dict[str, object]]) -> str:
    """Return the rows as a Markdown table, with the means of each band below."""
    names = list(TextFigures.__dataclass_fields__)
    return _markdown(rows, names)


def attraction_table(rows: Sequence[dict[str, object]]) -> str:
    """Return the rows of `written_words` as a Markdown table, with means."""
    return _markdown(rows, ["words", "pattern", "wrong_pattern"])


def free_table(rows: Sequence[dict[str, object]]) -> str:
    """Return the rows of `write_free` as a Markdown table, with means."""
    return _markdown(rows, ["direction", "words", "words_other"])


def _markdown(rows: Sequence[dict[str, object]], names: Sequence[str]) -> str:
    head = " | ".join(name.replace("_", " ") for name in names)
    lines = [f"| prompt | band | {head} |", "|---|---|" + "---|" * len(names)]
    means: list[dict[str, object]] = []
    for band in dict.fromkeys(str(row["band"]) for row in rows):
        own = [row for row in rows if row["band"] == band]
        mean = {n: sum(float(str(r[n])) for r in own) / len(own) for n in names}
        means.append({"prompt": "**mean**", "band": band, **mean})
    for row in (*rows, *means):
        cells = " | ".join(f"{float(str(row[name])):.3f}" for name in names)
        lines.append(f"| {row['prompt']} | {row['band']} | {cells} |")
    return "\n".join(lines) + "\n"
