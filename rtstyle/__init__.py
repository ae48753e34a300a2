"""Real-time neural video stylization."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtstyle.gallery.find import load_style
    from rtstyle.gallery.mixture import load_mixture
    from rtstyle.offline.pipeline import Pipeline
    from rtstyle.stylizer.controls import Controls
    from rtstyle.stylizer.stylizer import Stylizer

__version__ = "0.1.0"

__all__ = ["Controls", "Pipeline", "Stylizer", "load_mixture", "load_style"]

_HOME = {
    "Controls": "rtstyle.stylizer.controls",
    "Pipeline": "rtstyle.offline.pipeline",
    "Stylizer": "rtstyle.stylizer.stylizer",
    "load_mixture": "rtstyle.gallery.mixture",
    "load_style": "rtstyle.gallery.find",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `--help` stays quick."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rtstyle' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
