"""Make the golden pictures of this folder again: run from the project's root."""

from pathlib import Path

import cv2
import torch
from safetensors.torch import load_file

from rtstyle.drawing.line_plot import write_png
from rtstyle.networks import JohnsonNet
from rtstyle_streams.pictures.picture_file import read_picture
from tests.conftest import shared_folder

HERE = Path(__file__).parent


def main() -> None:
    """Stylize one small photograph with networks that others have trained."""
    shared = shared_folder()
    assert shared is not None, "needs the shared material"
    photo, _ = read_picture(shared / "data" / "photos" / "eval" / "astronaut.jpg")
    small = cv2.resize(photo, (64, 48), interpolation=cv2.INTER_AREA)
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    for peer in ("johnson_mosaic", "johnson_width8_candy"):
        path = shared / "data" / "peers" / f"{peer}.safetensors"
        with torch.no_grad():
            painted = JohnsonNet.from_state_dict(load_file(path))(pixels)
        levels = painted[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().byte()
        write_png(levels.numpy(), HERE / f"{peer}.png")


if __name__ == "__main__":
    main()
