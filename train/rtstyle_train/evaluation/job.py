"""Run `rtstyle evaluate`: open, measure, write."""

import json
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from rtstyle.choices import SMOOTH_MODES
from rtstyle.drawing.line_plot import write_png
from rtstyle.errors import RtstyleError
from rtstyle_streams.frame import Pixels
from rtstyle_streams.pictures.picture_file import read_picture
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.evaluation.quality.candidates import Candidate, open_candidate
from rtstyle_train.evaluation.quality.card import plain, write_quality
from rtstyle_train.evaluation.quality.features import FeatureJudge
from rtstyle_train.evaluation.quality.figures import STYLE_SIZES, Judges, Target
from rtstyle_train.evaluation.quality.pictures import (
    Picture,
    clip_files,
    find_painting,
    read_frames,
    read_photos,
    resized,
)
from rtstyle_train.evaluation.side_by_side import write_side_by_side
from rtstyle_train.evaluation.table import (
    Evaluation,
    Row,
    quality_of,
    to_json,
    to_table,
)
from rtstyle_train.evaluation.temporal import (
    SmoothedCandidate,
    TemporalRow,
    evaluate_temporal,
)
from rtstyle_train.evaluation.temporal import to_table as to_temporal_table
from rtstyle_train.evaluation.temporal_scenes import (
    Scene,
    clip_scene,
    known_motion_scene,
    noise_scene,
)
from rtstyle_train.loss_networks import load_loss_network

log = logging.getLogger(__name__)

HELD_OUT_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
"""Style layers that even the shallowest loss network in use has."""
TRAINED_LAYERS = (*HELD_OUT_LAYERS, "relu4_1", "relu5_1")
"""Content layers of the usual recipe."""
SHEET, TABLE, VALUES = "sheet.png", "evaluate.md", "evaluate.json"
"""Names of the result files."""
Distance = Callable[[Pixels], float]
"""Function that returns a stylized frame's distance to its style image."""
TEMPORAL_FRAMES, TEMPORAL_HEIGHT = 45, 360
"""Number of frames, and lines, of the films of `--temporal`."""
DRIFT_FRAMES, DRIFT_HEIGHT = 1000, 96
"""The same for the film that shows whether a still scene drifts."""
SIDE_BY_SIDE_FRAMES = 150
"""Largest number of frames in the clips that compare smoothing with none."""


@dataclass(frozen=True, slots=True)
class EvaluateJob:
    """Options of the command line."""

    styles: tuple[str, ...]
    """Names or files of the styles."""
    peers: tuple[str, ...] = ()
    """Checkpoints from elsewhere, or more styles."""
    photos: Path | None = None
    """A photograph or a folder of them."""
    clips: tuple[Path, ...] = ()
    """Clips, or folders of clips."""
    painting: Path | None = None
    """The painting that all styles share."""
    paintings: Path | None = None
    """Folder of the paintings named in the cards."""
    held_out_weights: Path | None = None
    """Loss network not used in training; None downloads VGG-16."""
    loss_weights: Path | None = None
    """Loss network used in training; None leaves its figures out."""
    size: int = 512
    """Long side of the pictures, in pixels."""
    num_frames: int = 3
    """Number of frames to read from each clip."""
    speed: bool = True
    """Whether to measure fps at 720p."""
    temporal: bool = False
    """Whether to judge films too."""
    write_card: bool = False
    """Whether to write the figures into the style files."""
    out: Path = Path("evaluation")
    """Folder of the results."""
    runtime: str = "auto"
    """For style files."""
    device: str = "auto"
    """For style files."""


@dataclass(frozen=True, slots=True)
class EvaluateResult:
    """The figures, and the path of the contact sheet."""

    rows: list[Row]
    """Photographs first."""
    temporal: list[TemporalRow]
    """Empty without `--temporal`."""
    sheet: Path | None
    """Path of the contact sheet; None without pictures."""

    def as_text(self) -> str:
        """Return the tables and the path of the sheet."""
        text = to_table(self.rows)
        if self.temporal:
            text += "\n" + to_temporal_table(self.temporal)
        return text + (f"sheet: {self.sheet}\n" if self.sheet else "")

    def as_json(self) -> str:
        """Return everything as JSON."""
        films = [plain(asdict(row)) for row in self.temporal]
        values = {"rows": to_json(self.rows), "temporal": films}
        sheet = str(self.sheet) if self.sheet else None
        return json.dumps(values | {"sheet": sheet}, indent=2) + "\n"


def run_evaluation(job: EvaluateJob) -> EvaluateResult:
    """Measure everything, with progress on stderr; older results are replaced.

    Raises:
        RtstyleError: something named is missing or broken.
        ConfigError: there are no styles, or no pictures to measure on.
    """
    pictures = read_pictures(job)
    with ExitStack() as stack:
        candidates: list[Candidate] = []
        for name in (*job.styles, *job.peers):
            candidate = open_candidate(name, runtime=job.runtime, device=job.device)
            stack.callback(candidate.close)
            candidates.append(candidate)
        judges = Judges()
        targets: list[Target | None] = [None] * len(candidates)
        if pictures:
            judges = load_judges(job, candidates)
            targets = find_targets(job, candidates, judges)
        evaluation = Evaluation(candidates, targets, judges)
        for picture in tqdm(pictures, unit="picture", file=sys.stderr):
            evaluation.add(picture)
        if job.speed:
            evaluation.time(lambda name: log.info("%s: speed at 720p", name))
        job.out.mkdir(parents=True, exist_ok=True)
        films = []
        if job.temporal:
            distances = [_style_distance(judges, target) for target in targets]
            films = _films(job, candidates, distances, pictures)
        sheet = job.out / SHEET if pictures else None
        result = EvaluateResult(evaluation.rows(), films, sheet)
        if sheet:
            write_png(evaluation.sheet(), sheet)
        (job.out / TABLE).write_text(result.as_text(), "utf-8")
        (job.out / VALUES).write_text(result.as_json(), "utf-8")
    if job.write_card:
        _write_cards(job, candidates, result.rows)
    return result


def read_pictures(job: EvaluateJob) -> list[Picture]:
    """Return all photographs and frames; none if only speed is to be measured.

    Raises:
        ConfigError: the job names none and is not about speed alone.
    """
    if job.photos is None and not job.clips:
        if job.temporal or not job.speed:
            raise ConfigError(
                "pictures: expected --photos FOLDER or --clips FILE, got neither"
            )
        log.info("no --photos and no --clips: speed alone is measured")
    pictures = read_photos(job.photos, size=job.size) if job.photos else []
    for clip in clip_files(job.clips):
        pictures += read_frames(clip, size=job.size, count=job.num_frames)
    return pictures


def load_judges(job: EvaluateJob, candidates: Sequence[Candidate]) -> Judges:
    """Load the loss networks; warn if the held-out one was used in training.

    Raises:
        TrainError: a file is missing or broken, or a download failed.
    """
    held_out = job.held_out_weights
    try:
        vgg = load_loss_network("vgg16", weights=held_out)
    except TrainError as error:
        if held_out:
            raise
        text = str(error).replace("--loss-weights", "--held-out-weights")
        raise TrainError(text) from error
    for candidate in candidates:
        used = candidate.card.get("trained", {}).get("loss_weights")
        if held_out and used == held_out.name:
            log.warning("%s was trained on %s: it flatters", candidate.name, used)
    judge = FeatureJudge(vgg, content_layer="relu3_1", style_layers=HELD_OUT_LAYERS)
    if job.loss_weights is None:
        return Judges(judge)
    own = load_loss_network("vgg19", weights=job.loss_weights)
    return Judges(
        judge, FeatureJudge(own, content_layer="relu4_1", style_layers=TRAINED_LAYERS)
    )


def find_targets(
    job: EvaluateJob, candidates: Sequence[Candidate], judges: Judges
) -> list[Target | None]:
    """Return the painting of every candidate, reading each file once.

    A candidate from elsewhere names none and takes the one that all styles share; a
    style learnt from a text has none.

    Raises:
        ConfigError: the styles do not share a painting.
        TrainError: a painting is missing.
    """
    paths: list[Path | None] = [job.painting] * len(candidates)
    if job.painting is None and job.paintings is not None:
        files = [candidate.painting_file for candidate in candidates]
        known = {file for file in files if file}
        for index, file in enumerate(files):
            if candidates[index].card.get("kind") == "text":
                continue
            if file is None and len(known) != 1:
                raise ConfigError(
                    f"{candidates[index].name}: expected --painting FILE, since its "
                    "card names none and the other styles do not share one"
                )
            name = file or next(iter(known))
            paths[index] = find_painting(name, job.paintings)
    if not any(paths):
        log.warning("no --painting: judged without style and colour figures")
    targets = {
        path: Target(path.name, read_picture(path)[0], judges)
        for path in dict.fromkeys(paths)
        if path
    }
    return [targets[path] if path else None for path in paths]


def _films(
    job: EvaluateJob,
    candidates: Sequence[Candidate],
    distances: Sequence[Distance | None],
    pictures: Sequence[Picture],
) -> list[TemporalRow]:
    """Judge films of every candidate, frame by frame and smoothed.

    The baseline is the first candidate from elsewhere, frame by frame, or without one
    the first style. For every clip, a clip is written that shows the input beside the
    first style, frame by frame and smoothed.
    """
    clips = clip_files(job.clips)
    scenes: list[Scene] = [
        clip_scene(path, num_frames=TEMPORAL_FRAMES, height=TEMPORAL_HEIGHT)
        for path in clips
    ]
    photo = resized(pictures[0].pixels, short_side=TEMPORAL_HEIGHT)
    scenes.append(known_motion_scene(photo, num_frames=TEMPORAL_FRAMES))
    scenes.append(noise_scene(photo, num_frames=TEMPORAL_FRAMES))
    small = resized(photo, short_side=DRIFT_HEIGHT)
    scenes.append(noise_scene(small, num_frames=DRIFT_FRAMES))
    smoothed = [
        smoothed_candidate
        for candidate, distance in zip(candidates, distances, strict=True)
        for smoothed_candidate in _smoothed_candidates(candidate, distance)
    ]
    for path in clips:
        write_side_by_side(
            path,
            job.out / f"{path.stem}_side_by_side.mp4",
            smoothed[: len(SMOOTH_MODES)],
            num_frames=SIDE_BY_SIDE_FRAMES,
            overwrite=True,
        )
    peers = candidates[len(job.styles) :] or candidates
    return evaluate_temporal(
        smoothed,
        scenes,
        baseline=peers[0].name,
        out=job.out,
        on_scene=lambda name: log.info("film: %s", name),
    )


def _smoothed_candidates(
    candidate: Candidate, distance: Distance | None
) -> list[SmoothedCandidate]:
    """Return the network frame by frame and with each smoothing mode."""
    names = {
        mode: candidate.name + ("" if mode == "off" else f" {mode}")
        for mode in SMOOTH_MODES
    }
    return [
        SmoothedCandidate(name, candidate.network, mode, distance)
        for mode, name in names.items()
    ]


def _style_distance(judges: Judges, target: Target | None) -> Distance | None:
    """Return a function that gives the held-out Gram distance, at short side 512."""
    judge = judges.held_out
    if judge is None or target is None:
        return None
    painting = target.held_out[STYLE_SIZES.index(512)]
    return lambda pixels: judge.style(judge.see(pixels), painting)


def _write_cards(
    job: EvaluateJob, candidates: Sequence[Candidate], rows: Sequence[Row]
) -> None:
    held_out = (
        job.held_out_weights.name if job.held_out_weights else "torchvision vgg16"
    )
    for candidate in candidates[: len(job.styles)]:
        if candidate.path is None:
            raise RtstyleError(
                f"{candidate.name}: expected a style file to write a card into, "
                "got a checkpoint"
            )
        about = {"held_out_weights": held_out, "picture_size": str(job.size)}
        if job.loss_weights:
            about["loss_weights"] = job.loss_weights.name
        before = candidate.card.get("quality", {})
        quality = quality_of(rows, candidate.name, before=before, about=about)
        write_quality(candidate.path, quality)
        log.info("%s: figures written into its card", candidate.path)
