"""The card in a style file: JSON that anybody may have written."""

import json
from collections.abc import Mapping
from typing import Any, Final

from rtstyle.errors import StyleFileError
from rtstyle.untrusted.names import RULE, is_style_name

VERSION: Final = 1
"""Layout of the card that this version reads and writes."""
KINDS: Final = ("image", "text", "adain")
"""What a style was learnt from: a painting, a sentence, any painting."""
MOST_BYTES: Final = 1 << 20
"""Of a card; the largest that we write has 30 kB."""
TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "title": (str,),
    "artist": (str,),
    "year": (str, int),
    "precision": (str,),
    "origin": (str,),
    "inputs": (dict,),
    "network": (dict,),
    "recipe": (dict,),
    "trained": (dict,),
    "quality": (dict,),
    "parity": (dict,),
    "modulation": (dict,),
    "painting": (dict, list),
}
"""What may stand under a key, where there is one."""
NUMBERS: Final = (("quality", "fps_720p"),)
"""Values inside a table that have to be numbers, where there are any."""


def parse_card(text: str, *, where: str) -> dict[str, Any]:
    """Read a card and check all that the program relies on.

    Args:
        text: As it stands in the file.
        where: Names the file in errors.

    Raises:
        StyleFileError: no JSON, of another version, or a value of another type.
    """
    if len(text) > MOST_BYTES:
        raise StyleFileError(
            f"{where}: expected a card of at most {MOST_BYTES >> 10} kB, "
            f"got {len(text) >> 10}"
        )
    try:
        card = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise StyleFileError(
            f"{where}: the card cannot be read (it is nested too deeply)"
        ) from None
    except ValueError as error:
        raise StyleFileError(f"{where}: the card cannot be read ({error})") from error
    if not isinstance(card, dict):
        raise StyleFileError(
            f"{where}: the card cannot be read (expected a table, "
            f"got {type(card).__name__})"
        )
    _check_version(card, where)
    fault = _fault(card)
    if fault:
        raise StyleFileError(f"{where}: the card cannot be read ({fault})")
    return {"title": card["name"], **card}


def _check_version(card: dict[str, Any], where: str) -> None:
    if "version" in card and card["version"] != VERSION:
        raise StyleFileError(
            f"{where}: expected a card of version {VERSION}, got "
            f"{str(card['version'])[:40]}; export it again with this version of rtstyle"
        )


def _fault(card: dict[str, Any]) -> str:
    """Return what is wrong with a card; empty when nothing is."""
    for key in ("version", "name", "kind"):
        if key not in card:
            return f"expected a {key}, got none"
    if not is_style_name(card["name"]):
        return f"name: expected {RULE}, got {_short(card['name'])}"
    if card["kind"] not in KINDS:
        return f"kind: expected {', '.join(KINDS)}, got {_short(card['kind'])}"
    for key, types in TYPES.items():
        if key in card and (
            not isinstance(card[key], types) or isinstance(card[key], bool)
        ):
            wanted = " or ".join(kind.__name__ for kind in types)
            return f"{key}: expected {wanted}, got {_short(card[key])}"
    for table, key in NUMBERS:
        value = card.get(table, {}).get(key)  # null: it was not finite
        if not isinstance(value, int | float | None) or isinstance(value, bool):
            return f"{table}.{key}: expected a number, got {_short(value)}"
    return ""


def _short(value: object) -> str:
    """Return a value as one short text."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_constant(name: str) -> float:
    raise ValueError(f"expected finite numbers, got {name}")
