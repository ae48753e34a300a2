"""`rtstyle styles`: what can be named with `--style`."""

from pathlib import Path
from typing import Any

import click

from rtstyle.commands.options import json_option, overwrite_option
from rtstyle.process.terminal import echo, echo_json, echo_picture, takes_colours


@click.group(invoke_without_command=True)
@click.pass_context
def styles(context: click.Context) -> None:
    """List, show, add and remove styles."""
    if context.invoked_subcommand is None:
        context.invoke(list_command)


@styles.command(name="list")
@json_option
def list_command(as_json: bool = False) -> None:
    """List every style that --style NAME can run, the default first."""
    from rtstyle.gallery.find import styles_by_group

    groups = styles_by_group()
    if as_json:
        rows = [_row(c) | {"group": name} for name, cs in groups.items() for c in cs]
        echo_json(rows)
        return
    names = [card["name"] for cards in groups.values() for card in cards]
    width = max(map(len, names), default=0)
    for group, cards in groups.items():
        echo(f"{group}:")
        for card in cards:
            by = ", ".join(str(card[k]) for k in ("artist", "year") if card.get(k))
            rate = f"  {told}" if (told := _speed(card)) else ""
            echo(f"  {card['name']:<{width}}  {card['title']}  {by}{rate}".rstrip())


@styles.command(name="show")
@click.argument("name")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """Print the card of the style NAME and, on a colour terminal, a thumbnail."""
    from rtstyle.gallery.find import load_style

    style = load_style(name)
    if takes_colours() and not as_json:
        from rtstyle.offline.thumbnail import thumbnail_text

        echo_picture(thumbnail_text(style))
    echo_json(style.card, indent=2, sort_keys=True)


@styles.command(name="add")
@click.argument("file", type=click.Path(path_type=Path))
@overwrite_option
def add_command(file: Path, overwrite: bool) -> None:
    """Copy the style FILE, or a painting, into the gallery of this user."""
    from rtstyle.gallery.find import add_style

    style = add_style(file, overwrite=overwrite)
    echo(f"{style.name}: added; use it with --style {style.name}")


@styles.command(name="remove")
@click.argument("name")
def remove_command(name: str) -> None:
    """Remove the style NAME that was added before."""
    from rtstyle.gallery.find import remove_style

    remove_style(name)
    echo(f"{name}: removed")


@styles.command(name="cache")
@click.option("--clear", is_flag=True, help="Remove all entries.")
@json_option
def cache_command(clear: bool, as_json: bool) -> None:
    """Tell what is kept about the paintings that were used as styles."""
    from rtstyle.paintings.cache import LIMIT_BYTES, PaintingCache

    cache = PaintingCache()
    state = cache.clear() if clear else cache.state()
    if as_json:
        row = {
            "folder": str(state.folder),
            "entries": state.num_entries,
            "bytes": state.num_bytes,
            "limit_bytes": LIMIT_BYTES,
            "cleared": clear,
        }
        echo_json(row)
        return
    what = "removed" if clear else f"of at most {LIMIT_BYTES >> 20} MB"
    size = f"{state.num_bytes / 1e6:.2f} MB"
    echo(f"{state.folder}: {state.num_entries} paintings, {size} {what}")


def _speed(card: dict[str, Any]) -> str:
    """Return what the cards of a style and of its int8 twin say about their speed."""
    from rtstyle.gallery.find import twin_card

    cards = {"int8": twin_card(card["name"], "int8"), "fp32": card}
    speeds = {
        precision: found["quality"]["fps_720p"]
        for precision, found in cards.items()
        if found and found.get("quality", {}).get("fps_720p")
    }
    texts = [f"{speed:.0f} in {precision}" for precision, speed in speeds.items()]
    return f"fps at 720p: {', '.join(texts)}" if texts else ""


def _row(card: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "title", "kind", "artist", "year")
    return {key: card[key] for key in keys if key in card}
