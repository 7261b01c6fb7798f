"""A small picture of latents of any codec while they are denoised.

Each cell becomes one pixel by a matrix learned from the clips that the model has decoded so far. Before the first one
the cells' direction of largest change is shown as brightness: shapes and motion are seen, colours are not yet true.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

MAX_SIDE = 96
_RIDGE = 1e-3


class Glimpse:
    """Latents (C, t, h, w) to pictures uint8 (t, H, W, 3), the longer side about 96 pixels."""

    def __init__(self) -> None:
        self._gram: Tensor | None = None
        self._moment: Tensor | None = None

    def show(self, latents: Tensor) -> NDArray[np.uint8]:
        """What the latents show as far as it is known."""
        cells = latents.detach().float().cpu()
        rgb = self._learned(cells) if self._fits(cells) else _brightness(cells)
        side = max(rgb.shape[-2:])
        size = [max(1, round(edge * MAX_SIDE / side)) for edge in rgb.shape[-2:]]
        image = functional.interpolate(rgb, size=size, mode="bilinear", antialias=side > MAX_SIDE)
        pixels: NDArray[np.uint8] = image.clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return pixels

    def learn(self, latents: Tensor, pixels: NDArray[np.uint8]) -> None:
        """Learn from a finished clip: its latents (C, t, h, w) and its frames uint8 (T, H, W, 3)."""
        cells = latents.detach().float().cpu()
        frames = np.linspace(0, len(pixels) - 1, cells.shape[1]).round().astype(int)
        small = functional.interpolate(
            torch.from_numpy(pixels[frames]).permute(0, 3, 1, 2).float().div(255), size=cells.shape[-2:], mode="area"
        )
        features, wanted = _features(cells), small.permute(0, 2, 3, 1).reshape(-1, 3).double()
        gram, moment = features.T @ features, features.T @ wanted
        if not torch.isfinite(gram).all():
            return
        known = self._fits(cells)
        self._gram = gram + self._gram if known and self._gram is not None else gram
        self._moment = moment + self._moment if known and self._moment is not None else moment

    def _fits(self, cells: Tensor) -> bool:
        return self._gram is not None and len(self._gram) == cells.shape[0] + 1

    def _learned(self, cells: Tensor) -> Tensor:
        assert self._gram is not None and self._moment is not None
        ridge = _RIDGE * self._gram.diagonal().mean() * torch.eye(len(self._gram), dtype=torch.float64)
        rgb = _features(cells) @ torch.linalg.solve(self._gram + ridge, self._moment)
        _, t, h, w = cells.shape
        pictures: Tensor = rgb.float().view(t, h, w, 3).permute(0, 3, 1, 2)
        return pictures


def _features(cells: Tensor) -> Tensor:
    """float64 (t * h * w, C + 1): each cell and a one."""
    flat = cells.permute(1, 2, 3, 0).flatten(0, 2).double()
    return torch.cat([flat, torch.ones(len(flat), 1, dtype=torch.float64)], dim=1)


def _brightness(cells: Tensor) -> Tensor:
    """Grey pictures (t, 3, h, w) of the direction in which the cells differ most."""
    channels, t, h, w = cells.shape
    flat = torch.nan_to_num(cells.reshape(channels, -1))
    flat = flat - flat.mean(dim=1, keepdim=True)
    direction = torch.linalg.eigh(flat @ flat.T + 1e-6 * torch.eye(channels))[1][:, -1]
    values = (direction * direction.sum().sign().add(0.5).sign()) @ flat
    grey: Tensor = (0.5 + values / (4 * values.std(correction=0) + 1e-6)).view(t, 1, h, w).expand(-1, 3, -1, -1)
    return grey
