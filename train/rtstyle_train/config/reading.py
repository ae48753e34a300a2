"""Recipes read from TOML into frozen settings."""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

from rtstyle_streams.errors import accident
from rtstyle_train.errors import ConfigError

T = TypeVar("T")
RECIPES = Path(str(resources.files("rtstyle_train") / "recipes"))
"""Folder of the bundled recipes."""
LARGEST_RECIPE: Final = 1 << 20
"""Bytes of a recipe at most."""
MOST: Final = 10**9
"""Any number of a recipe at most, unless `LARGEST` says less."""
LEAST_RATE: Final = 1e-12
"""Of a learning rate: one of 0 learns nothing."""
LARGEST: Final[Mapping[str, int]] = {
    "seed": 2**63 - 1,
    "size": 4096,
    "margin": 1024,
    "padding": 1024,
    "crop_size": 4096,
    "smallest_crop": 65536,
    "short_side": 65536,
    "batch_size": 4096,
    "hidden": 4096,
    "num_textures": 100_000,
    "num_patches": 4096,
    "num_views": 4096,
    "scales": 1024,
    "ema": 1,
    "learning_rate": 1000,
    "noise": 1000,
}
"""What a setting may be at most: no machine has the memory for more."""
POSITIVE: Final = ("ema", "noise", "threshold")
"""Settings that are 0 or more, as weights are; the dataclasses check the others."""


def read_recipe(path: Path) -> dict[str, Any]:
    """Read the TOML file `path`; its keys are checked by `settings_of`.

    Raises:
        ConfigError: it is missing or not TOML.
    """
    try:
        if not path.is_file():
            raise ConfigError(f"{path}: cannot be read (no such file)")
        if path.stat().st_size > LARGEST_RECIPE:
            raise ConfigError(
                f"{path}: expected a TOML recipe of at most {LARGEST_RECIPE >> 20} MB, "
                f"got {path.stat().st_size >> 20} MB"
            )
        data = path.read_bytes()
        found = accident(data) if data else None  # an empty recipe is all defaults
        if found is not None:
            raise ConfigError(f"{path}: expected a TOML recipe, got {found}")
        return tomllib.loads(data.decode())
    except ConfigError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except RecursionError:
        raise ConfigError(
            f"{path}: expected a TOML recipe, got one that is nested too deeply"
        ) from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, long numbers
        text = str(error)[:160]
        raise ConfigError(f"{path}: expected a TOML recipe, got {text}") from error


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


def settings_of(kind: type[T], rows: object, *, where: str) -> T:
    """Return the dataclass `kind` with the settings of a table.

    Args:
        kind: Its fields are what may be set.
        rows: By name of the field.
        where: Names the table in errors.

    Raises:
        ConfigError: an unknown key, one that is missing, or a value of the wrong type
            or range.
    """
    if not isinstance(rows, Mapping):
        raise ConfigError(f"{where}: expected a table, got {rows!r:.60}")
    hints = get_type_hints(kind)
    known = {entry.name for entry in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(map(str, rows.keys() - known)):
        raise ConfigError(
            f"{where}: unknown key {unknown[0]!r:.60}; known keys are "
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
        raise ConfigError(f"{where}: {key}: expected one of {names}, got {value!r:.60}")
    if get_origin(hint) is tuple:
        if isinstance(value, (list, tuple)):
            return tuple(_fitting(where, key, v, get_args(hint)[0]) for v in value)
    elif get_origin(hint) is Mapping:
        if isinstance(value, Mapping):
            return dict(value)
    elif hint in (int, float) and type(value) in (int, hint):
        _check_range(where, key, value)
        return hint(value)
    elif hint == (str | None) or isinstance(hint, type):
        wanted = (str, type(None)) if hint == (str | None) else hint
        if isinstance(value, wanted) and not isinstance(value, bool):
            return value
    raise ConfigError(f"{where}: {key}: expected {hint}, got {value!r:.60}")


def _check_range(where: str, key: str, value: float) -> None:
    """Refuse what is no number, or one that no training can mean."""
    is_positive = key in POSITIVE or key.endswith("_weight")
    least: float = 0 if is_positive else -MOST
    most = LARGEST.get(key, MOST)
    if key == "learning_rate":
        least = LEAST_RATE
    if not least <= value <= most or not math.isfinite(value):
        raise ConfigError(
            f"{where}: {key}: expected a number from {least:g} to {most:g}, "
            f"got {value!r:.60}"
        )
