"""What a weights file says about itself: JSON that anybody may have written."""

from typing import Any

from rtstyle.untrusted.card import KINDS
from rtstyle.untrusted.names import RULE, is_style_name


def description_fault(meta: dict[str, Any]) -> str:
    """Return what is wrong with the metadata of finished weights; empty if nothing.

    Args:
        meta: With ``network``, ``recipe`` and ``trained``, as JSON gives them.
    """
    for key in ("network", "recipe", "trained"):
        if not isinstance(meta.get(key), dict):
            return f"{key}: expected a table, got {type(meta.get(key)).__name__}"
    kind = meta["recipe"].get("kind", "image")
    if kind not in KINDS:
        return f"recipe.kind: expected {', '.join(KINDS)}, got {kind!r:.60}"
    rows = meta["recipe"].get("styles", [])
    if not isinstance(rows, list):
        return f"recipe.styles: expected a list of styles, got {rows!r:.60}"
    return next((fault for row in rows if (fault := _row_fault(row))), "")


def _row_fault(row: object) -> str:
    """Return what is wrong with one style of a recipe; empty when nothing is."""
    if not isinstance(row, dict):
        return f"recipe.styles: expected tables, got {type(row).__name__}"
    if not is_style_name(row.get("name")):
        return f"recipe.styles: expected {RULE}, got {row.get('name')!r:.60}"
    for key in ("title", "artist", "year"):
        if not isinstance(row.get(key, ""), str | int):
            return f"recipe.styles.{key}: expected a text, got {row.get(key)!r:.60}"
    return ""
