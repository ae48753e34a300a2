"""Train a feed-forward network on a prompt with CLIP's losses."""

import torch
from torch import Tensor, nn

from rtstyle.networks.swift import stylize_padded
from rtstyle.networks.transform_net import TransformNet
from rtstyle_train.clip.encoder import ClipEncoder
from rtstyle_train.config.text import TextConfig
from rtstyle_train.data.content_images import ContentImages
from rtstyle_train.data.synthetic_motion import make_pair
from rtstyle_train.loss_networks import VggFeatures
from rtstyle_train.losses.content import content_loss
from rtstyle_train.losses.directional import directional_loss
from rtstyle_train.losses.grid import grid_loss
from rtstyle_train.losses.patch import patch_loss, random_patches
from rtstyle_train.losses.perceptual import HEADROOM
from rtstyle_train.losses.temporal import temporal_terms
from rtstyle_train.losses.total_variation import range_loss, total_variation

IDENTITY_WEIGHT = 10.0
"""Weight of the distance to the photograph in the identity steps."""


def run_network(network: nn.Module, pixels: Tensor, *, padding: int) -> Tensor:
    """Stylize pictures with any network of one style.

    Args:
        network: Takes and returns RGB ``(N, 3, H, W)``.
        pixels: Shape ``(N, 3, H, W)``, 0..1.
        padding: Pixels by which to repeat the edges, as in `stylize_padded`.
    """
    if padding:
        return stylize_padded(network, pixels, None, padding=padding)
    stylized: Tensor = network(pixels)
    return stylized


def padding_of(network: nn.Module) -> int:
    """Return by how many pixels to repeat a picture's edges for a network."""
    return network.padding if isinstance(network, TransformNet) else 0


class ContentViews:
    """Crops of the photographs, each cut and embedded by CLIP only once."""

    def __init__(self, photos: ContentImages, clip: ClipEncoder, *, seed: int) -> None:
        self.seed = seed
        self.photos = photos
        self.clip = clip
        self._embeddings: dict[int, Tensor] = {}
        self._levels: dict[int, Tensor] = {}

    def pixels(self, rows: list[int]) -> Tensor:
        """Return views, RGB, ``(N, 3, size, size)``, 0..1, on the CPU."""
        for row in rows:
            if row not in self._levels:
                view = self.photos.batch(1, seed=self.seed, step=row)
                self._levels[row] = (view * 255).round().to(torch.uint8)
        return torch.cat([self._levels[row] for row in rows]).float().div_(255.0)

    @torch.no_grad()
    def embeddings(self, rows: list[int], pixels: Tensor) -> Tensor:
        """Return plain CLIP's embeddings of views, ``(N, D)``; cached.

        Args:
            rows: Numbers of the views.
            pixels: The same views, on CLIP's device.
        """
        missing = [i for i, row in enumerate(rows) if row not in self._embeddings]
        if missing:
            embeddings = self.clip.encode_image(self.clip.fitted(pixels[missing]))
            for i, embedding in zip(missing, embeddings, strict=True):
                self._embeddings[rows[i]] = embedding
        return torch.stack([self._embeddings[row] for row in rows])


class TextStyle:
    """Computes one step's losses for learning a prompt from photographs.

    The band is applied to stylized patches and pictures only; content images and
    texts are plain CLIP's, as in SpectralCLIP's code.

    Source:
        CLIPstyler (Kwon and Ye 2022), section 3, and SpectralCLIP (Xu et al. 2024);
        the data set, relative content loss and mean total variation are ours.
    """

    def __init__(
        self,
        config: TextConfig,
        *,
        views: ContentViews,
        vgg: VggFeatures,
        identity_steps: int = 0,
        padding: int = 0,
    ) -> None:
        """Encode the prompt.

        Args:
            config: Weights and sizes.
            views: Content images, and the CLIP that judges their stylized pictures.
            vgg: Content loss network; has `config.content_layers`.
            identity_steps: Number of first steps that only learn to change nothing.
            padding: Pixels by which to repeat the edges of the network's input.

        Raises:
            ConfigError: the loss network lacks a layer.
        """
        vgg.check(config.content_layers)
        self.config = config
        self.clip = views.clip
        self.vgg = vgg
        self.views = views
        self.identity_steps = identity_steps
        self.padding = padding
        self.direction = self.clip.direction(config.prompt, source=config.source_text)

    def losses(
        self, network: nn.Module, *, step: int, rank: int, device: torch.device
    ) -> dict[str, Tensor]:
        """Return the weighted terms of one step; the same for the same step."""
        config = self.config
        generator = torch.Generator().manual_seed(config.seed + 1_000_003 * step + rank)
        rows = torch.randint(
            config.num_views, (config.batch_size,), generator=generator
        ).tolist()
        pixels = self.views.pixels(rows).to(device)
        content = pixels.contiguous(memory_format=torch.channels_last)
        stylized = run_network(network, content, padding=self.padding)
        if step < self.identity_steps:
            return {"identity": IDENTITY_WEIGHT * (stylized - content).abs().mean()}
        terms = self.terms(stylized, content, rows=rows, generator=generator)
        if config.temporal_weight:
            terms |= self._temporal(network, content, generator)
        return terms

    def terms(
        self,
        stylized: Tensor,
        content: Tensor,
        *,
        rows: list[int],
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        """Return the weighted losses of stylized pictures.

        Args:
            stylized: RGB, ``(N, 3, size, size)``, about 0..1.
            content: The views they were made from, same shape, 0..1.
            rows: Numbers of the views.
            generator: Generator for the patches, on the CPU.
        """
        config = self.config
        shown = stylized.clamp(-HEADROOM, 1 + HEADROOM)
        start = self.views.embeddings(rows, content)
        patches = random_patches(
            shown,
            num_patches=config.num_patches,
            crop_size=config.crop_size,
            size=self.clip.image_size,
            generator=generator,
        )
        band = config.band_or_none
        views = torch.cat([patches.pixels, self.clip.fitted(shown)])
        if config.noise:
            noise = torch.randn(views.shape, generator=generator).to(views)
            views = views + config.noise * noise
        embedded = self.clip.encode_image(views, band=band)
        parts, whole = embedded[: -len(shown)], embedded[-len(shown) :]
        patch = patch_loss(
            parts, start[patches.owner], self.direction, threshold=config.threshold
        )
        return {
            "patch": config.patch_weight * patch,
            "directional": config.directional_weight
            * directional_loss(whole, start, self.direction),
            "content": config.content_weight * self._content(shown, content),
            "tv": config.tv_weight * total_variation(stylized),
            "range": config.range_weight * range_loss(stylized),
            "grid": config.grid_weight * grid_loss(stylized),
        }

    def _content(self, shown: Tensor, content: Tensor) -> Tensor:
        layers = self.config.content_layers
        features = self.vgg(shown, layers)
        with torch.no_grad():
            expected = self.vgg(content, layers)
        return torch.stack(
            [content_loss(features[n], expected[n]) for n in layers]
        ).mean()

    def _temporal(
        self, network: nn.Module, content: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        pair = make_pair(content[:2], generator)
        return temporal_terms(
            lambda x: run_network(network, x, padding=self.padding),
            pair,
            output_weight=self.config.temporal_weight,
        )
