"""Find the files of a CLIP: an open_clip name, local files, or a folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip

from rtstyle_train.config.text import MODEL
from rtstyle_train.errors import ConfigError

WEIGHTS = "openai"
"""open_clip's name of its weights."""
CONFIG_FILE = "open_clip_config.json"
"""Config file that marks a folder as a local CLIP."""
HOW_LOCAL = (
    "give local files: --clip-weights FILE.safetensors, or --clip FOLDER with "
    f"{CONFIG_FILE} and the weights"
)


@dataclass(frozen=True, slots=True)
class ClipSource:
    """Where a CLIP comes from."""

    model: str = MODEL
    """Name of an open_clip architecture, a config file ``NAME.json``, or a folder."""
    weights: str | None = None
    """open_clip's name of weights, or a local file; None is ``openai`` for names and
    the folder's own for folders."""

    @property
    def is_folder(self) -> bool:
        """Return whether `model` is a folder with its own config and weights."""
        return Path(self.model).is_dir()

    @property
    def download(self) -> str | None:
        """Return the name of the weights that open_clip would download, if any."""
        if self.is_folder or Path(self.weights or "").is_file():
            return None
        return self.weights or WEIGHTS


def check_source(source: ClipSource) -> tuple[str, str | None]:
    """Return open_clip's names of model and weights, without loading anything.

    Raises:
        ConfigError: unknown names, or an activation other than the weights'.
    """
    if source.is_folder:
        if not (Path(source.model) / CONFIG_FILE).is_file():
            raise ConfigError(f"{source.model}: expected {CONFIG_FILE} in it, got none")
        return f"local-dir:{source.model}", None
    name = source.model.replace("/", "-")
    if source.model.endswith(".json"):
        name = _add_config(Path(source.model))
    config = open_clip.get_model_config(name)
    if config is None:
        raise ConfigError(
            f"clip {source.model!r}: expected an open_clip architecture such as "
            f"{MODEL}, a config file .json, or a folder with {CONFIG_FILE}"
        )
    if source.download is None:
        return name, source.weights
    _check_tag(name, source.download, bool(config.get("quick_gelu", False)))
    return name, source.download


def _check_tag(name: str, tag: str, quick_gelu: bool) -> None:
    """Refuse weights that do not exist or were trained with another activation."""
    known = open_clip.get_pretrained_cfg(name, tag)
    if not known:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)) or "none"
        raise ConfigError(
            f"clip weights {tag!r}: expected a local file or one of {tags} for {name}"
        )
    wants = bool(known.get("quick_gelu", False))
    if wants != quick_gelu:
        stem = name.removesuffix("-quickgelu")
        right = f"{stem}-quickgelu" if wants else stem
        raise ConfigError(
            f"clip {name}: expected the activation that weights {tag!r} were trained "
            f"with ({'QuickGELU' if wants else 'GELU'}), got "
            f"{'QuickGELU' if quick_gelu else 'GELU'}; use --clip {right}"
        )


def _add_config(path: Path) -> str:
    """Register a config file's architecture with open_clip and return its name."""
    try:
        table: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path}: expected an open_clip config, got {error}"
        ) from error
    if missing := {"embed_dim", "vision_cfg", "text_cfg"} - set(table):
        raise ConfigError(
            f"{path}: expected an open_clip config, {min(missing)} is missing"
        )
    open_clip.add_model_config(path)
    return path.stem


def own_vocabulary(source: ClipSource, name: str) -> dict[str, str]:
    """Return the folder's own merges file, if its config names one."""
    config = open_clip.get_model_config(name)
    own = (config["text_cfg"].get("tokenizer_kwargs") or {}).get("bpe_path")
    if own is None:
        return {}
    folder = Path(source.model) if source.is_folder else Path(source.model).parent
    return {"bpe_path": str(folder / own)}
