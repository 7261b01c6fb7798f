"""Keep the motion of a clip and change its style: begin from the clip under noise instead of from noise alone.

SDEdit (Meng et al., 2022) on a rectified flow: x = (1 - sigma) clip + sigma noise at the sigma where the last share
`strength` of the steps begins; only those steps are taken. 1 is all of them, from pure noise.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from pipelines.families.wan.preview import latent_moments


def steps_taken(steps: int, strength: float) -> int:
    """How many of the steps are taken: at least one."""
    return max(1, min(steps, math.ceil(steps * strength - 1e-6)))


@contextlib.contextmanager
def without_first(scheduler: Any, skipped: int) -> Iterator[None]:
    """Within it, whatever sets the scheduler's steps gets all but the first `skipped` of them."""
    whole = scheduler.set_timesteps

    def late(*arguments: Any, **named: Any) -> None:
        whole(*arguments, **named)
        scheduler.timesteps = scheduler.timesteps[skipped:]
        scheduler.sigmas = scheduler.sigmas[skipped:]

    scheduler.set_timesteps = late
    try:
        yield
    finally:
        del scheduler.set_timesteps


def first_sigma(scheduler: Any, steps: int) -> float:
    """The noise level that the scheduler's first step begins at."""
    scheduler.set_timesteps(steps)
    return float(scheduler.sigmas[0])


def encoded(pipe: Any, video: Tensor) -> Tensor:
    """Normalised latents float32 (1, z, t, h, w) on the CPU, of a clip (1, T, 3, H, W) in 0..1."""
    vae = pipe.vae
    pixels = (video * 2.0 - 1.0).permute(0, 2, 1, 3, 4).to(pipe._execution_device, vae.dtype)
    latents = vae.encode(pixels).latent_dist.mode().float().cpu()
    mean, deviation = (moment.to("cpu", torch.float32) for moment in latent_moments(vae))
    normalised: Tensor = (latents - mean) / deviation
    return normalised


def under_noise(latents: Tensor, noise: Tensor, sigma: float) -> Tensor:
    """The clip at a noise level."""
    return (1.0 - sigma) * latents + sigma * noise
