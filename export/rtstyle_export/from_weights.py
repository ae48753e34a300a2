"""Turn trained weights into a style file (`rtstyle export`)."""

from pathlib import Path
from typing import Any

from torch import nn

from rtstyle.networks.adain import AdainNet
from rtstyle.networks.swift_adain import SwiftAdain
from rtstyle.networks.transform_net import TransformNet
from rtstyle.networks.weights_file import Weights, load_weights
from rtstyle_export.errors import ExportError
from rtstyle_export.painting_pair import with_painting, write_adain
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

    For a network for any painting, two files are written: the style file and, beside
    it, the style encoder, ``style_encoder.onnx``.

    Args:
        weights_path: What `rtstyle train` wrote.
        style_path: Where the style file goes.
        style: Which painting, by the recipe's name, when the weights hold several.
        name: Name on the card; None uses the recipe's.
        title: Title on the card; None uses the recipe's.
        painting: Picture whose style is fixed into a network for any painting; the
            result is an ordinary style file.
        overwrite: Whether `style_path` may exist.

    Raises:
        ExportError: no such painting, or the graph does not match its network.
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
        assert isinstance(network, TransformNet)  # the others were handled above
        write_style(style_path, make_style(network, card), overwrite=overwrite)


def pick_style(weights: Weights, style: str | None) -> tuple[nn.Module, dict[str, Any]]:
    """Return the network of one painting and the painting's row in the recipe.

    Raises:
        ExportError: `style` does not exist, or is None and there are several.
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
    name = names[0] if style is None else style
    if name not in rows:
        raise ExportError(
            f"style {name!r}: expected one of {', '.join(names)}, got another"
        )
    if isinstance(network, TransformNet) and network.num_styles > 1:
        network = network.select_style(names.index(name))
    return network.eval(), rows[name]


def card_of(weights: Weights, row: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a card that describe where a style comes from."""
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
