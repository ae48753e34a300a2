"""Use CLIP to judge pictures: any open_clip ViT, by name or from local files."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import open_clip
import torch
import torch.nn.functional as F
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from rtstyle_train.clip.source import (
    HOW_LOCAL,
    ClipSource,
    check_source,
    own_vocabulary,
)
from rtstyle_train.clip.templates import prompt_templates
from rtstyle_train.config.text import SOURCE_TEXT
from rtstyle_train.errors import ConfigError, TrainError
from rtstyle_train.losses.directional import text_direction
from rtstyle_train.losses.spectral import filtered_class_token, token_weights

log = logging.getLogger(__name__)


class Tokenizer(Protocol):
    """The parts of open_clip's tokenizers that are used here."""

    context_length: int

    def __call__(self, texts: list[str]) -> Tensor:
        """Return token numbers, ``(T, context_length)``, silently truncated."""
        ...

    def encode(self, text: str) -> list[int]:
        """Return the tokens of one text, without start and end."""
        ...


class ClipEncoder(nn.Module):
    """The two frozen encoders of a CLIP, from images 0..1 and texts to embeddings."""

    mean: Tensor
    """Subtracted from pixels, ``(1, 3, 1, 1)``."""
    std: Tensor
    """Divisor of the pixels after that, ``(1, 3, 1, 1)``."""

    def __init__(self, model: nn.Module, tokenizer: Tokenizer, *, name: str) -> None:
        super().__init__()
        visual: Any = getattr(model, "visual", None)
        is_plain = isinstance(visual, VisionTransformer) and (
            visual.attn_pool is None
            and visual.pool_type == "tok"
            and not visual.final_ln_after_pool
        )
        if not is_plain:
            raise ConfigError(
                f"{name}: expected a ViT whose class token is the image's embedding, "
                f"got {type(visual).__name__}"
            )
        self.model = model.eval().requires_grad_(False)
        self.visual: Any = visual
        self.tokenizer = tokenizer
        self.name = name
        settings = open_clip.get_model_preprocess_cfg(model)
        mean, std = (torch.tensor(settings[key]) for key in ("mean", "std"))
        self.register_buffer("mean", mean.view(1, 3, 1, 1))
        self.register_buffer("std", std.view(1, 3, 1, 1))
        self._texts: dict[tuple[str, ...], Tensor] = {}

    @property
    def image_size(self) -> int:
        """Return the side of the pictures that the image encoder reads, in pixels."""
        return int(self.visual.image_size[0])

    @property
    def num_tokens(self) -> int:
        """Return how many tokens a picture has, class token included."""
        return int(self.visual.positional_embedding.shape[0])

    def encode_image(self, pixels: Tensor, *, band: str | None = None) -> Tensor:
        """Return embeddings of pictures.

        Args:
            pixels: RGB, shape ``(N, 3, H, W)``, 0..1, any size; resized to a square.
            band: None for plain CLIP; ``c1``, ``c2`` or ``c3`` for SpectralCLIP's.

        Returns:
            Shape ``(N, D)``, not normalised.
        """
        if band is None:
            features: Tensor = self.visual(self._prepared(pixels))
            return features
        weights = token_weights(band, self.num_tokens)
        return self.project(filtered_class_token(self.tokens(pixels), weights))

    def tokens(self, pixels: Tensor) -> Tensor:
        """Return the tokens after the last block and before ``ln_post``.

        Args:
            pixels: As for `encode_image`.

        Returns:
            Shape ``(N, num_tokens, C)``, class token first.
        """
        outputs = self.visual.forward_intermediates(
            self._prepared(pixels),
            indices=1,
            normalize_intermediates=False,
            intermediates_only=True,
            output_fmt="NLC",
            output_extra_tokens=True,
        )
        prefix = outputs["image_intermediates_prefix"][-1]
        return torch.cat([prefix, outputs["image_intermediates"][-1]], dim=1)

    def project(self, class_token: Tensor) -> Tensor:
        """Turn class tokens ``(N, C)`` into embeddings ``(N, D)``."""
        features: Tensor = self.visual.ln_post(class_token) @ self.visual.proj
        return features

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Return embeddings ``(T, D)`` of texts, not normalised; cached."""
        key = tuple(texts)
        if key not in self._texts:
            tokens = self.tokenizer(list(texts)).to(self.mean.device)
            self._texts[key] = self.model.encode_text(tokens)  # type: ignore[operator]
        return self._texts[key]

    def direction(self, prompt: str, *, source: str = SOURCE_TEXT) -> Tensor:
        """Return the unit vector from `source` to `prompt`, shape ``(D,)``.

        Both are put into the 79 `prompt_templates`.
        """
        target, start = (
            self.encode_text([t.format(text) for t in prompt_templates()])
            for text in (prompt, source)
        )
        return text_direction(target, start)

    def count_tokens(self, prompt: str) -> int:
        """Count the tokens of `prompt` in its longest template, with start and end."""
        return longest_count(self.tokenizer, prompt)

    def fitting_prompt(self, prompt: str, *, truncate: bool = False) -> str:
        """Return `prompt`, or with `truncate` as many of its words as fit.

        Raises:
            ConfigError: it is empty, or too long and `truncate` is false.
        """
        limit, count = self.tokenizer.context_length, self.count_tokens(prompt)
        if not prompt.strip():
            raise ConfigError("prompt: expected a description of a style, got none")
        if count <= limit:
            return prompt
        if not truncate:
            raise ConfigError(
                f"prompt: expected at most {limit} tokens (in the longest template), "
                f"got {count}; shorten it, or cut it with --truncate"
            )
        words = prompt.split()
        while words and self.count_tokens(" ".join(words)) > limit:
            words.pop()
        if not words:
            raise ConfigError(f"prompt: its first word alone has over {limit} tokens")
        log.warning("the prompt was cut to %r", " ".join(words))
        return " ".join(words)

    def fitted(self, pixels: Tensor) -> Tensor:
        """Return pictures at the image encoder's size, resized with antialiasing."""
        size = (self.image_size, self.image_size)
        if pixels.shape[2:] == size:
            return pixels
        return F.interpolate(pixels, size, mode="bicubic", antialias=True)

    def _prepared(self, pixels: Tensor) -> Tensor:
        """Return the encoder's input, resized as in the papers: no antialiasing."""
        size = (self.image_size, self.image_size)
        if pixels.shape[2:] != size:
            pixels = F.interpolate(pixels, size, mode="bicubic", align_corners=False)
        return (pixels - self.mean) / self.std


def longest_count(tokenizer: Tokenizer, prompt: str) -> int:
    """Count the tokens of `prompt` in its longest template, with start and end."""
    return max(len(tokenizer.encode(t.format(prompt))) + 2 for t in prompt_templates())


def load_clip(source: ClipSource = ClipSource()) -> ClipEncoder:  # noqa: B008
    """Load a CLIP from local files, or let open_clip download it.

    Raises:
        ConfigError: unknown names, an activation other than the weights', not a ViT.
        TrainError: files are missing or broken, or the download failed.
    """
    name, weights = check_source(source)
    try:
        model = open_clip.create_model(
            name, pretrained=weights, precision="fp32", require_pretrained=True
        )
        tokenizer = open_clip.get_tokenizer(name, **own_vocabulary(source, name))
    except Exception as error:  # open_clip, its file formats and its downloads
        text = " ".join(str(error).split())[:300]
        what = f"{source.model}: the weights {weights or 'in the folder'}"
        if source.download:
            raise TrainError(
                f"{what} could not be downloaded ({text}); {HOW_LOCAL}"
            ) from error
        raise TrainError(f"{what} could not be loaded ({text})") from error
    return ClipEncoder(model, tokenizer, name=source.model)
