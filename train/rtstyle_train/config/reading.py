"""Recipes read from TOML into frozen settings."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from rtstyle_train.errors import ConfigError

T = TypeVar("T")
RECIPES = Path(str(resources.files("rtstyle_train") / "recipes"))
"""Folder of the bundled recipes."""


def read_recipe(path: Path) -> dict[str, Any]:
    """Read the TOML file `path`; its keys are checked by `settings_of`.

    Raises:
        ConfigError: it is missing or not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected a TOML recipe, got {error}") from error


def recipe_path(name_or_path: str) -> Path:
    """Return the file of a bundled recipe, or the path itself.

    Raises:
        ConfigError: there is neither.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.is_file():
        return path
    bundled = RECIPES / f"{name_or_path}.toml"
    if bundled.exists():
        return bundled
    names = ", ".join(sorted(entry.stem for entry in RECIPES.glob("*.toml")))
    raise ConfigError(
        f"recipe {name_or_path!r}: no such file and no bundled recipe; "
        f"bundled are {names}"
    )


def recipe_table(name_or_path: str) -> dict[str, Any]:
    """Return the settings of a bundled recipe or of a recipe's file.

    Raises:
        ConfigError: there is no such recipe, or it is broken.
    """
    return read_recipe(recipe_path(name_or_path))


def merged(layers: tuple[Mapping[str, Any], ...]) -> dict[str, Any]:
    """Return tables of settings as one, the later over the earlier; None leaves out."""
    rows: dict[str, Any] = {}
    for layer in layers:
        rows |= {key: value for key, value in layer.items() if value is not None}
    return rows


def settings_of(kind: type[T], rows: Mapping[str, Any], *, where: str) -> T:
    """Return the dataclass `kind` with the values of `rows`, checked against its types.

    Args:
        kind: A dataclass of settings.
        rows: Values by field, as TOML has them.
        where: What errors begin with.

    Raises:
        ConfigError: an unknown key, or a value of the wrong type or range.
    """
    hints = get_type_hints(kind)
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(rows.keys() - known):
        raise ConfigError(
            f"{where}: unknown key {unknown[0]!r}; known keys are "
            + ", ".join(sorted(known))
        )
    for entry in fields(kind):  # type: ignore[arg-type]
        has_default = entry.default is not MISSING
        has_default |= entry.default_factory is not MISSING
        if entry.name not in rows and not has_default:
            raise ConfigError(f"{where}: key {entry.name!r} is missing")
    return kind(**{k: _fitting(where, k, v, hints[k]) for k, v in rows.items()})


def _fitting(where: str, key: str, value: Any, hint: Any) -> Any:
    """Return `value` as `hint` has it, or raise."""
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        names = ", ".join(map(str, get_args(hint)))
        raise ConfigError(f"{where}: {key}: expected one of {names}, got {value!r}")
    if get_origin(hint) is tuple:
        if isinstance(value, (list, tuple)):
            return tuple(_fitting(where, key, v, get_args(hint)[0]) for v in value)
    elif get_origin(hint) is Mapping:
        if isinstance(value, Mapping):
            return dict(value)
    elif hint is float and type(value) in (int, float):
        return float(value)
    elif hint == (str | None) or isinstance(hint, type):
        wanted = (str, type(None)) if hint == (str | None) else hint
        if isinstance(value, wanted) and not isinstance(value, bool):
            return value
    raise ConfigError(f"{where}: {key}: expected {hint}, got {value!r}")
