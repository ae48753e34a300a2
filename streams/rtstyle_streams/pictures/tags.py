"""What stands in a picture file beside its pixels, and what a copy carries on."""

from dataclasses import dataclass, field

from PIL import Image
from PIL.Image import Exif

_ORIENTATION, _EXIF_IFD = 0x0112, 0x8769
_SIZES = (0xA002, 0xA003)
_HOLD_EXIF = frozenset(("JPEG", "PNG", "WEBP", "AVIF", "TIFF"))
_HOLD_DPI = frozenset(("JPEG", "PNG", "TIFF", "BMP"))
# Tags of a TIFF that are about how its pixels are stored.
_ABOUT_STORAGE = frozenset((*range(254, 282), 284, 290, 291, 292, 293, 296, 297, 301))
_ABOUT_STORAGE |= frozenset((*range(317, 350), 512, *range(513, 533), 34675, 33723))
_ABOUT_STORAGE -= frozenset((270, 271, 272))  # description, make, model


@dataclass(frozen=True, slots=True)
class PictureTags:
    """EXIF and resolution of a picture."""

    exif: Exif | None = field(default=None, compare=False)
    """Without its orientation, which has been applied to the pixels."""
    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down; upright."""
    orientation: int = 1
    """EXIF's number of how the pixels lay in the file."""

    def save_options(self, format_name: str) -> dict[str, object]:
        """Return what Pillow writes them by, as far as a format holds them."""
        options: dict[str, object] = {}
        if self.exif and format_name in _HOLD_EXIF:
            options["exif"] = self.exif.tobytes()
        if self.dpi and format_name in _HOLD_DPI:
            options["dpi"] = self.dpi
        return options


def read_tags(image: Image.Image) -> PictureTags:
    """Read the tags of an opened picture; those that are malformed are left out."""
    try:
        exif = image.getexif()
        orientation = exif.pop(_ORIENTATION, 1)
        if image.format == "TIFF":
            for tag in [tag for tag in exif if tag in _ABOUT_STORAGE]:
                del exif[tag]
        if orientation in (5, 6, 7, 8):
            inner = exif.get_ifd(_EXIF_IFD)
            for tag in _SIZES:
                inner.pop(tag, None)
        exif.tobytes()
    except Exception:  # whatever a malformed block makes of Pillow's reader
        exif, orientation = Exif(), 1
    return PictureTags(
        exif if len(exif) else None,
        _dpi(image, is_turned=orientation in (5, 6, 7, 8)),
        orientation if isinstance(orientation, int) else 1,
    )


def _dpi(image: Image.Image, *, is_turned: bool) -> tuple[float, float] | None:
    try:
        across, down = (float(number) for number in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    if not (0 < across < 1e5 and 0 < down < 1e5):
        return None
    return (down, across) if is_turned else (across, down)
