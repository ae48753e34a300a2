"""Styles of the network for paintings without a picture: their modulations."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from rtstyle.errors import StyleFileError
from rtstyle.paintings.cache import Modulation
from rtstyle.paintings.network import PaintingNetwork
from rtstyle.untrusted.card import VERSION, parse_card

FOLDER: Final = "modulations"
"""Beside the network's two files: the styles that were learned for it."""
SUFFIX: Final = ".json"
"""Of a modulation's file."""
LARGEST: Final = 1 << 20
"""Of a file, in bytes."""
DECIMALS: Final = 4
"""Of its numbers."""


def is_modulation(path: Path) -> bool:
    """Tell whether a file of the gallery is a modulation, by its name."""
    return path.suffix == SUFFIX


def read_modulation(
    path: Path, network: PaintingNetwork
) -> tuple[Modulation, dict[str, Any]]:
    """Read a modulation and what is known of its picture.

    Args:
        path: A file of `modulation_text`.
        network: What is to run it.

    Returns:
        Shape ``(M,)``, and what goes into the card: ``name``, ``title`` …

    Raises:
        StyleFileError: it is missing, broken, or made for another network.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        found = json.loads(path.read_text("utf-8"))
        made_for, text = str(found["network"]), json.dumps(found["card"])
        numbers = np.array(found["modulation"], np.float32)
    except OSError as error:
        raise StyleFileError(f"{path}: cannot be read ({error.strerror})") from error
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StyleFileError(
            f"{path}: expected the modulation of a picture, got another file "
            f"({error!r:.80})"
        ) from error
    card = parse_card(text, where=str(path))
    is_whole = numbers.shape == network.neutral.shape and np.isfinite(numbers).all()
    if not is_whole:
        raise StyleFileError(
            f"{path}: expected {network.neutral.size} finite numbers, "
            f"got {numbers.size} numbers"
        )
    if made_for != network.sha256:
        raise StyleFileError(
            f"{path}: expected a modulation of the network for paintings in use "
            f"({network.sha256[:12]}), got one of another ({made_for[:12]}); learn it "
            "again with rtstyle learn"
        )
    return numbers, card


def modulation_text(
    modulation: Modulation, card: dict[str, Any], network: PaintingNetwork
) -> str:
    """Return the text of a modulation's file.

    Args:
        modulation: Shape ``(M,)``.
        card: At least its ``name`` and ``title``.
        network: What it was made for.
    """
    numbers = [round(float(number), DECIMALS) for number in modulation]
    facts = {
        "network": network.sha256,
        "card": {"version": VERSION, "kind": "adain"} | card,
        "modulation": numbers,
    }
    return json.dumps(facts, sort_keys=True, ensure_ascii=False) + "\n"
