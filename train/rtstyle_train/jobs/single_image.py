"""Run `rtstyle train text --single`: stylize one photograph as in the papers."""

from pathlib import Path

import cv2
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor
from tqdm import tqdm

from rtstyle.networks.pixels import to_pixels
from rtstyle.user_files import write_whole
from rtstyle_train.config.text import TextConfig
from rtstyle_train.data.content_images import load_style_image
from rtstyle_train.errors import TrainError
from rtstyle_train.jobs.text import TextJob, load_judges
from rtstyle_train.loop.training_run import progress_line
from rtstyle_train.methods.single_image import SingleImageConfig, SingleImageStyle


def stylize_single(
    config: TextConfig, job: TextJob, *, settings: SingleImageConfig
) -> dict[str, float]:
    """Stylize one photograph as in the papers and write the picture.

    For the U-Net the photograph is resized to a square of `settings.size`; the picture
    written has the original proportions and that short side.

    Returns:
        The weighted losses of the last step.

    Raises:
        ConfigError: the prompt or the files are not valid.
        TrainError: a file is missing or broken.
    """
    job.check()
    assert job.single is not None
    config, clip, vgg = load_judges(config, job)
    device = Accelerator(mixed_precision="no").device
    photo = load_style_image(job.single, short_side=settings.size)
    height, width = photo.shape[2:]
    square = F.interpolate(
        photo, (settings.size, settings.size), mode="bilinear", antialias=True
    )
    style = SingleImageStyle(
        square.to(device),
        config.prompt,
        clip=clip.to(device),
        vgg=vgg.to(device),
        band=config.band_or_none,
        config=settings,
    )
    terms: dict[str, float] = {}
    stylized = square
    with tqdm(total=settings.steps, unit="step", mininterval=1) as bar:
        for step in style.run():
            terms, stylized = step.terms, step.stylized
            bar.update()
            bar.set_postfix_str(progress_line(terms), refresh=False)
    whole = F.interpolate(
        stylized, (height, width), mode="bicubic", align_corners=False
    )
    write_picture(job.run.out, whole)
    return terms


def write_picture(path: Path, picture: Tensor) -> None:
    """Write a picture file, whole or not at all.

    Args:
        path: Its suffix sets the format.
        picture: RGB, shape ``(1, 3, H, W)``, float; clamped to 0..1.

    Raises:
        TrainError: it cannot be written.
    """
    bgr = cv2.cvtColor(to_pixels(picture), cv2.COLOR_RGB2BGR)
    is_encoded, data = cv2.imencode(path.suffix, bgr)
    if not is_encoded:
        raise TrainError(f"{path}: expected a picture's suffix, got {path.suffix}")
    try:
        write_whole(path, data.tobytes())
    except OSError as error:
        raise TrainError(f"{path}: cannot be written ({error.strerror})") from error
