"""The styles that the page may name: the gallery's, and what was dropped on the page.

A page names styles by the ids of this table and never by a path, so that no request
reaches a file that it does not list.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtstyle.errors import StyleFileError, UsageError
from rtstyle.gallery.find import load_style, read_named, style_files
from rtstyle.gallery.spec import StylePart, StyleSpec, parse_style
from rtstyle.paintings.picture import SUFFIXES, read_painting
from rtstyle.style_file import graph_sha256, read_style

PAINTING_SUFFIXES: Final = frozenset(SUFFIXES - {".svg"})
"""Of paintings that a page may send."""
MOST_PARTS: Final = 8
"""Styles in one mixture."""


@dataclass(frozen=True, slots=True)
class ShelfStyle:
    """One style that can be chosen."""

    id: str
    """What the page calls it."""
    title: str
    """What people call it."""
    name: str
    """What `load_style` takes: a name or a path."""
    sha256: str
    """Of the graph, or of the painting's file."""
    is_painting: bool = False
    """Whether it is a painting that somebody dropped."""
    by: str = ""
    """Artist and year."""
    has_strength: bool = False
    """Whether the network for paintings runs it, so that its strength can be set."""

    def as_dict(self) -> dict[str, Any]:
        """Return what the page learns of it."""
        keys = ("id", "title", "by", "is_painting", "has_strength", "sha256")
        return {key: getattr(self, key) for key in keys}


class Shelf:
    """All styles by id, in the order in which the page shows them.

    Args:
        folder: Where dropped paintings and style files are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._styles: dict[str, ShelfStyle] = {}
        self._lock = threading.Lock()
        for name, path in style_files().items():
            self._add_named(name, path)
        for path in sorted(folder.glob("*"), key=_age):
            if path.suffix.lower() in PAINTING_SUFFIXES:
                self.add_painting(path)
            elif path.suffix.lower() == ".onnx":
                self._add_named(str(path), path)

    def all(self) -> list[ShelfStyle]:
        """Return every style, what was dropped last first."""
        styles = list(self._styles.values())
        own = [style for style in styles if style.is_painting]
        return own[::-1] + [style for style in styles if not style.is_painting]

    def get(self, style_id: object) -> ShelfStyle:
        """Return a style by its id.

        Raises:
            UsageError: there is none of that id.
        """
        style = self._styles.get(style_id) if isinstance(style_id, str) else None
        if style is None:
            raise UsageError(f"style: expected one of the page, got {style_id!r:.60}")
        return style

    def spec(self, parts: Sequence[tuple[str, float]]) -> StyleSpec:
        """Return the style, or the mixture, of these ids and weights.

        Raises:
            UsageError: an id is not known, or there are none or too many.
        """
        if not 1 <= len(parts) <= MOST_PARTS:
            raise UsageError(f"style: expected 1 to {MOST_PARTS}, got {len(parts)}")
        total = sum(weight for _, weight in parts)
        names = [self.get(style_id).name for style_id, _ in parts]
        if len(set(names)) < len(names):
            raise UsageError("style: expected each once in a mixture, got one twice")
        shares = [weight / total for _, weight in parts]
        return StyleSpec(tuple(map(StylePart, names, shares)))

    def id_of(self, name: str) -> str:
        """Return the id of what `--style` named; a path joins the table.

        Raises:
            StyleFileError: it is no style, no painting and no file.
        """
        if name in self._styles:
            return name
        path = Path(name).expanduser()
        if path.suffix.lower() in PAINTING_SUFFIXES:
            read_painting(path)
            return self.add_painting(path).id
        load_style(name)
        return self._add_named(name, path).id

    def with_hash(self, sha256: str) -> ShelfStyle | None:
        """Return the style of that hash, None when it is not here."""
        return next((s for s in self._styles.values() if s.sha256 == sha256), None)

    def add_painting(self, path: Path) -> ShelfStyle:
        """Take a painting of our folder."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        style = ShelfStyle(
            f"painting-{digest[:12]}",
            _title(path),
            str(path),
            digest,
            is_painting=True,
            has_strength=True,
        )
        with self._lock:
            self._styles.pop(style.id, None)
            self._styles[style.id] = style
        return style

    def title_of(self, text: str) -> str:
        """Return what people call the style or the mixture after `--style`.

        A style that is here no more goes by the name of its file.
        """
        titles = {style.name: style.title for style in list(self._styles.values())}
        try:
            names = [part.name for part in parse_style(text).parts]
        except UsageError:
            names = [text]
        return " + ".join(titles.get(name) or _title(Path(name)) for name in names)

    def keep(self, part: Path, *, name: str) -> ShelfStyle:
        """Check a file that was sent, move it into our folder and list it.

        Args:
            part: The file, in a folder of ours, with the suffix of its kind.
            name: What the sender called it; only its letters and digits are used.

        Raises:
            StyleFileError: it is no painting and no style file.
        """
        suffix = part.suffix.lower()
        if suffix == ".onnx":
            read_style(part)
        elif suffix in PAINTING_SUFFIXES:
            read_painting(part)
        else:
            raise StyleFileError(f"{name}: expected a picture or a style file")
        digest = hashlib.sha256(part.read_bytes()).hexdigest()
        stem = re.sub(r"[^\w-]+", "_", Path(name).stem)[:40].strip("_-") or "painting"
        self.folder.mkdir(parents=True, exist_ok=True)
        target = part.rename(self.folder / f"{stem}-{digest[:8]}{suffix}")
        if suffix != ".onnx":
            return self.add_painting(target)
        return self._add_named(str(target), target)

    def forget(self, style_id: object) -> None:
        """Remove a painting that was dropped.

        Raises:
            UsageError: it is none.
        """
        style = self.get(style_id)
        if Path(style.name).parent != self.folder:
            raise UsageError(f"style: expected one that you added, got {style.title}")
        with self._lock:
            self._styles.pop(style.id, None)
        Path(style.name).unlink(missing_ok=True)

    def _add_named(self, name: str, path: Path) -> ShelfStyle:
        loaded = read_named(path)
        card = loaded.card
        by = ", ".join(str(card[key]) for key in ("artist", "year") if card.get(key))
        digest = graph_sha256(loaded.model)
        style_id = name if name != str(path) else f"style-{digest[:12]}"
        style = ShelfStyle(
            style_id,
            loaded.title,
            name,
            digest,
            by=by,
            has_strength=loaded.modulation is not None,
        )
        with self._lock:
            self._styles[style.id] = style
        return style


def _title(path: Path) -> str:
    """Return a title made of the name of a file, without the hash that `keep` adds."""
    title = re.sub(r"-[0-9a-f]{8}$", "", path.stem).replace("_", " ").strip()
    return title or "painting"


def _age(path: Path) -> float:
    return path.stat().st_mtime
