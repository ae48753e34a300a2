"""`rtstyle export`: trained weights become a style file."""

from pathlib import Path
from typing import Any

from torch import nn

from rtstyle.networks import SwiftNet
from rtstyle.networks.adain import AdainNet
from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.weights_file import Weights, load_weights
from rtstyle_export.errors import ExportError
from rtstyle_export.graphs.adain import with_painting, write_adain
from rtstyle_export.style_writer import check_target, make_style, write_style


def export_weights(
    weights_path: Path,
    style_path: Path,
    *,
    style: str | None = None,
    name: str | None = None,
    title: str | None = None,
    painting: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Write the style file of one painting.

    Of a network for any painting two files are written: the style file, and beside it
    the style encoder, ``style_encoder.onnx``.

    Args:
        weights_path: What `rtstyle train` wrote.
        style_path: Where the style file goes.
        style: Which painting, by the recipe's name, when the weights hold several.
        name: Of the card; None takes the recipe's.
        title: Of the card; None takes the recipe's.
        painting: Picture whose style a network for any painting is given for good;
            then the style file is an ordinary one.
        overwrite: Whether `style_path` may exist.

    Raises:
        ExportError: no such painting, or the graph is not faithful.
        WeightsFileError: no such weights.
    """
    check_target(style_path, overwrite=overwrite)
    weights = load_weights(weights_path)
    network, row = pick_style(weights, style)
    card = card_of(weights, row)
    if painting is not None:
        network, card = with_painting(network, card, painting)
    elif isinstance(network, AdainNet):
        raise ExportError(f"{weights_path}: network adain needs --painting FILE")
    card |= {key: value for key, value in (("name", name), ("title", title)) if value}
    if isinstance(network, SwiftAdain):
        write_adain(style_path, network, card, overwrite=overwrite)
    else:
        write_style(style_path, make_style(network, card), overwrite=overwrite)


def pick_style(weights: Weights, style: str | None) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network of one painting and the painting's row of the recipe.

    Raises:
        ExportError: `style` is not there, or None where there are several.
    """
    network = weights.build()
    rows = {row["name"]: row for row in weights.recipe.get("styles", [])}
    names = list(rows)
    if not names:
        raise ExportError("weights: expected the name of a style in them, got none")
    if style is None and len(names) > 1:
        raise ExportError(
            f"weights hold {len(names)} styles: choose one with --style, of "
            + ", ".join(names)
        )
    chosen = names[0] if style is None else style
    if chosen not in rows:
        raise ExportError(
            f"style {chosen!r}: expected one of {', '.join(names)}, got another"
        )
    if isinstance(network, SwiftNet) and network.config.num_styles > 1:
        network = network.select_style(names.index(chosen))
    return network.eval(), rows[chosen]


def card_of(weights: Weights, row: dict[str, Any]) -> dict[str, Any]:
    """Return what a card says about where a style comes from."""
    return {
        "name": row["name"],
        "title": row.get("title") or row["name"].replace("_", " ").title(),
        "artist": row.get("artist", ""),
        "year": row.get("year", ""),
        "kind": weights.recipe.get("kind", "image"),
        "network": weights.network | {"num_styles": 1}
        if weights.network["kind"] == "swift"
        else weights.network,
        "recipe": weights.recipe | {"styles": [row]},
        "trained": weights.trained,
    }
