"""The files of the page, read once: no path of a request reaches a disk."""

from importlib import resources
from pathlib import Path

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Media types by suffix; files of others are not served."""


def page_folder() -> Path:
    """Return the folder of the page's files."""
    return Path(str(resources.files("rtstyle") / "studio" / "page"))


def page_files() -> dict[str, tuple[bytes, str]]:
    """Return content and media type of every file by its name."""
    return {
        path.name: (path.read_bytes(), TYPES[path.suffix])
        for path in sorted(page_folder().iterdir())
        if path.suffix in TYPES
    }
