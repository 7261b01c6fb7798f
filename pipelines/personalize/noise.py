"""How a base mixes latents with noise while it is trained, and what it is then asked for."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Noise(Protocol):
    """The noising of one kind of model. Levels are float32 (B,) in 0..1: 0 = clean, 1 = noise alone."""

    def levels(self, count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
        """Levels to train on, from the part `low`..`high` of the scale, as often as they matter."""
        ...

    def mixed(self, clean: Tensor, noise: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Latents (B, ...) at their levels, and what the denoiser should answer for them."""
        ...


class Flow:
    """Rectified flow (Liu et al. 2022): on a straight line, answered by the velocity noise - clean.

    Levels are logit-normal (Esser et al. 2024), moved towards the noise by `shift` as the sampler's are.
    """

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def levels(self, count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
        level = low + (high - low) * torch.sigmoid(torch.randn(count, generator=generator))
        return self.shift * level / (1.0 + (self.shift - 1.0) * level)

    def mixed(self, clean: Tensor, noise: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
        level = _beside(levels, clean)
        return (1.0 - level) * clean + level * noise, noise - clean


class Diffusion:
    """Diffusion on a table of what is left of the signal (Ho et al. 2020), all its steps equally often.

    kept: float32 (steps,), the scheduler's alphas_cumprod. prediction: what the denoiser answers, as diffusers names
    it; a "v_prediction" (Salimans and Ho 2022) weighs all levels evenly.
    """

    def __init__(self, kept: Tensor, prediction: str) -> None:
        self.kept, self.prediction = kept.float(), prediction

    def levels(self, count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    def timesteps(self, levels: Tensor) -> Tensor:
        """The rows of the table that levels stand for, int64 (B,)."""
        return (levels * (len(self.kept) - 1)).round().long()

    def mixed(self, clean: Tensor, noise: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
        kept = _beside(self.kept.to(clean.device)[self.timesteps(levels)], clean)
        signal, noisiness = kept.sqrt(), (1.0 - kept).sqrt()
        wanted = {"epsilon": noise, "sample": clean, "v_prediction": signal * noise - noisiness * clean}
        return signal * clean + noisiness * noise, wanted[self.prediction]


def _beside(levels: Tensor, latents: Tensor) -> Tensor:
    return levels.to(latents.device).view(-1, *([1] * (latents.ndim - 1)))
