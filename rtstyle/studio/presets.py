"""Looks that were saved on the page, one small JSON file each."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

from rtstyle.errors import UsageError
from rtstyle.looks.look_file import LookFile, read_look_file
from rtstyle.user_files import write_whole

MOST_PRESETS = 100
"""In the list."""


class Presets:
    """Looks by id.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looks: dict[str, LookFile] = {}
        for path in sorted(folder.glob("*.json")):
            try:
                self._looks[path.stem] = read_look_file(path)
            except UsageError:
                continue

    def rows(self) -> list[dict[str, Any]]:
        """Return id and title of each."""
        return [{"id": key, "title": look.title} for key, look in self._looks.items()]

    def get(self, preset_id: object) -> LookFile:
        """Return one by its id.

        Raises:
            UsageError: there is none of that id.
        """
        look = self._looks.get(preset_id) if isinstance(preset_id, str) else None
        if look is None:
            raise UsageError(f"preset: expected one of the list, got {preset_id!r:.40}")
        return look

    def save(self, look: LookFile) -> None:
        """Keep a look under its title.

        Raises:
            UsageError: there are too many, or it cannot be written.
        """
        if len(self._looks) >= MOST_PRESETS:
            raise UsageError(f"presets: expected at most {MOST_PRESETS}; remove some")
        stem = re.sub(r"[^a-z0-9]+", "-", look.title.lower())[:30].strip("-")
        preset_id = f"{stem or 'look'}-{uuid.uuid4().hex[:6]}"
        text = json.dumps(look.as_dict(), indent=1, ensure_ascii=False)
        try:
            write_whole(self._folder / f"{preset_id}.json", text.encode())
        except OSError as error:
            raise UsageError(f"preset: cannot be kept ({error.strerror})") from error
        self._looks[preset_id] = look

    def forget(self, preset_id: object) -> None:
        """Remove one.

        Raises:
            UsageError: there is none of that id.
        """
        self.get(preset_id)
        assert isinstance(preset_id, str)
        del self._looks[preset_id]
        (self._folder / f"{preset_id}.json").unlink(missing_ok=True)
