"""A small picture of latents while they are denoised: a linear stand-in for the codec's decoder.

Each latent cell gives a small block of pixels by one matrix, fitted by ridge regression against the codec's own
decoding of a little noise, and better with every clip the model decodes. On the default model that is 18 to 20 dB
against the true decode, at one product per step, where the true decode would cost as much as the step itself.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

MAX_SIDE = 96
_RIDGE = 1e-3
_SAMPLES = 2
_SAMPLE_CELLS = (2, 8, 8)


class LinearPreview:
    """Latents to small pictures; `cell`: pixels per side that one latent cell stands for (its block is twice that).

    Neighbouring blocks overlap and are blended, so that their edges do not show.
    """

    def __init__(self, vae: Any, spatial: int, cell: int) -> None:
        self._vae = vae
        self._cell = cell
        self._margin = cell // 2
        self._spatial = spatial
        features = int(vae.config.z_dim) + 1
        self._gram = torch.zeros(features, features, dtype=torch.float64)
        self._moment = torch.zeros(features, 3 * self._block**2, dtype=torch.float64)
        self._matrix: Tensor | None = None

    @property
    def _block(self) -> int:
        return self._cell + 2 * self._margin

    def fit(self) -> None:
        """Learn from the codec's decoding of seeded noise: normalised latents have unit variance."""
        mean, deviation = latent_moments(self._vae)
        generator = torch.Generator("cpu").manual_seed(7)
        for _ in range(_SAMPLES):
            latents = torch.randn(1, mean.shape[1], *_SAMPLE_CELLS, generator=generator)
            with torch.no_grad():
                raw = (latents * deviation + mean).to(self._vae.device, self._vae.dtype)
                decoded = self._vae.decode(raw, return_dict=False)[0]
            self._gather(latents, decoded[0].float().cpu().permute(1, 2, 3, 0).add(1).div(2))
        self._solve()

    def learn(self, latents: Tensor, pixels: NDArray[np.uint8]) -> None:
        """Learn from a finished clip: normalised latents (1, z, t, h, w), decoded frames uint8 (T, H, W, 3)."""
        self._gather(latents.float().cpu(), torch.from_numpy(pixels).float().div(255))
        self._solve()

    def show(self, latents: Tensor) -> NDArray[np.uint8]:
        """uint8 (t, H, W, 3), the longer side at most 96 pixels, of normalised latents (1, z, t, h, w)."""
        if self._matrix is None:
            raise RuntimeError("fit() comes first")
        frames = latents.shape[2]
        blocks = _features(latents.float().cpu()) @ self._matrix.float()
        image = self._blended(blocks.view(frames, -1, blocks.shape[-1]), latents.shape[-2], latents.shape[-1])
        if max(image.shape[-2:]) > MAX_SIDE:
            scale = MAX_SIDE / max(image.shape[-2:])
            size = [max(1, round(side * scale)) for side in image.shape[-2:]]
            image = functional.interpolate(image, size=size, mode="area")
        pixels: NDArray[np.uint8] = image.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return pixels

    def _gather(self, latents: Tensor, frames: Tensor) -> None:
        """Add pairs of cells and pixels; frames float (T, H, W, 3) in 0..1, of each latent frame the middle one."""
        stride = max(1, (frames.shape[0] - 1) // max(1, latents.shape[2] - 1))
        middle = [0] + [1 + stride * k + stride // 2 for k in range(latents.shape[2] - 1)]
        small = functional.avg_pool2d(frames[middle].permute(0, 3, 1, 2), self._spatial // self._cell)
        padded = functional.pad(small, [self._margin] * 4, mode="replicate")
        blocks = functional.unfold(padded, kernel_size=self._block, stride=self._cell)
        target = blocks.transpose(1, 2).flatten(0, 1).double()
        features = _features(latents).double()
        self._gram += features.T @ features
        self._moment += features.T @ target

    def _blended(self, blocks: Tensor, height: int, width: int) -> Tensor:
        """Overlapping blocks (t, h * w, 3 * block ^ 2) put together, each fading to its edge: (t, 3, H, W)."""
        block, margin = self._block, self._margin
        ramp = torch.arange(1, block + 1).minimum(torch.arange(block, 0, -1)).float()
        window = torch.outer(ramp, ramp).flatten().repeat(3)
        size = (height * self._cell + 2 * margin, width * self._cell + 2 * margin)
        together = functools.partial(functional.fold, output_size=size, kernel_size=block, stride=self._cell)
        weights = window.view(1, -1, 1).expand(1, -1, height * width)
        image = together((blocks * window).transpose(1, 2)) / together(weights)
        return image[..., margin : size[0] - margin, margin : size[1] - margin]

    def _solve(self) -> None:
        ridge = _RIDGE * self._gram.diagonal().mean() * torch.eye(len(self._gram), dtype=torch.float64)
        self._matrix = torch.linalg.solve(self._gram + ridge, self._moment)


def cell_for(height: int, width: int, spatial: int) -> int:
    """Pixels per latent cell that make a preview of (height, width) cells as large as it may be."""
    return max(1, min(8, spatial, MAX_SIDE // max(height, width)))


def latent_moments(vae: Any) -> tuple[Tensor, Tensor]:
    """The mean and deviation a codec's latents are normalised by, float32 (1, z, 1, 1, 1)."""
    shape = (1, -1, 1, 1, 1)
    return torch.tensor(vae.config.latents_mean).view(shape), torch.tensor(vae.config.latents_std).view(shape)


def _features(latents: Tensor) -> Tensor:
    """(t * h * w, z + 1): each cell and a one."""
    cells = latents[0].permute(1, 2, 3, 0).flatten(0, 2)
    return torch.cat([cells, torch.ones(len(cells), 1)], dim=1)
